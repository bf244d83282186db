"""The API: every answer is what the description says, health means pictures, figures are well formed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from tests.support.page_run import TOKEN, Running, wait_for
from vidstream.web.history import LENGTH, History

Start = Callable[..., Running]
FILLED = {"{source}": "gate", "{file}": "app.js"}


def test_every_answer_is_as_described(running: Start) -> None:
    run = running()
    run.first()
    event = wait_for(lambda: run.client.ask("/api/v1/events").json["events"])[0]
    wait_for(lambda: run.client.ask("/api/v1/counts").json["series"])
    run.engine.notices.add("source-lost", "gate", "", "for a moment")
    described = run.client.ask("/api/v1/openapi.json").json
    jsonschema.Draft202012Validator.check_schema({"$defs": described["components"]["schemas"]})
    checked = 0
    for path, operations in described["paths"].items():
        for wanted in operations.get("get", {}).get("responses", {}).items():
            if wanted[0] != "200" or "application/json" not in wanted[1]["content"]:
                continue
            asked = path.replace("{source}", "gate").replace("{event}", event["id"])
            answer = run.client.ask(asked)
            assert answer.status == 200, path
            schema = wanted[1]["content"]["application/json"]["schema"]
            whole = {**schema, "components": described["components"]}
            jsonschema.Draft202012Validator(whole).validate(answer.json)
            checked += 1
    assert checked >= 11
    missing = run.client.ask("/api/v1/sources/nobody")
    error = {**described["components"]["schemas"]["Error"], "components": described["components"]}
    jsonschema.Draft202012Validator(error).validate(missing.json)


@pytest.mark.parametrize("token", [None, TOKEN], ids=["without a token", "with one"])
def test_the_description_names_every_route_and_no_other(running: Start, token: str | None) -> None:
    run = running(token=token)
    described = run.client.ask("/api/v1/openapi.json").json
    assert described["openapi"] == "3.1.0"
    there = {(path, method.upper()) for path, found in described["paths"].items() for method in found}
    assert there == {(route.path, route.method) for route in run.page.routes}


def test_what_a_source_tells(running: Start) -> None:
    run = running()
    run.first()
    wait_for(lambda: run.client.ask("/api/v1/sources/gate").json["fps"] > 5)
    told = run.client.ask("/api/v1/sources/gate").json
    assert (told["state"], told["arriving"], told["width"], told["height"]) == ("live", True, 320, 180)
    assert [past["state"] for past in told["history"]] == ["live", "connecting"]
    assert {row["stage"] for row in told["stages"]} == {"find", "draw"}
    assert told["counts"][0]["place"] == "door"
    assert told["drawn"]
    run.strings("gate").say("lost", "connection refused")
    lost = wait_for(lambda: (s := run.client.ask("/api/v1/sources/gate").json)["state"] == "lost" and s)
    assert (lost["cause"], lost["arriving"]) == ("connection refused", False)
    run.strings("gate").say("live")
    assert wait_for(lambda: run.client.ask("/api/v1/sources/gate").json["reconnects"]) == 1


def test_health_means_good_pictures_and_not_a_connection(running: Start) -> None:
    run = running(sources={"gate": {"use": "puppet"}, "yard": {"use": "puppet"}})
    run.first()
    assert run.client.ask("/health").status == 200
    run.strings("yard").playing.clear()  # it says 'live', but nothing comes

    def oks() -> dict[str, bool]:
        answer = run.client.ask("/health?within=0.5")
        found = {row["source"]: row["ok"] for row in answer.json["sources"]}
        assert (answer.status == 200) == all(found.values())
        return found

    wait_for(lambda: oks() == {"gate": True, "yard": False})
    assert run.client.ask("/api/v1/sources/yard").json["state"] == "live"
    run.strings("yard").playing.set()
    wait_for(lambda: run.client.ask("/health?within=0.5").status == 200)
    run.strings("yard").damaged = True  # damaged pictures are not good ones
    wait_for(lambda: run.client.ask("/health?within=0.5").status == 503)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "1e9", "soon", ""])
def test_a_number_that_is_none(running: Start, text: str) -> None:
    assert running().client.ask(f"/health?within={text}").status == 400


SAMPLE = re.compile(r'([a-z_:][a-z0-9_:]*)(?:\{((?:[a-z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)+)\})? (\S+)')
LABEL = re.compile(r'([a-z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"')


def exposition(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Samples of Prometheus' text format 0.0.4; anything that is not well formed fails."""
    assert text.endswith("\n")
    kinds: dict[str, str] = {}
    helped: set[str] = set()
    found: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    family = ""
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split(" ", 3)[2]
            assert family not in helped, "a family stands in one place"
            helped.add(family)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert (name, kind in ("counter", "gauge", "summary")) == (family, True)
            kinds[name] = kind
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            base = re.sub("_(sum|count)$", "", match[1]) if kinds.get(family) == "summary" else match[1]
            assert base == family, line
            if kinds[family] == "counter":
                assert family.endswith("_total"), line
            labels = tuple(LABEL.findall(match[2] or ""))
            assert (match[1], labels) not in found, "no sample twice"
            found[match[1], labels] = float(match[3])
    return found


