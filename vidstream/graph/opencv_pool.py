"""OpenCV's own thread pool: there is one in a process, so all engines that run in it have to share."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

_lock = threading.Lock()
#: what each engine under way loads the cores with
_loads: list[Load] = []
_before = 0


class Load:
    """How many threads of an engine run heavy stages."""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def set(self, threads: int) -> None:
        """There are more now, or fewer."""
        with _lock:
            if threads != self.threads:
                self.threads = threads
                _resize()


@contextmanager
def shared(threads: int) -> Iterator[Load]:
    """Give OpenCV so many threads that `threads` threads calling it, and other engines', fill the cores.

    When the last engine has ended, OpenCV has as many as before the first one began.
    """
    global _before  # noqa: PLW0603 - it stands for a global of OpenCV's
    with _lock:
        if not _loads:
            _before = cv2.getNumThreads()
        _loads.append(load := Load(threads))
        _resize()
    try:
        yield load
    finally:
        with _lock:
            _loads.remove(load)
            _resize()


def _resize() -> None:
    cv2.setNumThreads(max(1, cores() // max(1, sum(load.threads for load in _loads))) if _loads else _before)


def cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
