"""The watchdog of a live run: a thread that does not come back from a stage is left behind and replaced.

A thread cannot be ended from outside. It can be made harmless: whoever runs stages keeps a `Turn`, on which
he says in which stage he is. The watchdog looks at all turns four times a second. Where one has been inside
the same call for too long, it takes the turn away, and another thread goes on with a copy of the frame. The
old one, should it ever return, finds that out at once, closes the instance that held it, and ends; what it
gives is not looked at.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

from vidstream.errors import StageError
from vidstream.graph.stage import Stage

#: seconds between two looks; after a stop they come faster
_LOOK, _HURRIED = 0.25, 0.05
#: opening a heavy stage, and its first frame, may take so many times as long: networks are prepared then
FIRST: Final = 5.0
#: after a stop: seconds until no frame, and until no last call of a stage, is waited for any more
FRAMES_END, CALLS_END = 1.0, 2.2
#: what began after those moments gets so long nevertheless
_AT_LEAST = 0.3
#: where the watchdog itself comes so much too late, the machine stood still: nobody is blamed for that time
_LATE = 1.0


class AbandonedError(BaseException):
    """Raised on a thread that was left behind: it must touch nothing any more."""


class HungError(StageError):
    """A call of a stage did not return in time."""


class Watched(Protocol):
    """What a thread may be inside of; the watchdog asks how much patience that deserves."""

    def patience(self, what: str) -> float:
        """How many times as long as usual such a call may take."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that did not return."""

    where: Any
    what: str
    seconds: float
    thread: threading.Thread


class Turn:
    """What one thread is at. Only that thread writes `where`, `what`, `calls` and `item`.

    Around a call it sets `where`; after it, it takes that back *and then* looks at `lost`. The watchdog
    sets `lost` *and then* looks at `where`. So one of the two always sees the other, and the lock settles
    whose turn it is.
    """

    __slots__ = (
        "begun",
        "calls",
        "hung",
        "item",
        "lock",
        "lost",
        "orphan",
        "stage",
        "thread",
        "what",
        "where",
    )

    def __init__(self, hung: Callable[[Turn, Call], None] = lambda turn, call: None) -> None:
        #: called by the watchdog when it has taken the turn away
        self.hung = hung
        #: who runs stages; the instance called, where that is not the one that belongs to `where`
        self.thread = threading.current_thread()
        self.stage: Stage | None = None
        self.where: Any = None
        self.what = "process"
        #: goes up with every frame
        self.calls = 0
        self.item: Any = None
        #: False: it is still busy with what had to be done before the frame
        self.begun = True
        self.lost = False
        self.lock = threading.Lock()
        #: the instance that the thread was inside of, when it was left behind
        self.orphan: Stage | None = None

    def own(self) -> None:
        """Go on only where the turn has not been taken away; else AbandonedError."""
        with self.lock:
            if self.lost:
                raise AbandonedError

    @contextmanager
    def inside(self, where: Any, what: str, stage: Stage | None = None) -> Iterator[None]:
        """For calls that are rare; the innermost loop writes the same by hand."""
        self.what, self.stage, self.where = what, stage, where
        try:
            yield
        finally:
            self.where = None
            if self.lost:
                self.own()
            self.what, self.stage = "process", None

    def leave_behind(self, stage: Stage) -> None:
        """What the thread is inside of is given up: nobody hears any more what it says."""
        self.orphan = self.stage or stage
        self.orphan.notify = lambda kind, message: None

    def bury(self) -> None:
        """On the thread that was left behind, when it has returned after all: close what held it."""
        if self.orphan is not None:
            with suppress(BaseException):  # nobody wants to know any more
                self.orphan.close()


class Watchdog:
    """Looks after the turns of a run, on a thread of its own. `hang` 0: it leaves everybody alone."""

    def __init__(self, hang: float) -> None:
        self._hang = hang
        self._lock = threading.Lock()
        #: what each turn was found at, and since when
        self._turns: dict[Turn, tuple[object, float]] = {}
        self._rounds: list[Callable[[float], None]] = []
        self._over = threading.Event()
        self._stop_at: float | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look."""
        self._thread = threading.Thread(target=self._loop, name="watchdog", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def add(self, turn: Turn) -> None:
        """Look after this turn from now on."""
        with self._lock:
            self._turns[turn] = None, 0.0

    def remove(self, turn: Turn) -> None:
        """The thread has come to its end."""
        with self._lock:
            self._turns.pop(turn, None)

    def every_round(self, call: Callable[[float], None]) -> None:
        """Have `call` called at each look, with the time."""
        with self._lock:
            self._rounds.append(call)

    def no_more(self, call: Callable[[float], None]) -> None:
        """Take that back."""
        with self._lock, suppress(ValueError):
            self._rounds.remove(call)

    def hurry(self) -> None:
        """The run is to end: from now on there is little patience with anybody."""
        self._stop_at = time.monotonic()

    def look(self, now: float) -> None:
        """Take the turns away from those who have been inside one call for too long."""
        with self._lock:
            turns = list(self._turns.items())
        for turn, (before, since) in turns:
            found = turn.calls, turn.where, turn.what
            if found != before:
                self._note(turn, found, now)
            elif turn.where is not None and now - since > self._limit(found, since):
                self._take(turn, found, now - since)

    def _note(self, turn: Turn, found: object, now: float) -> None:
        with self._lock:
            if turn in self._turns:
                self._turns[turn] = found, now

    def _take(self, turn: Turn, found: tuple[int, Any, str], seconds: float) -> None:
        with turn.lock:
            turn.lost = True
            if (turn.calls, turn.where, turn.what) != found:
                turn.lost = False  # it came back at the last moment
                return
            turn.hung(turn, Call(turn.where, turn.what, seconds, turn.thread))
        self.remove(turn)

    def _limit(self, found: tuple[int, Any, str], since: float) -> float:
        _, where, what = found
        if self._hang <= 0:
            return float("inf")
        usual: float = self._hang * where.patience(what)
        if self._stop_at is None or usual == float("inf"):
            return usual
        end = FRAMES_END if what in ("process", "open") else CALLS_END
        return min(usual, max(self._stop_at + end - since, _AT_LEAST))

    def _loop(self) -> None:
        last = time.monotonic()
        while not self._over.is_set():
            pause = _LOOK if self._stop_at is None else _HURRIED
            self._over.wait(min(pause, self._hang / 8 or pause))
            now = time.monotonic()
            if now - last - pause > _LATE:
                self._forgive(now - last - pause)
            last = now
            self.look(now)
            with self._lock:
                rounds = list(self._rounds)
            for call in rounds:
                call(now)

    def _forgive(self, seconds: float) -> None:
        """The whole machine stood still for so long."""
        with self._lock:
            self._turns = {turn: (found, since + seconds) for turn, (found, since) in self._turns.items()}
