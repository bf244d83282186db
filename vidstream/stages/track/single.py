"""What the stages share that follow one object by its looks."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from trackers.appearance import describe
from trackers.single.base import Found, SingleTracker
from trackers.single.recovery import RecoveringTracker
from trackers.single.smooth import BoxSmoother
from vidstream.errors import ParamError
from vidstream.geometry import Float32, clip
from vidstream.graph.stage import Stage
from vidstream.types import Boxes, Detections, Event, Events, FrameInfo, Gap, StreamInfo, Tracks, View
from vidstream.types.values import Box, Ratio, Seconds

#: nothing is followed
_NOBODY = Tracks.empty()
#: the object's looks are remembered this often, and the newest are this share of what is remembered
_REMEMBERED, _NEWEST = 0.2, 0.1


@dataclass(frozen=True)  # without slots: a stage's options derive from this and from its tracker's
class StartParams:
    """Which object to follow, and what to do when it is lost."""

    box: Box | None = None  #: where the object is in the first picture; left out: the best detection
    classes: tuple[str, ...] = ()  #: start from detections of these classes; all where none is named
    recover: bool = True  #: learn what it looks like, and look for it in the picture while it is lost
    alike: Ratio = 0.7  #: a detection that looks this much like the lost object is taken to be it
    patience: Seconds = 2.0  #: after a loss, so long no other object is followed in its place
    smooth: bool = False  #: report what a Kalman filter makes of the boxes found
    coast: Seconds = 0.5  #: with `smooth`: a lost object is reported this long where it should be


class SingleObject(Stage):
    """Shows a tracker an object and follows it; a lost one is sought, by itself and among the detections.

    The object keeps its id while it is known again: by the tracker, by the memory of what it looks
    like, or as a detection that looks like it. Another object gets a new id.
    """

    params: Any
    #: makes a tracker from `params`
    tracker: ClassVar[type[Any]]
    #: what was last reported: one row, or none while the object is lost
    _track: Tracks
    #: the descriptor of the object, and when it last changed
    _looks: Float32
    _remembered_at: float
    _smoother: BoxSmoother

    @classmethod
    def check_inputs(cls, params: Any, wired: Collection[str]) -> Iterable[ParamError]:
        """Something must say what to follow."""
        if params.box is None and "detections" not in wired:
            yield ParamError("has nothing to start from", fix="give a 'box', or put a detector before it")

    def open(self, stream: StreamInfo) -> None:
        """Nothing is followed yet."""
        tracker: SingleTracker = self.tracker(self.params)
        self._tracker = RecoveringTracker(tracker) if self.params.recover else tracker
        self._ids = 0
        self._forget()

    def on_gap(self, gap: Gap) -> None:
        """The object may be anywhere: begin as with the first picture."""
        self._forget()

    def process(
        self, image: View, frame: FrameInfo, detections: Detections | None = None
    ) -> tuple[Tracks, Events]:
        """The object (no row while it is lost), and ``track_started``, ``track_lost``, ``track_found``."""
        before, known = self._track, self._ids
        self._track = self._report(self._look(image, frame, detections), frame) if self._identity else _NOBODY
        if not self._track and (not self._identity or frame.pts - self._seen_at >= self.params.patience):
            self._track = self._start(image, self._candidate(image, frame, detections), frame)
        return self._track, Events(tuple(_changes(before, self._track, known, frame)))

    def _forget(self) -> None:
        self._track = self._identity = _NOBODY
        self._box: Box | None = self.params.box

    def _look(self, image: View, frame: FrameInfo, detections: Detections | None) -> Found:
        """Where the object is, in source pixels: by the tracker, else among the detections."""
        box, score = self._tracker.update(image.pixels)
        if box is not None:
            self._remember(image, box, frame)
            return Found(image.boxes_to_source(box[None])[0], score)
        if detections:
            wanted = self._suited(image, detections)
            likeness = describe(image.bgr(), image.boxes_from_source(wanted.boxes)) @ self._looks
            if len(likeness) and likeness.max() >= self.params.alike:
                place = wanted.boxes[int(likeness.argmax())]
                self._tracker.resume(image.pixels, image.boxes_from_source(place[None])[0])
                return Found(place, min(1.0, float(likeness.max())))
        return Found(None, score)

    def _report(self, found: Found, frame: FrameInfo) -> Tracks:
        """The row for what was found; none when it is lost for too long."""
        if found.box is not None:
            self._seen_at = frame.pts
        unseen = max(0.0, frame.pts - self._seen_at)
        box = found.box
        if self.params.smooth and unseen <= self.params.coast:
            box = self._smoother.update(box, frame.pts)
        if box is None:
            return _NOBODY
        return self._identity.replace(
            boxes=box[None],
            scores=np.array([found.score], np.float32),
            extra={"since_update": np.array([unseen], np.float32)},
        )

    def _remember(self, image: View, box: Float32, frame: FrameInfo) -> None:
        if frame.pts - self._remembered_at >= _REMEMBERED:
            mixed = (1 - _NEWEST) * self._looks + _NEWEST * _looks_of(image, box)
            self._looks = np.asarray(mixed / max(float(np.linalg.norm(mixed)), 1e-6), np.float32)
            self._remembered_at = frame.pts

    def _suited(self, image: View, detections: Detections) -> Detections:
        """Those of the wanted classes with enough pixels inside the picture."""
        fits = _sides(image.boxes_from_source(detections.boxes), image) >= self._tracker.least_side + 1
        if self.params.classes:
            names = [detections.name_of(i) for i in range(len(detections))]
            fits &= np.isin(names, self.params.classes)
        return detections[fits]

    def _candidate(self, image: View, frame: FrameInfo, detections: Detections | None) -> Detections:
        """What to start from: the box in the options, else the surest detection; one row or none."""
        if self._box is not None:
            box, self._box = self._box.at(frame.width, frame.height), None
            return Detections.of([box], names={0: "object"})
        if not detections:
            return _NOBODY
        suited = self._suited(image, detections)
        return suited[np.argsort(-suited.scores, kind="stable")[:1]]

    def _start(self, image: View, candidate: Detections, frame: FrameInfo) -> Tracks:
        if not candidate:
            return _NOBODY
        box = image.boxes_from_source(candidate.boxes)[0]
        self._tracker.init(image.pixels, box)
        self._looks, self._remembered_at = _looks_of(image, box), frame.pts
        self._seen_at = frame.pts
        if self.params.smooth:
            self._smoother = BoxSmoother(candidate.boxes[0], frame.pts)
        self._ids += 1
        since = {"since_update": np.zeros(1, np.float32)}
        columns = (candidate.boxes, candidate.scores, candidate.class_ids, np.array([self._ids]))
        self._identity = Tracks(*columns, extra=since, names=candidate.names)
        return self._identity


def started(settings: type[Any]) -> type[Any]:
    """A stage's options: those of its tracker, and those of starting and finding again."""
    return dataclasses.make_dataclass(
        f"Track{settings.__name__}", (), bases=(settings, StartParams), frozen=True, slots=True
    )


def _looks_of(image: View, box: Float32) -> Float32:
    """(D,) its colours and gradients."""
    looks: Float32 = describe(image.bgr(), box[None])[0]
    return looks


def _sides(boxes: Boxes, image: View) -> Float32:
    """(N,) the shorter side of what of each box is inside the picture."""
    inside = clip(boxes, image.width, image.height)
    sides: Float32 = (inside[:, 2:] - inside[:, :2]).min(axis=1)
    return sides


def _changes(before: Tracks, now: Tracks, known: int, frame: FrameInfo) -> Iterable[Event]:
    """What the reader of the rows is told; ids up to `known` were given before this frame."""
    same = before.track_ids.tolist() == now.track_ids.tolist()
    if before and not same:
        yield _event("track_lost", before, frame)
    if now and not same:
        yield _event("track_found" if now.track_ids[0] <= known else "track_started", now, frame)


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
