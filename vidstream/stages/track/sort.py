"""Following many objects by their boxes."""

from __future__ import annotations

from dataclasses import dataclass

from trackers.sort import SortParams, SortTracker
from vidstream.graph.stage import stage
from vidstream.stages.track.many import ManyObjects
from vidstream.stages.track.refine import RefineOption


@dataclass(frozen=True, slots=True)
class TrackSortParams(RefineOption, SortParams):
    """Options of track.sort."""


@stage("track.sort")
class TrackSort(ManyObjects):
    """Follow objects by overlap and a Kalman filter (SORT): fast, boxes alone.

    On frames without detections (a detector with `every: 3`) the tracks move on by prediction. With `refine`
    a recording is read twice, and tracks are drawn and counted as they look in hindsight. Bewley et al.,
    "Simple Online and Realtime Tracking" (ICIP 2016).

    Example::

        graph:
          motion: {use: detect.motion}
          track: {use: track.sort, max_age: 2}
    """

    Params = TrackSortParams
    params: TrackSortParams

    def _new_tracker(self) -> SortTracker:
        return SortTracker(self.params)
