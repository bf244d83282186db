"""Rules as they are written: what is looked at, which bound it is held against, for how long, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from vidstream.errors import ParamError
from vidstream.stages.alert.hours import Day, Hours, time_of
from vidstream.types.values import Seconds

#: a bound: a number, or a duration where it is a duration that is measured
Bound: TypeAlias = float | Seconds
Measure: TypeAlias = Literal["count", "number", "dwell", "event"]
_MEASURES: tuple[Measure, ...] = ("count", "number", "dwell", "event")


@dataclass(frozen=True, slots=True)
class CountOf:
    """How many objects there are now."""

    zone: str = ""  #: in this zone of an earlier stage that counts; in the whole picture where left out
    classes: tuple[str, ...] = ()  #: of these classes only; in a zone, its stage has to count by class


@dataclass(frozen=True, slots=True)
class NumberOf:
    """A number that an earlier stage gives."""

    place: str  #: the line or zone it belongs to
    label: str  #: which of its numbers: in, out, entered, unique ...


@dataclass(frozen=True, slots=True)
class DwellOf:
    """How long the one has been in a zone who has been there longest, of those who are there now."""

    zone: str  #: a zone of count.zone
    classes: tuple[str, ...] = ()  #: of these classes only


@dataclass(frozen=True, slots=True)
class EventOf:
    """How many events there were lately."""

    kind: str  #: such as zone_entered, line_crossed
    name: str = ""  #: of this line or zone only
    classes: tuple[str, ...] = ()  #: of objects of these classes only
    within: Seconds = 1.0  #: how far back "lately" reaches


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is measured, and the bound it is held against."""

    count: CountOf | None = None  #: how many objects are there
    number: NumberOf | None = None  #: a number of an earlier stage
    dwell: DwellOf | None = None  #: how long somebody has been in a zone
    event: str | EventOf | None = (
        None  #: how many events there were lately; the kind alone means the last second
    )
    above: Bound | None = None  #: it holds when the value is more than this; for events, 0 where left out
    below: Bound | None = None  #: it holds when the value is less than this
    clear_below: Bound | None = None  #: once the alert is on, it holds until the value is less than this
    clear_above: Bound | None = None  #: the same for `below`: until it is more than this

    def __post_init__(self) -> None:
        given = [name for name in _MEASURES if getattr(self, name) is not None]
        if len(given) != 1:
            what = f"has {' and '.join(given)}, but is to have one of them" if given else "looks at nothing"
            raise ParamError(what, fix=f"give one of {', '.join(_MEASURES)}")
        if (self.above is None) == (self.below is None) and not (given == ["event"] and self.below is None):
            what = "has both 'above' and 'below'" if self.above is not None else "has no bound"
            raise ParamError(what, fix="give either 'above' or 'below'")
        self._check_clearing()

    def _check_clearing(self) -> None:
        if self.below is None and self.clear_above is not None:
            raise ParamError("belongs to 'below'", path=("clear_above",), fix="write clear_below")
        if self.below is not None and self.clear_below is not None:
            raise ParamError("belongs to 'above'", path=("clear_below",), fix="write clear_above")
        if self.clear_below is not None and self.clear_below > self.bound:
            what = (
                f"{self.clear_below:g} is more than 'above' ({self.bound:g}): it would clear while it holds"
            )
            raise ParamError(what, path=("clear_below",), fix=f"give {self.bound:g} or less")
        if self.clear_above is not None and self.clear_above < self.bound:
            what = (
                f"{self.clear_above:g} is less than 'below' ({self.bound:g}): it would clear while it holds"
            )
            raise ParamError(what, path=("clear_above",), fix=f"give {self.bound:g} or more")

    @property
    def bound(self) -> float:
        """What the value is held against."""
        return (self.above or 0.0) if self.below is None else self.below

    def holds(self, value: float, held: bool) -> bool:
        """Whether it holds, given whether it did before."""
        if self.below is None:
            starts, clears = value > self.bound, self.clear_below is not None and value < self.clear_below
        else:
            starts, clears = value < self.bound, self.clear_above is not None and value > self.clear_above
        has_band = self.clear_below is not None or self.clear_above is not None
        return starts or (held and has_band and not clears)


@dataclass(frozen=True, slots=True)
class Rule(Condition):
    """A condition, or several, and how long and at which times of day it has to hold."""

    all: tuple[Condition, ...] = ()  #: several conditions, all of which have to hold
    any: tuple[Condition, ...] = ()  #: several conditions, one of which has to hold
    for_: Seconds = 0.0  #: it has to hold for so long before the alert starts
    clear_for: Seconds = 0.0  #: it has to hold no more for so long before the alert ends
    cool_down: Seconds = 0.0  #: after its end it does not start again for so long
    between: tuple[str, str] | None = None  #: only between these times of day: ["22:00", "06:00"]
    days: tuple[Day, ...] = ()  #: only on these days: mon, tue ...; a night counts to the day it begins on

    def __post_init__(self) -> None:
        if self.between is not None:
            for place, text in enumerate(self.between):
                time_of(text, ("between", place))
            if self.between[0] == self.between[1]:
                raise ParamError("begins and ends at the same time", path=("between",))
        if not (self.all or self.any):
            Condition.__post_init__(self)
            return
        own = [*_MEASURES, "above", "below", "clear_below", "clear_above"]
        extra = [name for name in own if getattr(self, name) is not None]
        if self.all and self.any:
            raise ParamError("has both 'all' and 'any'", fix="make two rules of it")
        if extra:
            raise ParamError("stands beside 'all' or 'any'", path=(extra[0],), fix="put it into the list")

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What has to hold: all, or one of them where `any` is given."""
        return self.all or self.any or (self,)

    @property
    def hours(self) -> Hours | None:
        """When it is in force; None = always."""
        if self.between is None and not self.days:
            return None
        return Hours.of(self.between, self.days)
