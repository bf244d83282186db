"""Following many objects by their boxes and the directions they take."""

from __future__ import annotations

from dataclasses import dataclass

from trackers.ocsort import OcSortParams, OcSortTracker
from vidstream.graph.stage import stage
from vidstream.stages.track.many import ManyObjects
from vidstream.stages.track.refine import RefineOption


@dataclass(frozen=True, slots=True)
class TrackOcSortParams(RefineOption, OcSortParams):
    """Options of track.ocsort."""


@stage("track.ocsort")
class TrackOcSort(ManyObjects):
    """Follow objects by overlap and direction, with care after gaps (OC-SORT): boxes alone.

    For objects that turn and hide. With `refine` a recording is read twice, and tracks are drawn and counted
    as they look in hindsight. Cao et al., "Observation-Centric SORT: Rethinking SORT for Robust Multi-Object
    Tracking" (CVPR 2023).

    Example::

        graph:
          motion: {use: detect.motion}
          track: {use: track.ocsort, max_age: 2}
    """

    Params = TrackOcSortParams
    params: TrackOcSortParams

    def _new_tracker(self) -> OcSortTracker:
        return OcSortTracker(self.params)
