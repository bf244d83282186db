"""Writing on a thread of its own: a disk that is slow, full or hung holds nobody else up."""

from __future__ import annotations

import errno
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias

from vidstream.errors import SinkError
from vidstream.graph.clock import Clock
from vidstream.graph.stage import Notify
from vidstream.sinks.base import write_error

Job: TypeAlias = Callable[[], None]

#: most bytes that wait: a minute of 4 Mbit/s
MOST_BYTES: Final = 32 << 20
#: seconds between two looks at what is to be done without a job
TICK: Final = 0.25
#: seconds that a close waits for a disk
LAST_WAIT: Final = 2.0
#: seconds between two attempts to write to a disk that did not take anything
RETRY: Final = 2.0

_FULL = (errno.ENOSPC, errno.EDQUOT)


class Worker:
    """Runs jobs in order, and `tick` about every 0.25 s in any case. Its thread begins with it."""

    def __init__(self, name: str, tick: Job, most_bytes: int = MOST_BYTES) -> None:
        self._tick = tick
        self._most = most_bytes
        self._jobs: deque[tuple[Job, int]] = deque()
        self._changed = threading.Condition()
        self._bytes = 0
        self._closing = self._refusing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def do(self, job: Job, size: int = 0) -> bool:
        """Have it done later; False, and nothing is, where too much waits, until half of that is done.

        A job without a size is never refused.
        """
        with self._changed:
            if self._closing or (size and self._is_full(size)):
                return False
            self._jobs.append((job, size))
            self._bytes += size
            self._changed.notify()
            return True

    def _is_full(self, size: int) -> bool:
        room = self._most // 2 if self._refusing else self._most
        self._refusing = self._bytes > 0 and self._bytes + size > room
        return self._refusing

    def close(self, seconds: float = LAST_WAIT) -> bool:
        """Finish what waits; False where that takes longer, and is given up."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        ticked = time.monotonic()
        while True:
            with self._changed:
                if not self._jobs and not self._closing:
                    self._changed.wait(TICK)
                if not self._jobs and self._closing:
                    return
                job, size = self._jobs.popleft() if self._jobs else (None, 0)
            if job is not None:
                job()
                with self._changed:
                    self._bytes -= size
            if time.monotonic() - ticked >= TICK:
                ticked = time.monotonic()
                self._tick()


class Disk:
    """Knows whether the disk takes what it is given, says when that changes, and when to try again."""

    def __init__(self, notify: Notify, clock: Clock, place: str) -> None:
        self._notify = notify
        self._clock = clock
        self._place = place
        self._failed_at: float | None = None
        self._retry_at = 0.0

    def failed(self, error: OSError, *, at_once: bool = False) -> None:
        """Something could not be written. `at_once` tells that trying again need not wait."""
        now = self._clock.monotonic()
        self._retry_at = now if at_once else now + RETRY
        if self._failed_at is None:
            self._failed_at = now
            self._notify(_kind(error), _said(error, self._place))

    def works(self) -> None:
        """Something was written."""
        if self._failed_at is not None:
            missing = self._clock.monotonic() - self._failed_at
            self._failed_at = None
            self._notify("disk-back", f"recording goes on; about {missing:.0f} s are missing")

    @property
    def is_shut(self) -> bool:
        """Whether trying now is too soon."""
        return self._failed_at is not None and self._clock.monotonic() < self._retry_at


def _kind(error: OSError) -> str:
    if isinstance(error, SinkError):
        return "recording-failed"
    if error.errno in _FULL:
        return "disk-full"
    return "file-limit" if error.errno == errno.EFBIG else "disk-failed"


def _said(error: OSError, place: str) -> str:
    said = error if isinstance(error, SinkError) else write_error(error, place)
    return f"{said}; all else goes on, and so will recording"
