"""Where reported boxes lie on annotated ones, frame by frame.

All frames at once: a pair of boxes is one row of flat arrays. Scoring a sequence of 750 frames this way takes
milliseconds where loops over frames take seconds, which is what lets tuning try hundreds of settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from trackers.evaluation.sequences import Mask
from vidstream.geometry import Float64, area
from vidstream.types import Ids

_EPS = float(np.finfo(float).eps)


@dataclass(frozen=True, eq=False)
class Overlap:
    """A annotated and R reported boxes of T frames, both by frame, and the P pairs that overlap.

    Identities are numbered from 0 without holes.
    """

    #: T
    length: int
    #: int64 (A,) of the sequence's annotations
    true_rows: Ids
    #: int64 (R,) of what was reported
    found_rows: Ids
    #: int64 (A,) from 0
    true_frames: Ids
    #: int64 (A,)
    true_ids: Ids
    #: int64 (R,) from 0
    found_frames: Ids
    #: int64 (R,)
    found_ids: Ids
    #: int64 (P,) the pair's row among the annotated boxes, ascending by frame
    rows: Ids
    #: int64 (P,) its row among the reported ones
    cols: Ids
    #: float64 (P,) intersection over union, above 0
    iou: Float64

    @cached_property
    def true_counts(self) -> Ids:
        """(I,) boxes of each annotated identity."""
        return np.bincount(self.true_ids)

    @cached_property
    def found_counts(self) -> Ids:
        """(J,) boxes of each reported identity."""
        return np.bincount(self.found_ids)

    @cached_property
    def frames(self) -> Ids:
        """(P,) each pair's frame, from 0."""
        frames: Ids = self.true_frames[self.rows]
        return frames

    @cached_property
    def true_starts(self) -> Ids:
        """(T + 1,) where each frame's annotated boxes begin."""
        return _starts(self.true_frames, self.length)

    @cached_property
    def found_starts(self) -> Ids:
        """(T + 1,) where each frame's reported boxes begin."""
        return _starts(self.found_frames, self.length)

    def similarity(self, frame: int) -> Float64:
        """(A_t, R_t) IoU of all pairs of a frame (from 0)."""
        whole = slice(*np.searchsorted(self.frames, [frame, frame + 1]))
        top, left = self.true_starts[frame], self.found_starts[frame]
        shape = self.true_starts[frame + 1] - top, self.found_starts[frame + 1] - left
        matrix = np.zeros(shape)
        matrix[self.rows[whole] - top, self.cols[whole] - left] = self.iou[whole]
        return matrix

    def best(self, weight: Float64, candidates: Mask | None = None) -> Mask:
        """(P,) the pairs that give the most weight in each frame, each box in one pair at most.

        `weight` (P,) is above 0 for the candidates, to which the choice is limited.
        """
        pairs = np.arange(len(weight)) if candidates is None else np.flatnonzero(candidates)
        chosen = np.zeros(len(weight), bool)
        contested = self.contested(pairs)
        chosen[pairs[~contested]] = True
        pairs = pairs[contested]
        for frame, part in split(self.frames[pairs], pairs):
            chosen[self.best_in(frame, part, weight[part])] = True
        return chosen

    def contested(self, pairs: Ids) -> Mask:
        """Which of these pairs have a box in common with another of them."""
        rows, cols = self.rows[pairs], self.cols[pairs]
        by_row = np.bincount(rows, minlength=len(self.true_ids))
        by_col = np.bincount(cols, minlength=len(self.found_ids))
        mask: Mask = (by_row[rows] > 1) | (by_col[cols] > 1)
        return mask

    def best_in(self, frame: int, pairs: Ids, weight: Float64) -> Ids:
        """Those of a frame's pairs that give the most weight (above 0)."""
        from scipy.optimize import linear_sum_assignment

        top, left = self.true_starts[frame], self.found_starts[frame]
        shape = self.true_starts[frame + 1] - top, self.found_starts[frame + 1] - left
        cost = np.zeros(shape)
        which = np.full(shape, -1)
        place = self.rows[pairs] - top, self.cols[pairs] - left
        cost[place], which[place] = -weight, pairs
        found: Ids = which[linear_sum_assignment(cost)]
        return found[found >= 0]


def split(frames: Ids, values: Ids) -> list[tuple[int, Ids]]:
    """The values of each frame; `frames` ascends."""
    edges = np.flatnonzero(np.diff(frames)) + 1
    firsts = frames[np.concatenate([[0], edges])] if len(frames) else []
    parts = np.split(values, edges) if len(frames) else []
    return [(int(frame), part) for frame, part in zip(firsts, parts, strict=True)]


def limit(overlap: Overlap, true_kept: Mask, found_kept: Mask) -> Overlap:
    """Only these boxes, identities numbered anew."""
    pairs = true_kept[overlap.rows] & found_kept[overlap.cols]
    return Overlap(
        overlap.length,
        overlap.true_rows[true_kept],
        overlap.found_rows[found_kept],
        overlap.true_frames[true_kept],
        _numbered(overlap.true_ids[true_kept]),
        overlap.found_frames[found_kept],
        _numbered(overlap.found_ids[found_kept]),
        (np.cumsum(true_kept) - 1)[overlap.rows[pairs]],
        (np.cumsum(found_kept) - 1)[overlap.cols[pairs]],
        overlap.iou[pairs],
    )


def overlapping(
    true_frames: Ids, truth: Float64, found_frames: Ids, found: Float64, length: int
) -> tuple[Ids, Ids, Float64]:
    """Rows, columns and IoU of the pairs of one frame that overlap."""
    rows, cols = side_by_side(true_frames, found_frames, length)
    shared = shared_area(truth[rows], found[cols])
    touching = shared > 0
    rows, cols, shared = rows[touching], cols[touching], shared[touching]
    left, right = area(truth)[rows], area(found)[cols]
    union = left + right - shared
    real = (left > _EPS) & (right > _EPS) & (union > _EPS)
    return rows[real], cols[real], shared[real] / union[real]


def side_by_side(left: Ids, right: Ids, length: int) -> tuple[Ids, Ids]:
    """All pairs of one frame; both are frame numbers, ascending."""
    left_starts, right_starts = _starts(left, length), _starts(right, length)
    wide = np.diff(right_starts)
    counts = np.diff(left_starts) * wide
    frame = np.repeat(np.arange(length), counts)
    within = np.arange(len(frame)) - np.repeat(np.cumsum(counts) - counts, counts)
    down, across = np.divmod(within, wide[frame])
    return left_starts[frame] + down, right_starts[frame] + across


def _starts(frames: Ids, length: int) -> Ids:
    return np.searchsorted(frames, np.arange(length + 1))


def shared_area(a: Float64, b: Float64) -> Float64:
    """(P,) what boxes a (P, 4) and b (P, 4) have in common, pair by pair."""
    width = np.minimum(a[:, 2], b[:, 2]) - np.maximum(a[:, 0], b[:, 0])
    height = np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1])
    shared: Float64 = np.maximum(width, 0) * np.maximum(height, 0)
    return shared


def _numbered(ids: Ids) -> Ids:
    return np.unique(ids, return_inverse=True)[1].astype(np.int64)
