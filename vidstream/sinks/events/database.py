"""One event database, open for writing: what may be wrong with its file, and what is done about it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import NamedTuple

from vidstream.errors import SinkError
from vidstream.sinks.events.rows import Value
from vidstream.sinks.events.schema import FORGET, INSERT, migrate, version_of

#: seconds that a lock of somebody else is waited for in one go
BUSY = 0.25
#: a file beyond this is not read through when it is opened: its faults show when they are met
_CHECKED = 256 << 20


class Run(NamedTuple):
    """When a run started (UTC seconds), and the number of its process."""

    started: float
    process: int


class Database:
    """A connection, and the run that it writes for. Belongs to one thread. Methods raise sqlite3.Error."""

    def __init__(self, path: Path, run: Run) -> None:
        self.path = path
        self._db = sqlite3.connect(path, timeout=BUSY, isolation_level=None)
        try:
            self._prepare()
            self._run = self._number_of(run)
        except (sqlite3.Error, SinkError):
            self._db.close()
            raise
        self._inode = path.stat().st_ino

    def _number_of(self, run: Run) -> int:
        """The run's number in this file; it may have been written here before."""
        known = self._db.execute("SELECT id FROM runs WHERE (started, process) = (?, ?)", run).fetchone()
        if known:
            return int(known[0])
        return self._db.execute("INSERT INTO runs VALUES (NULL, ?, NULL, ?)", run).lastrowid or 0

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA journal_size_limit = 16777216")
        if self.path.stat().st_size < _CHECKED:
            (found,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise Damaged(found)
        migrate(self._db, self.path)

    @property
    def gone(self) -> bool:
        """Whether the file has been deleted or replaced: what is written now, nobody would find."""
        try:
            return self.path.stat().st_ino != self._inode
        except OSError:
            return True

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing; the lock for writing is taken at once, so that waiting for it can succeed."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def write(self, rows: Mapping[str, Sequence[tuple[Value, ...]]]) -> None:
        """Write rows by table, all of them or none."""
        with self._transaction():
            for table, values in rows.items():
                self._db.executemany(INSERT[table], [(self._run, *row) for row in values])

    def write_singly(self, rows: Sequence[tuple[str, tuple[Value, ...]]]) -> list[str]:
        """Write rows one by one, where one of them is at fault; gives why each of those was left out."""
        refused = []
        with self._transaction():
            for table, values in rows:
                try:
                    self._db.execute(INSERT[table], (self._run, *values))
                except (sqlite3.IntegrityError, sqlite3.InterfaceError, OverflowError) as error:
                    refused.append(f"a row of {table} does not fit: {error}")
        return refused

    def forget(self, before: float) -> int:
        """Drop rows older than this UTC second, not too many at once; gives how many."""
        with self._transaction():
            dropped = sum(self._db.execute(old, (before,)).rowcount for old in FORGET)
            self._db.execute("DELETE FROM runs WHERE ended < ?", (before,))
            self._db.execute("DELETE FROM sources WHERE run NOT IN (SELECT id FROM runs)")
        return dropped

    def end(self, ended: float) -> None:
        """The run is over."""
        self._db.execute("UPDATE runs SET ended = ? WHERE id = ?", (ended, self._run))

    def close(self) -> None:
        """Let go of the file."""
        with suppress(sqlite3.Error):
            self._db.close()


class Damaged(sqlite3.DatabaseError):
    """What a look through the file has found."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is at fault, so that trying again is no use."""
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_passing(error: Exception) -> bool:
    """Whether it may be better later: locked, full, not there. Else it is a row that is at fault."""
    return isinstance(error, sqlite3.OperationalError)


def is_busy(error: sqlite3.Error) -> bool:
    """Whether somebody else holds a lock."""
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def examine(path: Path) -> None:
    """Refuse, before anything is written, a database that we must not write into. Raises SinkError.

    One that cannot be read now (locked, damaged, not there yet) is left to the writer.
    """
    with suppress(sqlite3.Error):
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=BUSY)
        try:
            version_of(connection, path)
        finally:
            connection.close()


def move_aside(path: Path, now: float) -> Path:
    """Give a damaged database another name, with what belongs to it; nothing is deleted. Raises OSError."""
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    names = (path.with_name(f"{path.name}.damaged-{stamp}{n or ''}") for n in count())
    aside = next(name for name in names if not name.exists())
    path.rename(aside)
    for ending in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + ending).rename(aside.with_name(aside.name + ending))
    return aside
