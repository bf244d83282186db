"""Following things of a known colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trackers.single.colourrange import ColourRangeParams, blobs
from trackers.sort import SortParams, SortTracker
from vidstream.graph.stage import Stage, stage
from vidstream.types import Detections, FrameInfo, Gap, StreamInfo, Tracks, View
from vidstream.types.values import Positive


@dataclass(frozen=True, slots=True)
class TrackColourParams(ColourRangeParams):
    """Options of track.colour."""

    name: str = "object"  #: what a blob is called in the results
    most: Positive = (
        1  #: the largest so many blobs; one is always the same object, several are told apart by place
    )


@stage("track.colour")
class TrackColour(Stage):
    """Follow whatever has a certain colour: the largest blob of it, or several.

    The colour is a range of hue (0-179: red 0, yellow 30, green 60, blue 120), saturation and value
    (0-255); red lies on both ends, as in the example. Scores are the share of a box that has the colour.

    Example::

        graph:
          ball: {use: track.colour, lower: [170, 120, 70], upper: [10, 255, 255]}
    """

    Params = TrackColourParams
    params: TrackColourParams

    def open(self, stream: StreamInfo) -> None:
        """Nothing is followed yet."""
        self._tracker = SortTracker(SortParams(n_init=1, iou_threshold=0.1))

    def on_gap(self, gap: Gap) -> None:
        """Several blobs cannot be told apart across a gap."""
        self._tracker.on_gap()

    def process(self, image: View, frame: FrameInfo) -> Tracks:
        """The blobs, largest first where it is one, by ascending id where it may be several."""
        boxes, shares = blobs(image.pixels, self.params)
        names = {0: self.params.name}
        found = Tracks.of(image.boxes_to_source(boxes), shares, names=names)[: self.params.most]
        if self.params.most > 1:
            return self._tracker.update(Detections.of(found.boxes, found.scores, names=names), pts=frame.pts)
        since = {"since_update": np.zeros(len(found), np.float32)}
        return found.replace(track_ids=np.ones(len(found), np.int64), extra=since)
