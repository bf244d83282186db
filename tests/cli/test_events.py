"""`run.py events`: what is asked of the database, and how it is told."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from vidstream.cli import main
from vidstream.cli.events_times import moment
from vidstream.errors import UsageError
from vidstream.graph.clock import SystemClock
from vidstream.sinks.events.rows import CountRow, EventRow, SourceRow, StateRow, TrackRow
from vidstream.sinks.events.schema import APPLICATION, MIGRATIONS
from vidstream.sinks.events.store import EventStore
from vidstream.types import Event, FrameInfo, SourceStatus, StreamInfo

ROOT = Path(__file__).resolve().parents[2]
#: a name as nasty as names get
STRANGE = "a'b\"; DROP TABLE events; --\n\x1b[31m=1+1é"
HOUR = 3600.0


def event(kind: str, age: float, **more: Any) -> EventRow:
    now = time.time()
    return EventRow(Event(kind, **{"source": "gate", "seq": 1, "pts": 0.5, **more}), 0, now - age)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Five events of the last days, two tracks, two numbers, two states."""
    path = tmp_path / "e.db"
    store = EventStore(path, SystemClock(), keep=None)
    now = time.time()
    store.put([SourceRow(StreamInfo("gate", 64, 48), now)])
    store.put(
        [
            event("zone_entered", 50 * HOUR, name="yard", track_id=1, class_name="person", box=(1, 2, 3, 4)),
            event("zone_left", 3 * HOUR, name="yard", track_id=1, class_name="person", data={"dwell": 2.5}),
            event("zone_entered", 3 * HOUR, name="door", track_id=2, class_name="car"),
            event("line_crossed", 1, name=STRANGE, source="=dock", track_id=3),
            event("zone_entered", 0, name="yard", source="=dock", track_id=3, class_name="person"),
        ]
    )
    for track, age in ((1, 50), (2, 1)):
        row = (
            track,
            "gate",
            track,
            "person",
            9,
            1,
            0,
            0.0,
            None,
            now - age * HOUR,
            0,
            9.0,
            None,
            now - age * HOUR + 60,
        )
        store.put([TrackRow(row, [1, 2, 3, 4], 1.0, 0.5, [1, 2, 3, 4])])
    frame = FrameInfo("gate", 0, 1, 0.5, None, 0.0, 64, 48)
    store.put([CountRow(frame, "yard", "inside", 1, now - 9), CountRow(frame, "door", "in", 2, now - 8)])
    store.put([StateRow(SourceStatus("gate", s, "why", 0.0, now - 7)) for s in ("lost", "live")])  # type: ignore[arg-type]
    store.close()
    return path


def asked(capsys: pytest.CaptureFixture[str], database: Path, *arguments: str) -> list[dict[str, Any]]:
    assert main(["events", str(database), "--format", "json", *arguments]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param([], [1, 2, 3, 4, 5], id="all, oldest first"),
        pytest.param(["--source", "gate"], [1, 2, 3], id="of a source"),
        pytest.param(["--source", "gate", "--source", "=dock"], [1, 2, 3, 4, 5], id="of either source"),
        pytest.param(["--kind", "zone_entered"], [1, 3, 5], id="of a kind"),
        pytest.param(["--kind", "zone_entered", "--zone", "yard"], [1, 5], id="of a kind in a zone"),
        pytest.param(["--name", STRANGE], [4], id="of a strange name"),
        pytest.param(["--name", "x' OR '1'='1"], [], id="a name is never code"),
        pytest.param(["--class", "car"], [3], id="of a class"),
        pytest.param(["--track", "1"], [1, 2], id="of a track"),
        pytest.param(["--since", "4h"], [2, 3, 4, 5], id="since so long ago"),
        pytest.param(["--since", "2d ago", "--until", "1h"], [2, 3], id="from then to then"),
        pytest.param(["--until", "today"], [1, 2, 3, 4, 5], id="until a day includes the day"),
        pytest.param(["--limit", "2"], [4, 5], id="the newest"),
        pytest.param(["--limit", "0"], [1, 2, 3, 4, 5], id="no limit"),
    ],
)
def test_filters(
    capsys: pytest.CaptureFixture[str], database: Path, arguments: list[str], expected: list[int]
) -> None:
    assert [row["id"] for row in asked(capsys, database, *arguments)] == expected


