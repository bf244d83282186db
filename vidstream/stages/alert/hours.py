"""Times of day and days of the week."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from typing import Literal, Self, TypeAlias, get_args

from vidstream.errors import ParamError

Day: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_DAYS: tuple[str, ...] = get_args(Day)


@dataclass(frozen=True, slots=True)
class Hours:
    """From one time of day to another, perhaps over midnight, on some days of the week (0 = Monday).

    What goes over midnight belongs to the day on which it begins.

    >>> night = Hours.of(("22:00", "06:00"), ("fri",))
    >>> night.include(datetime(2026, 11, 20, 23, 0)), night.include(datetime(2026, 11, 21, 5, 59))
    (True, True)
    >>> night.include(datetime(2026, 11, 20, 5, 0)), night.include(datetime(2026, 11, 21, 23, 0))
    (False, False)
    """

    begin: time
    end: time
    days: frozenset[int]

    @classmethod
    def of(cls, between: tuple[str, str] | None, days: tuple[Day, ...]) -> Self:
        """As a rule has them; the whole day, or every day, where they are left out."""
        begin, end = (time_of(text) for text in between) if between else (time.min, time.max)
        return cls(begin, end, frozenset(_DAYS.index(day) for day in days or _DAYS))

    def include(self, now: datetime) -> bool:
        """Whether this local time is within."""
        clock, day = now.time(), now.weekday()
        if self.begin < self.end:
            return day in self.days and (self.begin <= clock < self.end or self.end == time.max)
        if clock >= self.begin:
            return day in self.days
        return clock < self.end and (day - 1) % 7 in self.days


def time_of(text: str, path: tuple[str | int, ...] = ()) -> time:
    """A time of day. ParamError where it is none.

    >>> time_of("22:30")
    datetime.time(22, 30)
    """
    try:
        found = time.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or ":" not in text or found.tzinfo is not None:
        raise ParamError(f"'{text}' is no time of day", path=path, fix='write it like "22:00"')
    return found
