"""The wall clock is put forward and back by an hour; the machine sleeps: no camera is blamed for it."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

from tests.support.fault_table import Recorder
from tests.support.planted import hidden
from tests.support.program import Program, playable, recorded
from vidstream.graph.clock import SystemClock


class SteppedClock(SystemClock):
    """A wall clock that somebody puts forward and back."""

    offset = 0.0

    def time(self) -> float:
        """UTC seconds, or what it takes for that."""
        return super().time() + self.offset


def test_wall_clock(cameras: Any, site: Any, record: Recorder, tmp_path: Path) -> None:
    """Wall clock put forward and back by an hour"""
    clock = SteppedClock()
    kinds = ("rtsp", "ts", "mjpeg")
    graph = {
        "move": "detect.motion",
        "film": {"use": "sink.video", "path": "${source}/%H-%M-%S.mp4", "segment": "2s"},
        "db": {"use": "sink.events", "path": "events.db"},
        "lines": {"use": "sink.jsonl", "path": "${source}.jsonl"},
    }
    running = site({kind: cameras(kind).url for kind in kinds}, graph, clock=clock)
    for kind in kinds:
        running.wait_for_frames(kind, 10)
    began = time.monotonic()
    for offset in (3600.0, -3600.0, 0.0):
        time.sleep(3)
        clock.offset = offset
    time.sleep(3)
    running.stop()
    for kind in kinds:
        pts = [f.pts for f in running.after(kind, began)]
        record("restarts", running.segments(kind) - 1, "", "= 0", on=kind)
        record("frames lost", running.missing(kind, began), "", "= 0", on=kind)
        told = [s.state for s in running.states[kind] if s.mono > began and s.state != "ended"]
        record("changes of state", len(told), "", "= 0", on=kind)
        assert not told
        assert running.segments(kind) == 1
        assert pts == sorted(pts)
        assert pts[-1] - pts[0] < 15
        files = sorted((tmp_path / kind).rglob("*.mp4"))
        assert all(playable(files).values())
        numbers = [stamp.number for stamp in recorded(files)]
        record(
            "pictures recorded, of those given",
            100 * len(set(numbers)) / len(running.frames[kind]),
            "%",
            on=kind,
        )
        assert len(set(numbers)) >= 0.9 * len(running.frames[kind])
    assert running.pipeline.report.exit_code == 0


def test_machine_sleeps(cameras: Any, said: list[str], record: Recorder, tmp_path: Path) -> None:
    """The whole program stands still for six seconds, as when a machine sleeps"""
    live = {kind: cameras(kind) for kind in ("rtsp", "ts", "mjpeg")}
    sources = "".join(f'  {kind}: {{uri: "{hidden(c.url)}"}}\n' for kind, c in live.items())
    config = tmp_path / "job.yaml"
    graph = '  move: detect.motion\n  lines: {use: sink.jsonl, path: "${source}.jsonl", every: 5}\n'
    config.write_text(f"version: 1\nsources:\n{sources}graph:\n{graph}")
    with Program("run", config, "--out", tmp_path, "--metrics", "report.json") as program:
        for kind in live:
            program.wait(lambda k=kind: frames_in(tmp_path / f"{k}.jsonl") > 3, f"frames of {kind}")
        program.process.send_signal(signal.SIGSTOP)
        time.sleep(6)
        before = {kind: frames_in(tmp_path / f"{kind}.jsonl") for kind in live}
        program.process.send_signal(signal.SIGCONT)
        woke = time.monotonic()
        for kind in live:
            program.wait(lambda k=kind: frames_in(tmp_path / f"{k}.jsonl") > before[k], f"frames of {kind}")
        record("all cameras again after", time.monotonic() - woke, "s", "<= 2.5")
        time.sleep(2)
        program.end(signal.SIGTERM)
        said.append(program.text)
    report = json.loads((tmp_path / "report.json").read_text())
    for source in report["sources"]:
        times = source["status"]["times"]
        blamed = sum(times.get(state, 0) for state in ("stalled", "lost", "bad-data"))
        record("states blamed on the camera", blamed, "", "= 0", on=source["source"])
        record("connections", times["connecting"], "", "= 1", on=source["source"])
        assert times["connecting"] == 1, times


def frames_in(file: Path) -> int:
    """Frames that a sink has written so far."""
    return (
        file.read_text().count('"type": "frame"') + file.read_text().count('"type":"frame"')
        if file.exists()
        else 0
    )
