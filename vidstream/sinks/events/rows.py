"""What travels, as rows of the database: made on the writer's thread, where that costs the graph nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, TypeAlias

from vidstream.sinks.plain import PIXEL_DECIMALS, plain
from vidstream.types import Event, FrameInfo, SourceStatus, StreamInfo
from vidstream.types.values import redact

Value: TypeAlias = str | int | float | None
Box: TypeAlias = tuple[float, float, float, float] | list[float]


class Row(Protocol):
    """One row, but for the number of its run."""

    @property
    def table(self) -> str:
        """Where it belongs."""

    def values(self) -> tuple[Value, ...]:
        """The columns behind `run`. Raises TypeError, naming a type of evidence that cannot be kept."""


class SourceRow(NamedTuple):
    """A source has been opened."""

    stream: StreamInfo
    time: float
    table: str = "sources"

    def values(self) -> tuple[Value, ...]:
        """source, uri, width, height, fps, live, time."""
        s = self.stream
        return text(s.source), redact(text(s.uri)), s.width, s.height, s.fps, int(s.live), self.time


class EventRow(NamedTuple):
    """Something happened."""

    event: Event
    segment: int
    time: float
    table: str = "events"

    def values(self) -> tuple[Value, ...]:
        """source, kind, name, class, track, segment, seq, pts, wall, time, box, data, clip, snapshot."""
        e = self.event
        data = _public(plain(e.data))
        return (
            *(text(word) for word in (e.source, e.kind, e.name, e.class_name)),
            e.track_id if e.track_id >= 0 else None,
            *(self.segment, e.seq, e.pts, e.wall, self.time),
            None if e.box is None else box_text(e.box),
            json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False),
            *(value if isinstance(value := data.get(key), str) else None for key in ("clip", "snapshot")),
        )


class TrackRow(NamedTuple):
    """An object that is, or was, followed: replaces the row that was written of it before."""

    columns: tuple[Value, ...]
    last_box: Box
    best_pts: float
    best_score: float
    best_box: Box
    table: str = "tracks"

    def values(self) -> tuple[Value, ...]:
        """All columns of the table behind `run`."""
        best = self.best_pts, self.best_score, box_text(self.best_box)
        return (*self.columns, box_text(self.last_box), *best)


class CountRow(NamedTuple):
    """A running number has changed."""

    frame: FrameInfo
    place: str
    label: str
    value: float
    time: float
    table: str = "counts"

    def values(self) -> tuple[Value, ...]:
        """source, place, label, value, segment, seq, pts, wall, time."""
        f = self.frame
        words = text(f.source), text(self.place), text(self.label)
        return (*words, float(self.value), f.segment, f.seq, f.pts, f.wall, self.time)


class StateRow(NamedTuple):
    """A source has come into a state."""

    status: SourceStatus
    table: str = "states"

    def values(self) -> tuple[Value, ...]:
        """source, state, cause, time."""
        s = self.status
        return text(s.source), s.state, redact(text(s.cause)), s.wall


def text(given: str) -> str:
    """A text that can be stored: half characters, which strange names may hold, are replaced."""
    return given.encode("utf-8", "replace").decode()


def box_text(box: Box) -> str:
    """A box as JSON, in pixels of the source."""
    return json.dumps([round(float(x), PIXEL_DECIMALS) for x in box], separators=(",", ":"))


def _public(value: Any) -> Any:
    """Plain evidence without passwords."""
    if isinstance(value, str):
        return redact(text(value))
    if isinstance(value, Mapping):
        return {text(key): _public(item) for key, item in value.items()}
    return [_public(item) for item in value] if isinstance(value, list) else value
