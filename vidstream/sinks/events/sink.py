"""sink.events: the stage; what it writes with is beside it. docs/events.md describes the tables."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from vidstream.graph.stage import stage
from vidstream.graph.stream_time import StreamTime
from vidstream.sinks.base import Sink, write_error
from vidstream.sinks.events.database import examine
from vidstream.sinks.events.history import CountHistory, TrackHistory
from vidstream.sinks.events.rows import EventRow, Row, SourceRow, StateRow
from vidstream.sinks.events.store import EventStore
from vidstream.types import Counts, Events, FrameInfo, Gap, SourceStatus, StreamInfo, Tracks
from vidstream.types.values import Seconds, SharedFile


@stage("sink.events", sink=True)
class EventSink(Sink):
    """Write events, tracks, counts and the states of sources into an SQLite database.

    All cameras of a run write into one file, which may be asked while it is written: ``run.py events``
    does, and so can every program that reads SQLite. Events are there within a second. A track has one
    row, written when it begins, every 10 s and when it ends; a number is written when it has changed.

    The graph never waits for the disk. While the database is locked, the disk is full or its file cannot be
    written, up to 20,000 rows wait; more are lost, which is counted and told. A damaged file is moved aside,
    never deleted, and a new one begun. A kill loses what came in the last half second.

    Example::

        graph:
          motion: {use: detect.motion}
          track: {use: track.sort}
          yard: {use: count.zone, zones: {yard: [[0.2, 0.3], [0.8, 0.3], [0.8, 1.0], [0.2, 1.0]]}}
          db: {use: sink.events, path: events.db, keep: 90d}
    """

    suffixes = (".db", ".sqlite", ".sqlite3")

    @dataclass(frozen=True, slots=True)
    class Params:
        """Options."""

        path: SharedFile  #: the database; all sources may name the same
        keep: Seconds | None = None  #: forget what is older (90d); nothing where it is left out
        period: Seconds = 1.0  #: a changing number is written at most once in this time

    params: Params
    _store: EventStore | None = None

    def open(self, stream: StreamInfo) -> None:
        """Find the run's writer, or begin it. Raises SinkError where the file must not be written."""
        target = self.prepare(stream)
        self._try(target)
        examine(target)
        clock = self.clock
        self._live = stream.live
        self._time = StreamTime()
        self._key = ("sink.events", target)
        keep = self.params.keep
        store = self._store = self.commons.join(self._key, lambda: EventStore(target, clock, keep=keep))
        self._tracks = TrackHistory(store.number, clock.time)
        self._counts = CountHistory(self.params.period, clock.time)
        store.enter(SourceRow(stream, clock.time()), self.notify)

    def _try(self, target: Path) -> None:
        """What no waiting will cure shows at once; a disk may be full, and a run begin all the same."""
        try:
            target.open("ab").close()
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise write_error(error, self.place(target)) from error

    def on_gap(self, gap: Gap) -> None:
        """Tracks and numbers go on: whether they do is for those to say who give them."""
        self._time.skip(gap)

    def on_status(self, status: SourceStatus) -> None:
        """A row of its own."""
        if (store := self._store) is not None:
            store.put([StateRow(status)])

    def process(
        self,
        frame: FrameInfo,
        tracks: Tracks | None = None,
        counts: tuple[Counts, ...] = (),
        events: tuple[Events, ...] = (),
    ) -> None:
        """Hand over what there is on this frame."""
        now = self._time.at(frame)
        rows: list[Row] = []
        if any(events):
            rows.extend(self._happened(events, frame))
        if counts:
            rows.extend(self._counts.see(counts, frame, now))
        if tracks is not None:
            rows.extend(self._tracks.see(tracks, frame, now))
        if rows:
            self._put(rows)

    def flush(self) -> None:
        """The stream is over: last values, and the ends of tracks."""
        rows: list[Row] = [*self._counts.end(), *self._tracks.end()]
        if rows:
            self._put(rows)

    def close(self) -> None:
        """The last of all sinks waits until all is written, for two seconds at most."""
        if (store := self._store) is not None:
            self._store = None
            store.leave(self.notify)
            self.commons.leave(self._key)

    def _put(self, rows: list[Row]) -> None:
        assert self._store is not None, "open comes before process"
        self._store.put(rows, wait=not self._live)

    def _happened(self, events: tuple[Events, ...], frame: FrameInfo) -> Iterator[EventRow]:
        now = self.clock.time()
        for event in chain.from_iterable(events):
            wall = frame.wall if event.wall is None else event.wall
            yield EventRow(event, frame.segment, now if wall is None else wall)
