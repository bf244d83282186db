"""Edits of the file while it runs that cannot work: refused, told, and everything runs on as before."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.fault_table import Recorder
from tests.support.planted import hidden
from tests.support.program import Program

JOB = """
version: 1
sources:
  gate: {{uri: "{gate}"}}
  yard: {{uri: "{yard}"}}
graph:
  move: {{use: detect.motion, warm_up: 0.2}}
  face: {{use: detect.faces, model: ./net.onnx, max_fps: 2, sources: [gate]}}
  lines: {{use: sink.jsonl, path: "${{source}}.jsonl"}}
"""

#: what each edit puts in the place of what, and the words that its refusal must have
EDITS = {
    "model missing": ("./net.onnx", "./gone.onnx", "gone.onnx"),
    "model corrupt": ("./net.onnx", "./bad.onnx", "bad.onnx"),
    "model cut in half": ("./net.onnx", "./half.onnx", "half.onnx"),
    "unknown option": ("warm_up: 0.2", "warmup: 0.2", "warmup"),
    "no YAML": ("graph:", "graph: [", "job.yaml"),
    "no sources": ("sources:", "source_s:", "source_s"),
    "empty file": (None, "", "job.yaml"),
}


@pytest.mark.parametrize("name", EDITS)
def test_edit(
    cameras: Any,
    said: list[str],
    record: Recorder,
    tmp_path: Path,
    assets: Callable[[str], Path],
    name: str,
) -> None:
    """A bad edit while running (SIGHUP)"""
    config = prepare(cameras, tmp_path, assets)
    good = config.read_text()
    old, new, words = EDITS[name]
    with Program("run", config, "--out", tmp_path / "out") as program:
        for camera in ("gate", "yard"):
            program.wait(lambda c=camera: len(frames(tmp_path, c)) > 20, f"frames of {camera}")
        written = time.monotonic()
        config.write_text(new if old is None else good.replace(old, new))
        program.process.send_signal(signal.SIGHUP)
        record("refused after", program.wait_for(words, written, 30) - written, "s")
        time.sleep(2)
        assert program.process.poll() is None, program.text[-2000:]
        config.write_text(good.replace("warm_up: 0.2", "warm_up: 0.3"))
        program.process.send_signal(signal.SIGHUP)
        before = {camera: len(frames(tmp_path, camera)) for camera in ("gate", "yard")}
        for camera, count in before.items():
            program.wait(lambda c=camera, n=count: len(frames(tmp_path, c)) > n + 25, f"frames of {camera}")
        record("stop", program.end(signal.SIGTERM), "s", "<= 3")
        said.append(program.text)
    for camera in ("gate", "yard"):
        found = frames(tmp_path, camera)
        record("restarts", len({segment for segment, _ in found}) - 1, "", "= 0", on=camera)
        assert len({segment for segment, _ in found}) == 1
    assert "Traceback" not in program.text


def prepare(cameras: Any, tmp_path: Path, assets: Callable[[str], Path]) -> Path:
    """The file that runs, and beside it a network, half of one, and noise."""
    network = assets("weights/face_detection_yunet_2023mar.onnx")
    shutil.copy(network, tmp_path / "net.onnx")
    (tmp_path / "half.onnx").write_bytes(network.read_bytes()[:100_000])
    (tmp_path / "bad.onnx").write_bytes(os.urandom(100_000))
    config = tmp_path / "job.yaml"
    urls = {"gate": hidden(cameras("rtsp").url), "yard": hidden(cameras("mjpeg").url)}
    config.write_text(JOB.format(**urls))
    return config


def frames(tmp_path: Path, camera: str) -> list[tuple[int, int]]:
    """Segment and number of each frame that a camera's lines tell of."""
    file = tmp_path / "out" / f"{camera}.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    found = []
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:  # being written
            continue
        if row["type"] == "frame":
            found.append((row["segment"], row["seq"]))
    return found
