"""DeepSORT: SORT with a deep association metric (Wojke, Bewley and Paulus, ICIP 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trackers.appearance import Embedder, Gallery, describe
from trackers.assignment import Matches, Pairs, Rows, iou_pairs
from trackers.base import Tracker, TrackerParams
from trackers.kalman import XYAH
from vidstream.geometry import aligned_iou
from vidstream.types import Detections, Pixels
from vidstream.types.values import Positive, Ratio, Seconds

#: t(1): 0.95 quantile of chi-square with four degrees of freedom (section 2.2)
GATE = 9.4877


@dataclass(frozen=True, slots=True)
class DeepSortParams(TrackerParams):
    """Settings of DeepSORT."""

    min_score: Ratio = 0.3  #: detections below are not looked at
    max_age: Seconds = 2.0  #: a track not seen for longer is given up when the detector next misses it
    max_distance: Ratio = 0.2  #: t(2): largest cosine distance between a track's looks and a detection's
    motion_weight: Ratio = 0.0  #: lambda: 0 = looks decide and motion only gates, 1 = motion decides
    iou_threshold: Ratio = 0.3  #: least overlap in the second stage, for new and just-seen tracks
    budget: Positive = 100  #: descriptors remembered per track


class DeepSortTracker(Tracker):
    """Motion gates, looks decide; tracks seen lately choose first.

    Looks are the detections' `features`; without them `embedder` (default: `describe`, which needs no
    network) is asked on the image; without an image, overlap stands in for them where motion allows.

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
        """Listing 1: the matching cascade, tracks that were missed less choosing first; then by overlap."""
        tracks, limit = self._tracks, self._limit(detections)
        pairs = self._within_gate(detections)
        misses = tracks.misses[pairs.rows]
        # Nearly all are matched at once; only for what they leave are the older tracks' looks compared.
        matches = Matches.none(pairs.shape).then(self._costs(pairs.where(misses == 0), detections), limit)
        left = np.isin(np.arange(len(detections)), matches.unmatched_cols)
        late = self._costs(pairs.where((misses > 0) & left[pairs.cols]), detections)
        for missed in np.unique(tracks.misses[late.rows]):
            matches = matches.then(late.where(tracks.misses[late.rows] == missed), limit)
        # Section 2.3: at last by overlap, for tracks that are new or were seen when the detector last ran.
        overlap = self._comparable(iou_pairs(self._boxes(), detections.boxes), detections)
        return matches.then(overlap.where(tracks.misses[overlap.rows] == 0), 1 - self.params.iou_threshold)

    def _within_gate(self, detections: Detections) -> Pairs:
        """Eq. 1 and 2: confirmed tracks, the detections their motion allows, and how far off these are."""
        measured = self._filter.model.measure(detections.boxes)
        pairs = Pairs.within(self._filter.gating_distance(self._tracks.state, measured), GATE)
        return self._comparable(pairs.where(self._tracks.confirmed[pairs.rows]), detections)

    def _costs(self, pairs: Pairs, detections: Detections) -> Pairs:
        """Those of the pairs that look alike (eq. 4) with the costs of eq. 5; without looks, that overlap."""
        if detections.features is None:
            overlap = aligned_iou(self._boxes()[pairs.rows], detections.boxes[pairs.cols])
            return pairs._replace(cost=1 - overlap).where(overlap >= self.params.iou_threshold)
        looks = self._gallery.pair_distances(self._tracks.keys, detections.features, pairs.rows, pairs.cols)
        weight = self.params.motion_weight
        cost = weight * pairs.cost + (1 - weight) * looks
        return pairs._replace(cost=cost).where(looks <= self.params.max_distance)

    def _limit(self, detections: Detections) -> float:
        """The largest cost there can be."""
        if detections.features is None:
            return 1 - self.params.iou_threshold
        weight = self.params.motion_weight
        return weight * GATE + (1 - weight) * self.params.max_distance
