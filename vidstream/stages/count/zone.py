"""Counting in zones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vidstream.graph.stage import Stage, stage
from vidstream.stages.count.rows import Anchor, Chooser
from vidstream.stages.count.visits import Change, Rules, Zone
from vidstream.types import Counts, Event, Events, FrameInfo, Gap, Shape, StreamInfo, Tracks
from vidstream.types.values import Polygon, Seconds


@stage("count.zone")
class ZoneCounter(Stage):
    """Count tracks in zones: how many are inside, have entered and left, and for how long they stay.

    Per zone: ``inside`` now, ``entered`` and ``left`` so far, ``unique`` tracks that have ever been
    inside, and ``dwell_mean`` and ``dwell_max``, the seconds of all visits, those going on included.

    A visit begins and ends once the track has been inside, or outside, for `settle`; its length is
    measured from and to the moment of the change itself. A track that is not seen for `lost` has left
    when it was last seen. Predicted places do not count, only detected ones.

    Events: ``zone_entered``, ``zone_left`` with ``dwell`` and the ``reason`` (``walked``, ``lost``,
    ``gap`` in the stream, ``end`` of the stream), and, where `dwell` is given, ``zone_dwell`` once per visit
    that lasts so long.

    Example::

        graph:
          motion: {use: detect.motion}
          track: {use: track.sort}
          yard: {use: count.zone, zones: {yard: [[0.2, 0.3], [0.8, 0.3], [0.8, 1.0], [0.2, 1.0]]}, dwell: 10s}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """Where and what to count."""

        zones: Mapping[str, Polygon]  #: name -> three or more corners
        settle: Seconds = 0.3  #: time inside (outside) before a visit begins (ends)
        lost: Seconds = 1.0  #: a track not seen for so long has left
        dwell: Seconds | None = None  #: report visits that last so long with an event zone_dwell
        classes: tuple[str, ...] = ()  #: count these classes only; all where none is named
        by_class: bool = False  #: also count each class for itself: "inside person", "entered car"
        anchor: Anchor = "feet"  #: the point of a box that has to be inside

    params: Params

    def open(self, stream: StreamInfo) -> None:
        """Start at nought; zones are placed with the first frame, whose size they are fractions of."""
        own = self.params
        self._chooser = Chooser(own.classes, own.anchor, self.notify)
        rules = Rules(own.settle, own.lost, own.dwell, own.classes if own.by_class else None)
        self._zones = {name: Zone(rules) for name in own.zones}
        self._shapes: tuple[Shape, ...] = ()
        self._size = (0, 0)
        self._frame: FrameInfo | None = None
        self._owed: list[tuple[str, Change]] = []

    def on_gap(self, gap: Gap) -> None:
        """Whoever was inside is lost from sight; their visits end, and are reported with the next frame."""
        self._owed += self._ended("gap")

    def process(self, tracks: Tracks, frame: FrameInfo) -> tuple[Counts, Events]:
        """Running counts, and the visits that began or ended on this frame."""
        if (frame.width, frame.height) != self._size:
            self._place(frame)
        self._frame = frame
        rows, places = self._chooser.choose(tracks[tracks.seen_now()], frame)
        changes, self._owed = self._owed, []
        for shape, (name, zone) in zip(self._shapes, self._zones.items(), strict=True):
            changes += ((name, change) for change in zone.update(rows, places, shape.points, frame.pts))
        values = {name: zone.values() for name, zone in self._zones.items()}
        return Counts(values, self._shapes), _events(frame, changes)

    def flush(self) -> tuple[None, Events] | None:
        """The stream ended: each visit that began gets its end. The counts stay; nobody has walked out."""
        ended = [*self._owed, *self._ended("end")]
        return (None, _events(self._frame, ended)) if self._frame and ended else None

    def _ended(self, reason: Literal["gap", "end"]) -> Iterator[tuple[str, Change]]:
        for name, zone in self._zones.items():
            for change in zone.end(reason):
                yield name, change

    def _place(self, frame: FrameInfo) -> None:
        size = self._size = (frame.width, frame.height)
        self._shapes = tuple(
            Shape(name, "zone", np.array([p.at(*size) for p in polygon.points], np.float32))
            for name, polygon in self.params.zones.items()
        )


def _events(frame: FrameInfo, changes: list[tuple[str, Change]]) -> Events:
    return Events(
        tuple(
            Event(
                change.kind,
                frame.source,
                frame.seq,
                frame.pts,
                frame.wall,
                name=name,
                track_id=change.row.track_id,
                class_name=change.row.class_name,
                box=change.row.box,
                data=change.data,
            )
            for name, change in changes
        )
    )
