"""sink.mqtt against a real broker: what others see, also when the broker dies or hangs."""

from __future__ import annotations

import json
import logging
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import cv2
import numpy as np
import pytest

from tests.support.certificate import self_signed
from tests.support.mosquitto import PASSWORD, USER, Mosquitto, broker, wait_for
from vidstream.errors import SinkError
from vidstream.graph.commons import Commons
from vidstream.sinks.messages.homeassistant import Device
from vidstream.sinks.messages.mqtt import MqttSink
from vidstream.sinks.messages.outbox import QUEUE
from vidstream.sinks.messages.topics import level
from vidstream.types import Counts, Event, Events, SourceStatus, View

__all__ = ["broker"]

ROOT = Path(__file__).resolve().parents[2]
Make = Callable[..., Any]
At = Callable[..., Any]


def happening(number: int, kind: str = "line_crossed", name: str = "door", **more: Any) -> tuple[Events, ...]:
    return (Events((Event(kind, "gate", number, number / 10, name=name, track_id=number, **more),)),)


def options(broker: Mosquitto, **more: Any) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": broker.port, "username": USER, "password": PASSWORD, **more}


def connected(sink: Any) -> Any:
    wait_for(lambda: sink._link.connected, "the connection")
    return sink


def status(state: Any, cause: str = "") -> SourceStatus:
    return SourceStatus("gate", state, cause, 0.0, 1_800_000_000.25)


def numbers(payloads: list[str]) -> list[int]:
    return [json.loads(p)["seq"] for p in payloads]


def test_what_a_subscriber_sees(broker: Mosquitto, make: Make, at: At) -> None:
    with broker.listen("vidstream/#") as heard:
        sink = connected(make(MqttSink, **options(broker)))
        sink.on_status(status("live"))
        sink.process(
            at(3, 0.3, segment=2),
            counts=(Counts({"door": {"in": 3, "out": 1}, "a/b#": {"n": 0.5}}),),
            events=happening(3, class_name="person", box=(1, 2, 3, 4), data={"direction": "in"}),
        )
        (event,) = [json.loads(p) for p in heard.wait("vidstream/gate/events")]
        assert re.fullmatch("[0-9a-f]{32}", event.pop("uid"))
        assert abs(datetime.fromisoformat(event.pop("time")).timestamp() - time.time()) < 60
        assert event == {
            "v": 1,
            "type": "event",
            "source": "gate",
            "segment": 2,
            "seq": 3,
            "pts": 0.3,
            "wall": None,
            "kind": "line_crossed",
            "name": "door",
            "id": 3,
            "class": "person",
            "box": [1.0, 2.0, 3.0, 4.0],
            "data": {"direction": "in"},
        }
        assert json.loads(heard.wait("vidstream/gate/counts/door")[0]) == {"in": 3, "out": 1}
        assert json.loads(heard.wait("vidstream/gate/counts/a%2Fb%23")[0]) == {"n": 0.5}
        assert heard.wait("vidstream/gate/availability") == ["online"]
        assert json.loads(heard.wait("vidstream/gate/state")[0]) == {
            "v": 1,
            "state": "live",
            "cause": "",
            "since": "2027-01-15T08:00:00.250Z",
        }
        sink.on_status(status("lost", "the connection broke"))
        heard.wait("vidstream/gate/availability", "offline")
        assert json.loads(heard.wait("vidstream/gate/state", count=2)[1])["cause"] == "the connection broke"
        sink.close()
        assert heard.wait("vidstream/availability", "offline") == ["online", "offline"]
        assert json.loads(heard.on("vidstream/gate/state")[-1])["state"] == "ended"
    with broker.listen("vidstream/#") as late:
        wait_for(lambda: len(late.messages) >= 6, "what the broker has kept")
        assert {m["topic"] for m in late.messages if m["retain"]} == {
            "vidstream/availability",
            "vidstream/gate/availability",
            "vidstream/gate/state",
            "vidstream/gate/counts/door",
            "vidstream/gate/counts/a%2Fb%23",
        }
    assert sink.notices == []


def test_only_what_was_asked_for(broker: Mosquitto, make: Make, at: At) -> None:
    with broker.listen("site/#") as heard:
        sink = make(MqttSink, **options(broker, prefix="site/north", kinds=("alarm",), retain=(), qos=0))
        sink.process(at(0, 0.0), events=happening(0))
        sink.process(at(1, 0.1), events=happening(1, kind="alarm"), counts=(Counts({"door": {"in": 1}}),))
        sink.close()
        heard.wait("site/north/availability", "offline")
    assert numbers(heard.on("site/north/gate/events")) == [1]
    assert len(heard.on("site/north/gate/counts/door")) == 1


