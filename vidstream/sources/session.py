"""One connection to a camera or stream, on a thread of its own, so that nobody else ever blocks on it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

from vidstream.errors import SourceError
from vidstream.graph.footage import EncodedPacket
from vidstream.graph.source import Frame
from vidstream.sources.fresh import STALE_S
from vidstream.types import StreamInfo

#: frames that may wait to be taken: the engine drains at once, so more would only hide delay
_WAITING = 2


class Connection(Protocol):
    """An open connection, used by one thread."""

    info: StreamInfo

    def frames(self) -> Iterator[Frame]:
        """Frames as they arrive, until the other side ends."""

    def close(self) -> None:
        """Hang up."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something to report, from the connection's thread to the reader's."""

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Ended:
    """No more frames: the other side ended, or an error broke the connection."""

    error: BaseException | None = None


Item: TypeAlias = StreamInfo | Frame | EncodedPacket | Note | Ended


class Session:
    """Connects and reads on its own thread; `take` hands the results over.

    Name look-ups, handshakes and reads may block longer than any timeout given to a library. `cancel` does
    not wait for them: the thread hangs up and ends as soon as its call returns, and holds no frame meanwhile.
    """

    def __init__(self, connect: Callable[[Session], Connection], name: str) -> None:
        self._connect = connect
        self._items: deque[tuple[float, Item]] = deque()
        self._changed = threading.Condition()
        self._cancelled = False
        #: frames that waited too long to be taken, since the last one that was
        self._spoiled = 0
        self._live = True
        self.thread = threading.Thread(target=self._run, name=f"{name}/connection", daemon=True)
        self.thread.start()

    def take(self, timeout: float) -> Item | None:
        """The next item; None when nothing came in time or `cancel` was called.

        A frame that nobody took in time, because this process was suspended or busy, is not given as new:
        it counts as skipped.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._cancelled, timeout)
            while self._items and not self._cancelled:
                offered, item = self._items.popleft()
                self._changed.notify_all()
                if not isinstance(item, Frame):
                    return item
                if not self._live or time.monotonic() - offered <= STALE_S:
                    skipped, self._spoiled = item.skipped + self._spoiled, 0
                    return replace(item, skipped=skipped) if skipped != item.skipped else item
                self._spoiled += 1 + item.skipped
            return None

    def cancel(self) -> None:
        """Wake up `take`, and let the thread end when it can."""
        with self._changed:
            self._cancelled = True
            self._items.clear()
            self._changed.notify_all()

    # -- for the connection ----------------------------------------------------------------------------

    @property
    def wanted(self) -> bool:
        """Whether anybody still waits for what this connection brings."""
        return not self._cancelled

    def note(self, kind: str, message: str) -> None:
        """Report something."""
        self._offer(Note(kind, message))

    def keep(self, packet: EncodedPacket) -> None:
        """Hand over a packet of the footage: before its frame, and without waiting."""
        with self._changed:
            if not self._cancelled:
                self._items.append((0.0, packet))
                self._changed.notify_all()

    # -- its thread ------------------------------------------------------------------------------------

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            with closing(self._connect(self)) as connection:
                self._live = connection.info.duration is None
                going = self._offer(connection.info)
                frames = connection.frames()
                while going and (frame := next(frames, None)) is not None:
                    going = self._offer(frame)
                    del frame  # the next one may never come
        except SourceError as caught:
            error = _bare(caught)
        except BaseException as caught:  # noqa: BLE001 - carried to the thread that reads, and raised there
            error = caught
        self._offer(Ended(error))

    def _offer(self, item: Item) -> bool:
        offered = time.monotonic()
        with self._changed:
            self._changed.wait_for(lambda: self._waiting < _WAITING or self._cancelled)
            if not self._cancelled:
                self._items.append((offered, item))
                self._changed.notify_all()
            return not self._cancelled

    @property
    def _waiting(self) -> int:
        return sum(not isinstance(item, EncodedPacket) for _, item in self._items)


def _bare(error: SourceError) -> SourceError:
    """The error without what led to it, which would hold on to the whole connection, pictures and all."""
    error.__context__ = error.__traceback__ = None
    return error
