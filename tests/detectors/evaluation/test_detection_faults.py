"""Errors by kind (against TIDE's own program), confusions, and what to expect at a confidence."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from detectors.evaluation import (
    KINDS,
    Dataset,
    Found,
    Picture,
    Truth,
    confusion,
    curve,
    evaluate,
    find_faults,
    gains,
)

# tidecv 1.0.1: counts, and what AP50 gains in points without each kind
TIDE = {
    2: (
        [7, 9, 7, 13, 33, 32],
        [
            4.329191262857215,
            6.992110302439187,
            1.7067203174664165,
            1.1925900315843379,
            6.865921633152084,
            16.339446593042005,
        ],
    ),
    4: (
        [9, 15, 7, 18, 38, 37],
        [
            5.984173874446025,
            9.059767620801555,
            0.8872608135047244,
            1.2368213431801145,
            8.392779248902631,
            15.431101026866987,
        ],
    ),
}


@pytest.mark.parametrize("seed", TIDE)
def test_kinds_and_costs_are_those_of_tide(scene, seed):
    made = scene(seed, crowds=0, digits=9)
    evaluation = evaluate(made.dataset, made.found)
    counts, points = TIDE[seed]
    found = Counter(fault.kind for fault in find_faults(evaluation))
    assert [found[kind] for kind in KINDS] == counts
    assert [100 * gain for gain in gains(evaluation).values()] == pytest.approx(points, abs=1e-9)


NAMES = {1: "cat", 2: "dog"}
#: a cat and a dog on the first picture, a cat on the second
TRUTH = Truth.of([0, 0, 1], [(0, 0, 100, 100), (200, 0, 100, 100), (0, 0, 50, 50)], [1, 2, 1])


def on_pets(*rows):
    """Rows (picture, x, y, w, h, class, score)."""
    table = np.array(rows, float).reshape(-1, 7)
    found = Found.of(table[:, 0], table[:, 1:5], table[:, 5], table[:, 6])
    pictures = (Picture("a.jpg", 400, 200), Picture("b.jpg", 400, 200))
    return evaluate(Dataset("pets", pictures, NAMES, TRUTH), found)


@pytest.mark.parametrize(
    ("row", "kind", "truth"),
    [
        pytest.param((0, 5, 0, 100, 100, 2, 0.9), "class", 0, id="a cat taken for a dog"),
        pytest.param((0, 60, 0, 100, 100, 1, 0.9), "location", 0, id="a cat beside the cat"),
        pytest.param((0, 60, 0, 100, 100, 2, 0.9), "both", 0, id="a dog beside the cat"),
        pytest.param((1, 200, 100, 40, 40, 1, 0.9), "background", -1, id="a cat where nothing is"),
        pytest.param((0, 2, 0, 100, 100, 1, 0.7), "duplicate", 0, id="the same cat again"),
    ],
)
def test_kinds_by_hand(row, kind, truth):
    first = (0, 0, 0, 100, 100, 1, 0.8)
    faults = find_faults(on_pets(*([first] if kind == "duplicate" else []), row))
    (fault,) = [fault for fault in faults if fault.found >= 0]
    assert (fault.kind, fault.truth) == (kind, truth)
    missed = {fault.truth for fault in faults if fault.kind == "missed"}
    mended = {0} if kind in ("class", "location", "duplicate") else set()
    assert missed == {0, 1, 2} - mended, "what a better class or place would mend was not missed altogether"


def test_boxes_below_the_confidence_are_not_there():
    evaluation = on_pets((0, 0, 0, 100, 100, 1, 0.8), (1, 200, 100, 40, 40, 1, 0.3))
    assert Counter(f.kind for f in find_faults(evaluation, 0.5)) == {"missed": 2}
    assert Counter(f.kind for f in find_faults(evaluation, 0.9)) == {"missed": 3}


def test_the_worst_come_first():
    rows = [(1, 200 + n, 100, 40, 40, 1, score) for n, score in enumerate((0.2, 0.9, 0.5))]
    faults = find_faults(on_pets(*rows))
    assert [f.score for f in faults if f.kind == "background"] == [0.9, 0.5, 0.2]
    areas = [TRUTH.areas[f.truth] for f in faults if f.kind == "missed"]
    assert areas == sorted(areas, reverse=True)


def test_confusions_by_hand():
    evaluation = on_pets(
        (0, 0, 0, 100, 100, 1, 0.9),  # the cat
        (0, 3, 0, 100, 100, 2, 0.8),  # a dog on the same cat, which is taken
        (0, 205, 0, 100, 100, 1, 0.7),  # a cat on the dog
        (1, 300, 100, 40, 40, 2, 0.6),  # a dog where nothing is
        (1, 0, 0, 50, 50, 1, 0.1),  # too unsure
    )
    found = confusion(evaluation, 0.5)
    assert found.names == ("cat", "dog")
    assert found.counts.tolist() == [[1, 0, 1], [1, 0, 0], [0, 2, 0]]
    assert found.worst() == [("dog", "cat", 1)]


@pytest.mark.parametrize("seed", [6, 7])
def test_confusions_add_up_to_the_counts(scene, seed):
    made = scene(seed)
    evaluation = evaluate(made.dataset, made.found)
    counts = confusion(evaluation, 0.4).counts
    here = curve(evaluation).at(0.4)
    assert np.trace(counts[:-1, :-1]) == here.right
    assert counts[:, :-1].sum() == here.right + here.wrong
    assert counts[:-1].sum() == here.right + here.missed == (~made.dataset.truth.ignored).sum()


def test_what_to_expect_at_a_confidence():
    counted = curve(
        on_pets((0, 0, 0, 100, 100, 1, 0.9), (0, 60, 0, 100, 100, 1, 0.6), (1, 0, 0, 50, 50, 1, 0.6)), 1
    )
    assert counted.scores.tolist() == [0.9, 0.6], "equal scores come together"
    assert (counted.precision.tolist(), counted.recall.tolist()) == ([1.0, 2 / 3], [0.5, 1.0])
    best = counted.best()
    assert (best.confidence, best.right, best.wrong, best.missed) == (0.6, 2, 1, 0)
    assert best.f1 == pytest.approx(0.8)
    strict = counted.at(0.95)
    assert (strict.right, strict.wrong, strict.missed, strict.recall, strict.f1) == (0, 0, 2, 0.0, 0.0)
    assert np.isnan(strict.precision)


def test_nothing_found_at_all():
    evaluation = on_pets()
    assert curve(evaluation).best().missed == 3
    assert Counter(f.kind for f in find_faults(evaluation)) == {"missed": 3}
    assert confusion(evaluation, 0.5).counts[:, -1].tolist() == [2, 1, 0]
    assert gains(evaluation)["background"] == 0.0
