"""How good tracks are: CLEAR MOT (Bernardin and Stiefelhagen 2008) and IDF1 (Ristani et al. 2016)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from trackers.assignment import Matches, assign, iou_cost
from trackers.motfile import MotRows
from vidstream.geometry import Array
from vidstream.types import Detections


@dataclass(frozen=True, slots=True)
class MotScores:
    """Counts over a sequence, and the measures made of them (1 is perfect; `mota` may be negative)."""

    #: boxes in the ground truth
    objects: int
    #: boxes the tracker reported
    hypotheses: int
    false_positives: int
    false_negatives: int
    #: an object followed under another id than the last time it was followed
    switches: int
    #: boxes on the right identity, under the best one-to-one naming of the whole sequence
    identity_matches: int

    @property
    def mota(self) -> float:
        """1 - (misses + false positives + switches) / objects (Bernardin 2008, section 2.1.3)."""
        errors = self.false_negatives + self.false_positives + self.switches
        return 1 - errors / max(self.objects, 1)

    @property
    def idf1(self) -> float:
        """2 IDTP / (objects + hypotheses) (Ristani 2016, eq. 11)."""
        return 2 * self.identity_matches / max(self.objects + self.hypotheses, 1)

    @property
    def precision(self) -> float:
        """Share of reported boxes that lie on an object."""
        return (self.hypotheses - self.false_positives) / max(self.hypotheses, 1)

    @property
    def recall(self) -> float:
        """Share of objects that are covered."""
        return (self.objects - self.false_negatives) / max(self.objects, 1)


def evaluate(truth: MotRows, reported: MotRows, iou_threshold: float = 0.5) -> MotScores:
    """Compare a tracker's rows with the ground truth's, over all frames that either names."""
    last = int(max(truth.frames.max(initial=0), reported.frames.max(initial=0)))
    follower, overlap = _Follower(), _Overlap(truth, reported)
    misses = extras = 0
    for (_, objects), (_, found) in zip(truth.by_frame(last), reported.by_frame(last), strict=True):
        cost = iou_cost(objects.boxes, found.boxes)
        close = cost <= 1 - iou_threshold
        overlap.add(objects, found, close)
        matches = follower.match(objects.track_ids.tolist(), found.track_ids.tolist(), cost, close)
        misses += len(matches.unmatched_rows)
        extras += len(matches.unmatched_cols)
    return MotScores(len(truth), len(reported), extras, misses, follower.switches, overlap.best())


def precision_recall(
    pairs: Iterable[tuple[Detections, Detections]], iou_threshold: float = 0.5
) -> tuple[float, float]:
    """Precision and recall of detections over (truth, found) pairs, one per picture, ids left aside."""
    hits = objects = reported = 0
    for truth, found in pairs:
        cost = iou_cost(truth.boxes, found.boxes)
        hits += len(_most_pairs(cost, cost <= 1 - iou_threshold).rows)
        objects, reported = objects + len(truth), reported + len(found)
    return hits / max(reported, 1), hits / max(objects, 1)


def _most_pairs(cost: Array, allowed: Array) -> Matches:
    """As many pairs as possible first, then the least cost (costs lie in [0, 1])."""
    return assign(cost, float(cost.size + 1), allowed)


class _Follower:
    """CLEAR's correspondences: kept from frame to frame while valid, the rest assigned anew."""

    def __init__(self) -> None:
        self.switches = 0
        self._last: dict[int, int] = {}

    def match(self, objects: list[int], found: list[int], cost: Array, close: Array) -> Matches:
        where = {track: col for col, track in enumerate(found)}
        kept = [
            (row, where[self._last[name]])
            for row, name in enumerate(objects)
            if self._last.get(name) in where and close[row, where[self._last[name]]]
        ]
        taken: dict[int, int] = {}
        for row, col in kept:
            taken.setdefault(col, row)
        rows, cols = list(taken.values()), list(taken)
        allowed = close.copy()
        allowed[rows] = False
        allowed[:, cols] = False
        fresh = _most_pairs(cost, allowed)
        for row, col in zip(fresh.rows.tolist(), fresh.cols.tolist(), strict=True):
            self.switches += self._last.get(objects[row], found[col]) != found[col]
        all_rows = np.concatenate([np.array(rows, np.int64), fresh.rows])
        all_cols = np.concatenate([np.array(cols, np.int64), fresh.cols])
        pairs = zip(all_rows.tolist(), all_cols.tolist(), strict=True)
        self._last.update((objects[row], found[col]) for row, col in pairs)
        return Matches.of(all_rows, all_cols, cost.shape)


class _Overlap:
    """For each pair of identities, the frames in which they lie on each other."""

    def __init__(self, truth: MotRows, reported: MotRows) -> None:
        self._objects, self._tracks = np.unique(truth.ids), np.unique(reported.ids)
        self._frames = np.zeros((len(self._objects), len(self._tracks)), np.int64)

    def add(self, objects: Detections, found: Detections, close: Array) -> None:
        rows, cols = np.nonzero(close)
        left = np.searchsorted(self._objects, objects.track_ids[rows])
        right = np.searchsorted(self._tracks, found.track_ids[cols])
        np.add.at(self._frames, (left, right), 1)

    def best(self) -> int:
        """The most frames that a one-to-one naming covers."""
        from scipy.optimize import linear_sum_assignment

        rows, cols = linear_sum_assignment(self._frames, maximize=True)
        return int(self._frames[rows, cols].sum())
