"""One connection to a camera or stream, on a thread of its own, so that nobody else ever blocks on it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from vidstream.graph.source import Frame
from vidstream.graph.stage import Notify
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


Item: TypeAlias = StreamInfo | Frame | Note | Ended


class Session:
    """Connects and reads on its own thread; `take` hands the results over.

    Name look-ups, handshakes and reads may block longer than any timeout given to a library. `cancel` does
    not wait for them: the thread hangs up and ends as soon as its call returns.
    """

    def __init__(self, connect: Callable[[Notify], Connection], name: str) -> None:
        self._connect = connect
        self._items: deque[Item] = deque()
        self._changed = threading.Condition()
        self._cancelled = False
        self.thread = threading.Thread(target=self._run, name=f"{name}/connection", daemon=True)
        self.thread.start()

    def take(self, timeout: float) -> Item | None:
        """The next item; None when nothing came in time or `cancel` was called."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._cancelled, timeout)
            if self._cancelled or not self._items:
                return None
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def cancel(self) -> None:
        """Wake up `take`, and let the thread end when it can."""
        with self._changed:
            self._cancelled = True
            self._items.clear()
            self._changed.notify_all()

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            with closing(self._connect(self._note)) as connection:
                self._offer(connection.info)
                for frame in connection.frames():
                    if not self._offer(frame):
                        return
        except BaseException as caught:  # noqa: BLE001 - carried to the thread that reads, and raised there
            error = caught
        self._offer(Ended(error))

    def _note(self, kind: str, message: str) -> None:
        self._offer(Note(kind, message))

    def _offer(self, item: Item) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: len(self._items) < _WAITING or self._cancelled)
            if not self._cancelled:
                self._items.append(item)
                self._changed.notify_all()
            return not self._cancelled
