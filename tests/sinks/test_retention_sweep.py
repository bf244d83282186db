"""What is deleted, oldest first; and, much more, what is not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vidstream.graph.clock import SystemClock
from vidstream.graph.params import make_params
from vidstream.sinks.naming import TimedNames
from vidstream.sinks.retention import Keep, Kept, Retention
from vidstream.sinks.video import VideoSink
from vidstream.types import View

NOW = 1_800_000_000.0
DAY = 86400.0


class Noon(SystemClock):
    """It is always the same time of day; hours pass only on the other clock."""

    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        return NOW

    def monotonic(self) -> float:
        return self.now


def put(path: Path, days_old: float, size: int = 1000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    os.utime(path, (NOW, NOW - days_old * DAY))
    return path


def sweeper(root: Path, path: str, keep: Kept, notices: list[tuple[str, str]] | None = None) -> Retention:
    names = TimedNames(root, Path(path), (".mp4", ".jpg", ".json"))
    told = [] if notices is None else notices
    return Retention(names, keep, Noon(), lambda kind, message: told.append((kind, message)))


def left(root: Path) -> set[str]:
    return {p.relative_to(root).as_posix() for p in root.rglob("*") if not p.is_dir() or p.is_symlink()}


PATTERN = "gate/%Y-%m-%d/%H-%M-%S.mp4"


def test_by_age(tmp_path: Path) -> None:
    put(tmp_path / "gate/2026-01-01/10-00-00.mp4", 8)
    put(tmp_path / "gate/2026-01-02/10-00-00_2.mp4", 7.01)
    put(tmp_path / "gate/2026-01-03/10-00-00.mp4", 6.99)
    assert sweeper(tmp_path, PATTERN, Keep(age=7 * DAY)).look() == 2
    assert left(tmp_path) == {"gate/2026-01-03/10-00-00.mp4"}
    assert sorted(p.name for p in (tmp_path / "gate").iterdir()) == ["2026-01-03"], "empty folders go, too"


@pytest.mark.parametrize("keep", ["7d", {"age": "7d"}, 604800], ids=["a time alone", "by name", "in seconds"])
def test_how_it_is_written(tmp_path: Path, keep: Any) -> None:
    put(tmp_path / "gate-20260101T100000Z.mp4", 8)
    put(tmp_path / "gate-20260102T100000Z.mp4", 6)
    params = make_params(VideoSink.Params, {"path": "gate.mp4", "segment": "1h", "keep": keep}, "")
    assert sweeper(tmp_path, "gate.mp4", params.keep).look() == 1


def test_by_size_the_oldest_go_first(tmp_path: Path) -> None:
    """By when they were written, not by name: the clock may have been put back."""
    put(tmp_path / "gate/2026-01-01/10-00-00.mp4", 1)
    put(tmp_path / "gate/2026-01-01/11-00-00.mp4", 3)
    put(tmp_path / "gate/2026-01-01/12-00-00.mp4", 2)
    put(tmp_path / "gate/2026-01-01/13-00-00.part.mp4", 0)
    assert sweeper(tmp_path, PATTERN, Keep(size=2999)).look() == 2
    assert left(tmp_path) == {"gate/2026-01-01/10-00-00.mp4", "gate/2026-01-01/13-00-00.part.mp4"}


def test_a_file_under_way_is_counted_and_kept(tmp_path: Path) -> None:
    put(tmp_path / "gate/2026-01-01/13-00-00.part.mp4", 400, size=5000)
    assert sweeper(tmp_path, PATTERN, Keep(size=10, age=DAY)).look() == 0
    assert left(tmp_path) == {"gate/2026-01-01/13-00-00.part.mp4"}


def test_by_the_room_on_the_disk(tmp_path: Path, small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(400)
    for hour in range(10, 13):
        put(disk / f"gate-2026010{hour - 9}T100000Z.mp4", 20 - hour, size=100_000)
    sweep = sweeper(disk, "gate.mp4", Keep(free=150_000))
    assert sweep.look() == 1
    assert left(disk) == {"gate-20260102T100000Z.mp4", "gate-20260103T100000Z.mp4"}


STRANGERS = [
    "gate/2026-01-01/10-00-00.avi",
    "gate/2026-01-01/10-00-00.mp4.bak",
    "gate/2026-01-01/notes.mp4",
    "gate/2026-01-01/10-00-00-holiday.mp4",
    "gate/2026-01-01/deeper/10-00-00.mp4",
    "gate/10-00-00.mp4",
    "gate/keep/10-00-00.mp4",
    "yard/2026-01-01/10-00-00.mp4",
    "10-00-00.mp4",
]


def test_nothing_else_is_ever_deleted(tmp_path: Path) -> None:
    outside = put(tmp_path / "elsewhere/2026-01-01/10-00-00.mp4", 900)
    for name in STRANGERS:
        put(tmp_path / "out" / name, 900)
    (tmp_path / "out/gate/2026-02-02").symlink_to(outside.parent)
    (tmp_path / "out/gate/2026-01-01/11-00-00.mp4").symlink_to(outside)
    (tmp_path / "out/gate/2026-01-01/12-00-00.mp4").mkdir()
    before = left(tmp_path)
    put(tmp_path / "out" / "gate/2026-01-01/13-00-00.mp4", 900)
    assert sweeper(tmp_path / "out", PATTERN, Keep(age=DAY, size=1, free=1 << 60)).look() == 1
    assert left(tmp_path) == before


def test_cameras_with_names_alike_do_not_delete_each_others(tmp_path: Path) -> None:
    for name in ("gate", "gate-2", "gate-20260101T000000Z", "agate"):
        put(tmp_path / f"{name}-20260101T100000Z.mp4", 900)
    assert sweeper(tmp_path, "gate.mp4", Keep(age=DAY)).look() == 1
    assert len(left(tmp_path)) == 3


def test_what_belongs_to_a_clip_goes_with_it(tmp_path: Path) -> None:
    for suffix in ("mp4", "jpg", "json"):
        put(tmp_path / f"gate-20260101T100000Z.{suffix}", 3)
        put(tmp_path / f"gate-20260101T110000Z.{suffix}", 1)
    assert sweeper(tmp_path, "gate.mp4", Keep(size=5000)).look() == 1
    assert left(tmp_path) == {f"gate-20260101T110000Z.{suffix}" for suffix in ("mp4", "jpg", "json")}


def test_it_looks_now_and_then(tmp_path: Path) -> None:
    names = TimedNames(tmp_path, Path("gate.mp4"), (".mp4",))
    clock = Noon()
    sweep = Retention(names, Keep(age=DAY), clock, lambda kind, message: None)
    assert sweep.look() == 0
    put(tmp_path / "gate-20260101T100000Z.mp4", 3)
    clock.now = 9.0
    assert sweep.look() == 0
    clock.now = 11.0
    assert sweep.look() == 1


def test_a_sink_keeps_to_its_size_also_over_restarts(
    make: Callable[..., Any], at: Callable[..., Any], tmp_path: Path
) -> None:
    noise = np.random.default_rng(0)
    pictures = [View(noise.integers(0, 255, (48, 64, 3), np.uint8)) for _ in range(25)]
    for run in range(3):
        sink = make(VideoSink, path="gate.mp4", segment="1s", preset="ultrafast", keep={"size": "500kB"})
        for i in range(75):
            sink.process(pictures[i % 25], at(i, i * 0.04, wall=NOW + run * 100 + i * 0.04))
        sink.flush()
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert 250_000 < sum(sizes) <= 500_000
    assert (tmp_path / "gate-20270115T080322Z.mp4").exists(), "the newest stays"
