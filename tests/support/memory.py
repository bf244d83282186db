"""What this process holds: memory, open files, threads, children; and disks that fill up. Linux."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple


class Holdings(NamedTuple):
    """What a process holds at a moment."""

    #: KiB that are its own
    private: int
    descriptors: int
    threads: int
    zombies: int


def holdings() -> Holdings:
    """Of this process, now."""
    return Holdings(
        _of("smaps_rollup", "Private_"),
        len(list(Path("/proc/self/fd").iterdir())),
        threading.active_count(),
        zombies(),
    )


def zombies() -> int:
    """Children that have ended and that nobody has asked for."""
    count = 0
    for task in Path("/proc/self/task").iterdir():
        try:
            children = (task / "children").read_text().split()
        except OSError:  # the thread has just ended
            continue
        for child in children:
            try:
                count += Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
            except OSError:  # gone meanwhile
                continue
    return count


@contextmanager
def peak_growth() -> Iterator[Callable[[], float]]:
    """``with peak_growth() as growth: ...``: afterwards `growth()` is how many MiB more it took at most."""
    Path("/proc/self/clear_refs").write_text("5")  # the highest mark starts anew
    before = _of("status", "VmRSS")
    yield lambda: (_of("status", "VmHWM") - before) / 1024


def _of(file: str, key: str) -> int:
    lines = Path(f"/proc/self/{file}").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(key))


def fill(file: Path) -> None:
    """Take all the space there is."""
    with file.open("wb", buffering=0) as target:
        for size in (100_000, 4096, 1):
            try:
                while target.write(bytes(size)) == size:
                    pass
            except OSError:
                continue
