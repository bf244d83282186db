"""Following one object by the flow of its patches."""

from __future__ import annotations

from dataclasses import dataclass

from trackers.single.flow import FlowParams, FlowTracker
from vidstream.graph.stage import stage
from vidstream.stages.track.single import SingleObject, StartParams


@dataclass(frozen=True, slots=True)
class TrackFlowParams(FlowParams, StartParams):
    """Options of track.flow."""


@stage("track.flow")
class TrackFlow(SingleObject):
    """Follow one object by the flow of many small patches on it (median flow).

    It is the one in `box`, or the surest detection; after a loss the next detection is taken up. Needs
    texture, not colour; follows changes of size. Kalal, Mikolajczyk and Matas, "Forward-Backward Error:
    Automatic Detection of Tracking Failures" (ICPR 2010).

    Example::

        graph:
          follow: {use: track.flow, box: [0.4, 0.4, 0.6, 0.7]}
    """

    Params = TrackFlowParams
    params: TrackFlowParams

    def _new_tracker(self) -> FlowTracker:
        return FlowTracker(self.params)
