"""Errors one by one: they add up to the counts of the scores, and are where they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from trackers.evaluation import Sequence
from trackers.evaluation.errors import TrackingError, count_errors, find_errors, worst_errors
from trackers.evaluation.fast import fast_score
from trackers.evaluation.sequences import Annotations, Target
from trackers.motfile import MotRows


def scene(tracks: dict[int, tuple[int, range]], length: int = 20) -> tuple[Sequence, MotRows]:
    """Objects 0 and 1 stand apart all the time; each track is at the place given in these frames."""
    frames, ids = (grid.ravel() for grid in np.meshgrid(np.arange(1, length + 1), [0, 1]))
    annotated = Annotations(frames, ids, _boxes(ids), np.ones(len(ids), np.int64))
    everyone = np.ones(len(frames), bool)
    target = Target("person", None, everyone, ~everyone, ~everyone)
    rows = [(frame, track, place) for track, (place, when) in tracks.items() for frame in when]
    when, names, places = np.array(rows, np.int64).reshape(-1, 3).T
    ones = np.ones(len(rows), np.float32)
    reported = MotRows(when, names, _boxes(places).astype(np.float32), ones, ones.astype(np.int64))
    detections = MotRows.concat([])
    return (
        Sequence("scene", 10, length, 640, 480, detections, annotated, (target,), Annotations.none()),
        reported,
    )


def _boxes(places: np.ndarray) -> np.ndarray:
    return places[:, None] * np.array([100, 0, 100, 0]) + np.array([10.0, 10, 40, 90])


@pytest.mark.parametrize(
    ("tracks", "found"),
    [
        pytest.param(
            {7: (0, range(1, 13)), 8: (0, range(13, 21)), 9: (1, range(1, 21))},
            [("switch", 13, 13, 0, (7, 8), 8, "person 0 goes from track 7 to 8")],
            id="one object, two tracks",
        ),
        pytest.param(
            {7: (0, range(1, 21)), 9: (1, range(5, 10)), 10: (5, range(3, 6))},
            [
                ("miss", 10, 20, 1, (), 11, "person 1 is lost for good (11 boxes)"),
                ("miss", 1, 4, 1, (), 4, "person 1 is followed late (4 boxes)"),
                ("false", 3, 5, -1, (10,), 3, "track 10 is on nothing (3 boxes)"),
            ],
            id="late, lost, and a track on nothing",
        ),
        pytest.param(
            {7: (0, range(1, 21))},
            [("miss", 1, 20, 1, (), 20, "person 1 is never followed (20 boxes)")],
            id="never seen",
        ),
        pytest.param(
            {7: (0, [*range(1, 5), *range(9, 21)]), 8: (1, range(1, 21))},
            [("gap", 5, 8, 0, (), 4, "person 0 is lost for a while (4 boxes)")],
            id="a gap",
        ),
        pytest.param({7: (0, range(1, 21)), 8: (1, range(1, 21))}, [], id="nothing wrong"),
    ],
)
def test_each_kind(tracks: dict[int, tuple[int, range]], found: list[tuple[object, ...]]) -> None:
    errors = find_errors(*scene(tracks))
    told = [(e.kind, e.first, e.last, e.true_id, e.track_ids, e.cost, str(e)) for e in errors]
    assert told == found
    assert all(e.box == pytest.approx(_boxes(np.array([e.true_id]))[0]) for e in errors if e.true_id >= 0)


@pytest.mark.parametrize("name", ["TUD-Stadtmitte", "KITTI-T-0000"])
def test_errors_add_up_to_the_scores(
    name: str, benchmark_sequence: Callable[[str], Sequence], followed: Callable[..., MotRows]
) -> None:
    sequence, rows = benchmark_sequence(name), followed(name, 0.4)
    scores, errors = fast_score(sequence, rows), find_errors(sequence, rows)
    counts = count_errors(errors)
    assert counts["switch"][0] == scores.switches > 0
    assert counts["gap"][1] + counts["miss"][1] == scores.fn
    assert counts["false"][1] == scores.fp
    assert [e.cost for e in errors] == sorted((e.cost for e in errors), reverse=True)


def test_the_worst_are_of_all_kinds() -> None:
    box = (0.0, 0.0, 1.0, 1.0)
    kinds = ["miss", "miss", "miss", "switch", "gap"]
    errors = [
        TrackingError(kind, "person", i, i, 1, (), box, cost, "")
        for i, (kind, cost) in enumerate(zip(kinds, [9, 8, 7, 2, 1], strict=True))
    ]
    assert [(e.kind, e.cost) for e in worst_errors(errors, 4)] == [
        ("miss", 9),
        ("switch", 2),
        ("gap", 1),
        ("miss", 8),
    ]
