"""The memory of a recording."""

from __future__ import annotations

import numpy as np
import pytest

from trackers.motfile import MotRows
from trackers.offline import History
from vidstream.errors import ShapeError
from vidstream.types import Detections


def frame(number: int, ids: list[int], **columns: object) -> History:
    boxes = [[10 * i, 0, 10 * i + 5, 20] for i in ids]
    return History.of(number, number / 10, Detections.of(boxes, track_ids=ids, **columns))


def test_rows_are_sorted_by_frame_and_then_by_id() -> None:
    history = History.concat([frame(2, [5, 1]), frame(1, [3])])
    assert history.frames.tolist() == [1, 2, 2]
    assert history.ids.tolist() == [3, 1, 5]
    assert history.times.tolist() == [0.1, 0.2, 0.2]
    assert history.boxes[:, 0].tolist() == [30, 10, 50]


def test_what_was_only_expected_is_not_observed() -> None:
    since = np.array([0.0, 0.2], np.float32)
    history = frame(0, [1, 2], extra={"since_update": since})
    assert history.observed.tolist() == [True, False]


def test_features_that_only_some_have_are_zeros_for_the_others() -> None:
    looked_at = frame(1, [1], features=np.ones((1, 3), np.float32))
    joined = History.concat([frame(0, [1]), looked_at])
    assert joined.features is not None
    assert joined.features.tolist() == [[0, 0, 0], [1, 1, 1]]
    assert History.concat([frame(0, [1]), frame(1, [1])]).features is None


def test_mot_rows_come_back_as_they_were() -> None:
    history = History.concat([frame(1, [2, 4]), frame(3, [2])])
    again = History.from_mot(history.to_mot(), fps=10)
    for name in ("frames", "times", "ids", "boxes", "scores", "class_ids"):
        np.testing.assert_array_equal(getattr(again, name), getattr(history, name))


def test_an_empty_one_is_fine() -> None:
    assert len(History.concat([])) == 0
    assert len(History.from_mot(MotRows.concat([]), fps=30)) == 0
    assert len(History.empty().detections()) == 0


def test_a_box_takes_53_bytes() -> None:
    history = frame(0, [1, 2])
    columns = [getattr(history, name) for name in History.__dataclass_fields__]
    assert sum(column.nbytes for column in columns if column is not None) == 2 * 53


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ShapeError, match="scores: expected 1 rows, got 2"):
        History(
            np.zeros(1, np.int64),
            np.zeros(1),
            np.zeros(1, np.int64),
            np.zeros((1, 4), np.float32),
            np.zeros(2, np.float32),
            np.zeros(1, np.int64),
            None,
            np.ones(1, bool),
        )
