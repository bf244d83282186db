"""What cameras and network streams share: opened again and again, with patience, and never hanging."""

from __future__ import annotations

import random
import time
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any

from vidstream.errors import SourceError
from vidstream.graph.source import Frame, Source
from vidstream.graph.stage import Notify
from vidstream.sources.faults import RefusedError
from vidstream.sources.session import Connection, Ended, Item, Note, Session
from vidstream.types import StreamInfo

#: a connection that gave pictures for so long starts the delays over
_HEALTHY_S = 30.0
#: between tries after a refused password or an unknown path: cameras lock out who knocks too often
_REFUSED_S = 30.0
#: cameras send a picture that can be decoded on its own only every so often
_FIRST_PICTURE_S = 20.0
#: the library's own timeout speaks first, for it knows what it was waiting for
_GRACE_S = 0.5
#: how long a connection that is just being used is waited for when closing
_HANG_UP_S = 0.5


class Backoff:
    """Delays between tries: 0.25 s, doubling to 5 s, each varied by a quarter, so that cameras that were lost
    together do not all come back at once."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start over from the shortest delay."""
        self._delay = 0.25

    def next(self) -> float:
        """Seconds to wait before the next try."""
        delay, self._delay = self._delay, min(2 * self._delay, 5.0)
        return delay * random.uniform(0.75, 1.25)  # noqa: S311 - it spreads tries, it hides nothing


@dataclass(slots=True)
class _Loss:
    """The source is away."""

    since: float
    cause: str = ""
    refused: bool = False


class LiveSource(Source):
    """Base of sources that are opened again when they are lost; subclasses say how to `connect`.

    Every connection has a thread of its own, so that `interrupt` ends `open` and `read` at once, whatever the
    other side or a name server does. `segment` goes up with every connection. "source-lost" is reported with
    each new cause, "source-back" with the first picture after it.

    The parameters have `open_timeout`, `read_timeout`, `reconnect` and `give_up`.
    """

    live = True
    params: Any

    def __init__(self, params: Any) -> None:
        super().__init__(params)
        self._session: Session | None = None
        self._backoff = Backoff()
        self._loss: _Loss | None = None
        self._info: StreamInfo | None = None
        self._ahead: Frame | None = None
        self._first_at: float | None = None
        self._base = 0
        self._segment = -1

    @abstractmethod
    def connect(self, notify: Notify) -> Connection:
        """Open one connection, on a thread of its own; SourceError says why not."""

    def open(self) -> StreamInfo:
        """Wait for the first picture, which alone tells the true size.

        SourceError when interrupted or given up, and without `reconnect` at the first failure.
        """
        self._reach()
        self._ahead = self.read()
        if self._ahead is None or self._info is None:
            raise SourceError("stopped before a picture came", where=self._where)
        height, width = self._ahead.pixels.shape[:2]
        return replace(self._info, width=width, height=height)

    def read(self) -> Frame | None:
        """The next frame, over as many connections as it takes; None when stopped, or at its own end."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and not self.stopping.is_set():
            return ahead
        while self._session is not None and not self.stopping.is_set():
            item = self._session.take(self._patience)
            if isinstance(item, Frame):
                return self._welcome(item)
            if isinstance(item, Note):
                self.notify(item.kind, item.message)
            elif isinstance(item, Ended) and item.error is None and self._ends:
                return None
            elif not self.stopping.is_set():
                self._lose(item, f"no picture for {self._patience:g} s")
                self._reach()
        return None

    def interrupt(self) -> None:
        """End `open` and `read` now."""
        super().interrupt()
        if self._session is not None:
            self._session.cancel()

    def close(self) -> None:
        """Hang up."""
        if self._session is not None:
            self._session.cancel()
            self._session.thread.join(_HANG_UP_S)

    @property
    def _where(self) -> str:
        return f"source '{self.name}'"

    @property
    def _ends(self) -> bool:
        """Whether an end of the connection is the end of the source: a recording, or not to be repeated."""
        return not self.params.reconnect or (self._info is not None and self._info.duration is not None)

    @property
    def _patience(self) -> float:
        """Seconds to wait for the next picture."""
        usual = float(self.params.read_timeout) + _GRACE_S
        return usual if self._first_at is not None else max(usual, _FIRST_PICTURE_S)

    def _reach(self) -> None:
        """Try to connect until it works or `interrupt` comes."""
        while not self.stopping.wait(self._delay()):
            self.announce("connecting", self._loss.cause if self._loss else "")
            self._session = Session(self.connect, self.name)
            info = self._answer(self._session)
            if info is not None:
                self._info = info
                self._first_at = None
                self._base = self._segment + 1
                return

    def _answer(self, session: Session) -> StreamInfo | None:
        """What a new connection says of itself; None after noting why there is none."""
        if self.stopping.is_set():  # set while the session was made, so `interrupt` did not see it
            session.cancel()
        while isinstance(item := session.take(self.params.open_timeout + _GRACE_S), Note):
            self.notify(item.kind, item.message)
        if isinstance(item, StreamInfo):
            return item
        if not self.stopping.is_set():
            self._lose(item, f"no answer for {self.params.open_timeout:g} s")
        return None

    def _welcome(self, frame: Frame) -> Frame:
        if self._first_at is None:
            self._first_at = time.monotonic()
            self.announce("live", "")
        if self._loss is not None:
            self._loss = None
            self.notify("source-back", "pictures arrive again")
        self._segment = self._base + frame.segment
        return replace(frame, segment=self._segment)

    def _lose(self, item: Item | None, silence: str) -> None:
        """The connection is no good any more: note why, or raise where it is not to be tried again."""
        assert self._session is not None
        self._session.cancel()
        now = time.monotonic()
        if self._first_at is not None and now - self._first_at >= _HEALTHY_S:
            self._backoff.reset()
        error = item.error if isinstance(item, Ended) else None
        if error is not None and not isinstance(error, SourceError):
            raise error
        cause = error.what if error else "the other side ended it" if item else silence
        if not self.params.reconnect or (error is not None and not error.retry):
            raise SourceError(cause, where=self._where, fix=error.fix if error else "")
        loss = self._loss = self._loss or _Loss(now)
        if cause != loss.cause:
            self.notify("source-lost", cause)
        loss.cause, loss.refused = cause, isinstance(error, RefusedError)
        self.announce("auth-failed" if loss.refused else "lost", cause)
        if self.params.give_up is not None and now - loss.since >= self.params.give_up:
            raise SourceError(f"given up after {self.params.give_up:g} s: {cause}", where=self._where)

    def _delay(self) -> float:
        """Seconds to wait before the next try."""
        if self._loss is None:
            return 0.0
        delay = _REFUSED_S if self._loss.refused else self._backoff.next()
        if self.params.give_up is not None:
            delay = min(delay, max(0.0, self._loss.since + self.params.give_up - time.monotonic()))
        return delay