def test_figures_for_prometheus(running: Start) -> None:
    graph: dict[str, Any] = {"find": {"use": "puppet.find", "name": 'a"b\\c\nd', "each": 3}}
    run = running(graph=graph)
    run.first()
    wait_for(lambda: 'a\\"b\\\\c\\nd' in run.client.ask("/metrics").body.decode())
    answer = run.client.ask("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    first = exposition(answer.body.decode())
    gate = ("source", "gate")
    assert first["vidstream_source_state", (gate, ("state", "live"))] == 1
    assert first["vidstream_source_state", (gate, ("state", "lost"))] == 0
    assert first["vidstream_stage_seconds_count", (gate, ("stage", "find"), ("use", "puppet.find"))] > 0
    for name in ("process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds_total"):
        assert first[name, ()] > 0
    later = wait_for(
        lambda: (
            (new := exposition(run.client.ask("/metrics").body.decode()))
            and new["vidstream_frames_done_total", (gate,)] > first["vidstream_frames_done_total", (gate,)]
            and new
        )
    )
    for key, value in first.items():
        if key[0].endswith(("_total", "_count", "_sum")):
            assert later[key] >= value, f"{key} counts, so it only grows"


def test_numbers_over_time() -> None:
    history, key = History(), ("gate", "find", "door", "in")
    for step in range(LENGTH + 100):
        history.add(1000.0 + 2 * step, {key: float(step)})
    history.add(9e3, {key: 7.0, ("yard", "find", "door", "in"): 1.0})
    told = history.to_json(["gate", "yard"], 10)
    gate, yard = told["series"]
    assert len(gate["values"]) == 10
    assert (gate["values"][-1], yard["values"]) == (7.0, [1.0]), "the newest value is the last"
    assert (told["step"], told["end"]) == (360.0, 9e3)
    assert [s["source"] for s in history.to_json(["yard"], 10)["series"]] == ["yard"]
    for n in range(1000):
        history.add(1.0, {("gate", "s", "p", str(n)): math.pi})
    assert len(history.to_json(["gate"], 1)["series"]) < 300, "there is an end to it"


def test_events_resume_where_a_page_left_off(running: Start) -> None:
    run = running()

    def read(last: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        headers = {"Last_Event_ID": last} if last else {}
        with run.client.stream("/api/v1/stream", **headers) as answer:
            assert answer.headers["Content-Type"] == "text/event-stream"
            name = ""
            while len(found) < 3:
                field, _, value = answer.readline().decode().strip().partition(": ")
                if field == "id":
                    name = value
                if field == "data" and name:
                    found.append(json.loads(value))
                    assert found[-1]["id"] == name
                    name = ""
        return found

    first = read()
    second = read(first[0]["id"])
    assert second[:2] == first[1:], "nothing twice, and nothing left out"
    assert read("ffffffff-99")[0] == first[0], "the ids of another run mean nothing"
    snapshot = run.client.ask(first[0]["snapshot"])
    assert snapshot.body.startswith(b"\xff\xd8")
    assert run.client.ask("/api/v1/events?kind=nothing").json["events"] == []
    assert run.client.ask(f"/api/v1/events?after={first[0]['id']}").json["events"][0] == first[1]
    assert run.client.ask("/api/v1/events/ffffffff-1/snapshot.jpg").status == 404
    assert (
        run.client.ask(f"/api/v1/events/{first[0]['id'].partition('-')[0]}-99999/snapshot.jpg").status == 404
    )
