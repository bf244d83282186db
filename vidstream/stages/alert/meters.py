"""What rules look at, measured frame by frame."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from vidstream.stages.alert.rules import Condition, CountOf, DwellOf, EventOf, NumberOf
from vidstream.types import Counts, Detections, Event

#: where numbers of the whole picture stand
_PICTURE = "picture"


@dataclass(slots=True)
class Sight:
    """All there is to look at: of objects and numbers the newest, of events those of this frame."""

    now: float = 0.0
    classes: Counter[str] | None = None
    places: dict[str, dict[str, float]] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    #: pictures have just come back: what is told now may be an old story, told again
    settling: bool = False

    def take(self, objects: Detections | None, counts: Iterable[Counts], events: Iterable[Event]) -> None:
        """Look at a frame."""
        if objects is not None:
            names = objects.names
            self.classes = Counter(names.get(c, str(c)) for c in objects.class_ids.tolist())
        for part in counts:
            for place, labels in part.values.items():
                self.places.setdefault(place, {}).update(labels)  # several stages may count at one place
        self.events = tuple(events)


class Meter(Protocol):
    """Measures one thing."""

    #: whose doing the value is, where it is somebody's
    culprit: Event | None

    def read(self, sight: Sight) -> float | None:
        """The value now; None while it is not known. Called once per frame."""

    def idle(self, sight: Sight) -> str:
        """What is missing, where nothing that comes can ever be measured; else an empty text."""


class CountMeter:
    """Objects that are there now."""

    culprit: Event | None = None

    def __init__(self, of: CountOf) -> None:
        self._of = of

    def read(self, sight: Sight) -> float | None:
        """From the objects themselves, or from the numbers of the zone."""
        of = self._of
        if not of.zone and sight.classes is not None:
            return sum(sight.classes[c] for c in of.classes) if of.classes else sight.classes.total()
        labels = sight.places.get(of.zone or _PICTURE)
        if labels is None:
            return None
        if of.classes:
            return sum(labels.get(f"inside {c}", labels.get(c, 0)) for c in of.classes)
        return labels.get("inside", labels.get("all"))

    def idle(self, sight: Sight) -> str:
        """A zone that nobody counts in, or not by class."""
        of = self._of
        if not of.zone:
            return ""
        labels = sight.places.get(of.zone)
        if labels is None:
            return _nothing_at(of.zone, sight)
        by_class = "all" in labels or any(label.startswith("inside ") for label in labels)
        if of.classes and not by_class and labels.get("inside", 0):
            return f"'{of.zone}' is not counted by class: give its stage by_class: true"
        return ""


class NumberMeter:
    """A number that somebody else gives."""

    culprit: Event | None = None

    def __init__(self, of: NumberOf) -> None:
        self._of = of

    def read(self, sight: Sight) -> float | None:
        """As it was given last."""
        return sight.places.get(self._of.place, {}).get(self._of.label)

    def idle(self, sight: Sight) -> str:
        """A place or a label that does not come."""
        labels = sight.places.get(self._of.place)
        if labels is None:
            return _nothing_at(self._of.place, sight)
        if self._of.label in labels:
            return ""
        return f"'{self._of.place}' has no number '{self._of.label}': there are {', '.join(labels)}"


class DwellMeter:
    """The longest of the stays that go on now."""

    def __init__(self, of: DwellOf) -> None:
        self._of = of
        self.culprit: Event | None = None
        #: by track: when it came, and the event that told so
        self._here: dict[int, tuple[float, Event]] = {}
        #: those who were here when pictures stopped coming: they may be here still
        self._perhaps: dict[int, tuple[float, Event]] = {}

    def read(self, sight: Sight) -> float:
        """Seconds; 0 where nobody is there."""
        for event in sight.events:
            if event.name == self._of.zone:
                self._hear(event, sight.now)
        if not sight.settling:
            self._perhaps.clear()
        began, self.culprit = min(self._here.values(), key=lambda stay: stay[0], default=(sight.now, None))
        return sight.now - began

    def _hear(self, event: Event, now: float) -> None:
        track = event.track_id
        if event.kind == "zone_entered" and _is_of(event, self._of.classes):
            began, _ = self._perhaps.pop(track, (now, event))
            self._here[track] = (began, event)
        elif event.kind == "zone_left":
            stay = self._here.pop(track, None)
            if stay is not None and event.data.get("reason") == "gap":
                self._perhaps[track] = stay

    def idle(self, sight: Sight) -> str:
        """A zone that is not there."""
        return "" if self._of.zone in sight.places or not sight.places else _nothing_at(self._of.zone, sight)


class EventMeter:
    """Events that have happened lately."""

    def __init__(self, of: str | EventOf) -> None:
        self._of = EventOf(of) if isinstance(of, str) else of
        self.culprit: Event | None = None
        self._times: deque[float] = deque()

    def read(self, sight: Sight) -> float:
        """How many; what is told right after a gap does not count."""
        for event in sight.events:
            if self._matches(event) and not sight.settling:
                self._times.append(sight.now)
                self.culprit = event
        while self._times and sight.now - self._times[0] >= self._of.within:
            self._times.popleft()
        return len(self._times)

    def _matches(self, event: Event) -> bool:
        of = self._of
        return event.kind == of.kind and of.name in ("", event.name) and _is_of(event, of.classes)

    def idle(self, sight: Sight) -> str:
        """Whether an event will come, nobody knows."""
        return ""


def meter_of(condition: Condition) -> Meter:
    """What measures for a condition."""
    if condition.count is not None:
        return CountMeter(condition.count)
    if condition.number is not None:
        return NumberMeter(condition.number)
    if condition.dwell is not None:
        return DwellMeter(condition.dwell)
    assert condition.event is not None, "a condition has one measure"
    return EventMeter(condition.event)


def _is_of(event: Event, classes: tuple[str, ...]) -> bool:
    return not classes or event.class_name in classes


def _nothing_at(place: str, sight: Sight) -> str:
    return f"nothing is counted at '{place}': there is {', '.join(sight.places) or 'nothing'}"
