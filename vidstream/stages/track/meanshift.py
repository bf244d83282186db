"""Following one object by mean shift."""

from __future__ import annotations

from dataclasses import dataclass

from trackers.single.meanshift import MeanShiftParams, MeanShiftTracker
from vidstream.graph.stage import stage
from vidstream.stages.track.single import SingleObject, StartParams


@dataclass(frozen=True, slots=True)
class TrackMeanShiftParams(MeanShiftParams, StartParams):
    """Options of track.meanshift."""


@stage("track.meanshift")
class TrackMeanShift(SingleObject):
    """Follow one object by its colours, its size staying the same (mean shift).

    It is the one in `box`, or the surest detection; after a loss the next detection is taken up. Comaniciu,
    Ramesh and Meer, "Kernel-Based Object Tracking" (2003).

    Example::

        graph:
          follow: {use: track.meanshift, box: [0.4, 0.4, 0.6, 0.7]}
    """

    Params = TrackMeanShiftParams
    params: TrackMeanShiftParams

    def _new_tracker(self) -> MeanShiftTracker:
        return MeanShiftTracker(self.params)
