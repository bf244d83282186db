from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.suppression import logistic, nms, without_nested
from vidstream import geometry

corner = st.integers(-60, 60)
side = st.integers(1, 60)
rows = st.lists(st.tuples(corner, corner, side, side, st.integers(0, 100), st.integers(0, 3)), max_size=30)


@given(rows)
def test_keeps_the_rows_of_plain_greedy_suppression(given_rows):
    table = np.array(given_rows, np.float32).reshape(-1, 6)
    boxes, scores, ids = geometry.from_xywh(table[:, :4]), table[:, 4] / 100, table[:, 5].astype(np.int64)
    # a threshold that no ratio of areas this small equals
    assert nms(boxes, scores, 0.37173, ids).tolist() == geometry.nms(boxes, scores, 0.37173, ids).tolist()
    assert nms(boxes, scores, 0.37173).tolist() == geometry.nms(boxes, scores, 0.37173).tolist()


def test_classes_stay_apart_left_of_the_picture():
    boxes = np.array([[-90, -90, -10, -10], [-90, -90, -10, -10], [-89, -90, -10, -10]], np.float32)
    scores = np.array([0.5, 0.6, 0.4], np.float32)
    assert nms(boxes, scores, 0.5, np.array([0, 1, 0])).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("boxes", "kept"),
    [
        pytest.param([[0, 0, 10, 10], [2, 2, 6, 6]], [0], id="a box inside a better one goes"),
        pytest.param([[2, 2, 6, 6], [0, 0, 10, 10]], [0], id="a box around a better one goes"),
        pytest.param([[0, 0, 10, 10], [5, 0, 15, 10]], [0, 1], id="half shared stays"),
        pytest.param([[0, 0, 10, 10], [4, 0, 12, 10], [6, 0, 14, 10]], [0, 2], id="a dropped box drops none"),
        pytest.param([[3, 3, 3, 3], [0, 0, 10, 10]], [0, 1], id="an empty box shares nothing"),
    ],
)
def test_nested_boxes(boxes, kept):
    assert without_nested(np.array(boxes, np.float32), 0.7).tolist() == kept


def test_no_boxes():
    none = np.zeros((0, 4), np.float32)
    assert nms(none, np.zeros(0, np.float32), 0.5).shape == (0,)
    assert without_nested(none, 0.5).shape == (0,)


def test_logistic_is_a_half_at_zero_and_takes_any_number():
    scores = logistic(np.array([-np.inf, -1.0, 0.0, 1.0, np.inf]))
    assert scores.dtype == np.float32
    assert scores[2] == 0.5
    assert (np.diff(scores) > 0).all()
    assert scores[0] >= 0
    assert scores[-1] <= 1