@pytest.mark.parametrize(
    ("arguments", "column", "expected"),
    [
        pytest.param(["--tracks"], "track", [1, 2], id="tracks"),
        pytest.param(["--tracks", "--since", "2h"], "track", [2], id="tracks that lasted until then"),
        pytest.param(
            ["--tracks", "--until", "49h", "--class", "person"], "track", [1], id="tracks that began before"
        ),
        pytest.param(["--counts"], "value", [1, 2], id="numbers"),
        pytest.param(["--counts", "--zone", "door"], "value", [2], id="numbers of a place"),
        pytest.param(["--counts", "--kind", "inside"], "value", [1], id="numbers of a label"),
        pytest.param(["--states"], "state", ["lost", "live"], id="states"),
        pytest.param(["--states", "--kind", "lost"], "cause", ["why"], id="a state"),
    ],
)
def test_other_tables(
    capsys: pytest.CaptureFixture[str], database: Path, arguments: list[str], column: str, expected: list[Any]
) -> None:
    assert [row[column] for row in asked(capsys, database, *arguments)] == expected


def test_json_holds_all_there_is(capsys: pytest.CaptureFixture[str], database: Path) -> None:
    first, second = asked(capsys, database, "--track", "1")
    assert (first["box"], second["data"], second["clip"]) == ([1, 2, 3, 4], {"dwell": 2.5}, None)
    told = datetime.fromisoformat(second["time"]).timestamp()
    assert told == pytest.approx(time.time() - 3 * HOUR, abs=120)


def test_csv_survives_strange_names_and_is_never_run(
    capsys: pytest.CaptureFixture[str], database: Path
) -> None:
    assert main(["events", str(database), "--format", "csv", "--source", "=dock"]) == 0
    first, second = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (first["name"], first["source"], first["data"]) == (STRANGE, "'=dock", "{}")
    assert (second["name"], second["box"]) == ("yard", "")


def test_a_table_obeys_no_name(capsys: pytest.CaptureFixture[str], database: Path) -> None:
    assert main(["events", str(database), "--limit", "4"]) == 0
    out, _ = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].split() == ["time", "source", "kind", "name", "class", "track", "pts", "data"]
    assert len(lines) == 5
    assert "\x1b" not in out
    assert "\\n\\x1b[31m=1+1é" in out
    assert lines[1].endswith("dwell=2.5")


