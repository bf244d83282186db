"""DeepSORT: SORT with a deep association metric (Wojke, Bewley and Paulus, ICIP 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trackers.appearance import Embedder, Gallery, describe
from trackers.assignment import Matches, Pairs, Rows, iou_pairs
from trackers.base import Tracker, TrackerParams
from trackers.kalman import XYAH
from vidstream.types import Detections, Pixels
from vidstream.types.values import Positive, Ratio, Seconds

#: t(1): 0.95 quantile of chi-square with four degrees of freedom (section 2.2)
GATE = 9.4877


@dataclass(frozen=True, slots=True)
class DeepSortParams(TrackerParams):
    """Settings of DeepSORT."""

    max_age: Seconds = 2.0  #: a track not seen for longer is given up when the detector next misses it
    max_distance: Ratio = 0.2  #: t(2): largest cosine distance between a track's looks and a detection's
    motion_weight: Ratio = 0.0  #: lambda: 0 = looks decide and motion only gates, 1 = motion decides
    iou_threshold: Ratio = 0.3  #: least overlap in the second stage, for new and just-seen tracks
    budget: Positive = 100  #: descriptors remembered per track


class DeepSortTracker(Tracker):
    """Motion gates, looks decide; tracks seen lately choose first.

    Looks are the detections' `features`; without them `embedder` (default: `describe`, which needs no
    network) is asked on the image; without an image motion decides alone.

    >>> tracker = DeepSortTracker(DeepSortParams(n_init=1))
    >>> for k in range(3):
    ...     tracks = tracker.update(Detections.of([[k, 0, k + 10, 20]]), pts=k / 30)
    >>> tracks.track_ids.tolist()
    [1]
    """

    def __init__(self, params: DeepSortParams | None = None, embedder: Embedder = describe) -> None:
        self.params = params or DeepSortParams()
        self._embed = embedder
        super().__init__(self.params, XYAH())

    def on_gap(self) -> None:
        """Time or place has jumped: forget all tracks and their looks."""
        super().on_gap()
        self._gallery = Gallery(self.params.budget)

    def _prepare(self, detections: Detections, image: Pixels | None) -> Detections:
        if detections.features is not None or image is None:
            return detections
        return detections.replace(features=self._embed(image, detections.boxes))

    def _remember(self, detections: Detections, source: Rows) -> None:
        self._gallery.keep(self._tracks.keys)
        seen = source >= 0
        if detections.features is not None and seen.any():
            self._gallery.add(self._tracks.keys[seen], detections.features[source[seen]])

    def _associate(self, detections: Detections) -> Matches:
        tracks = self._tracks
        pairs, limit = self._pairs(detections)
        matches = Matches.none(pairs.shape)
        age = np.where(tracks.confirmed, tracks.misses, -1)
        for misses in np.unique(age[pairs.rows]):  # Listing 1: the matching cascade
            if misses >= 0:
                matches = matches.then(pairs.where(age[pairs.rows] == misses), limit)
        # Section 2.3: at last by overlap, for tracks that are new or were seen when the detector last ran.
        overlap = self._comparable(iou_pairs(self._boxes(), detections.boxes), detections)
        return matches.then(overlap.where(tracks.misses[overlap.rows] == 0), 1 - self.params.iou_threshold)

    def _pairs(self, detections: Detections) -> tuple[Pairs, float]:
        """The pairs within the gate of eq. 6 with their costs of eq. 5, and the largest cost within it."""
        tracks, weight = self._tracks, self.params.motion_weight
        motion = self._filter.gating_distance(tracks.state, self._filter.model.measure(detections.boxes))
        pairs = self._comparable(Pairs.within(motion, GATE), detections)  # eq. 2
        if detections.features is None:
            return pairs, GATE
        wanted = np.zeros(motion.shape, bool)
        wanted[pairs.rows, pairs.cols] = tracks.confirmed[pairs.rows]
        looks = self._gallery.distances(tracks.keys, detections.features, wanted)[pairs.rows, pairs.cols]
        alike = looks <= self.params.max_distance  # eq. 4
        cost = weight * pairs.cost + (1 - weight) * np.where(alike, looks, 0.0)  # eq. 5
        limit = weight * GATE + (1 - weight) * self.params.max_distance
        return pairs._replace(cost=cost).where(alike), limit
