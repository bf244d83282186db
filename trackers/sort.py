"""SORT: simple online and realtime tracking (Bewley et al., ICIP 2016)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trackers.assignment import Matches, match
from trackers.base import Tracker, TrackerParams
from trackers.costs import AGREEMENTS, overlap_pairs
from trackers.kalman import UVSR
from vidstream.types import Detections
from vidstream.types.values import Ratio


@dataclass(frozen=True, slots=True)
class SortParams(TrackerParams):
    """Settings of SORT."""

    min_score: Ratio = 0.3  #: detections below are not looked at
    agreement: Literal["iou", "giou", "diou", "ciou", "hmiou"] = "iou"  #: how overlapping boxes are compared
    reach: Ratio = (
        0.0  #: both boxes grow by this share of their size first: fast things that miss themselves meet
    )
    iou_threshold: Ratio = 0.3  #: least agreement of a track's expected box with the detection it takes


class SortTracker(Tracker):
    """Boxes alone: a Kalman filter per track, the Hungarian method on overlap.

    >>> tracker = SortTracker(SortParams(n_init=1))
    >>> for k in range(3):
    ...     tracks = tracker.update(Detections.of([[k, 0, k + 10, 20]]), pts=k / 30)
    >>> tracks.track_ids.tolist(), tracks.boxes.round().tolist()
    ([1], [[2.0, 0.0, 12.0, 20.0]])
    """

    def __init__(self, params: SortParams | None = None) -> None:
        self.params = params or SortParams()
        super().__init__(self.params, UVSR())

    def _associate(self, detections: Detections) -> Matches:
        """Section 3.3: least total 1 - IoU, no pair below IoU_min."""
        agreement = AGREEMENTS[self.params.agreement]
        pairs = overlap_pairs(agreement, self._boxes(), detections.boxes, self.params.reach)
        return match(self._comparable(pairs, detections), 1 - self.params.iou_threshold)
