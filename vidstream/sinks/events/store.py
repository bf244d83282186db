"""The one writer of an event database: takes rows from the graphs of all cameras, and never holds them up."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections import defaultdict, deque
from collections.abc import Sequence
from contextlib import suppress
from itertools import count, islice
from pathlib import Path

from vidstream.errors import VidstreamError
from vidstream.graph.clock import Clock
from vidstream.graph.stage import Notify
from vidstream.sinks.events.database import BUSY, Database, Run, is_busy, is_damage, is_passing, move_aside
from vidstream.sinks.events.rows import Row, SourceRow, Value

#: a transaction is made of so many rows, or of what has come within so many seconds
BATCH, PATIENCE = 200, 0.5
#: rows that may wait while the database cannot be written (12 MB)
LIMIT = 20_000
#: seconds between attempts while it cannot be written: at first, and at most
_RETRY = 0.25, 2.0
#: seconds that closing may take, and that a recording waits for room
_CLOSING = 2.0
#: seconds between the last attempts
_HASTE = 0.1
#: seconds between looks for rows that are too old
_SWEEP = 3600.0


class EventStore:
    """A bounded queue, and the thread that empties it into the database in batches.

    While the database cannot be written, rows wait; the newest are lost, and counted, where too many do.
    """

    def __init__(self, path: Path, clock: Clock, *, keep: float | None) -> None:
        self.path = path
        self.lost = 0
        self._clock = clock
        self._keep = keep
        self._run = Run(clock.time(), os.getpid())
        self._numbers = count(1)
        self._changed = threading.Condition()
        self._waiting: deque[Row] = deque()
        self._sources: dict[str, SourceRow] = {}
        self._listeners: list[Notify] = []
        self._closing = threading.Event()
        #: when to give up, once closing; on the real clock
        self._deadline = float("inf")
        #: why nothing can be written now; empty where all is well
        self._trouble = ""
        self._lost_told = 0
        self._database: Database | None = None
        self._swept: float | None = None
        self._thread = threading.Thread(target=self._loop, name=f"events {path.name}", daemon=True)
        self._thread.start()

    # -- for the sinks: from any thread ----------------------------------------------------------------

    def enter(self, source: SourceRow, notify: Notify) -> None:
        """A source begins to write; `notify` is how it is told what becomes of the database."""
        with self._changed:
            self._sources[source.stream.source] = source
            self._listeners.append(notify)
        self.put([source])

    def leave(self, notify: Notify) -> None:
        """A source writes no more."""
        with self._changed:
            if len(self._listeners) > 1:
                self._listeners.remove(notify)

    def number(self) -> int:
        """A number that no other track of the run has."""
        return next(self._numbers)

    def put(self, rows: Sequence[Row], *, wait: bool = False) -> None:
        """Have rows written. `wait` for room where there is none, if the database can be written at all."""
        with self._changed:
            if wait and len(self._waiting) + len(rows) > LIMIT:
                self._changed.wait_for(self._has_room, _CLOSING)
            room = max(0, LIMIT - len(self._waiting))
            before = len(self._waiting)
            self._waiting.extend(rows[:room])
            self.lost += max(0, len(rows) - room)
            if not before or len(self._waiting) >= BATCH > before:
                self._changed.notify_all()

    def _has_room(self) -> bool:
        return len(self._waiting) < LIMIT // 2 or bool(self._trouble) or self._closing.is_set()

    def close(self) -> None:
        """Write what waits, for at most two seconds; what remains then is lost."""
        with self._changed:
            self._deadline = time.monotonic() + _CLOSING
            self._closing.set()
            self._changed.notify_all()
        self._thread.join(_CLOSING + 2 * BUSY)
        self.lost += len(self._waiting)
        self._tell_lost()

    # -- the writer's thread ---------------------------------------------------------------------------

    def _loop(self) -> None:
        retry = _RETRY[0]
        while self._due():
            if self._write():
                retry = _RETRY[0]
                continue
            self._tell_lost()
            if self._closing.wait(retry):
                time.sleep(_HASTE)
            retry = min(retry * 2, _RETRY[1])
        self._end()

    def _due(self) -> bool:
        """Wait until there is a batch to write; False at the end."""
        with self._changed:
            over = self._closing.is_set
            self._changed.wait_for(lambda: self._waiting or over())
            self._changed.wait_for(lambda: len(self._waiting) >= BATCH or over(), PATIENCE)
            return bool(self._waiting) and time.monotonic() < self._deadline

    def _write(self) -> bool:
        """Write the oldest rows; False where that has to be tried again later."""
        with self._changed:
            rows = list(islice(self._waiting, BATCH))
        try:
            database = self._ready()
            self._put_into(database, rows)
        except sqlite3.Error as error:
            self._fail(error)
            return False
        except (VidstreamError, OSError) as error:
            self._stop_writing(str(error))
            return False
        with self._changed:
            for _ in rows:
                self._waiting.popleft()
            self._changed.notify_all()
        self._recover()
        with suppress(sqlite3.Error):  # next time, then
            self._sweep(database)
        return True

    def _ready(self) -> Database:
        """The database, opened where it is not, begun anew where its file has gone."""
        if self._database is not None and self._database.gone:
            self._forsake()
            self._notify("database-gone", f"'{self.path}' was deleted or replaced; it is begun anew")
        if self._database is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._database = Database(self.path, self._run)
            with self._changed:
                sources = list(self._sources.values())
            self._database.write({"sources": [source.values() for source in sources]})
        return self._database

    def _put_into(self, database: Database, rows: Sequence[Row]) -> None:
        made = [(row.table, values) for row in rows if (values := self._values(row)) is not None]
        try:
            database.write(_by_table(made))
        except (sqlite3.Error, OverflowError) as error:
            if isinstance(error, sqlite3.Error) and (is_passing(error) or is_damage(error)):
                raise
            for why in database.write_singly(made):
                self._refuse(why)

    def _values(self, row: Row) -> tuple[Value, ...] | None:
        try:
            return row.values()
        except TypeError as error:
            self._refuse(f"an event carries evidence of type {error}, which JSON cannot hold")
            return None

    def _refuse(self, why: str) -> None:
        self.lost += 1
        self._lost_told += 1
        self._notify("events-lost", why)

    def _sweep(self, database: Database) -> None:
        """Now and then, forget what is too old."""
        now = self._clock.monotonic()
        if self._keep is None or (self._swept is not None and now - self._swept < _SWEEP):
            return
        while database.forget(self._clock.time() - self._keep):
            pass
        self._swept = now

    def _fail(self, error: sqlite3.Error) -> None:
        if is_damage(error):
            self._forsake()
            try:
                aside = move_aside(self.path, self._clock.time())
            except OSError as why:
                self._stop_writing(f"damaged ({error}), and cannot be moved aside: {why.strerror}")
            else:
                told = f"'{self.path}' is damaged ({error}): kept as '{aside.name}', begun anew"
                self._notify("database-damaged", told)
            return
        if not is_busy(error):
            self._forsake()
        self._stop_writing(str(error))

    def _stop_writing(self, why: str) -> None:
        if not self._trouble:
            self._notify("events-waiting", f"'{self.path}' cannot be written now: {why}; rows wait")
        with self._changed:
            self._trouble = why
            self._changed.notify_all()

    def _recover(self) -> None:
        if self._trouble:
            self._trouble = ""
            self._tell_lost()
            self._notify("events-written-again", f"'{self.path}' is written again")

    def _tell_lost(self) -> None:
        lost = self.lost
        if lost > self._lost_told:
            first, self._lost_told = not self._lost_told, lost
            if first or not self._trouble or self._closing.is_set():
                self._notify("events-lost", f"rows that '{self.path}' could not take are lost: {lost} so far")

    def _notify(self, kind: str, message: str) -> None:
        with self._changed:
            listeners = self._listeners[:1]
        for notify in listeners:
            notify(kind, message)

    def _forsake(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    def _end(self) -> None:
        if self._database is not None:
            try:
                self._database.end(self._clock.time())
            except sqlite3.Error as error:
                self._stop_writing(str(error))
        self._forsake()


def _by_table(made: Sequence[tuple[str, tuple[Value, ...]]]) -> dict[str, list[tuple[Value, ...]]]:
    tables: dict[str, list[tuple[Value, ...]]] = defaultdict(list)
    for table, values in made:
        tables[table].append(values)
    return tables
