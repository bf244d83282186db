"""What happened, the newest last, each with a picture of it: a ring in memory."""

from __future__ import annotations

import logging
import secrets
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from vidstream.graph.clock import Clock
from vidstream.sinks.plain import plain, utc
from vidstream.types import Event, Image, Packet
from vidstream.types.values import redact
from vidstream.web.bell import Bell
from vidstream.web.scaling import cutting, jpeg

log = logging.getLogger("vidstream.web")

#: so many of the newest are kept, with 5 to 20 kB of picture each
KEPT: Final = 200
#: events that may wait for their picture; each holds its frame until then
_WAITING: Final = 16
#: letters of an event's evidence that are given
_EVIDENCE: Final = 2000


@dataclass(frozen=True, slots=True, eq=False)
class Happening:
    """An event as the page keeps it; `number` counts from 1 over all sources of this run."""

    number: int
    event: Event
    wall: float
    snapshot: bytes | None


class Happenings:
    """`add` is called on the graph's threads, everything else on the page's."""

    def __init__(self, clock: Clock) -> None:
        #: tells this run's events from those of the run before, to a page that stayed open
        self.run = secrets.token_hex(4)
        self.bell = Bell()
        #: (source, kind) -> how many there have been
        self.counts: Counter[tuple[str, str]] = Counter()
        self._clock = clock
        self._changed = threading.Condition()
        self._ring: deque[Happening] = deque(maxlen=KEPT)
        self._waiting: deque[tuple[int, Event, float, Image | None]] = deque()
        self._number = 0
        self._closing = False
        self._thread = threading.Thread(target=self._loop, name="page/snapshots", daemon=True)

    def start(self) -> None:
        """Begin to make pictures."""
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(1.0)

    def add(self, events: Sequence[Event], packet: Packet, picture: Callable[[Packet], Image | None]) -> None:
        """These happened on this frame; `picture` gives what may be shown of it."""
        with self._changed:
            for event in events:
                self._number += 1
                self.counts[event.source, event.kind] += 1
                room = len(self._waiting) < _WAITING
                wall = event.wall if event.wall is not None else self._clock.time()
                self._waiting.append((self._number, event, wall, picture(packet) if room else None))
            while len(self._waiting) > KEPT:
                self._waiting.popleft()
            self._changed.notify()

    def after(self, number: int) -> list[Happening]:
        """Those behind this number that are still there, oldest first."""
        with self._changed:
            return [happening for happening in self._ring if happening.number > number]

    def find(self, name: str) -> Happening | None:
        """The one with this id."""
        run, _, number = name.partition("-")
        if run != self.run:
            return None
        with self._changed:
            return next((h for h in self._ring if h.number == int(number)), None)

    def seen(self, name: str) -> int:
        """The number of the last event that a page has seen, by its id; 0 of another run, or of none."""
        run, _, number = name.partition("-")
        return int(number) if run == self.run and number.isascii() and number.isdigit() else 0

    def to_json(self, happening: Happening) -> dict[str, Any]:
        """As plain values."""
        event = happening.event
        name = f"{self.run}-{happening.number}"
        return {
            "id": name,
            "source": event.source,
            "kind": event.kind,
            "name": event.name,
            "class": event.class_name,
            "track": event.track_id if event.track_id >= 0 else None,
            "pts": round(event.pts, 3),
            "wall": happening.wall,
            "time": utc(happening.wall),
            "box": None if event.box is None else [round(float(x), 2) for x in event.box],
            "data": _evidence(event),
            "snapshot": f"/api/v1/events/{name}/snapshot.jpg" if happening.snapshot else None,
        }

    # -- on a thread of its own ------------------------------------------------------------------------

    def _loop(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if self._closing:
                    return
                number, event, wall, image = self._waiting.popleft()
            snapshot = self._snapshot(event, image)
            with self._changed:
                self._ring.append(Happening(number, event, wall, snapshot))
            self.bell.ring()

    def _snapshot(self, event: Event, image: Image | None) -> bytes | None:
        if image is None:
            return None
        try:
            return jpeg(cutting(image, event.box))
        except Exception:
            log.warning("no picture of an event of %s", event.source, exc_info=True)
            return None


def _evidence(event: Event) -> Any:
    """What else is known, as JSON can hold it, without what is secret or endless."""
    try:
        found = plain(event.data)
    except TypeError:
        return {}
    if len(str(found)) > _EVIDENCE:
        return {}
    return _clean(found)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    return [_clean(item) for item in value] if isinstance(value, list) else value
