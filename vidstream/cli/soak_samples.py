"""What a running process holds and how its cameras are, sampled: the raw material of a soak's verdict."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vidstream.graph.engine import Engine

_SELF = Path("/proc/self")


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the process."""

    #: seconds since the start
    at: float
    #: bytes that are this process's own, and all that it has in memory
    private: int
    resident: int
    descriptors: int
    threads: int
    #: programs that it started: alive, and ended but not asked for
    children: int
    zombies: int
    #: per camera: finished frames, and seconds since the newest one arrived (None before the first)
    frames: dict[str, int]
    ages: dict[str, float | None]


@dataclass
class Camera:
    """What became of one camera over the whole time."""

    frames: int = 0
    #: the longest time without a frame, as seen when looking
    worst_age: float = 0.0
    #: seconds from arrival to the end of the graph, live only
    age_p95: float = 0.0
    state: str = ""
    #: how often it came into each state
    times: dict[str, int] = field(default_factory=dict)
    error: str = ""


def look(engine: Engine, at: float) -> Sample:
    """Look now, `at` seconds after the start."""
    memory = _memory()
    children, zombies = _children()
    return Sample(
        at,
        memory["Private_Clean"] + memory["Private_Dirty"],
        memory["Rss"],
        sum(1 for _ in (_SELF / "fd").iterdir()),
        threading.active_count(),
        children,
        zombies,
        {lane.name: _finished(lane) for lane in engine.lanes},
        {lane.name: lane.status.age() for lane in engine.lanes},
    )


def cameras(engine: Engine, samples: list[Sample]) -> dict[str, Camera]:
    """What became of each camera."""
    found = {}
    for report in engine.report().sources:
        ages = [sample.ages.get(report.source) for sample in samples]
        found[report.source] = Camera(
            report.ledger.done,
            max((age for age in ages if age is not None), default=0.0),
            report.age_p95,
            str(report.status["state"]),
            dict(report.status["times"]),
            report.error,
        )
    return found


def _finished(lane: Any) -> int:
    return int(lane.current.ledger.done)


def _memory() -> dict[str, int]:
    """Bytes by the kernel's names: a page that other processes use as well is not this one's."""
    wanted = {"Private_Clean": 0, "Private_Dirty": 0, "Rss": 0}
    for line in (_SELF / "smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in wanted:
            wanted[name] = int(rest.split()[0]) * 1024
    return wanted


def _children() -> tuple[int, int]:
    alive = ended = 0
    for task in (_SELF / "task").iterdir():
        try:
            numbers = (task / "children").read_text().split()
        except OSError:  # the thread has just ended
            continue
        for number in numbers:
            if _is_zombie(number):
                ended += 1
            else:
                alive += 1
    return alive, ended


def _is_zombie(number: str) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:  # gone, and asked for
        return False
