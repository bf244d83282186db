"""OpenCV's own thread pool: there is one in a process, so all engines that run in it have to share."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

_lock = threading.Lock()
#: threads that run heavy stages, for each engine under way
_loads: list[int] = []
_before = 0


@contextmanager
def shared(load: int) -> Iterator[None]:
    """Give OpenCV so many threads that `load` threads calling it, and other engines', fill the cores.

    When the last engine has ended, OpenCV has as many as before the first one began.
    """
    global _before  # noqa: PLW0603 - it stands for a global of OpenCV's
    with _lock:
        if not _loads:
            _before = cv2.getNumThreads()
        _loads.append(load)
        _resize()
    try:
        yield
    finally:
        with _lock:
            _loads.remove(load)
            _resize()


def _resize() -> None:
    cv2.setNumThreads(max(1, cores() // max(1, sum(_loads))) if _loads else _before)


def cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
