"""Who belongs to whom: gated linear assignment over the pairs that are possible at all.

Of the T x N pairs of tracks and detections nearly all are out of reach of each other. What follows works
on the others alone, as three aligned arrays (`Pairs`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from vidstream.geometry import Array, aligned_iou

Rows: TypeAlias = npt.NDArray[np.int64]
Allowed: TypeAlias = npt.NDArray[np.bool_]
#: (..., 4) and (..., 4) boxes -> (...) agreement, 1 = equal
Agreement: TypeAlias = Callable[[Array, Array], Array]


class Pairs(NamedTuple):
    """P pairs of a row and a column that may be matched, by rows and then columns; no other pair may."""

    rows: Rows
    cols: Rows
    #: (P,) what each match would cost
    cost: Array
    #: (T, N) of the whole problem
    shape: tuple[int, int]

    @classmethod
    def within(cls, cost: Array, limit: float) -> Pairs:
        """Those of a (T, N) matrix that cost at most `limit` (NaN does not)."""
        rows, cols = pairs_of(cost <= limit)
        return cls(rows, cols, cost[rows, cols], (cost.shape[0], cost.shape[1]))

    def where(self, keep: Allowed) -> Pairs:
        """The pairs that `keep` (P,) marks."""
        kept = np.flatnonzero(keep)
        return (
            self
            if len(kept) == len(keep)
            else self._replace(rows=self.rows[kept], cols=self.cols[kept], cost=self.cost[kept])
        )


class Matches(NamedTuple):
    """The outcome of an assignment: ``rows[i]`` goes with ``cols[i]``; all ascending by row."""

    rows: Rows
    cols: Rows
    unmatched_rows: Rows
    unmatched_cols: Rows

    @classmethod
    def of(cls, rows: Rows, cols: Rows, shape: tuple[int, int]) -> Matches:
        """From the pairs; everything else of a (T, N) problem is unmatched."""
        order = np.argsort(rows, kind="stable")
        return cls(rows[order], cols[order], _others(rows, shape[0]), _others(cols, shape[1]))

    @classmethod
    def none(cls, shape: tuple[int, int]) -> Matches:
        """Nobody is matched yet."""
        nobody = np.zeros(0, np.int64)
        return cls(nobody, nobody, np.arange(shape[0]), np.arange(shape[1]))

    def then(self, pairs: Pairs, limit: float) -> Matches:
        """These matches and those of a further stage: `solve` for what is unmatched so far."""
        if not len(pairs.rows):
            return self
        free_rows, free_cols = (
            _mask(self.unmatched_rows, pairs.shape[0]),
            _mask(self.unmatched_cols, pairs.shape[1]),
        )
        more = solve(pairs.where(free_rows[pairs.rows] & free_cols[pairs.cols]), limit)
        if not len(more[0]):
            return self
        rows, cols = np.concatenate([self.rows, more[0]]), np.concatenate([self.cols, more[1]])
        return Matches.of(rows, cols, pairs.shape)


def assign(cost: Array, limit: float, allowed: Allowed | None = None) -> Matches:
    """The one-to-one pairing of rows and columns with the least total cost.

    cost is (T, N). Pairs that cost more than `limit` (or NaN), or are not `allowed`, are never
    matched, and leaving a pair unmatched costs `limit`: two poor matches do not push out one good
    one. The same input always gives the same pairs; either side may be empty.

    >>> assign(np.array([[0.1, 0.9], [0.2, 0.9], [0.9, 0.9]]), limit=0.5).rows.tolist()
    [0]
    """
    pairs = Pairs.within(cost, limit)
    return match(pairs if allowed is None else pairs.where(allowed[pairs.rows, pairs.cols]), limit)


def match(pairs: Pairs, limit: float) -> Matches:
    """The same for pairs that are known: `assign` without looking at all the others."""
    return Matches.of(*solve(pairs, limit), pairs.shape)


def solve(pairs: Pairs, limit: float) -> tuple[Rows, Rows]:
    """Rows and columns of the pairing with the least total cost, a pair left out costing `limit`."""
    pairs = pairs.where(pairs.cost <= limit)
    per_row = np.bincount(pairs.rows, minlength=pairs.shape[0])
    per_col = np.bincount(pairs.cols, minlength=pairs.shape[1])
    # Two that have only each other need no optimisation: in open scenes that is nearly everybody,
    # and the solver is left with the crowds (500 x 500: 0.9 ms for it alone, 0.2 ms this way).
    alone = (per_row[pairs.rows] == 1) & (per_col[pairs.cols] == 1)
    rows, cols = pairs.rows[alone], pairs.cols[alone]
    if len(rows) < len(alone):
        more_rows, more_cols = _optimum(pairs.where(~alone), limit)
        rows, cols = np.concatenate([rows, more_rows]), np.concatenate([cols, more_cols])
    return rows, cols


def _optimum(pairs: Pairs, limit: float) -> tuple[Rows, Rows]:
    """`solve` by the Hungarian method (SciPy's, Crouse 2016), on the rows and columns that appear."""
    from scipy.optimize import linear_sum_assignment  # a third of a second to import: only who tracks pays

    rows, row_of = _compact(pairs.rows, pairs.shape[0])
    cols, col_of = _compact(pairs.cols, pairs.shape[1])
    # Finite, because the solver refuses rows of infinities; above the limit, so that a feasible pair
    # exactly at the limit is preferred.
    beyond = limit + 1e-5
    cost = np.full((len(rows), len(cols)), beyond)
    cost[row_of, col_of] = pairs.cost
    chosen_rows, chosen_cols = linear_sum_assignment(cost)
    real = cost[chosen_rows, chosen_cols] < beyond
    return rows[chosen_rows[real]], cols[chosen_cols[real]]


def iou_pairs(a: Array, b: Array, agreement: Agreement | None = None) -> Pairs:
    """The pairs of boxes a (T, 4) and b (N, 4) that overlap, costing 1 - their agreement (default: IoU)."""
    rows, cols = overlapping(a, b)
    agree = (agreement or aligned_iou)(a.take(rows, axis=0), b.take(cols, axis=0))
    return Pairs(rows, cols, 1 - agree, (len(a), len(b)))


def iou_cost(a: Array, b: Array) -> Array:
    """(T, N) 1 - intersection over union of boxes a (T, 4) and b (N, 4), in their floating type."""
    cost = np.ones((len(a), len(b)), a.dtype)
    pairs = iou_pairs(a, b)
    cost[pairs.rows, pairs.cols] = pairs.cost
    return cost


def overlapping(a: Array, b: Array) -> tuple[Rows, Rows]:
    """Which boxes of a (T, 4) and b (N, 4) share some area: rows and columns, by rows and then columns.

    Few boxes are compared all with all. Of many, only those whose left edge lies between a box's own left
    edge, less the width of the widest, and its right edge: a run of b sorted by its left edges.
    """
    ax1, ay1, ax2, ay2 = np.ascontiguousarray(a.T)
    bx1, by1, bx2, by2 = np.ascontiguousarray(b.T)
    if a.shape[0] * b.shape[0] <= _FEW:
        touching = ax1[:, None] < bx2
        touching &= ax2[:, None] > bx1
        touching &= ay1[:, None] < by2
        touching &= ay2[:, None] > by1
        return pairs_of(touching)
    order = np.argsort(bx1, kind="stable")
    left = bx1[order]
    first = np.searchsorted(left, ax1 - (bx2 - bx1).max() - 1, side="left")  # a pixel more, for rounding
    last = np.searchsorted(left, ax2, side="left")
    count = np.maximum(last - first, 0)
    rows = np.repeat(np.arange(len(a)), count)
    cols = order[np.arange(len(rows)) - np.repeat(np.cumsum(count) - count - first, count)]
    near = (ax1[rows] < bx2[cols]) & (ay1[rows] < by2[cols]) & (ay2[rows] > by1[cols])
    flat = np.sort(rows[near] * len(b) + cols[near])
    found_rows, found_cols = np.divmod(flat, len(b))
    return found_rows, found_cols


#: up to so many pairs, comparing all is faster than sorting
_FEW = 20_000


def pairs_of(mask: Allowed) -> tuple[Rows, Rows]:
    """Row and column of each True in a (T, N) mask, by rows: `np.nonzero`, five times as fast."""
    rows, cols = np.divmod(np.flatnonzero(mask), max(mask.shape[1], 1))
    return rows, cols


def _compact(values: Rows, count: int) -> tuple[Rows, Rows]:
    """The numbers below `count` that appear, ascending, and which of them each value is."""
    present = np.flatnonzero(_mask(values, count))
    place = np.empty(count, np.int64)
    place[present] = np.arange(len(present))
    return present, place[values]


def _mask(rows: Rows, count: int) -> Allowed:
    mask = np.zeros(count, bool)
    mask[rows] = True
    return mask


def _others(taken: Rows, count: int) -> Rows:
    free = np.ones(count, bool)
    free[taken] = False
    return np.flatnonzero(free)