def test_counts_are_thinned_and_the_newest_stands(broker: Mosquitto, make: Make, at: At) -> None:
    with broker.listen("vidstream/gate/counts/#") as heard:
        sink = connected(make(MqttSink, **options(broker, counts_period="200ms")))
        for i in range(100):
            sink.process(at(i, i / 10), counts=(Counts({"door": {"in": i}}), Counts({"door": {"out": 5}})))
            time.sleep(0.001)
        heard.wait("vidstream/gate/counts/door", '{"in":99,"out":5}')
        assert len(heard.on("vidstream/gate/counts/door")) < 20


def test_a_broker_that_dies_and_comes_back(broker: Mosquitto, make: Make, at: At) -> None:
    """Nothing is lost, nothing changes places, and what the broker had kept is told again."""
    sink = connected(make(MqttSink, **options(broker)))
    sink.on_status(status("live"))
    for i in range(10):
        sink.process(at(i, i / 10), events=happening(i), counts=(Counts({"door": {"in": i}}),))
    wait_for(lambda: sink._link.outbox.sent == 10, "the first events")
    broker.kill()
    wait_for(lambda: not sink._link.connected, "the loss")
    for i in range(10, 500):
        sink.process(at(i, i / 10), events=happening(i), counts=(Counts({"door": {"in": i}}),))
    wait_for(lambda: len(sink._link.outbox) == 490, "the backlog on disk")
    broker.start()
    with broker.listen("vidstream/#") as heard:
        heard.wait("vidstream/availability", "online")
        assert heard.wait("vidstream/gate/availability") == ["online"], "told again to a broker that forgot"
        wait_for(lambda: sink._link.outbox.sent == 500, "the backlog's end")
        sink.process(at(500, 50.0), events=happening(500))
        heard.wait("vidstream/gate/counts/door", '{"in":499}')
        wait_for(lambda: numbers(heard.on("vidstream/gate/events"))[-1:] == [500], "the newest event")
        found = numbers(heard.on("vidstream/gate/events"))
        assert found == list(range(found[0], 501))
    assert sink._link.outbox.lost == {}
    kinds = [kind for kind, _ in sink.notices]
    assert kinds[0] == "broker-lost"
    assert kinds[-1] == "broker-back"


def test_events_survive_a_restart(broker: Mosquitto, make: Make, at: At, tmp_path: Path) -> None:
    """No broker, and the run ends: the next run sends what waited, first."""
    broker.kill()
    first = make(MqttSink, **options(broker))
    for i in range(5):
        first.process(at(i, i / 10), events=happening(i))
    began = time.monotonic()
    first.close()
    assert time.monotonic() - began < 10, "the end does not wait for a broker that is not there"
    assert "by the next run: 5" in dict(first.notices)["messages-waiting"]
    broker.start()
    with broker.listen("vidstream/gate/events") as heard:
        second = make(MqttSink, **options(broker))
        second.process(at(5, 0.5), events=happening(5))
        heard.wait("vidstream/gate/events", count=6)
        assert numbers(heard.on("vidstream/gate/events")) == [0, 1, 2, 3, 4, 5]
    planted = [
        p for p in (tmp_path / "spool").rglob("*") if p.is_file() and PASSWORD.encode() in p.read_bytes()
    ]
    assert planted == []


