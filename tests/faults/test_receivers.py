"""Brokers, web servers and databases that are down, hang, are locked or full: nothing else may notice."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.support.fault_table import Recorder
from tests.support.live_site import BUSY, Site, p95
from tests.support.memory import fill
from tests.support.mosquitto import PASSWORD, USER, Mosquitto, broker
from vidstream import Stage, stage
from vidstream.types import Event, Events, FrameInfo

__all__ = ["broker"]  # a fixture


@stage("fault.ticks")
class Ticks(Stage):
    """An event on every fifth frame, numbered."""

    #: how many there were, by source
    given: ClassVar[dict[str, int]] = {}

    def open(self, stream: Any) -> None:
        self.number = 0

    def process(self, frame: FrameInfo) -> Events:
        if frame.seq % 5:
            return Events()
        self.number += 1
        self.given[frame.source] = self.number
        return Events(
            (Event("tick", frame.source, frame.seq, frame.pts, frame.wall, data={"n": self.number}),)
        )


class Undisturbed:
    """A camera whose frames are watched while what is behind its sink is in trouble."""

    def __init__(self, running: Site, record: Recorder) -> None:
        self._running, self._record = running, record
        running.wait_for_frames("gate", 25)
        self._began = time.monotonic()

    def conclude(self) -> int:
        """Nothing was lost, nothing got older, and the run ends as if nothing had been; ticks given."""
        running, record = self._running, self._record
        ages = running.ages("gate", self._began)
        missing, busy = running.missing("gate", self._began), running.busy(self._began)
        few = running.loses_little("gate", self._began)
        record("frame age p95", 1000 * p95(ages), "ms", "<= 300")
        record("frames lost", missing, "", "= 0")
        running.stop()
        record("stop", running.stopped_after, "s", "<= 3")
        record("waited for the processor", 100 * busy, "%")
        assert p95(ages) < 0.6 or busy > BUSY
        assert few
        assert running.stopped_after < 6
        return Ticks.given["gate"]


def check_ticks(numbers: list[int], given: int, record: Recorder) -> None:
    """Each came once or more, in order, and none is missing but for what may have been under way."""
    record("events that never came", given - len(set(numbers)), "", "= 0")
    record("events that came twice", len(numbers) - len(set(numbers)), "")
    first = list(dict.fromkeys(numbers))
    assert first == sorted(first), f"out of order: {first}"
    assert given - len(first) <= 2


@pytest.mark.parametrize("trouble", ["killed and restarted", "hung and continued", "down from the start"])
def test_broker(
    cameras: Any, site: Any, record: Recorder, broker: Mosquitto, tmp_path: Path, trouble: str
) -> None:
    """The MQTT broker in trouble"""
    sink = {
        "use": "sink.mqtt",
        "host": "127.0.0.1",
        "port": broker.port,
        "username": USER,
        "password": PASSWORD,
    }
    if trouble == "down from the start":
        broker.kill()
    running = site({"gate": cameras("rtsp").url}, {"tick": Ticks, "home": sink})
    watch = Undisturbed(running, record)
    time.sleep(1)
    if trouble == "killed and restarted":
        broker.kill()
    if trouble == "hung and continued":
        broker.pause()
    time.sleep(6)
    if trouble == "hung and continued":
        broker.resume()
    else:
        broker.start()
    back = time.monotonic()
    with broker.listen("#") as heard:
        topic = "vidstream/gate/events"
        heard.wait(topic, count=1)
        record("events again after", time.monotonic() - back, "s", "<= 10")
        time.sleep(2)
        given = watch.conclude()
        time.sleep(1)
        numbers = [json.loads(text)["data"]["n"] for text in heard.on(topic)]
    # whoever listens anew hears what had waited and what came later: without a gap, to the end
    assert numbers == sorted(set(numbers))
    holes = numbers[-1] - numbers[0] + 1 - len(numbers)
    record("events lost behind the first one heard", holes, "", "= 0")
    record("events not delivered at the end", given - numbers[-1], "", "<= 2")
    assert holes == 0
    assert given - numbers[-1] <= 3
    if trouble == "down from the start":
        assert numbers[0] == 1


class Receiver(BaseHTTPRequestHandler):
    """Takes events, or does what it is told to do wrong."""

    def do_POST(self) -> None:
        server: Any = self.server
        trouble = server.trouble  # as it is now, whatever it becomes meanwhile
        if trouble == "hangs":
            server.over.wait(30)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not trouble:  # before the answer: the next one may come at once
            server.bodies.append(json.loads(body))
        self.send_response(500 if trouble == "fails" else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Silence."""


