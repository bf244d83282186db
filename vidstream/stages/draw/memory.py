"""What the overlay remembers between frames: results of stages that skip frames, recent events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from vidstream.types import Event

T = TypeVar("T")

#: seconds that an event stays visible, and the last part of it in which it fades
EVENT_SHOWN, _FADE = 1.5, 0.4
#: time stamps are rounded
GRACE = 5e-4
_BANNERS = 3


@dataclass(slots=True)
class Slot(Generic[T]):
    """The last value of one producer, and when it came."""

    value: T
    pts: float


class Held(Generic[T]):
    """Values of any number of producers, each kept for `seconds` where a frame brings none.

    Producers are not named to a stage that takes any number of values, so `kind` tells them apart;
    those of one kind are told apart by their order.
    """

    def __init__(self, seconds: float, kind: Callable[[T], Hashable]) -> None:
        self.seconds = seconds
        self._kind = kind
        self._slots: dict[Hashable, Slot[T]] = {}

    def update(self, values: Iterable[T], pts: float) -> list[Slot[T]]:
        """Take this frame's values; gives what is to be shown, oldest producer first."""
        seen: Counter[Hashable] = Counter()
        for value in values:
            kind = self._kind(value)
            self._slots[kind, seen[kind]] = Slot(value, pts)
            seen[kind] += 1
        late = [k for k, slot in self._slots.items() if pts - slot.pts > self.seconds + GRACE]
        for key in late:
            del self._slots[key]
        return list(self._slots.values())

    def clear(self) -> None:
        """Forget everything: time has jumped."""
        self._slots.clear()


class Recent:
    """Events of the last moments."""

    def __init__(self) -> None:
        self._events: list[Event] = []

    def update(self, events: Iterable[Event], pts: float) -> None:
        """Add this frame's events, drop old ones."""
        self._events = [e for e in (*self._events, *events) if 0 <= pts - e.pts < EVENT_SHOWN]

    def clear(self) -> None:
        """Forget everything: time has jumped."""
        self._events.clear()

    def strength(self, name: str, pts: float) -> float:
        """How much a line or zone lights up: 1 at an event, 0 when it is over."""
        return max((1 - (pts - e.pts) / EVENT_SHOWN for e in self._events if e.name == name), default=0.0)

    def banners(self, shapes: set[str], pts: float) -> list[tuple[Event, float]]:
        """The newest events that no shape on the picture shows, with their opacity."""
        free = [e for e in self._events if e.name not in shapes][-_BANNERS:]
        return [(e, min(1.0, (EVENT_SHOWN - (pts - e.pts)) / _FADE)) for e in free]
