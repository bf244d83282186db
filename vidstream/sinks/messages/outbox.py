"""Between a graph and a slow receiver: messages are taken at once, kept in a spool, and sent from there."""

from __future__ import annotations

import re
import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from vidstream.errors import SinkError
from vidstream.graph.clock import Clock
from vidstream.graph.stage import Notify
from vidstream.sinks.messages.segments import Record
from vidstream.sinks.messages.spool import Spool
from vidstream.sinks.plain import utc
from vidstream.sinks.rows import encode

#: so many messages may wait for the disk; more only where it hangs
QUEUE: Final = 10_000
#: seconds between two requests that the disk itself hold what was written
_SYNC: Final = 1.0
#: so many are written before the sender is told
_AT_ONCE: Final = 100

#: what making a message of junk may raise
_UNFIT: Final = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError)

_WHY: Final = {
    "full": "the spool is full: the oldest messages give way to new ones",
    "disk": "the disk takes nothing, and what may wait in memory does already: messages are lost",
    "old": "the receiver was away for longer than messages may wait: the oldest are given up",
    "large": "a message is too large, and is not sent",
    "queue": "the disk hangs: the oldest messages that wait for it are lost",
    "content": "an event carries evidence that JSON cannot hold, and is not sent",
}


class Outbox:
    """Takes messages from graphs' threads without ever holding them up, and keeps them until they are sent.

    On an own thread, `encode` makes bytes of what was `put` and the time of day, they are written to the
    spool, and `arrived` is called. What is lost is counted, by reason, and told.
    """

    def __init__(
        self, spool: Spool, encode: Callable[[Any, float], bytes], clock: Clock, notify: Notify
    ) -> None:
        self.arrived: Callable[[], None] = lambda: None
        self.sent = 0
        self._spool = spool
        self._encode = encode
        self._clock = clock
        self._notify = notify
        self._queue: deque[Any] = deque()
        self._lost = dict.fromkeys(("queue", "content"), 0)
        self._told: set[str] = set()
        self._troubled = self._taking = self._closing = False
        self._woken = threading.Event()
        self._never = threading.Event()
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()

    # -- the graph's side ------------------------------------------------------------------------------

    def put(self, message: Any) -> None:
        """Take a message. A microsecond, whatever the disk does."""
        if len(self._queue) >= QUEUE:
            self._lost["queue"] += 1
            self._queue.popleft()
        self._queue.append(message)
        if not self._woken.is_set():
            self._woken.set()

    def resize(self, limit: int) -> None:
        """Let so many bytes wait at most, from now on."""
        self._spool.limit = limit

    # -- the sender's side -----------------------------------------------------------------------------

    def read(self, number: int, most: int) -> list[Record]:
        """Up to `most` messages from this number on, oldest first."""
        return self._spool.read(number, most)

    def done(self, number: int, count: int, *, delivered: bool = True) -> None:
        """All messages up to this number, `count` of them, need not be sent any more."""
        self._spool.drop(number)
        if delivered:
            self.sent += count

    def expire(self, seconds: float) -> None:
        """Give up what waits for longer."""
        self._spool.drop_older(self._clock.time() - seconds)
        self._tell_losses()

    def __len__(self) -> int:
        return len(self._queue) + len(self._spool)

    @property
    def lost(self) -> dict[str, int]:
        """How many messages were never sent, by reason."""
        losses = self._spool.lost
        counts = {name: getattr(losses, name) for name in ("full", "disk", "old", "large")} | self._lost
        return {name: count for name, count in counts.items() if count}

    def settle(self, seconds: float) -> bool:
        """Wait until all that was put is in the spool; False where the disk takes longer."""
        end = self._clock.monotonic() + seconds
        while self._queue or self._taking:
            if self._clock.monotonic() > end:
                return False
            self._clock.wait(self._never, 0.005)
        return True

    def close(self, seconds: float) -> None:
        """Write what was put, and let go of the spool; waits for a disk that hangs no longer than this."""
        if self.settle(seconds) and (waiting := len(self)):
            self._notify("messages-waiting", f"messages that wait to be sent by the next run: {waiting}")
        if lost := self.lost:
            words = ", ".join(f"{count} ({_WHY[reason]})" for reason, count in lost.items())
            self._notify("messages-lost", f"in all: {words}")
        self._closing = True
        self._woken.set()
        self._thread.join(seconds)

    # -- the own thread --------------------------------------------------------------------------------

    def _run(self) -> None:
        synced, dirty = self._clock.monotonic(), False
        while self._queue or not self._closing:
            self._woken.wait(_SYNC if dirty else None)
            self._woken.clear()
            while self._queue:
                dirty = True
                self._take()
            now = self._clock.monotonic()
            if dirty and now - synced >= _SYNC:
                synced, dirty = now, False
                self._spool.sync()
        self._spool.close()

    def _take(self) -> None:
        """Write some of what waits, and tell the sender."""
        self._taking = True
        for _ in range(min(len(self._queue), _AT_ONCE)):
            wall = self._clock.time()
            try:
                data = self._encode(self._queue.popleft(), wall)
            except _UNFIT:
                self._lost["content"] += 1
                continue
            self._spool.append(data, self._clock.monotonic(), wall)
        self._taking = False
        self._tell_losses()
        self.arrived()

    def _tell_losses(self) -> None:
        trouble = self._spool.trouble
        if trouble is not None and not self._troubled:
            self._notify("spool-trouble", f"{trouble}; new messages wait in memory meanwhile")
        self._troubled = trouble is not None
        for reason in self.lost.keys() - self._told:
            self._told.add(reason)
            self._notify("messages-lost", _WHY[reason])


def document(row: Mapping[str, Any], wall: float) -> bytes:
    """A row as it is sent: with an id of its own, and when it was handed over (UTC seconds)."""
    return encode({**row, "time": utc(wall), "uid": uuid.uuid4().hex}).encode("utf-8", "replace")


def spool_folder(root: Path, given: Path | None, default: str, stage_id: str) -> Path:
    """Where messages wait: a folder under `root`, links followed. SinkError where it would lie outside."""
    path = Path("spool") / re.sub(r"[^\w.-]+", "_", default) if given is None else given
    try:
        top = root.resolve()
        folder = (top / path).resolve()
    except (OSError, RuntimeError) as error:
        raise SinkError(
            f"spool '{path}' cannot be used: {error}", where=stage_id, fix="name another folder"
        ) from error
    if folder == top or not folder.is_relative_to(top):
        raise SinkError(
            f"spool '{path}' lies outside the output folder '{top}'",
            where=stage_id,
            fix="use a folder inside it, or choose the folder with --out DIR",
        )
    return folder
