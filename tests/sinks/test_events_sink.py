"""sink.events: what is in the database, and what happens when it cannot be written."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.one_stage import problems
from vidstream.config import loads
from vidstream.errors import SinkError
from vidstream.graph.engine import Engine
from vidstream.sinks.events import store as store_module
from vidstream.sinks.events.database import Database
from vidstream.sinks.events.rows import EventRow
from vidstream.sinks.events.schema import APPLICATION, MIGRATIONS, VERSION
from vidstream.sinks.events.sink import EventSink
from vidstream.sinks.events.store import EventStore
from vidstream.types import Counts, Event, Events, Gap, SourceStatus, StreamInfo, Tracks

NAMES = {0: "person"}
ROOT = Path(__file__).resolve().parents[2]


class StepClock:
    """The time of day is what the test says; waiting is real."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def monotonic(self) -> float:
        return time.monotonic()

    def time(self) -> float:
        return self.now

    def wait(self, event: Any, seconds: float) -> bool:
        return bool(event.wait(seconds))


def table(path: Path, columns: str, name: str, rest: str = "") -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)) as database:
        return database.execute(f"SELECT {columns} FROM {name} {rest}").fetchall()


def until(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Wait for something that comes soon on an idle machine."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(sqlite3.Error, OSError):
            if found := condition():
                return found
        time.sleep(0.02)
    raise AssertionError("it has not come")


def happened(kind: str = "zone_entered", seq: int = 1, **more: Any) -> tuple[Events]:
    return (Events((Event(kind, "gate", seq, seq / 10, **more),)),)


def walkers(*ids: int, x: float = 10.0, score: float = 0.5) -> Tracks:
    return Tracks.of([[x, 10, x + 10, 40]] * len(ids), score, 0, list(ids), names=NAMES)


def open_files() -> int:
    """How many this process has open, where the system tells."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def fill(path: Path) -> None:
    """Leave no room on the disk."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)


def kinds(sink: Any) -> list[str]:
    return [kind for kind, _ in sink.notices]


# -- what is in it -------------------------------------------------------------------------------------


def test_an_event_has_all_that_is_known_of_it(
    make: Callable[..., Any], at: Callable[..., Any], tmp_path: Path
) -> None:
    sink = make(EventSink, path="e.db")
    data = {"direction": "in", "speed": np.float32(0.5), "clip": "clips/1.mp4", "snapshot": "clips/1.jpg"}
    event = Event("line_crossed", "gate", 7, 0.7, 100.0, "door", 3, "person", (1, 2, 3.456, 4), data)
    sink.process(at(7, 0.7, segment=2), events=(Events((event,)),))
    sink.close()
    columns = (
        "run, source, kind, name, class, track, segment, seq, pts, wall, time, box, data, clip, snapshot"
    )
    ((*plain, box, evidence, clip, snapshot),) = table(tmp_path / "e.db", columns, "events")
    assert plain == [1, "gate", "line_crossed", "door", "person", 3, 2, 7, 0.7, 100.0, 100.0]
    assert (json.loads(box), json.loads(evidence)) == ([1, 2, 3.46, 4], {**data, "speed": 0.5})
    assert (clip, snapshot) == ("clips/1.mp4", "clips/1.jpg")


def test_without_a_wall_clock_the_time_is_when_it_was_noted(
    make: Callable[..., Any], at: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EventSink, "clock", StepClock(5000.0))
    sink = make(EventSink, path="e.db")
    sink.process(at(1, 0.1), events=happened(track_id=-1))
    sink.process(at(2, 0.2, wall=99.0), events=happened())
    sink.close()
    assert table(tmp_path / "e.db", "wall, time, track", "events") == [
        (None, 5000.0, None),
        (None, 99.0, None),
    ]


def test_a_track_has_one_row(make: Callable[..., Any], at: Callable[..., Any], tmp_path: Path) -> None:
    sink = make(EventSink, path="e.db")
    for seq in range(200):
        score = 0.9 if seq == 50 else 0.5
        tracks = walkers(4, 9, x=float(seq), score=score) if seq < 120 else walkers(9, x=float(seq))
        sink.process(at(seq, seq * 0.1, wall=1000 + seq * 0.1), tracks)
    columns = "track, class, frames, ended, first_pts, last_pts, last_wall, best_pts, best_score"
    columns += ", best_box, last_box"
    (gone,) = until(lambda: table(tmp_path / "e.db", columns, "tracks", "WHERE ended"))
    assert gone[:4] == (4, "person", 120, 1)
    assert gone[4:9] == pytest.approx((0, 11.9, 1011.9, 5.0, 0.9))
    assert gone[9:] == ("[50.0,10.0,60.0,40.0]", "[119.0,10.0,129.0,40.0]")
    sink.flush()
    sink.close()
    rows = table(tmp_path / "e.db", columns, "tracks")
    assert [row[:4] for row in rows] == [(4, "person", 120, 1), (9, "person", 200, 1)]


def test_a_track_goes_on_over_a_reconnect_and_predicted_places_do_not_count(
    make: Callable[..., Any], at: Callable[..., Any], tmp_path: Path
) -> None:
    sink = make(EventSink, path="e.db")
    sink.process(at(1, 3.0), walkers(4))
    sink.on_gap(Gap("reconnect", StreamInfo("gate", 64, 48), 2.0))
    sink.process(at(2, 0.0, segment=1), walkers(4))
    sink.process(at(3, 0.1, segment=1), walkers(4).with_extra(since_update=np.array([0.1], np.float32)))
    sink.flush()
    sink.close()
    columns = "track, frames, first_segment, first_pts, last_segment, last_pts"
    assert table(tmp_path / "e.db", columns, "tracks") == [(4, 2, 0, 3.0, 1, 0.0)]


def test_numbers_are_written_when_they_change_and_once_a_second_at_most(
    make: Callable[..., Any], at: Callable[..., Any], tmp_path: Path
) -> None:
    sink = make(EventSink, path="e.db")
    for seq in range(40):  # 4 seconds; changes at 0.5 s (held back until 1 s), 2.5 s, 3.9 s
        value = 0 if seq < 5 else 1 if seq < 25 else 2 if seq < 39 else 3
        sink.process(at(seq, seq * 0.1), counts=(Counts({"door": {"in": value, "out": 0}}),))
    sink.flush()
    sink.close()
    rows = table(tmp_path / "e.db", "place, label, value, round(pts, 3)", "counts")
    assert rows == [
        ("door", "in", 0, 0),
        ("door", "out", 0, 0),
        ("door", "in", 1, 1.0),
        ("door", "in", 2, 2.5),
        ("door", "in", 3, 3.9),
    ]


def test_several_stages_may_count_at_one_place(
    make: Callable[..., Any], at: Callable[..., Any], tmp_path: Path
) -> None:
    sink = make(EventSink, path="e.db")
    for seq in range(21):
        counts = Counts({"yard": {"inside": seq // 10}}), Counts({"yard": {"car": seq // 10}})
        sink.process(at(seq, seq * 0.1), counts=counts)
    sink.close()
    rows = table(tmp_path / "e.db", "label, value", "counts")
    assert rows == [(label, value) for value in (0, 1, 2) for label in ("inside", "car")]


def test_cameras_write_at_the_same_time_and_nothing_is_left_behind(tmp_path: Path) -> None:
    threads, files = threading.active_count(), open_files()
    for run in range(10):
        store = EventStore(tmp_path / "e.db", StepClock(3600.0 * (5 - run)), keep=None)

        def write(store: EventStore = store, run: int = run) -> None:
            for seq in range(100):
                store.put([EventRow(Event("tick", "gate", seq, 0.0), run, 0.0)])

        cameras = [threading.Thread(target=write) for _ in range(8)]
        for camera in cameras:
            camera.start()
        for camera in cameras:
            camera.join()
        store.close()
    assert table(tmp_path / "e.db", "count(*), count(DISTINCT run)", "events") == [(8000, 10)]
    assert (threading.active_count(), open_files()) == (threads, files)


def test_states_of_the_source_are_kept(make: Callable[..., Any], tmp_path: Path) -> None:
    sink = make(EventSink, path="e.db")
    sink.on_status(SourceStatus("gate", "lost", "rtsp://me:hunter2@cam/1 hung up", 1.0, 50.0))
    sink.close()
    sink.on_status(SourceStatus("gate", "live", "", 2.0, 51.0))  # too late, and no harm
    rows = table(tmp_path / "e.db", "source, state, cause, time", "states")
    assert rows == [("gate", "lost", "rtsp://me:***@cam/1 hung up", 50.0)]


def test_no_password_gets_in(make: Callable[..., Any], at: Callable[..., Any], tmp_path: Path) -> None:
    stream = StreamInfo("gate", 64, 48, uri="rtsp://me:hunter2@cam/1?token=hunter2")
    sink = make(EventSink, path="e.db", stream=stream)
    data = {"from": "rtsp://me:hunter2@cam", "all": [{"u": "http://x/?key=hunter2"}], "mail": "a@b"}
    sink.process(at(1, 0.1), events=happened(data=data))
    sink.close()
    assert all(b"hunter2" not in p.read_bytes() for p in tmp_path.glob("e.db*"))
    ((text,),) = table(tmp_path / "e.db", "data", "events")
    assert json.loads(text) == {
        "from": "rtsp://me:***@cam",
        "all": [{"u": "http://x/?key=***"}],
        "mail": "a@b",
    }


def test_strange_values_are_kept_and_impossible_ones_lose_nobody_else(
    make: Callable[..., Any], at: Callable[..., Any], tmp_path: Path
) -> None:
    sink = make(EventSink, path="e.db")
    sink.process(at(1, 0.1), events=happened("odd", name="a'); DROP TABLE events; --\n\ud800é"))
    sink.process(at(2, 0.2), events=happened("bad", data={"what": object()}))
    sink.process(at(3, 0.3), events=happened("huge", track_id=2**70))
    sink.process(at(4, float("nan")), events=happened("good", seq=4))
    sink.close()
    rows = table(tmp_path / "e.db", "kind, name", "events")
    assert rows == [("odd", "a'); DROP TABLE events; --\n?é"), ("good", "")]
    assert kinds(sink) == ["events-lost"] * 2
    assert "evidence of type object" in sink.notices[0][1]


def test_cameras_of_a_run_write_one_file(tmp_path: Path) -> None:
    from vidstream import builtin

    text = """
version: 1
run: {out: %s}
sources:
  north: {uri: "synthetic:people", size: [160, 120], duration: 4s}
  south: {uri: "synthetic:people", size: [160, 120], duration: 4s, seed: 3}
graph:
  motion: {use: detect.motion}
  track: {use: track.sort}
  zone: {use: count.zone, zones: {all: [[0, 0], [1, 0], [1, 1], [0, 1]]}}
  db: {use: sink.events, path: e.db}
"""
    loaded = loads(text % tmp_path, builtin.registry())
    report = Engine(loaded.description).run()
    assert report.exit_code == 0
    path = tmp_path / "e.db"
    assert list(tmp_path.iterdir()) == [path]  # no -wal, no -shm: all is in one file
    assert table(path, "source, width", "sources") == [("north", 160), ("south", 160)]
    assert {source for (source,) in table(path, "source", "events")} == {"north", "south"}
    assert table(path, "count(*), count(ended)", "runs") == [(1, 1)]
    (entered,) = table(path, "count(*)", "events", "WHERE kind = 'zone_entered'")
    (last,) = table(
        path, "sum(v)", "(SELECT max(value) AS v FROM counts WHERE label = 'entered' GROUP BY source)"
    )
    assert entered == last


def test_another_kind_of_writer_of_the_same_file_is_refused(tmp_path: Path) -> None:
    from vidstream import builtin
    from vidstream.errors import ConfigError

    text = """
version: 1
source: synthetic:people
graph:
  motion: {use: detect.motion}
  db: {use: sink.events, path: e.db}
  log: {use: sink.jsonl, path: e.db}
"""
    with pytest.raises(ConfigError, match="already writes 'e.db'"):
        loads(text, builtin.registry())


@pytest.mark.parametrize(
    ("path", "message"),
    [
        pytest.param("clip.mp4", "does not end in .db or .sqlite", id="a recording"),
        pytest.param("../e.db", "leads out of the output folder", id="another folder"),
    ],
)
def test_paths_that_are_refused(path: str, message: str) -> None:
    (problem,) = problems(EventSink, path=path)
    assert message in problem


# -- versions ------------------------------------------------------------------------------------------


def version_one(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(MIGRATIONS[0])
        database.executescript(f"PRAGMA user_version = 1; PRAGMA application_id = {APPLICATION}")
        database.execute("INSERT INTO runs VALUES (NULL, 10, 20, 77)")
        row = (1, "gate", "zone_entered", "yard", "", None, 0, 1, 0.1, None, 12.0, None, "{}", None, None)
        database.execute(f"INSERT INTO events VALUES (NULL, {', '.join('?' * 15)})", row)
        database.commit()


def test_a_database_of_version_1_is_brought_up_to_date(
    make: Callable[..., Any], at: Callable[..., Any], tmp_path: Path
) -> None:
    version_one(tmp_path / "e.db")
    sink = make(EventSink, path="e.db")
    sink.process(at(1, 0.1), events=happened("new"))
    sink.close()
    assert table(tmp_path / "e.db", "run, kind", "events") == [(1, "zone_entered"), (2, "new")]
    assert table(tmp_path / "e.db", "user_version", "pragma_user_version") == [(VERSION,)]
    assert table(tmp_path / "e.db", "run, source", "sources") == [(2, "gate")]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        pytest.param(
            f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = 99",
            f"has version 99, but this program knows versions up to {VERSION}; use a newer vidstream",
            id="a newer one",
        ),
        pytest.param(
            "CREATE TABLE mine (x)", "is a database of another program; name another", id="another's"
        ),
    ],
)
def test_databases_that_are_refused(
    make: Callable[..., Any], tmp_path: Path, script: str, message: str
) -> None:
    with closing(sqlite3.connect(tmp_path / "e.db")) as database:
        database.executescript(script)
    before = (tmp_path / "e.db").read_bytes()
    with pytest.raises(SinkError, match=message):
        make(EventSink, path="e.db")
    assert (tmp_path / "e.db").read_bytes() == before


# -- trouble -------------------------------------------------------------------------------------------


def test_rows_wait_while_another_process_holds_the_database(
    make: Callable[..., Any], at: Callable[..., Any], tmp_path: Path
) -> None:
    sink = make(EventSink, path="e.db")
    sink.process(at(1, 0.1), events=happened())
    until(lambda: table(tmp_path / "e.db", "1", "events"))
    code = (
        "import sqlite3, sys\n"
        f"db = sqlite3.connect({str(tmp_path / 'e.db')!r}, isolation_level=None)\n"
        "db.execute('BEGIN EXCLUSIVE'); print('held', flush=True); sys.stdin.readline()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        begun = time.monotonic()
        for seq in range(2, 500):
            sink.process(at(seq, seq * 0.1), events=happened(seq=seq))
        assert time.monotonic() - begun < 2  # the graph does not wait
        until(lambda: "events-waiting" in kinds(sink))
        assert len(table(tmp_path / "e.db", "1", "events")) == 1  # readers see what was there before
        holder.communicate(b"\n")
    until(lambda: len(table(tmp_path / "e.db", "1", "events")) == 499)
    until(lambda: kinds(sink) == ["events-waiting", "events-written-again"])


def test_what_cannot_wait_is_counted_as_lost(
    make: Callable[..., Any], at: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "LIMIT", 50)
    monkeypatch.setattr(store_module, "_CLOSING", 0.5)
    with closing(sqlite3.connect(tmp_path / "e.db", isolation_level=None)) as holder:
        holder.execute("PRAGMA journal_mode = WAL")
        holder.execute("BEGIN EXCLUSIVE")
        sink = make(EventSink, path="e.db")
        until(lambda: "events-waiting" in kinds(sink))
        for seq in range(100):
            sink.process(at(seq, seq * 0.1), events=happened(seq=seq))
        until(lambda: "events-lost" in kinds(sink))
        begun = time.monotonic()
        sink.close()
        assert time.monotonic() - begun < 10
    assert "lost: 101 so far" in sink.notices[-1][1]  # the source's own row, and all events


def test_a_full_disk_stops_nobody_and_is_written_again_when_there_is_room(
    make: Callable[..., Any], at: Callable[..., Any], small_disk: Callable[[int], Path]
) -> None:
    disk = small_disk(400)
    sink = make(EventSink, path="e.db", root=disk)
    sink.process(at(0, 0.0), events=happened(seq=0))
    until(lambda: table(disk / "e.db", "1", "events"))
    fill(disk / "filler")
    for seq in range(1, 1000):
        sink.process(at(seq, seq * 0.1), events=happened(seq=seq, data={"much": "x" * 50}))
    until(lambda: "events-waiting" in kinds(sink))
    (disk / "filler").unlink()
    until(lambda: len(table(disk / "e.db", "1", "events")) == 1000)
    sink.close()
    assert sorted(set(kinds(sink))) == ["events-waiting", "events-written-again"]
    assert table(disk / "e.db", "count(*), count(DISTINCT seq)", "events") == [(1000, 1000)]
    assert table(disk / "e.db", "count(*)", "runs") == [(1,)]


def test_a_disk_that_is_full_from_the_beginning(
    make: Callable[..., Any], at: Callable[..., Any], small_disk: Callable[[int], Path]
) -> None:
    disk = small_disk(200)
    fill(disk / "filler")
    sink = make(EventSink, path="e.db", root=disk)
    sink.process(at(0, 0.0), events=happened())
    until(lambda: kinds(sink) == ["events-waiting"])
    (disk / "filler").unlink()
    until(lambda: table(disk / "e.db", "kind", "events") == [("zone_entered",)])


def test_a_folder_that_cannot_be_written_shows_at_once(
    make: Callable[..., Any], small_disk: Callable[[int], Path]
) -> None:
    disk = small_disk(200)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(SinkError, match="cannot be written: the disk is read-only"):
        make(EventSink, path="e.db", root=disk)


def test_nothing_is_written_twice_where_forgetting_fails(
    make: Callable[..., Any], at: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(database: Database, before: float) -> int:
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(Database, "forget", fail)
    sink = make(EventSink, path="e.db", keep="1d")
    for seq in range(500):
        sink.process(at(seq, seq * 0.1), events=happened(seq=seq))
    sink.close()
    assert table(tmp_path / "e.db", "count(*), count(DISTINCT seq)", "events") == [(500, 500)]
    assert sink.notices == []


def test_a_file_may_have_a_largest_size(
    make: Callable[..., Any],
    at: Callable[..., Any],
    tmp_path: Path,
    file_limit: Callable[[int], contextlib.AbstractContextManager[None]],
) -> None:
    sink = make(EventSink, path="e.db")
    sink.process(at(0, 0.0), events=happened(seq=0))
    until(lambda: table(tmp_path / "e.db", "1", "events"))
    with file_limit(120_000):
        for seq in range(1, 3000):
            sink.process(at(seq, seq * 0.1), events=happened(seq=seq))
        until(lambda: "events-waiting" in kinds(sink))
    until(lambda: len(table(tmp_path / "e.db", "1", "events")) == 3000)
    assert "events-lost" not in kinds(sink)


def test_a_deleted_file_is_begun_anew(
    make: Callable[..., Any], at: Callable[..., Any], tmp_path: Path
) -> None:
    sink = make(EventSink, path="e.db")
    sink.process(at(1, 0.1), events=happened("before"))
    until(lambda: table(tmp_path / "e.db", "1", "events"))
    for file in tmp_path.glob("e.db*"):
        file.unlink()
    sink.process(at(2, 0.2), events=happened("after"))
    sink.close()
    assert table(tmp_path / "e.db", "kind", "events") == [("after",)]
    assert table(tmp_path / "e.db", "source", "sources") == [("gate",)]
    assert kinds(sink) == ["database-gone"]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda good: b"this is no database" * 100, id="something else"),
        pytest.param(lambda good: good[: len(good) // 2], id="cut off"),
        pytest.param(lambda good: good[:4096] + b"\xff" * (len(good) - 4096), id="overwritten"),
    ],
)
def test_a_damaged_file_is_moved_aside(
    make: Callable[..., Any], at: Callable[..., Any], tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    version_one(tmp_path / "e.db")
    bad = damage((tmp_path / "e.db").read_bytes())
    (tmp_path / "e.db").write_bytes(bad)
    sink = make(EventSink, path="e.db")
    sink.process(at(1, 0.1), events=happened("new"))
    sink.close()
    assert table(tmp_path / "e.db", "kind", "events") == [("new",)]
    (aside,) = tmp_path.glob("e.db.damaged-*Z")
    assert len(aside.read_bytes()) == len(bad)
    assert kinds(sink) == ["database-damaged"]


def test_a_kill_loses_the_last_batch_at_most_and_a_restart_goes_on(
    make: Callable[..., Any], at: Callable[..., Any], tmp_path: Path
) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\n"
        "from vidstream.graph.clock import SystemClock\n"
        "from vidstream.sinks.events.rows import EventRow\n"
        "from vidstream.sinks.events.store import EventStore\n"
        "from vidstream.types import Event\n"
        f"store = EventStore(Path({str(tmp_path / 'e.db')!r}), SystemClock(), keep=None)\n"
        "for seq in range(10**9):\n"
        "    store.put([EventRow(Event('tick', 'gate', seq, 0.0), 0, 0.0)])\n"
        "    if seq % 20 == 0:\n"
        "        print(seq, flush=True); time.sleep(0.02)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT)
    until(lambda: len(table(tmp_path / "e.db", "1", "events")) > 1000)
    os.kill(writer.pid, signal.SIGKILL)
    put = int(writer.communicate()[0].split()[-1])
    assert (tmp_path / "e.db-wal").exists()
    sink = make(EventSink, path="e.db")
    sink.process(at(1, 0.1), events=happened("after"))
    sink.close()
    assert sink.notices == []
    rows = table(tmp_path / "e.db", "run, kind, seq", "events")
    assert rows[-1] == (2, "after", 1)
    ticks = [seq for run, _, seq in rows if run == 1]
    assert ticks == list(range(len(ticks)))  # no hole
    assert put - len(ticks) < 2000  # two seconds, on a machine that is very busy
    assert table(tmp_path / "e.db", "ended IS NULL", "runs") == [(1,), (0,)]


def test_what_is_too_old_is_forgotten(
    make: Callable[..., Any], at: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day, now = 86400.0, 1_800_000_000.0
    monkeypatch.setattr(EventSink, "clock", StepClock(now))
    first = make(EventSink, path="e.db")
    for age in (91, 89):
        wall = now - age * day
        tracks, counts = walkers(age), (Counts({"door": {"in": age}}),)
        first.process(at(age, age, segment=age, wall=wall), tracks, counts, happened(seq=age, wall=wall))
        first.on_gap(Gap("seek", StreamInfo("gate", 64, 48), 60.0))
    first.flush()
    first.close()
    assert len(table(tmp_path / "e.db", "1", "events")) == 2
    second = make(EventSink, path="e.db", keep="90d")
    second.process(at(1, 0.1), events=happened("new"))
    second.close()
    assert table(tmp_path / "e.db", "seq", "events", "WHERE kind <> 'new'") == [(89,)]
    assert table(tmp_path / "e.db", "track", "tracks") == [(89,)]
    assert table(tmp_path / "e.db", "value", "counts") == [(89,)]


@pytest.fixture
def lone_store(tmp_path: Path) -> Iterator[EventStore]:
    store = EventStore(tmp_path / "e.db", StepClock(), keep=None)
    yield store
    store.close()


def test_closing_twice_or_with_nothing_to_write_is_no_harm(lone_store: EventStore, tmp_path: Path) -> None:
    lone_store.close()
    assert not (tmp_path / "e.db").exists()
