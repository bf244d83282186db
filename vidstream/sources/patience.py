"""How long a live source may be silent, and how long to wait before it is tried again."""

from __future__ import annotations

import random
import time
from typing import Final

#: a loop that waits for pictures looks up so often
LOOK_S: Final = 0.1
#: one that looks up so much later was suspended or starved, and knows nothing of the other side
LATE_S: Final = 0.5
#: a source is stalled after this, and after so many of its frame intervals
STALL_S: Final = 2.0
STALL_FRAMES: Final = 3


class Vigil:
    """Seconds of silence, as far as this process was awake to hear.

    Whoever waits has to `look` up every `LOOK_S`. Where that comes late (the process was suspended, the
    machine overloaded), the silence starts over: the other side is not to blame. Only the monotonic clock is
    asked, so that a change of the time of day means nothing.
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Something was heard just now."""
        self._since = self._looked = time.monotonic()

    def look(self) -> float:
        """Seconds of silence until now."""
        now = time.monotonic()
        if now - self._looked > LOOK_S + LATE_S:
            self._since = now
        self._looked = now
        return now - self._since


class Interval:
    """Seconds between a source's pictures: what it promises, or what is seen where that is longer."""

    def __init__(self, nominal: float | None) -> None:
        self._nominal = nominal or 0.0
        self._seen = 0.0
        self._last: tuple[int, float] | None = None

    def add(self, segment: int, pts: float) -> None:
        """The next picture's time."""
        if self._last is not None and self._last[0] == segment:
            self._seen += 0.2 * (pts - self._last[1] - self._seen)
        self._last = segment, pts

    @property
    def seconds(self) -> float:
        """The interval; 0 where nothing is known."""
        return max(self._nominal, self._seen)

    @property
    def stall(self) -> float:
        """Seconds without a picture after which a source is stalled."""
        return max(STALL_S, STALL_FRAMES * self.seconds)


class Backoff:
    """Delays between tries: 0.25 s, doubling to 5 s, each up to a quarter shorter, so that cameras that were
    lost together do not all come back at once. Who has been away for ten minutes is tried every 30 s; who
    refuses the password, every minute, for cameras lock out whoever knocks too often.
    """

    SHORTEST, LONGEST = 0.25, 5.0
    ABSENT_AFTER, ABSENT = 600.0, 30.0
    REFUSED = 60.0

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start over from the shortest delay."""
        self._delay = self.SHORTEST

    def next(self, absent: float = 0.0, *, refused: bool = False) -> float:
        """Seconds from one try's beginning to the next one's, after an absence of so many seconds."""
        delay, self._delay = self._delay, min(2 * self._delay, self.LONGEST)
        if refused:
            delay = self.REFUSED
        elif absent >= self.ABSENT_AFTER:
            delay = self.ABSENT
        return delay * random.uniform(0.75, 1.0)  # noqa: S311 - it spreads tries, it hides nothing
