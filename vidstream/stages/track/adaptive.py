"""Following many objects by their boxes, whatever the detector and the camera."""

from __future__ import annotations

from dataclasses import dataclass

from trackers.adaptive import AdaptiveParams, AdaptiveTracker
from vidstream.graph.stage import stage
from vidstream.stages.track.botsort import TrackBotSort
from vidstream.stages.track.looks import LooksOption
from vidstream.stages.track.refine import RefineOption


@dataclass(frozen=True, slots=True)
class TrackAdaptiveParams(RefineOption, LooksOption, AdaptiveParams):
    """Options of track.adaptive."""


@stage("track.adaptive")
class TrackAdaptive(TrackBotSort):
    """Follow objects with noise that is measured as it runs: BoT-SORT that fits itself to the detector.

    How much the detector's boxes jitter, and how freely the objects move, is told from the tracks
    themselves, so that the same settings hold for a shaky detector and a precise one, for 7 frames a second
    and for 30. Everything else is as in track.botsort: the camera's motion, looks, `refine`.

    Example::

        graph:
          motion: {use: detect.motion}
          track: {use: track.adaptive, max_age: 2}
    """

    Params = TrackAdaptiveParams  # type: ignore[assignment]  # a stage has options of its own
    params: TrackAdaptiveParams  # type: ignore[assignment]

    def _new_tracker(self) -> AdaptiveTracker:
        return AdaptiveTracker(self.params)
