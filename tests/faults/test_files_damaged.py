"""Recordings that are cut, have no index, or are no files: said at once, and read as far as they go."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.clips import make_clip
from tests.support.fault_table import Recorder
from tests.support.program import Program


def truncated(path: Path) -> int:
    """Two thirds of an MP4 whose index is in front: what is there can be read."""
    make_clip(path, range(300), muxing={"movflags": "faststart"}, options={"g": "10"})
    data = path.read_bytes()
    path.write_bytes(data[: 2 * len(data) // 3])
    return 150


def without_index(path: Path) -> int:
    """An MP4 whose index was to come at the end, and did not."""
    make_clip(path, range(100))
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"moov") - 4])
    return 0


def empty(path: Path) -> int:
    """Nothing at all."""
    path.touch()
    return 0


def fifo(path: Path) -> int:
    """A pipe, which opening would wait at for ever."""
    os.mkfifo(path)
    return 0


def noise(path: Path) -> int:
    """A name that promises, and noise."""
    path.write_bytes(os.urandom(200_000))
    return 0


@pytest.mark.parametrize(
    "make", [truncated, without_index, empty, fifo, noise], ids=lambda make: make.__name__
)
def test_file(make: Callable[[Path], int], said: list[str], record: Recorder, tmp_path: Path) -> None:
    """A recording that is cut, has no index, or is none"""
    frames = make(tmp_path / "clip.mp4")
    config = tmp_path / "job.yaml"
    graph = '{move: detect.motion, lines: {use: sink.jsonl, path: "x.jsonl"}}'
    config.write_text(f"version: 1\nsource: {tmp_path}/clip.mp4\ngraph: {graph}\n")
    with Program("run", config, "--out", tmp_path / "out") as program:
        code = program.process.wait(60)
        took = time.monotonic() - program.began
        said.append(program.text)
    lines = tmp_path / "out" / "x.jsonl"
    given = lines.read_text().count('"frame"') if lines.exists() else 0
    record("over after", took, "s", "<= 10")
    record("frames given", given, "", f">= {frames}")
    record("exit code", code, "")
    assert took < 30
    assert given >= frames
    assert code == 0 if frames else code in (1, 2)
    assert "Traceback" not in program.text


def test_fifo_that_somebody_writes(said: list[str], record: Recorder, tmp_path: Path) -> None:
    """A pipe in a folder of recordings harms no other source"""
    make_clip(tmp_path / "good.mp4", range(50))
    os.mkfifo(tmp_path / "pipe.mp4")
    config = tmp_path / "job.yaml"
    config.write_text(
        f"version: 1\nsources:\n  good: {tmp_path}/good.mp4\n  pipe: {tmp_path}/pipe.mp4\n"
        'graph: {move: detect.motion, lines: {use: sink.jsonl, path: "${source}.jsonl"}}\n'
    )
    with Program("run", config, "--out", tmp_path / "out") as program:
        code = program.process.wait(60)
        record("over after", time.monotonic() - program.began, "s", "<= 10")
        record("exit code", code, "")
        if program.process.poll() is None:
            program.end(signal.SIGKILL)
        said.append(program.text)
    assert "pipe" in program.text
    assert code in (1, 2)
