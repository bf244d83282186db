"""What stages of different sources share within one run: a database, a connection, a wall of pictures."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Protocol, TypeVar, cast


class Shared(Protocol):
    """Something that several stages use at the same time; it must be safe to use from several threads."""

    def close(self) -> None:
        """Called once, when the last user has left."""


T = TypeVar("T", bound=Shared)


class Commons:
    """Made by the first who joins, closed when the last one leaves. Safe to use from several threads.

    >>> class Board:
    ...     def close(self): print("closed")
    >>> commons = Commons()
    >>> commons.join("a", Board) is commons.join("a", Board)
    True
    >>> commons.leave("a"); commons.leave("a")
    closed
    """

    def __init__(self, *, remembers: bool = True) -> None:
        self._lock = threading.RLock()
        self._things: dict[Hashable, tuple[Shared, int]] = {}
        self._remembers = remembers
        self._known: set[Hashable] = set()

    def join(self, key: Hashable, make: Callable[[], T]) -> T:
        """The thing of this key, made where it is not there yet; what making raises comes through."""
        with self._lock:
            thing, users = self._things.get(key) or (make(), 0)
            self._things[key] = thing, users + 1
            return cast(T, thing)

    def is_first(self, key: Hashable) -> bool:
        """Whether nobody in this run has asked for this key before.

        A file belongs to the run: the first sink that writes it begins it anew; another one that takes
        its place, because options changed or a source was started again, goes on where that one ended.
        """
        with self._lock:
            known = key in self._known
            if self._remembers:
                self._known.add(key)
            return not known

    def leave(self, key: Hashable) -> None:
        """One user less."""
        with self._lock:
            thing, users = self._things[key]
            if users > 1:
                self._things[key] = thing, users - 1
                return
            del self._things[key]
        thing.close()
