"""What the stages share that follow many objects."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from trackers.base import Tracker
from vidstream.graph.stage import Recall, Stage
from vidstream.stages.track.refine import Chapter, Story
from vidstream.types import Detections, FrameInfo, Gap, StreamInfo, Tracks


class ManyObjects(Stage):
    """Gives a tracker what a detector finds; on request, looks ahead in recordings.

    A stage is a few lines: options that derive from `RefineOption` and from its tracker's, the tracker in
    `_new_tracker`, and, where that needs more than boxes, a `process` of its own that calls `_follow`.
    """

    #: `RefineOption` and the tracker's own
    params: Any

    def _new_tracker(self) -> Tracker:
        raise NotImplementedError

    @classmethod
    def hindsight(cls, params: Any) -> str:
        """The option `refine`."""
        return "refine" if params.refine else ""

    def open(self, stream: StreamInfo) -> None:
        """Begin without tracks."""
        self._tracker = self._new_tracker()
        self._tracker.resize(stream.width, stream.height)
        self._chapters = [Chapter((stream.width, stream.height))]

    def on_gap(self, gap: Gap) -> None:
        """Drop all tracks; their ids are not used again."""
        self._tracker.on_gap()
        self._tracker.resize(gap.stream.width, gap.stream.height)
        if self.params.refine:
            self._chapters.append(Chapter((gap.stream.width, gap.stream.height)))

    def process(self, detections: Detections | None, frame: FrameInfo) -> Tracks:
        """Confirmed tracks by ascending id; ``since_update`` tells how long ago each was seen.

        Refined tracks are all at places that are known, if only from before and after; ``observed`` tells
        which of them a detection stands behind. They carry no masks, keypoints or features: those are the
        detections'.
        """
        return self._follow(detections, frame)

    def _follow(self, detections: Detections | None, frame: FrameInfo, **looks: Any) -> Tracks:
        """The tracks; `looks` are what `Tracker.update` takes besides (`image`, `motion`)."""
        tracks = self._tracker.update(detections, pts=frame.pts, **looks)
        if self.params.refine:
            self._chapters[-1].add(frame, detections, tracks)
        return tracks

    def revise(self) -> Recall:
        """Refined tracks, chapter by chapter."""
        stories: list[Story] = []
        for chapter in self._chapters:
            if len(chapter):
                above = stories[-1].highest if stories else 0
                stories.append(chapter.refined(self.params.refinement, above))
        first = [int(story.seqs[0]) for story in stories]

        def recall(frame: FrameInfo) -> Tracks | None:
            number = bisect_right(first, frame.seq) - 1
            return None if number < 0 else stories[number].at(frame.seq)

        return recall
