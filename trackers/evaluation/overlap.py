"""Where reported boxes lie on annotated ones, frame by frame, after a benchmark's rules have been applied.

All frames at once: a pair of boxes is one row of flat arrays. Scoring a sequence of 750 frames this way takes
milliseconds where loops over frames take seconds, which is what lets tuning try hundreds of settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from trackers.evaluation.sequences import Annotations, Frames, Mask, Sequence, Target
from trackers.motfile import MotRows
from vidstream.errors import UsageError
from vidstream.geometry import Float64
from vidstream.types import Ids

_EPS = float(np.finfo(float).eps)
#: at this IoU a reported box is taken to mean an annotated one
_SAME = 0.5
#: more than this share of a reported box inside an area without annotations excuses it
_INSIDE = 0.5


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
    def true_starts(self) -> Ids:
        """(T + 1,) where each frame's annotated boxes begin."""
        return _starts(self.true_frames, self.length)

    @cached_property
    def found_starts(self) -> Ids:
        """(T + 1,) where each frame's reported boxes begin."""
        return _starts(self.found_frames, self.length)

    def similarity(self, frame: int) -> Float64:
        """(A_t, R_t) IoU of all pairs of a frame (from 0)."""
        whole = slice(*np.searchsorted(self.true_frames[self.rows], [frame, frame + 1]))
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
        frames = self.true_frames[self.rows[pairs]]
        for frame, part in split(frames, pairs):
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


def compare(sequence: Sequence, target: Target, reported: MotRows, frames: Frames | None = None) -> Overlap:
    """Reported rows against what `target` says of the annotations, in `frames` (default: all).

    Raises UsageError where a frame is not the sequence's, or has one id twice.
    """
    first, last = frames or (1, sequence.length)
    _check(reported, sequence)
    wanted = np.ones(len(reported), bool)
    if target.class_id is not None:
        wanted = _of_class(target, reported, sequence)
    found_rows, found_frames = _part(reported.frames, wanted, first, last)
    boxes = reported.boxes[found_rows].astype(np.float64)

    truth = sequence.annotations
    true_rows, true_frames = _part(
        truth.frames, target.counted | target.neutral | target.bystander, first, last
    )
    counted, neutral = target.counted[true_rows], target.neutral[true_rows]

    length = last - first + 1
    pairs = _overlapping(true_frames, truth.boxes[true_rows], found_frames, boxes, length)
    named = (true_frames, truth.ids[true_rows], found_frames, reported.ids[found_rows])
    raw = Overlap(length, true_rows, found_rows, *named, *pairs)
    kept = np.ones(len(found_rows), bool)
    if not counted.all() or target.min_height or len(sequence.regions):
        kept = ~_excused(raw, neutral, boxes, target.min_height, sequence.regions, first)
    return _limit(raw, counted, kept)


def _part(frames: Ids, wanted: Mask, first: int, last: int) -> tuple[Ids, Ids]:
    """The rows wanted of a part of the sequence, by frame, and their frames from 0."""
    rows = np.flatnonzero(wanted & (frames >= first) & (frames <= last))
    rows = rows[np.argsort(frames[rows], kind="stable")]
    return rows, frames[rows] - first


def _of_class(target: Target, reported: MotRows, sequence: Sequence) -> Mask:
    if len(reported) and (reported.class_ids < 0).all():
        raise UsageError(
            "no row has a class, but this benchmark scores each class by itself",
            where=f"results for {sequence.name}",
            fix=f"write the class in column 8: {target.class_id} for {target.name}",
        )
    mask: Mask = reported.class_ids == target.class_id
    return mask


def _check(reported: MotRows, sequence: Sequence) -> None:
    where = f"results for {sequence.name}"
    if len(reported) and (reported.frames.min() < 1 or reported.frames.max() > sequence.length):
        raise UsageError(f"frames go beyond 1 to {sequence.length}", where=where)
    order = np.lexsort((reported.ids, reported.frames))
    frames, ids = reported.frames[order], reported.ids[order]
    twice = (frames[1:] == frames[:-1]) & (ids[1:] == ids[:-1])
    if twice.any():
        at = int(twice.argmax())
        raise UsageError(f"id {ids[at]} is there more than once in frame {frames[at]}", where=where)


def _excused(
    overlap: Overlap, neutral: Mask, boxes: Float64, min_height: float, regions: Annotations, first: int
) -> Mask:
    """(R,) reported boxes that are neither right nor wrong (TrackEval's preprocessing, steps 2 and 3)."""
    chosen = overlap.best(overlap.iou, overlap.iou >= _SAME - _EPS)
    excused = np.zeros(len(boxes), bool)
    excused[overlap.cols[chosen & neutral[overlap.rows]]] = True
    free = np.ones(len(boxes), bool)
    free[overlap.cols[chosen]] = False
    if min_height:
        excused |= free & (boxes[:, 3] - boxes[:, 1] <= min_height + _EPS)
    if len(regions):
        excused |= free & _inside(overlap, boxes, regions, first)
    return excused


def _inside(overlap: Overlap, boxes: Float64, regions: Annotations, first: int) -> Mask:
    """(R,) reported boxes of which more than half lies in one of the regions."""
    part = regions[(regions.frames >= first) & (regions.frames < first + overlap.length)]
    part = part[np.argsort(part.frames, kind="stable")]
    cols, rows = _side_by_side(overlap.found_frames, part.frames - first, overlap.length)
    shared = _shared(boxes[cols], part.boxes[rows])
    size = _area(boxes)[cols]
    inside = np.zeros(len(boxes), bool)
    inside[cols[(size > _EPS) & (shared / np.maximum(size, _EPS) > _INSIDE + _EPS)]] = True
    return inside


def _limit(overlap: Overlap, true_kept: Mask, found_kept: Mask) -> Overlap:
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


def _overlapping(
    true_frames: Ids, truth: Float64, found_frames: Ids, found: Float64, length: int
) -> tuple[Ids, Ids, Float64]:
    """Rows, columns and IoU of the pairs of one frame that overlap."""
    rows, cols = _side_by_side(true_frames, found_frames, length)
    shared = _shared(truth[rows], found[cols])
    touching = shared > 0
    rows, cols, shared = rows[touching], cols[touching], shared[touching]
    left, right = _area(truth)[rows], _area(found)[cols]
    union = left + right - shared
    real = (left > _EPS) & (right > _EPS) & (union > _EPS)
    return rows[real], cols[real], shared[real] / union[real]


def _side_by_side(left: Ids, right: Ids, length: int) -> tuple[Ids, Ids]:
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


def _shared(a: Float64, b: Float64) -> Float64:
    width = np.minimum(a[:, 2], b[:, 2]) - np.maximum(a[:, 0], b[:, 0])
    height = np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1])
    shared: Float64 = np.maximum(width, 0) * np.maximum(height, 0)
    return shared


def _area(boxes: Float64) -> Float64:
    area: Float64 = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return area


def _numbered(ids: Ids) -> Ids:
    return np.unique(ids, return_inverse=True)[1].astype(np.int64)
