"""Recordings under full disks, limits, signals and kills; and starting again over what was left."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.fault_table import Recorder
from tests.support.memory import fill
from tests.support.planted import hidden
from tests.support.program import Program, playable, recorded
from vidstream import Stage, stage
from vidstream.types import Event, Events, FrameInfo

#: a camera records in segments of two seconds, lines are written beside it, and both go on for ever
JOB = """
version: 1
sources:
  gate: {{uri: "{url}"}}
graph:
  move: {{use: detect.motion, warm_up: 0.2}}
  film: {{use: sink.video, path: "${{source}}/%Y-%m-%d/%H-%M-%S.mp4", segment: 2s}}
  lines: {{use: sink.jsonl, path: "${{source}}.jsonl"}}
"""


def job(tmp_path: Path, url: str) -> Path:
    """The configuration; the password is in the environment."""
    path = tmp_path / "job.yaml"
    path.write_text(JOB.format(url=hidden(url)))
    return path


def films(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.mp4"))


def test_disk_full(cameras: Any, site: Any, small_disk: Path, record: Recorder, tmp_path: Path) -> None:
    """Disk full, and space again"""
    film = {"use": "sink.video", "path": "disk/${source}/%H-%M-%S.mp4", "segment": "2s"}
    running = site({"gate": cameras("rtsp").url, "bystander": cameras("mjpeg").url}, {"film": film})
    for name in ("gate", "bystander"):
        running.wait_for_frames(name, 75)
    filler = small_disk / "filler"
    fill(filler)
    full = time.time()

    def noticed(kind: str) -> Any:
        return next(
            (at for at, n in running.engine.notices.recent if n.kind == kind and at >= full - 0.5), None
        )

    seen = running.wait(lambda: noticed("disk-full"), "disk-full to be said") - full
    record("full disk told after", seen, "s", "<= 1")
    began = time.monotonic()
    time.sleep(4)
    record("frames analysed while full", len(running.after("gate", began)) / 4, "per s", ">= 20")
    kept = playable(films(small_disk))
    record("kept files that do not play", sum(not n for n in kept.values()), "", "= 0")
    filler.unlink()
    space = time.time()
    record("recording again after", running.wait(lambda: noticed("disk-back"), "disk-back") - space, "s")
    time.sleep(3)
    running.stop()
    at_end = playable(films(small_disk))
    stamps = recorded(films(small_disk / "gate"))
    record("files that do not play at the end", sum(not n for n in at_end.values()), "", "= 0")
    record("restarts of cameras", sum(running.segments(n) - 1 for n in running.frames), "", "= 0")
    assert seen <= 2
    assert len(running.after("gate", began)) > 40
    assert all(kept.values())
    assert all(at_end.values())
    assert max(s.sent_ms for s in stamps) / 1000 > began + 4, "it records again"


@stage("fault.seldom")
class Seldom(Stage):
    """An event every two seconds."""

    def process(self, frame: FrameInfo) -> Events:
        due = frame.seq % 50 == 49
        return Events((Event("tick", frame.source, frame.seq, frame.pts, frame.wall),) if due else ())


#: what each sink writes to the small disk
WRITERS: dict[str, dict[str, Any]] = {
    "sink.clip": {"path": "disk/${source}/%H-%M-%S.mp4", "before": 0.5, "after": 0.5},
    "sink.images": {"path": "disk/{source}-{seq}.jpg"},
    "sink.jsonl": {"path": "disk/${source}.jsonl"},
    "sink.csv": {"path": "disk/${source}.csv"},
}


@pytest.mark.parametrize("use", WRITERS)
def test_disk_full_for(cameras: Any, site: Any, small_disk: Path, record: Recorder, use: str) -> None:
    """Disk full for other sinks: told, and all else goes on"""
    graph = {
        "move": {"use": "detect.motion", "warm_up": 0.2},
        "tick": Seldom,
        "out": {"use": use, **WRITERS[use]},
    }
    running = site({"gate": cameras("rtsp").url}, graph)
    running.wait_for_frames("gate", 60)
    fill(small_disk / "filler")
    full = time.time()

    def told() -> Any:
        return next((at for at, n in running.engine.notices.recent if n.stage == "out" and at >= full), None)

    record("full disk told after", running.wait(told, "it to be said", 30) - full, "s")
    began = time.monotonic()
    time.sleep(3)
    record("frames analysed while full", len(running.after("gate", began)) / 3, "per s", ">= 20")
    running.stop()
    record("stop", running.stopped_after, "s", "<= 3")
    broken = [file for file, count in playable(films(small_disk)).items() if not count]
    record("files that do not play", len(broken), "", "= 0")
    assert len(running.after("gate", began)) > 30
    assert running.stopped_after < 6
    assert not broken


def test_file_size_limit(cameras: Any, said: list[str], record: Recorder, tmp_path: Path) -> None:
    """A limit on the size of files"""
    config = job(tmp_path, cameras("rtsp").url)
    config.write_text(config.read_text().replace("segment: 2s", "segment: 1m"))
    with Program("run", config, "--out", tmp_path, prefix=("prlimit", "--fsize=60000")) as program:
        told = program.wait_for("film: file-limit")
        record("told after", told - program.began, "s")
        time.sleep(3)
        took = program.end(signal.SIGTERM)
        said.append(program.text)
        record("stop", took, "s", "<= 3")
    counts = playable(films(tmp_path))
    record("files that do not play", sum(not n for n in counts.values()), "", "= 0")
    assert counts
    assert all(counts.values())


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGKILL"])
def test_signals(cameras: Any, said: list[str], record: Recorder, tmp_path: Path, name: str) -> None:
    """A signal while recording"""
    number = signal.Signals[name]
    with Program("run", job(tmp_path, cameras("rtsp").url), "--out", tmp_path) as program:
        program.wait(lambda: len(films(tmp_path)) > 2, "three segments")
        time.sleep(0.7)
        killed = time.monotonic()
        took = program.end(number)
        said.append(program.text)
        code = program.code
    stamps = recorded(films(tmp_path))
    lost = killed - max(s.sent_ms for s in stamps) / 1000
    settled = min(s.sent_ms for s in stamps) + 1500  # what waited while the camera was opened came at once
    numbers = sorted(s.number for s in stamps if s.sent_ms > settled)
    record("lost before the signal", lost, "s", "<= 1")
    record("files that do not play", sum(not n for n in playable(films(tmp_path)).values()), "", "= 0")
    record("pictures lost between segments", numbers[-1] - numbers[0] + 1 - len(set(numbers)), "")
    assert lost <= 2
    if name != "SIGKILL":
        record("stop", took, "s", "<= 3")
        assert took <= 6
        assert code == 128 + number
        assert not list(tmp_path.rglob("*.part.*"))


def test_over_its_own_leftovers(cameras: Any, said: list[str], record: Recorder, tmp_path: Path) -> None:
    """Killed three times and started again over its own leftovers"""
    config = job(tmp_path, cameras("rtsp").url)
    kept: dict[Path, int] = {}
    for number in (signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM):
        before = len(films(tmp_path))
        with Program("run", config, "--out", tmp_path) as program:
            program.wait(lambda before=before: len(films(tmp_path)) > before + 1, "two more segments")
            time.sleep(0.5)
            program.end(number)
            said.append(program.text)
        now = playable(films(tmp_path))
        assert len(now) >= len(kept)
        kept = now
    stamps = recorded(films(tmp_path))
    record("files that do not play", sum(not n for n in kept.values()), "", "= 0")
    record("files left unfinished", len(list(tmp_path.rglob("*.part.*"))), "", "= 0")
    record("pictures twice", len(stamps) - len(set(stamps)), "", "= 0")
    assert all(kept.values())
    assert not list(tmp_path.rglob("*.part.*"))
    assert len(stamps) == len(set(stamps))
