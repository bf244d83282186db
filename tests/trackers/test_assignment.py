"""Cost matrices and the gated assignment, against brute force."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trackers.assignment import Matches, Pairs, assign, iou_cost, overlapping, pairs_of
from vidstream.geometry import iou

LIMIT = 0.6


def brute_force(cost: np.ndarray, allowed: np.ndarray) -> float:
    """The least total, every pairing tried; a row or column left alone shares the limit."""
    rows, cols = cost.shape
    padded = np.full((rows, cols + rows), LIMIT)  # one "alone" per row
    padded[:, :cols] = np.where(allowed & (cost <= LIMIT), cost, np.inf)
    return min(
        sum(padded[r, c] for r, c in enumerate(choice)) for choice in permutations(range(cols + rows), rows)
    )


problems = st.tuples(st.integers(1, 4), st.integers(1, 4)).flatmap(
    lambda shape: st.tuples(arrays(np.float64, shape, elements=st.floats(0, 1)), arrays(bool, shape))
)


@settings(deadline=None)
@given(problems)
def test_total_is_the_least_of_all_pairings(problem):
    cost, allowed = problem
    found = assign(cost, LIMIT, allowed)
    total = cost[found.rows, found.cols].sum() + LIMIT * len(found.unmatched_rows)
    assert total == pytest.approx(brute_force(cost, allowed), abs=1e-4)
    assert (cost[found.rows, found.cols] <= LIMIT).all()
    assert allowed[found.rows, found.cols].all()


@given(problems)
def test_every_row_and_column_is_used_once_and_the_answer_never_changes(problem):
    cost, allowed = problem
    found = assign(cost, LIMIT, allowed)
    assert sorted([*found.rows, *found.unmatched_rows]) == list(range(cost.shape[0]))
    assert sorted([*found.cols, *found.unmatched_cols]) == list(range(cost.shape[1]))
    assert (np.diff(found.rows) > 0).all()
    for one, other in zip(found, assign(cost.copy(), LIMIT, allowed.copy()), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_tie_always_goes_the_same_way():
    found = [assign(np.full((3, 3), 0.5), LIMIT) for _ in range(5)]
    assert all((f.cols == found[0].cols).all() for f in found)
    assert found[0].rows.tolist() == [0, 1, 2]


def test_two_poor_matches_do_not_push_out_a_good_one():
    found = assign(np.array([[0.01, 0.35], [0.35, 0.9]]), LIMIT)
    assert list(zip(found.rows, found.cols, strict=True)) == [(0, 0)]


@pytest.mark.parametrize(
    "cost",
    [
        pytest.param(np.full((2, 3), np.inf), id="all infinite"),
        pytest.param(np.full((2, 3), np.nan), id="all NaN"),
        pytest.param(np.full((2, 3), LIMIT + 1e-9), id="all just above the limit"),
        pytest.param(np.zeros((0, 3)), id="no rows"),
        pytest.param(np.zeros((2, 0)), id="no columns"),
        pytest.param(np.zeros((0, 0)), id="nothing at all"),
    ],
)
def test_nobody_is_matched(cost):
    found = assign(cost, LIMIT)
    assert len(found.rows) == len(found.cols) == 0
    assert found.unmatched_rows.tolist() == list(range(cost.shape[0]))
    assert found.unmatched_cols.tolist() == list(range(cost.shape[1]))


def test_a_pair_exactly_at_the_limit_is_matched():
    assert assign(np.array([[LIMIT]]), LIMIT).rows.tolist() == [0]


def test_a_further_stage_sees_only_who_is_left():
    first = assign(np.array([[0.1, 0.2], [0.2, 0.9], [0.9, 0.3]]), 0.15)
    everybody = Pairs.within(np.zeros((3, 2)), 0.5)
    second = first.then(everybody.where(everybody.rows != 1), 0.5)
    assert (second.rows.tolist(), second.cols.tolist()) == ([0, 2], [0, 1])
    assert second.unmatched_rows.tolist() == [1]


def test_none_matched_leaves_all():
    assert Matches.none((2, 1)).unmatched_rows.tolist() == [0, 1]


@given(arrays(bool, st.tuples(st.integers(0, 6), st.integers(0, 6))))
def test_pairs_are_numpys(mask):
    for mine, theirs in zip(pairs_of(mask), np.nonzero(mask), strict=True):
        np.testing.assert_array_equal(mine, theirs)


coordinates = st.integers(-20, 60).map(float)


@given(
    arrays(np.float64, st.tuples(st.integers(0, 6), st.just(4)), elements=coordinates),
    arrays(np.float64, st.tuples(st.integers(0, 6), st.just(4)), elements=coordinates),
)
def test_overlap_cost_is_one_minus_iou_even_for_inside_out_boxes(a, b):
    np.testing.assert_allclose(iou_cost(a, b), 1 - iou(a, b), atol=1e-12)


@given(st.integers(0, 2**32 - 1), st.sampled_from([150, 400]))
def test_sorting_finds_the_overlaps_that_comparing_all_finds(seed, count):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 1500, (2, count, 2)).astype(np.float32).round(rng.integers(0, 3))
    a, b = np.concatenate([corner, corner + rng.uniform(1, 90, (2, count, 2)).round()], axis=2).astype(
        np.float32
    )
    touching = (np.maximum(a[:, None, :2], b[:, :2]) < np.minimum(a[:, None, 2:], b[:, 2:])).all(axis=2)
    for mine, theirs in zip(overlapping(a, b), np.nonzero(touching), strict=True):
        np.testing.assert_array_equal(mine, theirs)
