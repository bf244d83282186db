"""Reading an event database where it cannot be written, and where it is large."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from vidstream.graph.clock import SystemClock
from vidstream.sinks.events.query import Query, Reader
from vidstream.sinks.events.rows import EventRow
from vidstream.sinks.events.store import EventStore
from vidstream.types import Event


def filled(path: Path, events: int) -> None:
    store = EventStore(path, SystemClock(), keep=None)
    store.put([EventRow(Event("tick", "gate", i, i / 10), 0, float(i)) for i in range(events)])
    store.close()


def test_a_medium_that_cannot_be_written(small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(500)
    filled(disk / "e.db", 10)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with Reader(disk / "e.db") as reader:
        assert len(reader.rows(Query())) == 10


def test_every_filter_may_be_given_at_once(tmp_path: Path) -> None:
    filled(tmp_path / "e.db", 1000)
    query = Query("events", {"source": ("gate", "dock"), "kind": ("tick",)}, 100.0, 900.0, 3, 700)
    with Reader(tmp_path / "e.db") as reader:
        assert [row["time"] for row in reader.rows(query)] == [897.0, 898.0, 899.0]
