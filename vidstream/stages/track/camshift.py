"""Following one object by CamShift."""

from __future__ import annotations

from dataclasses import dataclass

from trackers.single.camshift import CamShiftParams, CamShiftTracker
from vidstream.graph.stage import stage
from vidstream.stages.track.single import SingleObject, StartParams


@dataclass(frozen=True, slots=True)
class TrackCamShiftParams(CamShiftParams, StartParams):
    """Options of track.camshift."""


@stage("track.camshift")
class TrackCamShift(SingleObject):
    """Follow one object by its colours through changes of size (CamShift).

    It is the one in `box`, or the surest detection; after a loss the next detection is taken up. Bradski,
    "Computer Vision Face Tracking for Use in a Perceptual User Interface" (1998).

    Example::

        graph:
          motion: {use: detect.motion}
          follow: {use: track.camshift}
    """

    Params = TrackCamShiftParams
    params: TrackCamShiftParams

    def _new_tracker(self) -> CamShiftTracker:
        return CamShiftTracker(self.params)
