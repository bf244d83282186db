"""What cameras and network streams share: opened again and again, with patience, and never hanging."""

from __future__ import annotations

import time
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any

from vidstream.errors import SourceError
from vidstream.graph.footage import EncodedPacket
from vidstream.graph.source import Frame, Source
from vidstream.sources.faults import BadDataError, RefusedError
from vidstream.sources.fresh import STALE_S
from vidstream.sources.patience import LOOK_S, STALL_FRAMES, Backoff, Interval, Vigil
from vidstream.sources.session import Connection, Ended, Item, Note, Session
from vidstream.types import SourceState, StreamInfo

#: a connection that gave pictures for so long starts the delays over
_HEALTHY_S = 30.0
#: cameras send a picture that can be decoded on its own only every so often
_FIRST_PICTURE_S = 20.0
#: the library's own timeout for opening speaks first, for it knows what it was waiting for
_GRACE_S = 0.5
#: how long a connection that is just being used is waited for when closing
_HANG_UP_S = 0.5
#: connections that were given up and whose calls have not returned; with so many no more are begun
_MOST_STUCK = 8
#: undecodable data of so long ago say that the other side sends, but nothing of use
_SPOILT_S = 1.0
#: the state "format-changed" is over when pictures have come for so long
_SETTLED_S = 2.0


@dataclass(slots=True)
class _Loss:
    """The source is away."""

    since: float
    cause: str = ""
    refused: bool = False


