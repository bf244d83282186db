"""Rows of an event database, printed: a table for eyes, JSON and CSV for programs."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from vidstream.sinks.csv import safe
from vidstream.sinks.events.query import COLUMNS, Topic
from vidstream.sinks.plain import utc

Row: TypeAlias = dict[str, Any]
#: what a table shows; the rest is in JSON and CSV
_SHOWN: Final[Mapping[Topic, tuple[str, ...]]] = {
    "events": ("time", "source", "kind", "name", "class", "track", "pts", "data"),
    "tracks": ("first_time", "last_time", "source", "track", "class", "frames", "ended", "best_score"),
    "counts": ("time", "source", "place", "label", "value"),
    "states": ("time", "source", "state", "cause"),
}
_TIMES = frozenset({"time", "wall", "first_time", "last_time", "first_wall", "last_wall"})
#: columns of a table that begin at least this wide, so that rows that follow stand under each other
_WIDTH: Final = 8


class TableOutput:
    """Columns under headings, in local time."""

    def __init__(self, topic: Topic) -> None:
        self._columns = _SHOWN[topic]
        self._widths = [_WIDTH] * len(self._columns)
        self._begun = False

    def write(self, rows: Sequence[Row]) -> None:
        """Print rows; the heading comes with the first ones."""
        lines = [[_cell(name, row[name]) for name in self._columns] for row in rows]
        if not self._begun and lines:
            self._begun = True
            lines.insert(0, list(self._columns))
        for place in range(len(self._columns)):
            self._widths[place] = max(self._widths[place], *(len(line[place]) for line in lines), 0)
        for line in lines:
            cells = (f"{cell:{width}}" for cell, width in zip(line, self._widths, strict=True))
            print("  ".join(cells).rstrip())

    def end(self) -> None:
        """Nothing found is an answer, too."""
        if not self._begun:
            print("nothing found", file=sys.stderr)


class JsonOutput:
    """One list of mappings; with `lines`, one mapping per line, so that a reader may follow."""

    def __init__(self, *, lines: bool) -> None:
        self._lines = lines
        self._begun = False

    def write(self, rows: Sequence[Row]) -> None:
        """Print rows, one per line."""
        for row in rows:
            plain = {name: _utc(value) if name in _TIMES else value for name, value in row.items()}
            text = json.dumps(plain, ensure_ascii=False, default=str)
            if not self._lines:
                print(",\n" if self._begun else "[", end="")
            print(text, end="\n" if self._lines else "")
            self._begun = True

    def end(self) -> None:
        """Close the list."""
        if not self._lines:
            print("]" if self._begun else "[]")


class CsvOutput:
    """A header and one line per row; texts that a spreadsheet would run get an apostrophe in front."""

    def __init__(self, topic: Topic) -> None:
        self._writer = csv.writer(sys.stdout, lineterminator="\n")
        self._columns = COLUMNS[topic]
        self._writer.writerow(self._columns)

    def write(self, rows: Sequence[Row]) -> None:
        """Print rows."""
        self._writer.writerows([_field(name, row[name]) for name in self._columns] for row in rows)
        sys.stdout.flush()

    def end(self) -> None:
        """There is nothing to close."""


def _cell(name: str, value: Any) -> str:
    """A value on one line, without anything that a terminal would obey."""
    if value is None:
        return "-"
    if name in _TIMES and _utc(value) != value:
        return datetime.fromtimestamp(value).isoformat(" ", "milliseconds")
    if name == "ended":
        return "yes" if value else "no"
    if isinstance(value, dict):
        text = " ".join(f"{key}={_word(item)}" for key, item in value.items())
    else:
        text = _word(value)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _utc(value: Any) -> Any:
    """A time as text; what is none, as it is: somebody may have put it there."""
    try:
        return utc(value)
    except (ValueError, TypeError, OverflowError, OSError):
        return value


def _word(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _field(name: str, value: Any) -> Any:
    if value is None:
        return ""
    if name in _TIMES:
        return _utc(value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return safe(value) if isinstance(value, str) else value
