"""Asking an event database, also while it is written: nothing in it is changed."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeAlias

from vidstream.errors import SinkError, UsageError
from vidstream.sinks.events.schema import version_of

Topic: TypeAlias = Literal["events", "tracks", "counts", "states"]
Filter: TypeAlias = Literal["source", "class", "kind", "name", "track"]

#: seconds that a lock is waited for: readers meet one while a database is being repaired after a kill
_BUSY = 5.0
#: what of each table is given, in this order
COLUMNS: Final[Mapping[Topic, tuple[str, ...]]] = {
    "events": (
        *("id", "run", "time", "source", "kind", "name", "class", "track"),
        *("segment", "seq", "pts", "wall", "box", "data", "clip", "snapshot"),
    ),
    "tracks": (
        *("run", "number", "source", "track", "class", "frames", "ended", "first_time", "last_time"),
        *("first_segment", "first_pts", "first_wall", "last_segment", "last_pts", "last_wall", "last_box"),
        *("best_pts", "best_score", "best_box"),
    ),
    "counts": (
        *("id", "run", "time", "source", "place", "label", "value"),
        *("segment", "seq", "pts", "wall"),
    ),
    "states": ("id", "run", "time", "source", "state", "cause"),
}
#: the column that each filter looks at
_FILTERS: Final[Mapping[Topic, Mapping[Filter, str]]] = {
    "events": {"source": "source", "class": "class", "kind": "kind", "name": "name", "track": "track"},
    "tracks": {"source": "source", "class": "class", "track": "track"},
    "counts": {"source": "source", "name": "place", "kind": "label"},
    "states": {"source": "source", "kind": "state"},
}
#: when a row began and ended, and what the newest is told by
_SPAN: Final[Mapping[Topic, tuple[str, str]]] = {
    "events": ("time", "time"),
    "tracks": ("first_time", "last_time"),
    "counts": ("time", "time"),
    "states": ("time", "time"),
}
_JSON = frozenset({"box", "data", "last_box", "best_box"})


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for. Each filter names the values that pass; times are UTC seconds, `until` excluded."""

    topic: Topic = "events"
    filters: Mapping[Filter, tuple[str | int, ...]] = field(default_factory=dict)
    since: float | None = None
    until: float | None = None
    #: so many of the newest; all where it is None
    limit: int | None = None
    #: only rows behind the one of this id
    after: int | None = None

    def sql(self) -> tuple[str, list[str | int | float]]:
        """The statement and its parameters. UsageError where a filter does not belong to the topic."""
        wheres: list[str] = []
        values: list[str | int | float] = []
        for name, allowed in self.filters.items():
            column = _FILTERS[self.topic].get(name)
            if column is None:
                known = ", ".join(_FILTERS[self.topic])
                raise UsageError(f"{self.topic} have no {name}", fix=f"they have {known}")
            wheres.append(f"{column} IN ({', '.join('?' * len(allowed))})")
            values += allowed
        began, ended = _SPAN[self.topic]
        bounds = (f"{ended} >= ?", self.since), (f"{began} < ?", self.until), ("id > ?", self.after)
        for condition, bound in bounds:
            if bound is not None:
                wheres.append(condition)
                values.append(bound)
        values.append(-1 if self.limit is None else self.limit)
        return _statement(self.topic, wheres), values


def _statement(topic: Topic, wheres: list[str]) -> str:
    """The newest rows, newest first. All words in it are ours; what is asked for goes by parameters."""
    where = f"WHERE {' AND '.join(wheres)}" if wheres else ""
    order = "run DESC, number DESC" if topic == "tracks" else "id DESC"
    return f"SELECT {', '.join(COLUMNS[topic])} FROM {topic} {where} ORDER BY {order} LIMIT ?"  # noqa: S608 - see above


class Reader:
    """An event database, open for reading. Raises SinkError where the file is none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._place = f"event database '{path}'"
        self._db = self._connect()
        self._inode = path.stat().st_ino

    def reopen(self) -> None:
        """Read the file that has its name now."""
        fresh = self._connect()
        self._db.close()
        self._db, self._inode = fresh, self.path.stat().st_ino

    def _connect(self) -> sqlite3.Connection:
        if not self.path.is_file():
            raise SinkError("is not there", where=self._place, fix="name the file that sink.events writes")
        try:
            return self._checked()
        except sqlite3.Error as error:
            raise self._unreadable(error) from error

    def _checked(self) -> sqlite3.Connection:
        uri = f"{self.path.resolve().as_uri()}?mode=ro"
        if (
            not os.access(self.path.parent, os.W_OK)
            and not self.path.with_name(f"{self.path.name}-wal").exists()
        ):
            uri += "&immutable=1"  # on a medium that cannot be written, nobody writes
        connection = sqlite3.connect(uri, uri=True, timeout=_BUSY)
        try:
            version_of(connection, self.path)
        except (sqlite3.Error, SinkError):
            connection.close()
            raise
        return connection

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    @property
    def replaced(self) -> bool:
        """Whether another file has its name now."""
        try:
            return self.path.stat().st_ino != self._inode
        except OSError:
            return False  # gone for good, or for a moment

    def rows(self, query: Query) -> list[dict[str, Any]]:
        """What was asked for, oldest first; boxes and evidence as lists and mappings."""
        statement, values = query.sql()
        try:
            if not self._has(query.topic):
                return []
            with closing(self._db.execute(statement, values)) as found:
                rows = list(_decoded(found, COLUMNS[query.topic]))
        except sqlite3.Error as error:
            raise self._unreadable(error) from error
        return rows[::-1]

    def _has(self, topic: Topic) -> bool:
        """A database of an older version may lack a table until it is written again."""
        named = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
        return self._db.execute(named, (topic,)).fetchone() is not None

    def _unreadable(self, error: sqlite3.Error) -> SinkError:
        return SinkError(f"cannot be read: {error}", where=self._place, fix="name an event database")


def _decoded(found: sqlite3.Cursor, columns: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for values in found:
        row = dict(zip(columns, values, strict=True))
        for name in _JSON & row.keys():
            with suppress(ValueError, TypeError):  # somebody else's hand: shown as it is
                row[name] = json.loads(row[name])
        yield row
