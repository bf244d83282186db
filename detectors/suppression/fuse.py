"""Boxes of one object made into one box, in place of all but one dropped."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from detectors.suppression.neighbours import Neighbours, Overlap, best_first
from vidstream.geometry import Float64
from vidstream.types import Ids, Scores


def greedy_groups(near: Neighbours, scores: Scores, iou: float) -> Iterator[Ids]:
    """Rows by group: the best that is left, then what overlaps it by more than `iou`, best first."""
    order = best_first(scores)
    free = np.ones(len(order), bool)
    for row in order.tolist():
        if not free[row]:
            continue
        free[row] = False
        others = order[(near.of_row(row) > iou)[order] & free[order]]
        free[others] = False
        yield np.concatenate([[row], others])


def merged(boxes: Float64, groups: list[Ids]) -> Float64:
    """The box around each group: non-maximum merging (as SAHI does it, Akyon et al. 2022)."""
    corners = [[*boxes[rows, :2].min(axis=0), *boxes[rows, 2:].max(axis=0)] for rows in groups]
    return np.array(corners, np.float64).reshape(-1, 4)


class Clusters:
    """Weighted boxes fusion (Solovyev, Wang and Gabruseva 2021): the mean of each cluster, by score."""

    def __init__(self, size: int, overlap: Overlap) -> None:
        self.count = 0
        self.sums, self.weight = np.zeros((size, 4)), np.zeros(size)
        self.members, self.first = np.zeros(size, np.int64), np.zeros(size, np.int64)
        self.means = Neighbours(np.zeros((size, 4), np.float32), np.full(size, -1, np.int64), overlap)

    def add(self, row: int, box: Float64, score: float, class_id: int, iou: float) -> None:
        """Put a box into the cluster whose mean it overlaps most, if by more than `iou`; else a new one."""
        overlap = self.means.of(box, class_id)
        nearest = int(np.argmax(overlap))
        if not overlap[nearest] > iou:
            nearest, self.count = self.count, self.count + 1
            self.first[nearest] = row
            self.means.class_ids[nearest] = class_id
        self.sums[nearest] += score * box
        self.weight[nearest] += score
        self.members[nearest] += 1
        self.means.boxes[nearest] = self.sums[nearest] / self.weight[nearest]

    def fused(self, detectors: int, total: float) -> tuple[Float64, Float64, Ids]:
        """Boxes, scores and first rows; what fewer than all detectors have seen scores less (section 3)."""
        members, n = self.members[: self.count], self.count
        scores = self.weight[:n] / members * np.minimum(members, detectors) / total
        return self.means.boxes[:n], scores, self.first[:n]


def weighted_fusion(
    near: Neighbours, scores: Scores, iou: float, overlap: Overlap, shares: Float64, detectors: int
) -> tuple[Float64, Float64, Ids]:
    """Boxes (K, 4), scores (K,) and rows (K,) of the fused; `shares` (N,) is the weight of each detector's.

    `shares` are scaled so that the detectors' mean weight is 1.
    """
    weighted = np.maximum(scores * shares, 1e-12)  # a cluster of boxes that score nothing has a mean, too
    clusters = Clusters(len(scores), overlap)
    for row in best_first(weighted).tolist():
        clusters.add(row, near.boxes[row], float(weighted[row]), int(near.class_ids[row]), iou)
    return clusters.fused(detectors, float(detectors))
