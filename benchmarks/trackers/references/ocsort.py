"""OC-SORT (Cao et al., CVPR 2023)."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
from filterpy.kalman import KalmanFilter
from scipy.optimize import linear_sum_assignment

from benchmarks.trackers.references.common import Float, Pairs, iou, min_cost, others

_TRANSITION = np.eye(7) + np.eye(7, k=4)
#: overlaps with nothing
_NOWHERE = np.array([-2.0, -2.0, -1.0, -1.0])


class _Track:
    """SORT's filter, and the observations it was fed with."""

    def __init__(self, number: int, box: Float, score: float, reach: int) -> None:
        kf = self.kf = KalmanFilter(dim_x=7, dim_z=4)
        kf.F, kf.H = _TRANSITION, np.eye(4, 7)
        kf.R = np.diag([1.0, 1, 10, 10])
        kf.P = np.diag([10.0, 10, 10, 10, 1e4, 1e4, 1e4])
        kf.Q = np.diag([1, 1, 1, 1, 0.01, 0.01, 0.0001])
        kf.x[:4, 0] = _measure(box)
        self.number, self.score, self.reach = number, score, reach
        self.age = self.missed = self.streak = 0
        self.confirmed = False
        self.observations: dict[int, Float] = {}
        self.last: Float | None = None
        self.direction = np.zeros(2)
        self._frozen: Any = None

    @property
    def seen_box(self) -> list[float]:
        """As observed; where nothing was, as expected."""
        return self.box if self.last is None else [float(v) for v in self.last]

    @property
    def earlier(self) -> Float | None:
        """The observation `reach` frames ago, or the oldest of those since, or the last there was."""
        for back in range(self.reach, 0, -1):
            if self.age - back in self.observations:
                return self.observations[self.age - back]
        return self.last

    def predict(self) -> None:
        if self.kf.x[2, 0] + self.kf.x[6, 0] <= 0:
            self.kf.x[6, 0] = 0.0
        self.kf.predict()
        self.age += 1
        if self.missed:
            self.streak = 0
        self.missed += 1

    @property
    def box(self) -> list[float]:
        u, v, s, r = self.kf.x[:4, 0].tolist()
        w = np.sqrt(s * r)
        return [u - w / 2, v - s / w / 2, u + w / 2, v + s / w / 2]

    def observe(self, box: Float) -> None:
        """Note what was seen, not what the filter makes of it."""
        self.last = self.observations[self.age] = box

    def update(self, box: Float, score: float, *, twice: bool) -> None:
        """Take an observation in; after a gap, as if it had been observed on the way (section 4.1)."""
        earlier = self.earlier
        if earlier is not None:
            self.direction = _direction(earlier, box)
        if self._frozen is not None:
            self._replay(box, twice=twice)
        self.kf.update(np.array(_measure(box))[:, None])
        self.observe(box)
        self.score, self.missed, self.streak = score, 0, self.streak + 1

    def miss(self) -> None:
        """Keep what the filter was when the object was first missed."""
        if self._frozen is None and self.last is not None:
            self._frozen = deepcopy(self.kf)

    def _replay(self, box: Float, *, twice: bool) -> None:
        assert self.last is not None
        self.kf, self._frozen = self._frozen, None
        line = _centre_size if twice else _measure
        start, end = np.array(line(self.last)), np.array(line(box))
        for step in range(1, self.missed + 1):
            x, y, a, b = start + (end - start) * step / self.missed
            if step < self.missed or twice:
                self.kf.update(np.array([x, y, a * b, a / b] if twice else [x, y, a, b])[:, None])
            if step < self.missed:
                self.kf.predict()


