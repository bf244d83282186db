"""Following many objects by their boxes, half hidden ones too."""

from __future__ import annotations

from dataclasses import dataclass

from trackers.bytetrack import ByteTrackParams, ByteTrackTracker
from vidstream.graph.stage import stage
from vidstream.stages.track.many import ManyObjects
from vidstream.stages.track.refine import RefineOption


@dataclass(frozen=True, slots=True)
class TrackByteTrackParams(RefineOption, ByteTrackParams):
    """Options of track.bytetrack."""


@stage("track.bytetrack")
class TrackByteTrack(ManyObjects):
    """Follow objects by overlap, through detections of low score too (ByteTrack): fast, boxes alone.

    Let the detector report much (a confidence of 0.1): what is half hidden scores low, and is taken where a
    track expects it. With `refine` a recording is read twice, and tracks are drawn and counted as they look
    in hindsight. Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box"
    (ECCV 2022).

    Example::

        graph:
          motion: {use: detect.motion}
          track: {use: track.bytetrack, max_age: 2}
    """

    Params = TrackByteTrackParams
    params: TrackByteTrackParams

    def _new_tracker(self) -> ByteTrackTracker:
        return ByteTrackTracker(self.params)