def test_a_broker_that_hangs(broker: Mosquitto, make: Make, at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidstream.sinks.messages.session.KEEPALIVE", 1)
    sink = connected(make(MqttSink, **options(broker)))
    with broker.listen("vidstream/gate/events") as heard:
        broker.pause()
        for i in range(300):
            sink.process(at(i, i / 10), events=happening(i))
        wait_for(lambda: not sink._link.connected, "that it is noticed")
        broker.resume()
        wait_for(lambda: sink._link.outbox.sent == 300, "delivery")
        wait_for(lambda: len(set(numbers(heard.on("vidstream/gate/events")))) == 300, "arrival")
    found = numbers(heard.on("vidstream/gate/events"))
    assert list(dict.fromkeys(found)) == list(range(300)), "in order, some twice where the answer was lost"


def test_the_end_does_not_wait_for_a_broker_that_hangs(broker: Mosquitto, make: Make, at: At) -> None:
    sink = connected(make(MqttSink, **options(broker)))
    broker.pause()
    sink.process(at(0, 0.0), events=happening(0))
    began = time.monotonic()
    thread = sink._link._thread
    sink.close()
    assert not thread.is_alive()
    assert time.monotonic() - began < 10
    assert "by the next run: 1" in dict(sink.notices)["messages-waiting"]
    broker.resume()


def test_a_wrong_password(broker: Mosquitto, make: Make, at: At, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    sink = make(MqttSink, **options(broker, password="planted-secret"))
    sink.process(at(0, 0.0), events=happening(0))
    wait_for(lambda: sink.notices, "the notice")
    ((kind, message),) = sink.notices
    assert kind == "broker-refused"
    assert "Not authorized" in message
    assert "check user name and password" in message
    time.sleep(1.5)
    assert broker.log.count("New connection") <= 3, "it is not hammered"
    sink.close()
    assert "planted-secret" not in f"{sink.notices} {sink.params} {sink._key} {caplog.text}"


def test_tls(broker: Mosquitto, make: Make, at: At, tmp_path: Path) -> None:
    """A broker that cannot prove who it is is told nothing; one that can, all."""
    cert, key = self_signed(tmp_path / "tls")
    broker.kill()
    broker.start(certfile=str(cert), keyfile=str(key))
    careless = make(MqttSink, **options(broker, tls=True, spool="a"))
    wait_for(lambda: careless.notices, "the notice")
    assert "certificate" in careless.notices[0][1].lower()
    assert "New client connected" not in broker.log
    sink = connected(make(MqttSink, **options(broker, tls=True, ca=str(cert), spool="b")))
    for i in range(300):
        sink.process(at(i, i / 10), events=happening(i))
    wait_for(lambda: sink._link.outbox.sent == 300, "delivery")


def test_a_spool_belongs_to_one_run(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidstream.sinks.messages.spool._PATIENCE", 0)
    make(MqttSink, host="127.0.0.1", port=1, spool="a")
    with pytest.raises(SinkError, match="in use: another run, or another stage of this one"):
        make(MqttSink, host="127.0.0.1", port=2, spool="a")
    with pytest.raises(SinkError, match="outside the output folder"):
        make(MqttSink, host="127.0.0.1", port=2, spool="../elsewhere")


def test_cameras_share_one_connection(broker: Mosquitto, make: Make, at: At) -> None:
    commons = Commons()

    class Joined(MqttSink):
        def __init__(self, params: Any) -> None:
            super().__init__(params)
            self.commons = commons

    with broker.listen("vidstream/#") as heard:
        sinks = [make(Joined, **options(broker)) for _ in range(3)]
        assert len({id(sink._link) for sink in sinks}) == 1
        for i, sink in enumerate(sinks):
            connected(sink).process(at(i, i / 10), events=happening(i))
        sinks[0].close()
        sinks[1].process(at(7, 0.7), events=happening(7))
        heard.wait("vidstream/gate/events", count=4)
        assert heard.on("vidstream/availability") == ["online"]
        for sink in sinks[1:]:
            sink.close()
        heard.wait("vidstream/availability", "offline")
    assert len(re.findall(r"New client connected .* as vidstream-", broker.log)) == 1


def test_a_corrected_password_counts_at_once(broker: Mosquitto, make: Make, at: At) -> None:
    """The description is edited while the run goes on: the new stage comes before the old one goes."""
    commons = Commons()

    class Joined(MqttSink):
        def __init__(self, params: Any) -> None:
            super().__init__(params)
            self.commons = commons

    old = make(Joined, **options(broker, password="wrong"))
    old.process(at(0, 0.0), events=happening(0))
    wait_for(lambda: old.notices, "the refusal")
    new = make(Joined, **options(broker))
    old.close()
    new.process(at(1, 0.1), events=happening(1))
    wait_for(lambda: new._link.outbox.sent == 2, "both events")
    assert broker.retained("vidstream/gate/availability") == b"online", "as long as pictures come"
    assert [kind for kind, _ in old.notices] == ["broker-refused", "broker-changed", "broker-back"]


def test_a_full_disk_holds_up_no_alert(
    broker: Mosquitto, make: Make, at: At, small_disk: Callable[[int], Path]
) -> None:
    disk = small_disk(64)
    (disk / "ballast").write_bytes(bytes(60_000))
    sink = connected(make(MqttSink, root=disk, **options(broker)))
    for i in range(300):
        sink.process(at(i, i / 10), events=happening(i))
    wait_for(lambda: sink._link.outbox.sent == 300, "delivery")
    assert [kind for kind, _ in sink.notices] == ["spool-trouble"]
    assert "the disk is full" in sink.notices[0][1]


def test_a_full_spool_keeps_the_newest(make: Make, at: At) -> None:
    sink = make(MqttSink, host="127.0.0.1", port=1, backlog=1)
    for i in range(30):
        sink.process(at(i, i / 10), events=happening(i, data={"text": "x" * 50_000}))
    sink._link.outbox.settle(30)
    assert len(sink._link.outbox) == 19
    assert sink._link.outbox.lost == {"full": 11}
    records = sink._link.outbox.read(0, 100)
    assert numbers([r.data.partition(b"\0")[2].decode() for r in records]) == list(range(11, 30))
    sink.close()
    told = [message for kind, message in sink.notices if kind == "messages-lost"]
    assert len(told) == 2, "once when it begins, once with the number at the end"
    assert "11 (" in told[1]


def test_evidence_that_json_cannot_hold_takes_only_its_event(broker: Mosquitto, make: Make, at: At) -> None:
    sink = make(MqttSink, **options(broker))
    loop: dict[str, Any] = {}
    loop["self"] = loop
    for i, data in enumerate(({"o": object()}, loop, {"fine": float("nan")})):
        sink.process(at(i, i / 10), events=happening(i, data=data))
    wait_for(lambda: sink._link.outbox.sent == 1, "the third")
    assert sink._link.outbox.lost == {"content": 2}


def test_a_disk_that_hangs_holds_nothing_up(make: Make, at: At) -> None:
    sink = make(MqttSink, host="127.0.0.1", port=1)
    with sink._link.outbox._spool._lock:  # as if a write took for ever
        began = time.monotonic()
        for i in range(QUEUE + 500):
            sink.process(at(i, i / 10), events=happening(i))
        assert time.monotonic() - began < 10
        assert 400 <= sink._link.outbox.lost["queue"] <= 500
        assert len(sink._link.outbox._queue) == QUEUE
        outbox, began = sink._link.outbox, time.monotonic()
        sink.close()
        assert time.monotonic() - began < 10
    outbox._thread.join(30)
    assert not outbox._thread.is_alive()


@pytest.mark.parametrize("seed", range(6))
def test_a_broker_that_sends_garbage(make: Make, at: At, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Accepted or not, whatever comes behind it, the next connection is tried."""
    monkeypatch.setattr("vidstream.sinks.messages.link._SOON", 0.01)
    monkeypatch.setattr("vidstream.sinks.messages.link._LATE", 0.01)
    dice = random.Random(seed)
    accepted = b"\x20\x02\x00\x00"
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        sink = make(MqttSink, host="127.0.0.1", port=server.getsockname()[1])
        sink.process(at(0, 0.0), events=happening(0))
        for _ in range(8):
            client, _ = server.accept()
            with client:
                client.recv(1000)
                kind = bytes([dice.choice([0x20, 0x30, 0x40, 0x50, 0x62, 0x90, 0xB0, 0xD0, 0xE0, 0xFF])])
                junk = dice.randbytes(dice.randrange(1, 60))
                client.sendall(accepted * dice.randrange(2) + kind + bytes([len(junk)]) + junk)
                client.shutdown(socket.SHUT_WR)
                client.settimeout(20)
                with suppress(OSError):
                    while client.recv(4096):
                        pass
        sink.close()
    assert "by the next run: 1" in dict(sink.notices)["messages-waiting"]


def test_reconnects_leave_nothing_behind(
    broker: Mosquitto, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidstream.sinks.messages.link._SOON", 0.01)
    monkeypatch.setattr("vidstream.sinks.messages.link._LATE", 0.01)
    sink = connected(make(MqttSink, **options(broker)))
    counts = []
    for _ in range(8):
        broker.kill()
        wait_for(lambda: not sink._link.connected, "the loss")
        broker.start()
        connected(sink)
        counts.append(sum(1 for _ in Path("/proc/self/fd").iterdir()))
    assert counts[-1] <= counts[2], counts


CHILD = """
import sys, time, logging
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
from vidstream.cli import main
sys.exit(main(["run", *sys.argv[1:]]))
"""


def config(broker: Mosquitto, **more: Any) -> str:
    mqtt = options(broker, password="${env:MQTT_PASSWORD}") | {"use": "sink.mqtt"} | more
    graph = {
        "motion": {"use": "detect.motion"},
        "track": {"use": "track.sort"},
        "yard": {"use": "count.zone", "zones": {"yard": [[0, 0], [1, 0], [1, 1], [0, 1]]}, "settle": 0},
        "home": mqtt,
    }
    return json.dumps(
        {
            "version": 1,
            "sources": {"gate": {"uri": "synthetic:people"}},
            "graph": graph,
            "run": {"mode": "live"},
        }
    )


def run(text: str, folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    (folder / "a.yaml").write_text(text)
    environment = os.environ | {"MQTT_PASSWORD": PASSWORD, "OMP_NUM_THREADS": "1"}
    with (folder / "child.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-c", CHILD, str(folder / "a.yaml"), "--out", str(folder), *arguments],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
        )


def test_the_last_will_of_a_killed_run(broker: Mosquitto, tmp_path: Path) -> None:
    with broker.listen("#") as heard:
        child = run(config(broker), tmp_path)
        try:
            heard.wait("vidstream/gate/availability", "online")
            assert heard.on("vidstream/availability") == ["online"]
            heard.wait("vidstream/gate/events")
            heard.wait("vidstream/gate/counts/yard")
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()
        assert heard.wait("vidstream/availability", "offline") == ["online", "offline"]


def test_a_planted_password_is_found_nowhere(broker: Mosquitto, tmp_path: Path) -> None:
    """A whole run with a password that the broker refuses: log, report, spool, whatever it writes."""
    child = run(config(broker, username="nobody"), tmp_path, "--frames", "40", "--metrics", "report.json")
    assert child.wait(60) == 0
    log = (tmp_path / "child.log").read_text()
    assert "broker-refused" in log
    assert "messages that wait to be sent by the next run" in log
    written = [p for p in tmp_path.rglob("*") if p.is_file() and "mosquitto" not in p.parts]
    assert any("spool" in p.parts and p.stat().st_size > 100 for p in written)
    for secret in (PASSWORD, quote(PASSWORD), quote(PASSWORD, safe="")):
        assert [p for p in written if secret.encode() in p.read_bytes()] == []


def test_home_assistant_discovery(broker: Mosquitto, make: Make, at: At) -> None:
    small = np.random.default_rng(0).integers(0, 255, (9, 16, 3), np.uint8)
    picture = View(np.asarray(cv2.resize(small, (1280, 720)), np.uint8))
    with broker.listen("#") as heard:
        sink = connected(make(MqttSink, **options(broker, discovery="homeassistant", snapshot=True)))
        sink.on_status(status("live"))
        sink.process(
            at(0, 0.0),
            image=picture,
            counts=(Counts({"yard": {"inside": 2}}),),
            events=happening(0, kind="zone_entered", name="yard") + happening(0, "alert_started", "busy"),
        )
        sink.process(at(1, 0.1), events=happening(1, kind="alert_ended", name="busy"))
        sink.close()
        heard.wait("vidstream/availability", "offline")
    (topic,) = {m["topic"] for m in heard.messages if m["topic"].startswith("homeassistant/")}
    assert re.fullmatch(r"homeassistant/device/[a-zA-Z0-9_-]+/config", topic)
    found = json.loads(heard.on(topic)[-1])
    assert found["device"]["name"] == "gate"
    assert found["origin"] == {"name": "vidstream"}
    parts = {c["name"]: c for c in found["components"].values()}
    named = {"Connection", "State", "Snapshot", "yard inside", "yard zone entered", "busy alert started"}
    assert set(parts) == named
    assert {c["platform"] for c in parts.values()} == {"binary_sensor", "sensor", "image"}
    assert len({c["unique_id"] for c in parts.values()}) == len(named)
    published = {m["topic"] for m in heard.messages}
    for part in parts.values():
        assert part.get("state_topic", part.get("image_topic")) in published
        assert {a["topic"] for a in part["availability"]} <= published
    assert parts["yard inside"]["value_template"] == '{{ value_json["inside"] }}'
    assert parts["yard zone entered"]["off_delay"] == 10
    assert "off_delay" not in parts["busy alert started"]
    assert parts["busy alert started"]["value_template"] == (
        '{{ \'ON\' if value_json.kind == "alert_started" and value_json.name == "busy"'
        " else 'OFF' if value_json.kind == \"alert_ended\" and value_json.name == \"busy\" else '' }}"
    )
    shot = broker.retained("vidstream/gate/snapshot")
    assert len(shot) <= 120_000
    seen = cv2.imdecode(np.frombuffer(shot, np.uint8), cv2.IMREAD_COLOR)
    assert seen is not None
    assert seen.shape == (360, 640, 3)
    expected = cv2.resize(picture.pixels, (640, 360), interpolation=cv2.INTER_AREA)
    assert cv2.PSNR(seen, expected) > 20


def test_names_stay_names_in_templates() -> None:
    device = Device("p", "a/+ b", "homeassistant")
    assert device.event("seen", "}} {% raw %} \" ' \\")
    assert not device.event("seen", "}} {% raw %} \" ' \\")
    template = [
        c["value_template"]
        for c in json.loads(device.document())["components"].values()
        if "seen" in c["name"]
    ]
    inner = template[0].removeprefix("{{").removesuffix("}}")
    assert not re.search(r"[{}%]", inner)
    literal = inner.split("value_json.name == ")[1].split(" else ")[0]
    assert json.loads(literal) == "}} {% raw %} \" ' \\"
    for i in range(500):
        device.event("seen", f"plate {i}")
    assert len(json.loads(device.document())["components"]) == 200


@pytest.mark.parametrize("name", ["a", "ä b", "a/b", "a+b", "#", "", "%2F", "\0\n", "x" * 999, "\ud800"])
def test_a_name_is_one_level(name: str) -> None:
    assert re.fullmatch(r"[^/+#\x00-\x1f]{1,200}", level(name))
    level(name).encode("utf-8")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"host": "a b"}, "is no host"),
        ({"host": "mqtt://a"}, "is no host"),
        ({"host": "a", "password": "x"}, "a password needs a user name"),
        ({"host": "a", "prefix": "a/#"}, "topics cannot begin with 'a/#'"),
        ({"host": "a", "prefix": "/a"}, "topics cannot begin with"),
        ({"host": "a", "prefix": "$SYS"}, "topics cannot begin with"),
        ({"host": "a", "discovery": "+"}, "topics cannot begin with"),
    ],
)
def test_what_check_finds(given: dict[str, Any], said: str) -> None:
    from tests.support.one_stage import problems

    (problem,) = problems(MqttSink, **given)
    assert said in problem
    assert "; " in problem


@pytest.mark.slow
def test_a_killed_run_goes_on_over_its_own_leftovers(broker: Mosquitto, tmp_path: Path) -> None:
    """No broker, and the run is killed: what it saw is told by the next run, first and in order."""
    port = broker.port
    broker.kill()
    child = run(config(broker), tmp_path)
    folder = tmp_path / "spool" / f"mqtt-127.0.0.1-{port}-vidstream"

    def waiting() -> int:
        return sum(p.read_bytes().count(b'"kind"') for p in folder.glob("*.records"))

    wait_for(lambda: waiting() >= 5, "events on disk", 60)
    child.send_signal(signal.SIGKILL)
    child.wait()
    left = waiting()
    broker.start()
    with broker.listen("vidstream/gate/events") as heard:
        child = run(config(broker), tmp_path)
        try:
            heard.wait("vidstream/gate/events", count=left + 2)
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait()
    events = [json.loads(p) for p in heard.on("vidstream/gate/events")]
    assert [e["time"] for e in events] == sorted(e["time"] for e in events)
    assert len({e["uid"] for e in events}) == len(events)
    seqs = [e["seq"] for e in events[:left]]
    assert seqs == sorted(seqs)
    assert events[left]["seq"] <= seqs[-1], "behind them the new run begins"


@pytest.mark.slow
def test_a_hundred_thousand_events_wait(broker: Mosquitto, make: Make, at: At) -> None:
    """With the broker down for long, memory stays as it is; then all of them arrive."""
    sink = connected(make(MqttSink, **options(broker)))
    broker.kill()
    wait_for(lambda: not sink._link.connected, "the loss")
    before = resident()
    for i in range(100_000):
        sink.process(at(i, i / 10), events=happening(i))
        while len(sink._link.outbox._queue) > 5000:
            time.sleep(0.001)
    wait_for(lambda: len(sink._link.outbox) == 100_000 and not sink._link.outbox._queue, "the backlog")
    grown = resident() - before
    print(f"100,000 events on disk took {grown / 1e6:.1f} MB of memory")
    assert grown < 20e6
    broker.start()
    wait_for(lambda: len(sink._link.outbox) == 0, "delivery", 100)
    assert sink._link.outbox.sent == 100_000
    assert sink._link.outbox.lost == {}


def resident() -> int:
    """Bytes of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