class OcSort:
    """Sections 4.1 to 4.3: re-update after gaps, momentum of observations, recovery by last observations.

    `published` follows the released code where it differs from what the paper says:
    - the detection that begins a track is no observation yet: it takes `min_hits` more to be reported, the
      first of them gives no direction, and until then there is nothing to recover it by;
    - the observation that ends a gap is taken in twice;
    - over a gap width and height change evenly (here: area and ratio, which are what is filtered);
    - all pairs are assigned at once and those of little overlap then fall apart (here: they are no pairs);
    - a track on probation lives as long as any other, and after a gap is on probation again (here: a miss
      ends it, and who was confirmed is); everything is reported in the first `min_hits` frames;
    - what is reported is the observation (here: the filter's estimate).
    """

    def __init__(
        self,
        det_thresh: float = 0.6,
        max_age: int = 30,
        min_hits: int = 3,
        iou_threshold: float = 0.3,
        delta_t: int = 3,
        inertia: float = 0.2,
        *,
        published: bool = False,
    ) -> None:
        self.det_thresh, self.max_age, self.min_hits = det_thresh, max_age, min_hits
        self.iou_threshold, self.delta_t, self.inertia = iou_threshold, delta_t, inertia
        self.published = published
        self._tracks: list[_Track] = []
        self._born = self._frame = 0

    def update(self, boxes: Float, scores: Float) -> list[tuple[float, ...]]:
        """x1, y1, x2, y2, id, score of those seen on this frame, as observed."""
        self._frame += 1
        sure = scores > self.det_thresh
        boxes, scores = boxes[sure], scores[sure]
        for track in self._tracks:
            track.predict()
        pairs = self._associate(boxes, scores)
        pairs += self._recover(boxes, pairs)
        for row, col in pairs:
            self._tracks[row].update(boxes[col], float(scores[col]), twice=self.published)
        for row in others(len(self._tracks), [r for r, _ in pairs]):
            self._tracks[row].miss()
        for col in others(len(boxes), [c for _, c in pairs]):
            self._born += 1
            self._tracks.append(self._begin(boxes[col], float(scores[col])))
        for track in self._tracks:
            track.confirmed |= track.streak >= self.min_hits
        self._tracks = [t for t in self._tracks if self._lives(t)]
        return [
            (*(t.seen_box if self.published else t.box), t.number, t.score)
            for t in self._tracks
            if self._shown(t)
        ]

    def _begin(self, box: Float, score: float) -> _Track:
        track = _Track(self._born, box, score, self.delta_t)
        if not self.published:
            track.observe(box)
            track.streak = 1
        return track

    def _associate(self, boxes: Float, scores: Float) -> Pairs:
        """Overlap, and how well the direction to each detection goes on from where the track came."""
        overlap = iou([t.box for t in self._tracks], boxes)
        if not overlap.size:
            return []
        near = overlap > self.iou_threshold
        if near.sum(axis=0).max() <= 1 and near.sum(axis=1).max() <= 1:
            return [(int(r), int(c)) for r, c in zip(*np.nonzero(near), strict=True)]
        momentum = self._momentum(boxes)
        return self._assign(overlap, overlap + momentum * self.inertia * scores)

    def _assign(self, overlap: Float, gain: Float) -> Pairs:
        """The pairs that gain most, of those that overlap."""
        if not self.published:
            return min_cost(np.where(overlap >= self.iou_threshold, 1 - gain, np.inf), 1.0)
        rows, cols = linear_sum_assignment(-gain)
        pairs = zip(rows.tolist(), cols.tolist(), strict=True)
        return [(r, c) for r, c in pairs if overlap[r, c] >= self.iou_threshold]

    def _momentum(self, boxes: Float) -> Float:
        """(T, N) how far the angle between a track's way and that to a detection is below a right one.

        In half turns; 0 for tracks of one detection.
        """
        earlier = [t.earlier for t in self._tracks]
        starts = np.array([_NOWHERE if box is None else box for box in earlier])
        steps = (boxes[None, :, :2] + boxes[None, :, 2:] - starts[:, None, :2] - starts[:, None, 2:]) / 2
        towards = steps / (np.linalg.norm(steps, axis=2, keepdims=True) + 1e-6)
        along = np.einsum("tnk,tk->tn", towards, np.array([t.direction for t in self._tracks]))
        known = np.array([box is not None for box in earlier])
        momentum: Float = (np.pi / 2 - np.arccos(np.clip(along, -1, 1))) / np.pi * known[:, None]
        return momentum

    def _recover(self, boxes: Float, pairs: Pairs) -> Pairs:
        """Section 4.3: those left over, by overlap with where they were last observed."""
        rows = others(len(self._tracks), [r for r, _ in pairs])
        cols = others(len(boxes), [c for _, c in pairs])
        overlap = iou(
            [_NOWHERE if t.last is None else t.last for t in (self._tracks[r] for r in rows)], boxes[cols]
        )
        if not overlap.size or overlap.max() <= self.iou_threshold:
            return []
        return [(rows[r], cols[c]) for r, c in self._assign(overlap, overlap)]

    def _lives(self, track: _Track) -> bool:
        return track.missed <= (self.max_age if self.published or track.confirmed else 0)

    def _shown(self, track: _Track) -> bool:
        if not self.published:
            return track.missed == 0 and track.confirmed
        return track.missed == 0 and (track.streak >= self.min_hits or self._frame <= self.min_hits)


def _measure(box: Float) -> list[float]:
    x, y, w, h = _centre_size(box)
    return [x, y, w * h, w / h]


def _centre_size(box: Float) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (float(v) for v in box)
    return (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1


def _direction(a: Float, b: Float) -> Float:
    """The unit vector from the centre of one box to that of another."""
    step = np.array([b[0] + b[2] - a[0] - a[2], b[1] + b[3] - a[1] - a[3]]) / 2
    unit: Float = step / (np.linalg.norm(step) + 1e-6)
    return unit
