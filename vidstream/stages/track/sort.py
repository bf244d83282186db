"""Following many objects by their boxes."""

from __future__ import annotations

from trackers.sort import SortParams, SortTracker
from vidstream.graph.stage import Stage, stage
from vidstream.types import Detections, FrameInfo, Gap, StreamInfo, Tracks


@stage("track.sort")
class TrackSort(Stage):
    """Follow objects by overlap and a Kalman filter (SORT): fast, boxes alone.

    On frames without detections (a detector with `every: 3`) the tracks move on by prediction. Bewley et
    al., "Simple Online and Realtime Tracking" (ICIP 2016).

    Example::

        graph:
          motion: {use: detect.motion}
          track: {use: track.sort, max_age: 2}
    """

    Params = SortParams
    params: SortParams

    def open(self, stream: StreamInfo) -> None:
        """Begin without tracks."""
        self._tracker = SortTracker(self.params)

    def on_gap(self, gap: Gap) -> None:
        """Drop all tracks; their ids are not used again."""
        self._tracker.on_gap()

    def process(self, detections: Detections | None, frame: FrameInfo) -> Tracks:
        """Confirmed tracks by ascending id; ``since_update`` tells how long ago each was seen."""
        return self._tracker.update(detections, pts=frame.pts)