@pytest.fixture
def receiver() -> Iterator[Any]:
    """A web server that takes what is posted; `trouble` may be set."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.daemon_threads, server.bodies, server.trouble, server.over = True, [], "", threading.Event()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("trouble", ["fails", "hangs"])
def test_webhook(cameras: Any, site: Any, record: Recorder, receiver: Any, trouble: str) -> None:
    """The web hook's receiver in trouble"""
    sink = {"use": "sink.webhook", "url": f"http://127.0.0.1:{receiver.server_port}/in", "timeout": 2}
    running = site({"gate": cameras("rtsp").url}, {"tick": Ticks, "hook": sink})
    watch = Undisturbed(running, record)
    time.sleep(1)
    receiver.trouble = trouble
    time.sleep(6)
    receiver.trouble = ""
    receiver.over.set()
    before, back = len(receiver.bodies), time.monotonic()
    running.wait(lambda: len(receiver.bodies) > before, "deliveries again")
    record("events again after", time.monotonic() - back, "s", "<= 10")
    time.sleep(3)
    given = watch.conclude()
    numbers = [n for body in receiver.bodies for n in numbers_in(body)]
    check_ticks(numbers, given, record)


def numbers_in(body: Any) -> list[int]:
    """The ticks' numbers, wherever they are in a delivery."""
    if isinstance(body, dict):
        own = [body["data"]["n"]] if isinstance(body.get("data"), dict) and "n" in body["data"] else []
        return own + [n for value in body.values() if not own for n in numbers_in(value)]
    return [n for value in body for n in numbers_in(value)] if isinstance(body, list) else []


def test_database_locked(cameras: Any, site: Any, record: Recorder, tmp_path: Path) -> None:
    """The database is locked by another program"""
    file = tmp_path / "events.db"
    running = site(
        {"gate": cameras("rtsp").url}, {"tick": Ticks, "db": {"use": "sink.events", "path": "events.db"}}
    )
    watch = Undisturbed(running, record)
    with closing(sqlite3.connect(file, timeout=5)) as other:
        other.execute("BEGIN IMMEDIATE")
        time.sleep(6)
        other.rollback()
    time.sleep(2)
    given = watch.conclude()
    check_ticks(ticks_in(file), given, record)
    assert any(n.kind == "events-waiting" for n in running.engine.notices.counts)


def test_database_full(cameras: Any, site: Any, record: Recorder, small_disk: Path) -> None:
    """The database's disk is full"""
    file = small_disk / "events.db"
    sink = {"use": "sink.events", "path": "disk/events.db"}
    running = site({"gate": cameras("rtsp").url}, {"tick": Ticks, "db": sink})
    watch = Undisturbed(running, record)
    fill(small_disk / "filler")
    running.wait(
        lambda: any(n.kind == "events-waiting" for n in running.engine.notices.counts), "it to be said", 30
    )
    time.sleep(4)
    (small_disk / "filler").unlink()
    time.sleep(3)
    given = watch.conclude()
    check_ticks(ticks_in(file), given, record)


def ticks_in(file: Path) -> list[int]:
    """The numbers of the ticks in a database, which must be whole."""
    with closing(sqlite3.connect(file)) as base:
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = base.execute("SELECT data FROM events WHERE kind = 'tick' ORDER BY id").fetchall()
    return [json.loads(row[0])["n"] for row in rows]