class LiveSource(Source):
    """Base of sources that are opened again when they are lost; subclasses say how to `connect`.

    Every connection has a thread of its own, so that `interrupt` ends `open` and `read` at once, whatever the
    other side or a name server does. `segment` goes up with every connection. Without a picture for 2 s (or
    three frame intervals) the source is "stalled"; after `read_timeout` its connection is given up and
    another one made. "source-lost" is reported with each new cause, "source-back" with the first picture
    after it; `announce` tells every state.

    The parameters have `open_timeout`, `read_timeout`, `reconnect` and `give_up`.
    """

    live = True
    params: Any

    def __init__(self, params: Any) -> None:
        super().__init__(params)
        self._session: Session | None = None
        #: given up, but not ended yet
        self._stuck: list[Session] = []
        self._backoff = Backoff()
        self._loss: _Loss | None = None
        self._info: StreamInfo | None = None
        self._ahead: Frame | None = None
        self._vigil = Vigil()
        self._interval = Interval(None)
        self._tried_at = self._picture_at = self._changed_at = 0.0
        self._first_at: float | None = None
        self._said: tuple[SourceState, str] | None = None
        self._size: tuple[int, int] | None = None
        self._spoilt_at = 0.0
        self._base = 0
        self._segment = -1

    @abstractmethod
    def connect(self, session: Session) -> Connection:
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
        skipped = 0
        ahead, self._ahead = self._ahead, None
        if ahead is not None and not self.stopping.is_set():
            if self._is_recording or time.monotonic() - self._picture_at <= STALE_S:
                return ahead
            skipped = 1 + ahead.skipped  # it grew old while the stages were made ready
        while self._session is not None and not self.stopping.is_set():
            item = self._session.take(LOOK_S)
            silence = self._vigil.look()
            if isinstance(item, Frame):
                return self._welcome(item, skipped)
            if isinstance(item, Ended) and item.error is None and self._ends:
                return None
            if isinstance(item, Ended) or silence >= self._patience:
                if not self.stopping.is_set():
                    self._lose(item, f"no picture for {self._patience:.3g} s")
                    self._reach()
            else:
                self._attend(item, silence)
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
    def _is_recording(self) -> bool:
        return self._info is not None and self._info.duration is not None

    @property
    def _ends(self) -> bool:
        """Whether an end of the connection is the end of the source: a recording, or not to be repeated."""
        return not self.params.reconnect or self._is_recording

    @property
    def _patience(self) -> float:
        """Seconds without a picture after which a connection is given up."""
        usual = max(float(self.params.read_timeout), STALL_FRAMES * self._interval.seconds)
        return usual if self._first_at is not None else max(usual, _FIRST_PICTURE_S)

    # -- connecting ------------------------------------------------------------------------------------

    def _reach(self) -> None:
        """Try to connect until it works or `interrupt` comes."""
        while not self.stopping.wait(self._delay()):
            if self._is_crowded():
                continue
            if self._loss is None:
                self._say("connecting", "")
            self._tried_at = time.monotonic()
            self._first_at = None
            self._base = self._segment + 1
            self._session = Session(self.connect, self.name)
            info = self._answer(self._session)
            if info is not None:
                if self._loss is not None:
                    self._say("connecting", "it answers; no picture yet")
                self._info = info
                self._interval = Interval(1 / info.fps if info.fps else None)
                self._vigil.begin()
                return

    def _is_crowded(self) -> bool:
        """Whether too many connections hang in calls that do not return: another one might as well."""
        self._stuck = [session for session in self._stuck if session.thread.is_alive()]
        if len(self._stuck) < _MOST_STUCK:
            return False
        self._tried_at = time.monotonic()
        self._say("lost", f"{len(self._stuck)} connections hang in calls that do not return")
        return True

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

    def _delay(self) -> float:
        """Seconds to wait before the next try."""
        loss, now = self._loss, time.monotonic()
        if loss is None:
            return 0.0
        delay = self._backoff.next(now - loss.since, refused=loss.refused)
        if self._first_at is None:  # a try that took long has waited already
            delay = max(delay - (now - self._tried_at), min(delay, Backoff.SHORTEST))
        if self.params.give_up is not None:
            delay = min(delay, max(0.0, loss.since + self.params.give_up - now))
        return delay

    # -- what comes in ---------------------------------------------------------------------------------

    def _welcome(self, frame: Frame, skipped: int) -> Frame:
        """The frame, in the source's own count of segments."""
        now = self._picture_at = time.monotonic()
        self._vigil.begin()
        self._interval.add(frame.segment, frame.pts)
        self._first_at = self._first_at or now
        self._spoilt_at = 0.0
        self._tell_arrival(frame, now)
        if self._loss is not None:
            self._loss = None
            self.notify("source-back", "pictures arrive again")
        self._segment = self._base + frame.segment
        return replace(frame, segment=self._segment, skipped=frame.skipped + skipped)

    def _tell_arrival(self, frame: Frame, now: float) -> None:
        height, width = frame.pixels.shape[:2]
        if self._size not in (None, (width, height)):
            self._changed_at = now
            self._say("format-changed", f"pictures are {width} x {height} pixels from here on")
        elif self._said is None or self._said[0] != "format-changed" or now - self._changed_at >= _SETTLED_S:
            self._say("live", "")
        self._size = width, height

    def _attend(self, item: Item | None, silence: float) -> None:
        """What came besides frames, or nothing."""
        if isinstance(item, EncodedPacket):
            self.footage.put(replace(item, segment=self._base + item.segment))
        elif isinstance(item, Note):
            if item.kind == "stream-damaged":
                self._spoilt_at = time.monotonic()
            self.notify(item.kind, item.message)
        if self._first_at is not None and silence >= self._interval.stall:
            if self._is_spoilt:
                self._say("bad-data", "what arrives makes no picture")
            else:
                self._say("stalled", f"no picture for {self._interval.stall:.3g} s")

    def _lose(self, item: Item | None, silence: str) -> None:
        """The connection is no good any more: note why, or raise where it is not to be tried again."""
        self._give_up_connection()
        now = time.monotonic()
        if self._first_at is not None and now - self._first_at >= _HEALTHY_S:
            self._backoff.reset()
        error = item.error if isinstance(item, Ended) else None
        if error is not None and not isinstance(error, SourceError):
            raise error
        what = error.what if error else "the other side ended it" if isinstance(item, Ended) else silence
        fix = error.fix if error else ""
        cause = f"{what}; {fix}" if fix else what
        spoilt = isinstance(error, BadDataError) or (self._is_spoilt and not isinstance(item, Ended))
        refused = isinstance(error, RefusedError)
        state: SourceState = "auth-failed" if refused else "bad-data" if spoilt else "lost"
        if not self.params.reconnect or (error is not None and not error.retry):
            self._say(state, cause)
            self._say("ended", cause)
            raise SourceError(what, where=self._where, fix=fix)
        loss = self._loss = self._loss or _Loss(now)
        if cause != loss.cause:
            self.notify("source-lost", cause)
        loss.cause, loss.refused = cause, refused
        self._say(state, cause)
        if self.params.give_up is not None and now - loss.since >= self.params.give_up:
            what = f"given up after {self.params.give_up:g} s: {cause}"
            self._say("ended", what)
            raise SourceError(what, where=self._where)

    @property
    def _is_spoilt(self) -> bool:
        """Whether data arrive, of which no picture could be made since the last one."""
        return time.monotonic() - self._spoilt_at < _SPOILT_S

    def _say(self, state: SourceState, cause: str) -> None:
        if self._said != (state, cause):
            self._said = state, cause
            self.announce(state, cause)

    def _give_up_connection(self) -> None:
        session = self._session
        assert session is not None  # there is something to lose
        session.cancel()
        self._stuck.append(session)
