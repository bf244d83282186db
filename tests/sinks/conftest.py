"""What the tests of sinks share: a sink made as the engine makes it, frames, nearly full disks."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from vidstream.graph.params import make_params
from vidstream.graph.stage import Stage
from vidstream.types import FrameInfo, StreamInfo


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """``make(VideoSink, path="a.mp4")`` -> the sink, open, writing under tmp_path; closed at the end."""
    made: list[Stage] = []

    def build(
        cls: type[Stage], *, root: Path | None = None, stream: StreamInfo | None = None, **options: Any
    ) -> Any:
        sink: Any = cls(make_params(cls.Params, options, "out"))
        sink.stage_id, sink.source = "out", "gate"
        sink.out_root = tmp_path if root is None else root
        sink.notices = []
        sink.notify = lambda kind, message: sink.notices.append((kind, message))
        made.append(sink)
        sink.open(stream or StreamInfo("gate", 64, 48, fps=25.0))
        return sink

    yield build
    for sink in made:
        sink.close()


@pytest.fixture
def at() -> Callable[..., FrameInfo]:
    """``at(3, 0.12)`` -> the FrameInfo of frame 3 at 0.12 s."""

    def frame(
        seq: int, pts: float, *, segment: int = 0, wall: float | None = None, source: str = "gate"
    ) -> FrameInfo:
        return FrameInfo(source, segment, seq, pts, wall, pts, 64, 48)

    return frame


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """``small_disk(300)`` -> a folder on a disk of 300 kB; skips where this user may not mount one."""
    mounted: list[Path] = []

    def mount(kilobytes: int) -> Path:
        folder = tmp_path / "disk"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
        if (
            sys.platform != "linux"
            or os.geteuid() != 0
            or subprocess.run(command, capture_output=True, check=False).returncode
            or not folder.is_mount()  # in a bare chroot it lands elsewhere
        ):
            pytest.skip("a small disk can only be mounted by root on Linux")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def file_limit() -> Callable[[int], AbstractContextManager[None]]:
    """``with file_limit(1000):`` no file may grow beyond 1000 bytes: a full disk that needs no root."""

    @contextmanager
    def limit(size: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limit
