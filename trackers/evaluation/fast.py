"""The numbers of TrackEval from whole arrays: for tuning, which scores hundreds of runs.

Only frames in which boxes compete for one another are looked at one by one. Tests hold every number against
TrackEval's own.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from trackers.evaluation.overlap import Overlap, split
from trackers.evaluation.rules import compare
from trackers.evaluation.scores import ALPHAS, Scores, combine
from trackers.evaluation.sequences import Annotations, Frames, Sequence, Target
from trackers.motfile import MotRows
from vidstream.geometry import Float64
from vidstream.types import Ids

_EPS = float(np.finfo(float).eps)
#: IoU from which a reported box counts as found (CLEAR, identity)
_FOUND = 0.5


def evaluate(truth: MotRows, reported: MotRows) -> Scores:
    """Reported rows against rows that all count: no classes, no rules of a benchmark.

    >>> from vidstream.types import Detections
    >>> rows = MotRows.of(1, Detections.of([[0, 0, 10, 20]], track_ids=7))
    >>> evaluate(rows, rows).hota
    1.0
    """
    length = int(max(truth.frames.max(initial=1), reported.frames.max(initial=1)))
    boxes = truth.boxes.astype(np.float64)
    annotations = Annotations(truth.frames, truth.ids, boxes, truth.class_ids)
    everything, nothing = np.ones(len(truth), bool), np.zeros(len(truth), bool)
    target = Target("object", None, everything, nothing, nothing)
    rules = Sequence("rows", 1.0, length, 0, 0, truth[nothing], annotations, (target,), Annotations.none())
    return fast_score(rules, reported)


def fast_score(sequence: Sequence, reported: MotRows, frames: Frames | None = None) -> Scores:
    """What `trackers.evaluation.score` gives, without TrackEval and in a tenth of its time."""
    return combine(fast_classes(sequence, reported, frames).values())


def fast_classes(sequence: Sequence, reported: MotRows, frames: Frames | None = None) -> Mapping[str, Scores]:
    """The same for each class."""
    return {target.name: measure(compare(sequence, target, reported, frames)) for target in sequence.targets}


def measure(overlap: Overlap) -> Scores:
    """All scores of one class in one sequence."""
    return Scores(*_hota(overlap), *_clear(overlap), *_identity(overlap))


def _hota(o: Overlap) -> tuple[Float64, Float64, Float64, Float64, Float64, Float64, Float64]:
    """HOTA's counts and sums at each threshold (Luiten 2021, eq. 10-21)."""
    codes, which = np.unique(_code(o, o.rows, o.cols), return_inverse=True)
    true_ids, found_ids = np.divmod(codes, max(len(o.found_counts), 1))
    both = o.true_counts[true_ids] + o.found_counts[found_ids]
    # how well two identities go together, were every overlap counted: which pairing is the best depends on it
    potential = np.bincount(which, _share(o), len(codes))
    alignment = potential / (both - potential)
    chosen = o.best(alignment[which] * o.iou)
    iou, which = o.iou[chosen], which[chosen]

    hits, association, recall, precision, localisation = np.zeros((5, len(ALPHAS)))
    for a, alpha in enumerate(ALPHAS):
        passed = iou >= alpha - _EPS
        together = np.bincount(which[passed], minlength=len(codes))
        hits[a] = passed.sum()
        association[a] = (together * (together / np.maximum(1, both - together))).sum()
        recall[a] = (together * (together / o.true_counts[true_ids])).sum()
        precision[a] = (together * (together / o.found_counts[found_ids])).sum()
        localisation[a] = iou[passed].sum()
    misses, extras = len(o.true_ids) - hits, len(o.found_ids) - hits
    return hits, misses, extras, association, recall, precision, localisation


def _share(o: Overlap) -> Float64:
    """(P,) each pair's IoU among all that its two boxes have in the frame (TrackEval's global alignment)."""
    by_row = np.bincount(o.rows, o.iou, len(o.true_ids))
    by_col = np.bincount(o.cols, o.iou, len(o.found_ids))
    share: Float64 = o.iou / (by_row[o.rows] + by_col[o.cols] - o.iou)
    return share


def _clear(o: Overlap) -> tuple[int, int, int, int, int, int, int, int]:
    """CLEAR's counts (Bernardin 2008, section 2.1), as TrackEval makes them."""
    if not len(o.true_ids):
        return 0, 0, len(o.found_ids), 0, 0, 0, 0, 0
    pairs = correspondences(o)
    found = len(pairs)
    # what happened to one identity after the other, in the order of time
    pairs = pairs[np.argsort(o.true_ids[o.rows[pairs]], kind="stable")]
    true_ids, found_ids = o.true_ids[o.rows[pairs]], o.found_ids[o.cols[pairs]]
    step = active_steps(o)[o.frames[pairs]]
    same = true_ids[1:] == true_ids[:-1]
    switches = int((same & (found_ids[1:] != found_ids[:-1])).sum())
    fragments = int((same & (step[1:] != step[:-1] + 1)).sum())
    followed = np.bincount(true_ids, minlength=len(o.true_counts)) / o.true_counts
    mostly = int((followed > 0.8).sum())
    partly = int((followed >= 0.2).sum()) - mostly
    lost = len(o.true_counts) - mostly - partly
    misses, extras = len(o.true_ids) - found, len(o.found_ids) - found
    return found, misses, extras, switches, fragments, mostly, partly, lost


def correspondences(o: Overlap) -> Ids:
    """The pairs by which CLEAR takes a box for found, by frame.

    As in the frame before where that can be, otherwise those with the most IoU.
    """
    near = np.flatnonzero(o.iou >= _FOUND - _EPS)
    contested = o.contested(near)
    by_frame = dict(split(o.frames[near], near))
    free = dict(split(o.frames[near[~contested]], near[~contested]))
    active = np.flatnonzero(active_steps(o) >= 0)
    before = dict(zip(active[1:].tolist(), active[:-1].tolist(), strict=True))
    done: dict[int, Ids] = free.copy()
    for frame in np.unique(o.frames[near[contested]]).tolist():
        part = by_frame[frame]
        last = done.get(before.get(frame, -1), part[:0])
        kept = np.isin(_code(o, o.rows[part], o.cols[part]), _code(o, o.rows[last], o.cols[last]))
        done[frame] = o.best_in(frame, part, o.iou[part] + 1000 * kept)
    parts = [done[frame] for frame in sorted(done)]
    return np.concatenate(parts) if parts else near


def active_steps(o: Overlap) -> Ids:
    """(T,) each frame's number among those with annotated and reported boxes, -1 for the others."""
    active = (np.diff(o.true_starts) > 0) & (np.diff(o.found_starts) > 0)
    return np.where(active, np.cumsum(active) - 1, -1)


def _identity(o: Overlap) -> tuple[int, int, int]:
    """IDTP, IDFN, IDFP (Ristani 2016, section 4)."""
    from scipy.optimize import linear_sum_assignment

    near = o.iou >= _FOUND
    shape = len(o.true_counts), len(o.found_counts)
    codes = _code(o, o.rows[near], o.cols[near])
    together = np.bincount(codes, minlength=shape[0] * shape[1]).reshape(shape)
    hits = int(together[linear_sum_assignment(together, maximize=True)].sum())
    return hits, len(o.true_ids) - hits, len(o.found_ids) - hits


def _code(o: Overlap, rows: Ids, cols: Ids) -> Ids:
    """One number for each pair of identities."""
    codes: Ids = o.true_ids[rows] * max(len(o.found_counts), 1) + o.found_ids[cols]
    return codes
