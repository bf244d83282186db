"""The benchmarks' rules: which reported boxes are neither right nor wrong (TrackEval's preprocessing)."""

from __future__ import annotations

import numpy as np

from trackers.evaluation.overlap import Overlap, limit, overlapping, shared_area, side_by_side
from trackers.evaluation.sequences import Annotations, Frames, Mask, Sequence, Target
from trackers.motfile import MotRows
from vidstream.errors import UsageError
from vidstream.geometry import Float64, area
from vidstream.types import Ids

_EPS = float(np.finfo(float).eps)
#: at this IoU a reported box is taken to mean an annotated one
_SAME = 0.5
#: more than this share of a reported box inside an area without annotations excuses it
_INSIDE = 0.5


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
    pairs = overlapping(true_frames, truth.boxes[true_rows], found_frames, boxes, length)
    named = (true_frames, truth.ids[true_rows], found_frames, reported.ids[found_rows])
    raw = Overlap(length, true_rows, found_rows, *named, *pairs)
    kept = np.ones(len(found_rows), bool)
    if not counted.all() or target.min_height or len(sequence.regions):
        kept = ~_excused(raw, neutral, boxes, target.min_height, sequence.regions, first)
    return limit(raw, counted, kept)


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
    cols, rows = side_by_side(overlap.found_frames, part.frames - first, overlap.length)
    shared = shared_area(boxes[cols], part.boxes[rows])
    size = area(boxes)[cols]
    inside = np.zeros(len(boxes), bool)
    inside[cols[(size > _EPS) & (shared / np.maximum(size, _EPS) > _INSIDE + _EPS)]] = True
    return inside
