"""Counting at lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vidstream.geometry import segments_cross, side_of_line
from vidstream.graph.stage import Stage, stage
from vidstream.stages.count.rows import GRACE, Anchor, Chooser, Row
from vidstream.types import Counts, Event, Events, FrameInfo, Gap, Shape, StreamInfo, Tracks
from vidstream.types.values import Line, Seconds

Point = npt.NDArray[np.float32]

#: a track not seen for so long is forgotten; trackers give up on one much sooner
_FORGET = 60.0


@dataclass(slots=True)
class _Walk:
    """How one track stands to one line."""

    place: Point
    #: True on the right of the line: where it is now, and where it was when it last counted as settled
    right: bool
    home: bool
    seen: float
    #: when it went over to the far side, and whether through the line rather than around its end
    since: float = 0.0
    through: bool = False


class Gate:
    """One line in one picture: who has crossed it, and how often."""

    def __init__(self, name: str, points: Point, settle: float) -> None:
        self.name, self.points, self.settle = name, points, settle
        self._walks: dict[int, _Walk] = {}
        self._swept = 0.0

    def cross(self, rows: list[Row], places: Point, pts: float) -> list[tuple[Row, bool, float]]:
        """Crossings that are certain since this frame: who, whether to the right, and when it went over."""
        a, b = self.points
        right = (side_of_line(a, b, places) >= 0).tolist()
        done = []
        for i, row in enumerate(rows):
            walk = self._walks.get(row.track_id)
            if walk is None:
                self._walks[row.track_id] = _Walk(places[i], right[i], right[i], pts)
                continue
            if right[i] != walk.right:
                path = places[i : i + 1]
                walk.through = bool(segments_cross(a, b, walk.place[None], path)[0])
                walk.since = pts
            walk.place, walk.right, walk.seen = places[i], right[i], pts
            if walk.right != walk.home and pts - walk.since >= self.settle - GRACE:
                walk.home = walk.right
                if walk.through:
                    done.append((row, walk.right, walk.since))
        self._sweep(pts)
        return done

    def clear(self) -> None:
        """Forget where everyone is: time has jumped."""
        self._walks.clear()
        self._swept = 0.0

    def _sweep(self, pts: float) -> None:
        """Now and then, forget tracks that are long gone."""
        if pts - self._swept > _FORGET:
            self._swept = pts
            self._walks = {t: walk for t, walk in self._walks.items() if pts - walk.seen <= _FORGET}


@stage("count.line")
class LineCounter(Stage):
    """Count tracks that cross a line, by direction and, where asked, by class.

    Walk along the line from its first point to its second: who crosses to your **right** goes ``in``,
    who crosses to your left goes ``out``. For a line drawn from left to right, ``in`` is downwards; for
    one drawn downwards, ``in`` is to the left. `draw.overlay` shows an arrow to the "in" side. Swap the
    points to swap the directions.

    A track crosses where the path between two of its places cuts the line itself, not its extension.
    It counts once it has been on the far side for `settle`, so that somebody who stands on the line
    and sways is not counted again and again. Predicted places do not count, only detected ones; the
    detector may therefore run on every n-th frame.

    Each crossing is an event ``line_crossed`` with its ``direction``, and ``at``, the time at which the
    track went over (`settle` earlier than it counted).

    Example::

        graph:
          motion: {use: detect.motion}
          track: {use: track.sort}
          cross: {use: count.line, lines: {middle: [[0.5, 0.0], [0.5, 1.0]]}, settle: 300ms}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """Where and what to count."""

        lines: Mapping[str, Line]  #: name -> two points; crossing to the right of first-to-second is "in"
        settle: Seconds = 0.2  #: time on the far side before a crossing counts
        classes: tuple[str, ...] = ()  #: count these classes only; all where none is named
        by_class: bool = False  #: also count each class for itself: "in person", "out car"
        anchor: Anchor = "feet"  #: the point of a box that has to cross

    params: Params

    def open(self, stream: StreamInfo) -> None:
        """Start at nought; lines are placed with the first frame, whose size they are fractions of."""
        self._chooser = Chooser(self.params.classes, self.params.anchor, self.notify)
        self._gates: list[Gate] = []
        self._size = (0, 0)
        self._values: dict[str, dict[str, float]] = {}
        for name in self.params.lines:
            self._values[name] = {"in": 0, "out": 0}
            if self.params.by_class:
                self._values[name] |= {f"{d} {c}": 0 for c in self.params.classes for d in ("in", "out")}
        self._counts = Counts({})

    def on_gap(self, gap: Gap) -> None:
        """Whoever was about to cross is lost; counts stay."""
        for gate in self._gates:
            gate.clear()

    def process(self, tracks: Tracks, frame: FrameInfo) -> tuple[Counts, Events]:
        """Running counts, and the crossings that became certain on this frame."""
        if (frame.width, frame.height) != self._size:
            self._place(frame)
        rows, places = self._chooser.choose(tracks[tracks.seen_now()], frame)
        events = []
        for gate in self._gates:
            for row, right, at in gate.cross(rows, places, frame.pts):
                direction = "in" if right else "out"
                self._add(gate.name, direction, row.class_name)
                events.append(_crossing(frame, gate.name, row, direction, at))
        if events:
            self._counts = Counts(_copied(self._values), self._counts.shapes)
        return self._counts, Events(tuple(events))

    def _place(self, frame: FrameInfo) -> None:
        self._size = (frame.width, frame.height)
        self._gates = []
        for name, line in self.params.lines.items():
            points = np.array([line.a.at(*self._size), line.b.at(*self._size)], np.float32)
            self._gates.append(Gate(name, points, self.params.settle))
        shapes = tuple(Shape(gate.name, "line", gate.points) for gate in self._gates)
        self._counts = Counts(_copied(self._values), shapes)

    def _add(self, line: str, direction: str, class_name: str) -> None:
        values = self._values[line]
        values[direction] += 1
        if self.params.by_class:
            label = f"{direction} {class_name}"
            values[label] = values.get(label, 0) + 1


def _crossing(frame: FrameInfo, line: str, row: Row, direction: str, at: float) -> Event:
    return Event(
        "line_crossed",
        frame.source,
        frame.seq,
        frame.pts,
        frame.wall,
        name=line,
        track_id=row.track_id,
        class_name=row.class_name,
        box=row.box,
        data={"direction": direction, "at": round(at, 3)},
    )


def _copied(values: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {place: dict(labels) for place, labels in values.items()}
