"""DeepSORT (Wojke, Bewley and Paulus, ICIP 2017)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.trackers.references.common import Float, HeightFilter, iou, min_cost, others

#: chi-square, four degrees of freedom, 0.95
_GATE = 9.4877


class _Track:
    """Section 2.1: state and life; section 2.2: the gallery."""

    def __init__(self, number: int, box: Float, score: float, feature: Float) -> None:
        self.filter = HeightFilter(box)
        self.number, self.score, self.hits, self.age, self.confirmed = number, score, 1, 0, False
        self.gallery = [feature]

    def predict(self) -> None:
        self.filter.predict()
        self.age += 1

    def update(self, box: Float, score: float, feature: Float) -> None:
        self.filter.update(box)
        self.score, self.hits, self.age = score, self.hits + 1, 0
        self.gallery.append(feature)


class DeepSort:
    """Listing 1 and section 2.3.

    The released code reports a confirmed track also on the first frame it is missed; here: only where seen.
    It weighs by looks alone (lambda = 0), which is `weight` = 0 here.
    """

    def __init__(
        self,
        max_age: int = 30,
        n_init: int = 3,
        max_distance: float = 0.2,
        iou_threshold: float = 0.3,
        budget: int = 100,
        weight: float = 0.0,
    ) -> None:
        self.max_age, self.n_init, self.max_distance = max_age, n_init, max_distance
        self.iou_threshold, self.budget, self.weight = iou_threshold, budget, weight
        self._tracks: list[_Track] = []
        self._born = 0

    def update(self, boxes: Float, scores: Float, features: Float) -> list[tuple[float, ...]]:
        """x1, y1, x2, y2, id, score of the confirmed tracks seen on this frame; features (N, D) unit rows."""
        for track in self._tracks:
            track.predict()
        pairs, free = self._cascade(boxes, features)
        matched = {id(track) for track, _ in pairs}
        late = [t for t in self._tracks if id(t) not in matched and t.age == 1]
        pairs += _match(
            lambda among, cols: 1 - iou([t.filter.box for t in among], boxes[cols]),
            1 - self.iou_threshold,
            late,
            free,
        )
        for track, col in pairs:
            track.update(boxes[col], float(scores[col]), features[col])
            track.gallery = track.gallery[-self.budget :]
            track.confirmed |= track.hits >= self.n_init
        self._tracks = [t for t in self._tracks if t.age <= (self.max_age if t.confirmed else 0)]
        for col in others(len(boxes), [c for _, c in pairs]):
            self._born += 1
            self._tracks.append(_Track(self._born, boxes[col], float(scores[col]), features[col]))
        return [(*t.filter.box, t.number, t.score) for t in self._tracks if t.confirmed and t.age == 0]

    def _cascade(self, boxes: Float, features: Float) -> tuple[list[tuple[_Track, int]], list[int]]:
        """Those seen most lately choose first; what they left."""
        measured = np.array([HeightFilter.measure(box) for box in boxes]).reshape(-1, 4)
        limit = self.weight * _GATE + (1 - self.weight) * self.max_distance
        pairs: list[tuple[_Track, int]] = []
        free = list(range(len(boxes)))
        for age in range(1, self.max_age + 1):
            chosen = [t for t in self._tracks if t.confirmed and t.age == age]
            if not free:
                break
            pairs += _match(
                lambda among, cols: self._cost(among, measured[cols], features[cols]), limit, chosen, free
            )
            free = others(len(boxes), [c for _, c in pairs])
        return pairs, free

    def _cost(self, tracks: list[_Track], measured: Float, features: Float) -> Float:
        """Equations 5 and 6."""
        cost = np.empty((len(tracks), len(measured)))
        for row, track in enumerate(tracks):
            looks = (1 - np.asarray(track.gallery) @ features.T).min(axis=0)
            motion = track.filter.distances(measured)
            row_cost = self.weight * motion + (1 - self.weight) * looks
            cost[row] = np.where((motion <= _GATE) & (looks <= self.max_distance), row_cost, np.inf)
        return cost


def _match(
    cost: Callable[[list[_Track], list[int]], Float], limit: float, tracks: list[_Track], free: list[int]
) -> list[tuple[_Track, int]]:
    if not tracks or not free:
        return []
    return [(tracks[r], free[c]) for r, c in min_cost(cost(tracks, free), limit)]
