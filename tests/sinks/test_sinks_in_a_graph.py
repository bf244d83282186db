"""Sinks run by the engine: what a whole run leaves behind, with any number of threads, and on a full disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

from tests.support.toys import ToyCount, ToyDetect, ToyFrames, ToyTrack, describe, entry
from vidstream.graph.description import Description
from vidstream.graph.engine import Engine
from vidstream.sinks.csv import CsvSink
from vidstream.sinks.jsonl import JsonLinesSink
from vidstream.sinks.mot import MotSink
from vidstream.sinks.video import VideoSink


def graph(out: Path, **run: Any) -> Description:
    return describe(
        [
            entry("det", ToyDetect, jitter=True, delay=0.001, workers=1 if run.get("threads") == 1 else 3),
            entry("track", ToyTrack),
            entry("count", ToyCount),
            entry("video", VideoSink, path="a.mp4", preset="ultrafast"),
            entry("log", JsonLinesSink, path="a.jsonl"),
            entry("events", JsonLinesSink, path="events.jsonl", bindings={"": ("count.events",)}),
            entry("table", CsvSink, path="a.csv"),
            entry("mot", MotSink, path="a.txt"),
        ],
        {"gate": (ToyFrames, {"frames": 25, "segment_at": 15})},
        {"out": str(out), **run},
    )


def test_a_run_leaves_complete_files(tmp_path: Path) -> None:
    report = Engine(graph(tmp_path)).run()
    assert report.exit_code == 0
    with av.open(str(tmp_path / "a.mp4")) as container:
        times = [float(frame.time) for frame in container.decode(video=0)]
    assert times == pytest.approx([i / 10 for i in range(25)], abs=1e-5)
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [line["seq"] for line in lines][:25] == list(range(25))
    assert [line["objects"][0]["box"][0] for line in lines[:25]] == [float(i) for i in range(25)]
    assert lines[-1]["counts"] == {"all": {"n": 25, "final": 25}}, "what is given at the end is written too"
    assert (tmp_path / "events.jsonl").read_text() == "", "bound to the events alone, of which there are none"
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 26
    assert len((tmp_path / "a.txt").read_text().splitlines()) == 25


def test_files_are_the_same_whatever_the_number_of_threads(tmp_path: Path) -> None:
    for name, threads in (("one", 1), ("many", "auto")):
        Engine(graph(tmp_path / name, threads=threads)).run()
    names = sorted(p.name for p in (tmp_path / "one").iterdir())
    assert names == ["a.csv", "a.jsonl", "a.mp4", "a.txt", "events.jsonl"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "many" / name).read_bytes(), name


def test_a_full_disk_takes_nothing_but_the_sinks(
    tmp_path: Path, file_limit: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    with file_limit(600):
        report = Engine(graph(tmp_path)).run()
    assert report.sources[0].ledger.done == 25
    assert report.exit_code != 0
    told = [r.getMessage() for r in caplog.records if "switched off" in r.getMessage()]
    assert len(told) == len({t.partition(":")[0] for t in told}), "each sink says so once"
    assert {"video", "log", "table", "mot"} == {t.partition(":")[0].rpartition("/")[2] for t in told}
    assert all("cannot be written" in t and "; " in t for t in told)
