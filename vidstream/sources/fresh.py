"""Which pictures come too late to pass for new: what lay in buffers while somebody was hung or suspended."""

from __future__ import annotations

from typing import Final, Protocol

#: a picture that is so much later than its like is not published
STALE_S: Final = 0.5
#: so long a backlog has to have shrunk; where it has not, the other side's time line has moved
_WINDOW_S = 0.5
#: of the time that passed, how much a backlog that is being worked off shrinks at least
_SHRINKS = 0.2
#: of the usual time between pictures: what comes sooner after a pause lay in a buffer
_AT_ONCE = 0.5
#: usual times between pictures before a silence counts as a pause
_PAUSE = 3.0


class Freshness(Protocol):
    """Judges pictures one by one."""

    def fresh(self, elapsed: float, now: float) -> bool:
        """Whether to publish a picture; `elapsed` is its own time, `now` when it was there, in seconds."""


class FreshByStamp:
    """Compares the time a picture was taken with the time it came; the quickest so far sets the measure.

    After a hang the other side, the network and this machine's sockets hold old pictures, which come faster
    than they were taken: they are not fresh until the backlog is gone. Where pictures stay late and do not
    catch up, the other side has stopped its time for a while, and that is the new measure.
    """

    def __init__(self) -> None:
        self._best: float | None = None
        #: when the backlog was looked at, and how late it was then
        self._backlog: tuple[float, float] | None = None

    def fresh(self, elapsed: float, now: float) -> bool:
        """Whether to publish a picture; `elapsed` is its own time, `now` when it was there, in seconds."""
        delay = now - elapsed
        self._best = delay if self._best is None else min(self._best, delay)
        late = delay - self._best
        if late <= STALE_S:
            self._backlog = None
            return True
        seen, was = self._backlog or (now, late)
        if self._backlog is None or now - seen >= _WINDOW_S:
            self._backlog = now, late
        if now - seen < _WINDOW_S or was - late >= _SHRINKS * (now - seen):
            return False
        self._best, self._backlog = delay, None
        return True


class FreshByArrival:
    """For pictures without times: after a pause, those that are there at once, one by one, are old."""

    def __init__(self, period: float) -> None:
        self._usual = period
        self._last: float | None = None
        self._draining = False

    def fresh(self, elapsed: float, now: float) -> bool:
        """Whether to publish a picture; `now` is when it was there, in seconds."""
        last, self._last = self._last, now
        if last is None:
            return True
        since = now - last
        if since > max(STALE_S, _PAUSE * self._usual):
            self._draining = True
            return False
        if self._draining:
            self._draining = since < _AT_ONCE * self._usual
            return not self._draining
        self._usual += 0.1 * (since - self._usual)
        return True
