"""What the stages share that follow one object by its looks."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from trackers.single.base import SingleTracker
from vidstream.errors import ParamError
from vidstream.geometry import clip
from vidstream.graph.stage import Stage
from vidstream.types import Detections, Event, Events, FrameInfo, Gap, StreamInfo, Tracks, View
from vidstream.types.values import Box

#: nothing is followed
_NOBODY = Tracks.empty()
#: fewer pixels than this across show nothing that could be followed
_LEAST_SIDE = 2


@dataclass(frozen=True)  # without slots: a stage's options derive from this and from its tracker's
class StartParams:
    """Which object to follow."""

    box: Box | None = None  #: where the object is in the first picture; left out: the best detection
    classes: tuple[str, ...] = ()  #: start from detections of these classes; all where none is named


class SingleObject(Stage):
    """Shows a tracker an object and follows it; when it is lost, starts with the next detection.

    The object keeps its id as long as the tracker itself finds it. What is taken up from a detection
    after a loss may be another one and gets a new id.
    """

    params: Any
    #: the object as it was last reported; no row while it is lost
    _track: Tracks

    def _new_tracker(self) -> SingleTracker:
        raise NotImplementedError

    @classmethod
    def check_inputs(cls, params: Any, wired: Collection[str]) -> Iterable[ParamError]:
        """Something must say what to follow."""
        if params.box is None and "detections" not in wired:
            yield ParamError("has nothing to start from", fix="give a 'box', or put a detector before it")

    def open(self, stream: StreamInfo) -> None:
        """Nothing is followed yet."""
        self._ids = 0
        self._forget()

    def on_gap(self, gap: Gap) -> None:
        """The object may be anywhere: begin as with the first picture."""
        self._forget()

    def process(
        self, image: View, frame: FrameInfo, detections: Detections | None = None
    ) -> tuple[Tracks, Events]:
        """The object (no row while it is lost), and ``track_started``, ``track_lost``, ``track_found``."""
        before, self._track = self._track, self._follow(image)
        events = []
        if before and not self._track:
            events.append(_event("track_lost", before, frame))
        elif self._track and not before:
            events.append(_event("track_found", self._track, frame))
        if not self._track:
            self._track = self._start(image, self._candidate(image, frame, detections))
            events += [_event("track_started", self._track, frame)] if self._track else []
        return self._track, Events(tuple(events))

    def _forget(self) -> None:
        self._tracker: SingleTracker | None = None
        self._track = _NOBODY
        self._box: Box | None = self.params.box

    def _follow(self, image: View) -> Tracks:
        if self._tracker is None:
            return _NOBODY
        found = self._tracker.update(image.bgr())
        if found.box is None:
            return _NOBODY
        boxes = image.boxes_to_source(found.box[None])
        return self._identity.replace(boxes=boxes, scores=np.array([found.score], np.float32))

    def _candidate(self, image: View, frame: FrameInfo, detections: Detections | None) -> Detections:
        """What to start from: the box in the options, else the surest detection; one row or none."""
        if self._box is not None:
            box, self._box = self._box.at(frame.width, frame.height), None
            return Detections.of([box], names={0: "object"})
        if detections is None:
            return _NOBODY
        inside = clip(image.boxes_from_source(detections.boxes), image.width, image.height)
        fits = (inside[:, 2:] - inside[:, :2] > _LEAST_SIDE).all(axis=1)
        if self.params.classes:
            names = [detections.name_of(i) for i in range(len(detections))]
            fits &= np.isin(names, self.params.classes)
        suited = detections[fits]
        return suited[np.argsort(-suited.scores, kind="stable")[:1]]

    def _start(self, image: View, candidate: Detections) -> Tracks:
        if not candidate:
            return _NOBODY
        self._tracker = self._new_tracker()
        self._tracker.init(image.bgr(), image.boxes_from_source(candidate.boxes)[0])
        self._ids += 1
        since = {"since_update": np.zeros(1, np.float32)}
        self._identity = Tracks(
            candidate.boxes,
            candidate.scores,
            candidate.class_ids,
            np.array([self._ids]),
            extra=since,
            names=candidate.names,
        )
        return self._identity


def _event(kind: str, track: Tracks, frame: FrameInfo) -> Event:
    ((box, _, name, track_id),) = track.rows()
    x1, y1, x2, y2 = box
    return Event(
        kind,
        frame.source,
        frame.seq,
        frame.pts,
        frame.wall,
        track_id=track_id,
        class_name=name,
        box=(x1, y1, x2, y2),
    )
