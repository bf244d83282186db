"""Measures of agreement between boxes, against counting, plain formulas and what algebra demands."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackers.assignment import iou_pairs
from trackers.costs import AGREEMENTS, buffered, ciou, diou, giou, hmiou, iou, overlap_pairs, table

LEAST = {"iou": 0.0, "giou": -1.0, "diou": -1.0, "ciou": -2.0, "hmiou": 0.0}
EVERY = pytest.mark.parametrize("name", list(AGREEMENTS))


def counted(a, b):
    """Shared, joint and surrounding area of boxes with whole coordinates, cell by cell."""
    cells = [{(x, y) for x in range(x1, x2) for y in range(y1, y2)} for x1, y1, x2, y2 in (a, b)]
    both = cells[0] | cells[1]
    across = max(a[2], b[2]) - min(a[0], b[0])
    down = max(a[3], b[3]) - min(a[1], b[1])
    return len(cells[0] & cells[1]), len(both), across * down


def plain(name, a, b):
    """One pair, with Python's own numbers."""
    shared, joint, hull = counted(a, b)
    overlap = shared / joint
    middle = [((box[0] + box[2]) / 2, (box[1] + box[3]) / 2) for box in (a, b)]
    diagonal = math.dist((min(a[0], b[0]), min(a[1], b[1])), (max(a[2], b[2]), max(a[3], b[3])))
    distance = overlap - (math.dist(*middle) / diagonal) ** 2
    if name == "giou":
        return overlap - (hull - joint) / hull
    if name == "diou":
        return distance
    if name == "ciou":
        aspect = [math.atan((box[2] - box[0]) / (box[3] - box[1])) for box in (a, b)]
        v = 4 / math.pi**2 * (aspect[0] - aspect[1]) ** 2
        return distance - (v * v / (1 - overlap + v) if v else 0.0)
    if name == "hmiou":
        heights = max(0, min(a[3], b[3]) - max(a[1], b[1])) / (max(a[3], b[3]) - min(a[1], b[1]))
        return overlap * heights
    return overlap


whole = st.tuples(st.integers(-6, 8), st.integers(-6, 8), st.integers(1, 9), st.integers(1, 9)).map(
    lambda t: (t[0], t[1], t[0] + t[2], t[1] + t[3])
)
real = st.tuples(st.floats(-500, 2000), st.floats(-500, 2000), st.floats(0.5, 900), st.floats(0.5, 900)).map(
    lambda t: np.array([t[0], t[1], t[0] + t[2], t[1] + t[3]])
)


@EVERY
@given(a=whole, b=whole)
def test_equals_the_plain_formula_on_counted_cells(name, a, b):
    found = AGREEMENTS[name](np.array(a, float), np.array(b, float))
    assert float(found) == pytest.approx(plain(name, a, b), abs=1e-12)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # [0 0 4 4] and [3 2 7 8]: 2 of 38 shared, 7 x 8 around, centres (2, 2) and (5, 5) 18 apart of 113
        ("iou", 2 / 38),
        ("giou", 2 / 38 - 18 / 56),
        ("diou", 2 / 38 - 18 / 113),
        ("hmiou", 2 / 38 * 2 / 8),
    ],
)
def test_worked_by_hand(name, value):
    found = AGREEMENTS[name](np.array([0.0, 0, 4, 4]), np.array([3.0, 2, 7, 8]))
    assert float(found) == pytest.approx(value)


@EVERY
@given(a=real, b=real)
def test_is_within_its_range_and_symmetric(name, a, b):
    found = float(AGREEMENTS[name](a, b))
    assert LEAST[name] - 1e-9 <= found <= 1 + 1e-9
    assert found == pytest.approx(float(AGREEMENTS[name](b, a)), abs=1e-12)


@EVERY
@given(a=real)
def test_equal_boxes_agree_wholly(name, a):
    assert float(AGREEMENTS[name](a, a)) == pytest.approx(1, abs=1e-6)


@EVERY
@given(a=real, b=real, by=st.floats(-300, 300), scale=st.floats(0.1, 10))
def test_does_not_change_when_both_are_moved_or_scaled(name, a, b, by, scale):
    measure = AGREEMENTS[name]
    assert float(measure(a * scale + by, b * scale + by)) == pytest.approx(float(measure(a, b)), abs=1e-6)


@given(a=real, b=real)
def test_none_but_iou_itself_ever_exceeds_iou(a, b):
    for measure in (giou, diou, ciou, hmiou):
        assert measure(a, b) <= iou(a, b) + 1e-9
    assert ciou(a, b) <= diou(a, b) + 1e-9


@given(a=real, share=st.floats(0.1, 0.9))
def test_of_a_box_and_a_slice_of_it_giou_is_iou(a, share):
    piece = a.copy()
    piece[2] = a[0] + share * (a[2] - a[0])
    assert float(giou(a, piece)) == pytest.approx(float(iou(a, piece)), abs=1e-9)


@given(a=real, by=st.tuples(st.floats(-50, 50), st.floats(-50, 50)))
def test_of_boxes_of_one_shape_ciou_is_diou(a, by):
    moved = a + np.array(by * 2)
    assert float(ciou(a, moved)) == pytest.approx(float(diou(a, moved)), abs=1e-6)


@pytest.mark.parametrize("name", ["giou", "diou", "ciou"])
def test_the_farther_off_the_less_even_without_overlap(name):
    box = np.array([0.0, 0, 10, 20])
    found = [float(AGREEMENTS[name](box, box + np.array([d, 0, d, 0]))) for d in (12, 20, 50, 200)]
    assert found == sorted(found, reverse=True)
    assert len(set(found)) == 4


@EVERY
@pytest.mark.parametrize(
    "box",
    [
        pytest.param([5.0, 5, 5, 5], id="a point"),
        pytest.param([5.0, 5, 5, 9], id="a line"),
        pytest.param([9.0, 9, 2, 2], id="inside out"),
    ],
)
def test_boxes_without_area_give_numbers(name, box):
    for other in (box, [0.0, 0, 10, 10], [50.0, 50, 60, 60]):
        for one, two in ((box, other), (other, box)):
            assert np.isfinite(AGREEMENTS[name](np.array(one), np.array(two)))


def test_buffering_grows_each_side_by_a_share_of_the_size():
    assert buffered(np.array([[10.0, 20, 20, 60]]), 0.3).tolist() == [[7, 8, 23, 72]]


@EVERY
def test_pairs_cost_what_the_table_says(name):
    rng = np.random.default_rng(3)
    corner = rng.uniform(0, 300, (2, 40, 2))
    a, b = np.concatenate([corner, corner + rng.uniform(5, 90, (2, 40, 2))], axis=2)
    pairs = overlap_pairs(AGREEMENTS[name], a, b)
    np.testing.assert_allclose(pairs.cost, 1 - table(AGREEMENTS[name], a, b)[pairs.rows, pairs.cols])
    if name == "iou":
        for mine, theirs in zip(pairs, iou_pairs(a, b), strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-12)


def test_with_reach_boxes_pair_that_miss_each_other():
    a, b = np.array([[0.0, 0, 10, 20]]), np.array([[13.0, 0, 23, 20], [40, 0, 50, 20]])
    assert not len(overlap_pairs(iou, a, b).rows)
    pairs = overlap_pairs(iou, a, b, reach=0.3)
    assert pairs.cols.tolist() == [0]
    assert pairs.cost[0] == pytest.approx(1 - 3 * 32 / (2 * 16 * 32 - 3 * 32))
