"""CLEAR MOT and IDF1 against motmetrics, the field's own implementation."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from trackers import Detections, SortParams, SortTracker
from trackers.metrics import evaluate, precision_recall
from trackers.motfile import MotRows


@pytest.fixture(scope="module")
def motmetrics():
    if not hasattr(np, "asfarray"):
        np.asfarray = lambda a, dtype=np.float64: np.asarray(a, dtype)  # gone in NumPy 2, wanted by 1.4
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("motmetrics")


def reference(motmetrics, truth: MotRows, reported: MotRows):
    """The same counts by motmetrics."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        accumulator = motmetrics.MOTAccumulator()
        last = int(max(truth.frames.max(initial=0), reported.frames.max(initial=0)))
        for (frame, t), (_, r) in zip(truth.by_frame(last), reported.by_frame(last), strict=True):
            left_top = [np.column_stack([d.boxes[:, :2], d.boxes[:, 2:] - d.boxes[:, :2]]) for d in (t, r)]
            distances = motmetrics.distances.iou_matrix(*(b.astype(float) for b in left_top), max_iou=0.5)
            accumulator.update(t.track_ids, r.track_ids, distances, frameid=frame)
        names = [
            "mota",
            "idf1",
            "num_switches",
            "num_false_positives",
            "num_misses",
            "precision",
            "recall",
            "idtp",
        ]
        return motmetrics.metrics.create().compute(accumulator, metrics=names).iloc[0]


@pytest.mark.parametrize(
    ("name", "coast_missed", "last"),
    [
        pytest.param("TUD-Campus", False, 71, id="TUD-Campus"),
        pytest.param("TUD-Stadtmitte", True, 179, id="TUD-Stadtmitte with guesses"),
        pytest.param("PETS09-S2L1", True, 300, id="PETS09-S2L1 with guesses"),
        pytest.param("KITTI-17", False, 145, id="KITTI-17"),
    ],
)
def test_counts_equal_motmetrics(mot, motmetrics, name, coast_missed, last):
    sequence = mot(name)
    reported = sequence.follow(SortTracker(SortParams(coast_missed=coast_missed)))
    truth, reported = sequence.truth[sequence.truth.frames <= last], reported[reported.frames <= last]
    scores, expected = evaluate(truth, reported), reference(motmetrics, truth, reported)
    assert scores.switches == expected["num_switches"]
    assert scores.false_positives == expected["num_false_positives"]
    assert scores.false_negatives == expected["num_misses"]
    assert scores.identity_matches == expected["idtp"]
    for measure in ("mota", "idf1", "precision", "recall"):
        assert getattr(scores, measure) == pytest.approx(expected[measure], abs=1e-9)


def rows(*items) -> MotRows:
    """(frame, id, x) boxes of 10 by 10."""
    return MotRows.concat(
        [MotRows.of(f, Detections.of([[x, 0, x + 10, 10]], track_ids=i)) for f, i, x in items] or [empty()]
    )


def empty() -> MotRows:
    return MotRows.of(1, Detections.empty())


#: truth, report, then by hand: false positives, misses, switches, frames on the right identity
BY_HAND = [
    pytest.param([(1, 1, 0), (2, 1, 5)], [(1, 7, 0), (2, 7, 5)], (0, 0, 0, 2), id="followed throughout"),
    pytest.param([(1, 1, 0), (2, 1, 5)], [(1, 7, 0), (2, 8, 5)], (0, 0, 1, 1), id="a new id is a switch"),
    pytest.param([(1, 1, 0), (2, 1, 5), (3, 1, 9)], [(1, 7, 0), (3, 8, 9)], (0, 1, 1, 1), id="after a hole"),
    pytest.param([(1, 1, 3), (1, 2, 0)], [(1, 7, 3), (1, 8, 6)], (0, 0, 0, 2), id="most pairs, then nearest"),
    pytest.param([(1, 1, 0)], [(1, 7, 0), (1, 8, 50)], (1, 0, 0, 1), id="a box on nothing"),
    pytest.param([(1, 1, 0)], [(1, 7, 4)], (1, 1, 0, 0), id="too little overlap is two errors"),
    pytest.param([(1, 1, 0), (1, 2, 1), (2, 1, 0), (2, 2, 1)], [(1, 7, 0), (1, 8, 1), (2, 8, 0), (2, 7, 1)],
                 (0, 0, 0, 4), id="who was followed by it keeps it while it is near enough"),
    pytest.param([], [(1, 7, 0)], (1, 0, 0, 0), id="no truth"),
    pytest.param([(1, 1, 0)], [], (0, 1, 0, 0), id="nothing reported"),
    pytest.param([], [], (0, 0, 0, 0), id="nothing at all"),
]  # fmt: skip


@pytest.mark.parametrize(("truth", "reported", "counts"), BY_HAND)
def test_counts_by_hand(truth, reported, counts):
    s = evaluate(rows(*truth), rows(*reported))
    assert (s.false_positives, s.false_negatives, s.switches, s.identity_matches) == counts


def test_measures_by_hand():
    s = evaluate(
        rows((1, 1, 0), (2, 1, 5), (3, 1, 9), (4, 1, 9)), rows((1, 7, 0), (2, 7, 5), (3, 8, 9), (3, 9, 80))
    )
    assert (s.objects, s.hypotheses) == (4, 4)
    assert s.mota == pytest.approx(1 - (1 + 1 + 1) / 4)
    assert s.idf1 == pytest.approx(2 * 2 / 8)
    assert (s.precision, s.recall) == (0.75, 0.75)


def test_precision_and_recall_of_detections():
    truth = Detections.of([[0, 0, 10, 10], [20, 0, 30, 10]])
    found = Detections.of([[1, 0, 11, 10], [0, 0, 10, 10], [50, 50, 60, 60]])
    pairs = [(truth, found), (truth, truth), (truth, Detections.empty())]
    precision, recall = precision_recall(pairs)
    assert (precision, recall) == (3 / 5, 3 / 6)
    assert precision_recall([]) == (0.0, 0.0)
