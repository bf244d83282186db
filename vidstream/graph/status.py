"""The states a source has been in: what it is now, since when, and how often it was otherwise."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any

from vidstream.graph.clock import Clock
from vidstream.types import SourceState, SourceStatus
from vidstream.types.values import redact

#: so many of the newest states are kept
RECENT = 50

Hear = Callable[[SourceStatus], None]


class StatusLog:
    """One source's states. Written by the source's thread, read by any.

    `hear` is told of each new state; one that says the same as the last is none.
    """

    def __init__(self, source: str, clock: Clock, hear: Hear) -> None:
        self._source = source
        self._clock = clock
        self._hear = hear
        self._lock = threading.Lock()
        self._recent: deque[SourceStatus] = deque(maxlen=RECENT)
        self._counts: Counter[SourceState] = Counter()
        #: arrival of the newest frame on the monotonic clock; None before the first
        self.last_frame: float | None = None

    def add(self, state: SourceState, cause: str = "") -> None:
        """The source has come into this state."""
        clock = self._clock
        status = SourceStatus(self._source, state, redact(cause), clock.monotonic(), clock.time())
        with self._lock:
            now = self._recent[-1] if self._recent else None
            if now is not None and (now.state, now.cause) == (state, status.cause):
                return
            if now is not None and now.state == state == "ended":  # the first one had a cause
                return
            self._recent.append(status)
            self._counts[state] += 1
        self._hear(status)

    @property
    def now(self) -> SourceStatus | None:
        """The newest state; None before the first."""
        with self._lock:
            return self._recent[-1] if self._recent else None

    @property
    def recent(self) -> Sequence[SourceStatus]:
        """The newest states, oldest first."""
        with self._lock:
            return tuple(self._recent)

    def age(self) -> float | None:
        """Seconds since the newest frame arrived; None before the first."""
        return None if self.last_frame is None else self._clock.monotonic() - self.last_frame

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        now, age = self.now, self.age()
        with self._lock:
            counts = dict(self._counts)
        return {
            "state": now.state if now else "connecting",
            "cause": now.cause if now else "",
            "since": now.wall if now else None,
            "last_frame_s": None if age is None else round(age, 3),
            "times": counts,
        }
