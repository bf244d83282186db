"""Time, injected wherever it is needed, so that tests can step it."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """What the engine asks of time."""

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps."""

    def time(self) -> float:
        """UTC seconds: a label, never used for differences."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Sleep, or less if the event is set; True if it is."""


class SystemClock:
    """The machine's own clocks."""

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps."""
        return time.monotonic()

    def time(self) -> float:
        """UTC seconds."""
        return time.time()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Sleep, or less if the event is set; True if it is."""
        return event.wait(max(0.0, seconds))
