"""Detections judged by hand-made tables."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.training import Evidence

TRUTH = np.array([[0, 0, 10, 10], [20, 0, 30, 10]], np.float32)


def evidence(*rows: tuple[float, bool], wanted: int, pictures: int = 1) -> Evidence:
    scores, hits = zip(*rows, strict=True) if rows else ((), ())
    return Evidence(np.array(scores, np.float32), np.array(hits, bool), wanted, pictures)


@pytest.mark.parametrize(
    ("boxes", "scores", "hits"),
    [
        pytest.param([[0, 0, 10, 10], [20, 1, 30, 10]], [0.2, 0.9], [True, True], id="both found"),
        pytest.param([[0, 0, 10, 10], [0, 0, 10, 9]], [0.2, 0.9], [True, False], id="one found twice"),
        pytest.param([[0, 0, 10, 4]], [0.5], [False], id="too little of it"),
        pytest.param([[100, 0, 110, 10]], [0.5], [], id="on what is neither right nor wrong"),
        pytest.param([[50, 0, 60, 10]], [0.5], [False], id="nowhere near"),
        pytest.param([], [], [], id="nothing found"),
    ],
)
def test_each_object_counts_once(boxes, scores, hits):
    ignored = np.array([[100, 0, 110, 10]], np.float32)
    found = Evidence.of(np.array(boxes, np.float32).reshape(-1, 4), np.array(scores), TRUTH, ignored)
    assert found.hits.tolist() == hits
    assert (found.wanted, found.pictures) == (2, 1)


def test_a_curve_counts_equal_scores_together():
    curve = evidence((0.9, True), (0.5, False), (0.5, True), (0.1, True), wanted=4).curve
    assert curve.scores.tolist() == pytest.approx([0.9, 0.5, 0.1])
    assert curve.precision.tolist() == pytest.approx([1, 2 / 3, 3 / 4])
    assert curve.recall.tolist() == [0.25, 0.5, 0.75]


@pytest.mark.parametrize(
    ("rows", "wanted", "expected"),
    [
        # 101 levels of recall: 51 of them up to 0.5
        pytest.param([(0.9, True), (0.8, True)], 2, 1.0, id="all found, nothing else"),
        pytest.param([(0.9, True)], 2, 51 / 101, id="half of them"),
        pytest.param([(0.9, False), (0.8, True)], 1, 0.5, id="a false alarm first"),
        pytest.param([], 3, 0.0, id="nothing"),
    ],
)
def test_average_precision_is_that_of_coco(rows, wanted, expected):
    assert evidence(*rows, wanted=wanted).average_precision == pytest.approx(expected)


def test_miss_rates_fall_as_false_alarms_are_allowed():
    # at 0.02 per picture one false alarm passes; the second object needs it
    found = evidence((0.9, True), (0.8, False), (0.7, True), (0.6, False), wanted=4, pictures=50)
    assert found.miss_rate(0.01) == 0.75
    assert found.miss_rate(0.02) == 0.5
    assert found.miss_rate(1.0) == 0.5
    # of the nine rates 10^-2 to 10^0, the first two (0.01, 0.0178) allow none
    expected = np.exp((2 * np.log(0.75) + 7 * np.log(0.5)) / 9)
    assert found.log_average_miss_rate == pytest.approx(expected)


def test_pooled_evidence_is_that_of_all_pictures():
    one, two = evidence((0.9, True), wanted=1), evidence((0.5, False), wanted=2)
    both = Evidence.pooled([one, two])
    assert both.scores.tolist() == pytest.approx([0.9, 0.5])
    assert (both.wanted, both.pictures) == (3, 2)
    assert Evidence.pooled([]).average_precision != Evidence.pooled([]).average_precision, "of nothing: NaN"