def test_a_table_says_that_there_is_more(
    capsys: pytest.CaptureFixture[str], database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidstream.cli.events._SCREENFUL", 2)
    assert main(["events", str(database)]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3
    assert err == "the newest 2; --limit 0 shows all\n"


@pytest.mark.parametrize(("form", "out"), [("table", ""), ("json", "[]\n"), ("csv", None)])
def test_nothing_found_is_no_error(
    capsys: pytest.CaptureFixture[str], database: Path, form: str, out: str | None
) -> None:
    assert main(["events", str(database), "--kind", "never", "--format", form]) == 0
    told, _ = capsys.readouterr()
    assert told == out or (out is None and len(told.splitlines()) == 1)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(
            ["none.db"], 1, "event database 'none.db': is not there; name the file that", id="no file"
        ),
        pytest.param(["text.db"], 1, "cannot be read: file is not a database", id="no database"),
        pytest.param(["other.db"], 1, "is a database of another program", id="another's database"),
        pytest.param(["new.db"], 1, "has version 99", id="a newer one"),
        pytest.param(["."], 1, "is not there", id="a folder"),
        pytest.param(
            ["e.db", "--since", "tomorow"], 2, "--since tomorow: is no moment; write 2h", id="no moment"
        ),
        pytest.param(
            ["e.db", "--tracks", "--kind", "x"], 2, "tracks have no kind; they have source", id="no kind"
        ),
        pytest.param(["e.db", "--limit", "-1"], 2, "--limit -1; give 0 (all) or more", id="no limit"),
        pytest.param(
            ["e.db", "--tracks", "--follow"], 2, "--tracks cannot be followed", id="tracks to follow"
        ),
        pytest.param(["no.yaml"], 2, "no.yaml' writes no events; add a stage sink.events", id="no such sink"),
        pytest.param(["two.yaml"], 2, "writes several databases: a.db, b.db", id="two of them"),
    ],
)
def test_one_clear_error(
    capsys: pytest.CaptureFixture[str],
    database: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    folder = database.parent
    monkeypatch.chdir(folder)
    (folder / "text.db").write_text("hello " * 1000)
    graph = "version: 1\nsource: synthetic:people\ngraph:\n  motion: {use: detect.motion}\n"
    (folder / "no.yaml").write_text(graph)
    sinks = [f"  {name}: {{use: sink.events, path: {name}.db}}\n" for name in "ab"]
    (folder / "two.yaml").write_text(graph + "".join(sinks))
    for name, script in {
        "other": "CREATE TABLE mine (x)",
        "new": f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = 99",
    }.items():
        with closing(sqlite3.connect(folder / f"{name}.db")) as other:
            other.executescript(script)
    assert main(["events", *arguments]) == code
    out, err = capsys.readouterr()
    assert message in err
    assert len(err.splitlines()) == 1
    assert out == ""


def test_a_database_of_an_older_version_is_read_and_not_changed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(MIGRATIONS[0])
        database.executescript(f"PRAGMA user_version = 1; PRAGMA application_id = {APPLICATION}")
    before = path.read_bytes()
    assert asked(capsys, path) == asked(capsys, path, "--states") == []
    assert path.read_bytes() == before


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_what_another_hand_has_put_there_is_shown_as_it_is(
    capsys: pytest.CaptureFixture[str], database: Path, form: str
) -> None:
    with closing(sqlite3.connect(database)) as other:
        other.execute("UPDATE events SET time = 1e300, data = 'not JSON', box = x'00' WHERE id = 1")
        other.execute("UPDATE events SET time = 'noon', data = '[1, 2]' WHERE id = 2")
        other.commit()
    assert main(["events", str(database), "--format", form]) == 0
    out, _ = capsys.readouterr()
    assert "not JSON" in out
    assert "noon" in out


def test_the_database_of_a_configuration(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    config = tmp_path / "gate.yaml"
    config.write_text(
        'version: 1\nsource: {uri: "synthetic:people", size: [320, 240], duration: 4s}\ngraph:\n'
        "  motion: {use: detect.motion}\n  track: {use: track.sort}\n"
        "  all: {use: count.zone, zones: {all: [[0, 0], [1, 0], [1, 1], [0, 1]]}}\n"
        "  db: {use: sink.events, path: data/e.db}\n"
    )
    out = ["--out", str(tmp_path)]
    assert main(["run", str(config), *out, "--quiet"]) == 0
    capsys.readouterr()
    rows = asked(capsys, config, *out, "--kind", "zone_entered")
    assert rows
    assert {row["name"] for row in rows} == {"all"}


def test_it_may_be_asked_and_followed_while_it_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "e.db"
    store = EventStore(path, SystemClock(), keep=None)
    store.put([event("first", 0)])
    _until(lambda: path.exists() and asked(capsys, path))
    command = [
        sys.executable,
        str(ROOT / "run.py"),
        "events",
        str(path),
        "--format",
        "json",
        "--follow",
        "--kind",
        "new",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as follower:
        assert follower.stdout is not None
        for name in ("a", "b"):
            store.put([event("new", 0, name=name), event("other", 0)])
            assert json.loads(follower.stdout.readline())["name"] == name
        store.close()
        path.unlink()
        for ending in ("-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
        store = EventStore(path, SystemClock(), keep=None)
        store.put([event("new", 0, name="begun anew")])
        assert json.loads(follower.stdout.readline())["name"] == "begun anew"
        os.kill(follower.pid, signal.SIGINT)
        assert follower.wait(20) == 0
    store.close()


def _until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


# -- moments -------------------------------------------------------------------------------------------


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine in another time zone than most test machines."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


#: 2026-11-20 13:30:00 in Berlin
NOW = datetime.fromisoformat("2026-11-20T12:30:00+00:00").timestamp()


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("text", "end", "expected"),
    [
        pytest.param("90s", False, "2026-11-20T13:28:30", id="seconds ago"),
        pytest.param("2h", False, "2026-11-20T11:30:00", id="hours ago"),
        pytest.param("1d ago", False, "2026-11-19T13:30:00", id="days ago, in words"),
        pytest.param("now", False, "2026-11-20T13:30:00", id="now"),
        pytest.param("today", False, "2026-11-20T00:00:00", id="the day's beginning"),
        pytest.param("today", True, "2026-11-21T00:00:00", id="the day's end"),
        pytest.param("yesterday", False, "2026-11-19T00:00:00", id="yesterday"),
        pytest.param("7:15", False, "2026-11-20T07:15:00", id="a time of day"),
        pytest.param("2026-05-01", False, "2026-05-01T00:00:00", id="a date, in summer"),
        pytest.param("2026-05-01", True, "2026-05-02T00:00:00", id="a date's end"),
        pytest.param("2026-05-01T08:00", True, "2026-05-01T08:00:00", id="a local time"),
        pytest.param("2026-05-01 08:00:30", False, "2026-05-01T08:00:30", id="a local time with a space"),
        pytest.param("2026-05-01T08:00Z", False, "2026-05-01T10:00:00", id="a time of another zone"),
    ],
)
def test_moments(text: str, end: bool, expected: str) -> None:
    assert moment(text, "--since", NOW, end=end) == datetime.fromisoformat(expected).timestamp()


@pytest.mark.parametrize("text", ["", "12", "soon", "25:00", "2026-13-01", "2 weeks", "0001-01-01", "-1h"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(UsageError, match="is no moment"):
        moment(text, "--since", NOW)
