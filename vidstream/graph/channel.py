"""The queue between two threads: blocking for recordings, newest-wins for cameras."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Channel(Generic[T]):
    """A bounded first-in-first-out queue that can also replace what has not been taken yet.

    >>> c = Channel[int](1)
    >>> c.put(1); c.make_room(); c.put(2); c.get()
    1
    2
    """

    def __init__(self, capacity: int) -> None:
        #: may be changed at any time, by the only writer's side
        self.capacity = capacity
        self._items: deque[T] = deque()
        lock = threading.Lock()
        self._filled = threading.Condition(lock)
        self._freed = threading.Condition(lock)
        self._closed = False
        self._writers = self._readers = 0
        #: the largest number of items that ever waited
        self.peak = 0

    def put(self, item: T) -> None:
        """Append, waiting for room. After `close` there is always room: what is left gets drained."""
        with self._filled:
            self._writers += 1
            while len(self._items) >= self.capacity and not self._closed:
                self._freed.wait()
            self._writers -= 1
            self._append(item)

    def make_room(self) -> T | None:
        """Where it is full, take out the oldest item: the next `put`, by an only writer, will not wait."""
        with self._filled:
            return self._items.popleft() if len(self._items) >= self.capacity else None

    def get(self, timeout: float | None = None) -> T | None:
        """The oldest item, waiting for one; None only after `timeout` seconds."""
        with self._filled:
            if not self._items and not self._wait_for_one(timeout):
                return None
            item = self._items.popleft()
            self._freed.notify()
            return item

    def _wait_for_one(self, timeout: float | None) -> bool:
        self._readers += 1
        self._freed.notify()
        try:
            return self._filled.wait_for(lambda: bool(self._items), timeout)
        finally:
            self._readers -= 1

    def wait_until_wanted(self, *, idle: bool) -> None:
        """Wait until nothing waits inside; with `idle`, until somebody even waits for something."""
        with self._filled:
            self._freed.wait_for(
                lambda: self._closed or (not self._items and (self._readers > 0 or not idle))
            )

    def __len__(self) -> int:
        return len(self._items)

    def pressure(self) -> int:
        """How many items wait inside, and in front of the door."""
        with self._filled:
            return len(self._items) + self._writers

    def close(self) -> None:
        """Let every writer that waits go on, now and later."""
        with self._filled:
            self._closed = True
            self._freed.notify_all()

    def _append(self, item: T) -> None:
        self._items.append(item)
        self.peak = max(self.peak, len(self._items))
        self._filled.notify()
