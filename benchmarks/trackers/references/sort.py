"""SORT (Bewley et al., ICIP 2016)."""

from __future__ import annotations

from typing import Any

import numpy as np
from filterpy.kalman import KalmanFilter
from scipy.optimize import linear_sum_assignment

from benchmarks.trackers.references.common import Float, Pairs, iou, min_cost, others

_TRANSITION = np.eye(7) + np.eye(7, k=4)


class _Track:
    """Section 3.2: a constant velocity filter on centre, area and aspect."""

    def __init__(self, number: int, box: Float, score: float) -> None:
        kf = self.kf = KalmanFilter(dim_x=7, dim_z=4)
        kf.F, kf.H = _TRANSITION, np.eye(4, 7)
        kf.R = np.diag([1.0, 1, 10, 10])
        kf.P = np.diag([10.0, 10, 10, 10, 1e4, 1e4, 1e4])
        kf.Q = np.diag([1, 1, 1, 1, 0.01, 0.01, 0.0001])
        kf.x[:4, 0] = self.measure(box)
        self.number, self.score, self.hits, self.streak, self.missed = number, score, 1, 0, 0
        self.confirmed = False

    @staticmethod
    def measure(box: Float) -> list[float]:
        x1, y1, x2, y2 = (float(v) for v in box)
        return [(x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) * (y2 - y1), (x2 - x1) / (y2 - y1)]

    @property
    def box(self) -> list[float]:
        u, v, s, r = self.kf.x[:4, 0].tolist()
        w = np.sqrt(s * r)
        return [u - w / 2, v - s / w / 2, u + w / 2, v + s / w / 2]

    def predict(self) -> None:
        if self.kf.x[2, 0] + self.kf.x[6, 0] <= 0:
            self.kf.x[6, 0] = 0.0
        self.kf.predict()
        if self.missed:
            self.streak = 0
        self.missed += 1

    def update(self, box: Float, score: float) -> None:
        self.kf.update(np.array(self.measure(box))[:, None])
        self.score, self.missed = score, 0
        self.hits, self.streak = self.hits + 1, self.streak + 1


class Sort:
    """Sections 3.2 to 3.4, one track at a time.

    `published` follows the released code where it differs from what the paper says:
    - all pairs are assigned at once and those of little overlap then fall apart, so that a hopeless pair can
      push out a good one (paper: pairs below IoU_min are rejected; here: before assignment);
    - a track on probation lives as long without detections as any other (here: a miss ends it);
    - everything is reported in the first `min_hits` frames; after a gap a track is on probation again; the
      detection that begins it does not count (here: it does).
    """

    def __init__(
        self, max_age: int = 1, min_hits: int = 3, iou_threshold: float = 0.3, *, published: bool = False
    ) -> None:
        self.max_age, self.min_hits, self.iou_threshold = max_age, min_hits, iou_threshold
        self.published = published
        self._tracks: list[_Track] = []
        self._born = self._frame = 0

    def update(self, boxes: Float, scores: Float) -> list[tuple[float, ...]]:
        """x1, y1, x2, y2, id, score of those seen on this frame."""
        self._frame += 1
        for track in self._tracks:
            track.predict()
        pairs = self._associate(boxes)
        for row, col in pairs:
            self._tracks[row].update(boxes[col], float(scores[col]))
        for col in others(len(boxes), [c for _, c in pairs]):
            self._born += 1
            self._tracks.append(_Track(self._born, boxes[col], float(scores[col])))
        for track in self._tracks:
            track.confirmed |= track.hits >= self.min_hits
        self._tracks = [t for t in self._tracks if self._lives(t)]
        return [(*t.box, t.number, t.score) for t in self._tracks if t.missed == 0 and self._shown(t)]

    def _associate(self, boxes: Float) -> Pairs:
        overlap = iou([t.box for t in self._tracks], boxes)
        if not self.published:
            return min_cost(1 - overlap, 1 - self.iou_threshold)
        rows, cols = linear_sum_assignment(-overlap)
        pairs = zip(rows.tolist(), cols.tolist(), strict=True)
        return [(r, c) for r, c in pairs if overlap[r, c] >= self.iou_threshold]

    def _lives(self, track: _Track) -> bool:
        return track.missed <= (self.max_age if self.published or track.confirmed else 0)

    def _shown(self, track: _Track) -> Any:
        if not self.published:
            return track.confirmed
        return track.streak >= self.min_hits or self._frame <= self.min_hits
