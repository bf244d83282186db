"""Running numbers over time: counts of the last hour, and what stages did in the last seconds."""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

#: seconds between two values, and how many are kept: an hour
STEP: Final = 2.0
LENGTH: Final = 1800
#: so many different numbers are followed
MOST: Final = 200
#: so many values are given at once, of all numbers together
_VALUES: Final = 60_000

#: source, stage, place, label
Key: TypeAlias = tuple[str, str, str, str]


class History:
    """Values at equal steps, in rings that take all their memory at once. Used on one thread."""

    def __init__(self) -> None:
        self._series: dict[Key, array[float]] = {}
        self._steps = 0
        #: UTC seconds of the newest value
        self.end = 0.0

    def add(self, now: float, values: Mapping[Key, float]) -> None:
        """One step on."""
        self.end = now
        for key in values:
            if key not in self._series and len(self._series) < MOST:
                self._series[key] = array("d", [math.nan]) * LENGTH
        for key, series in self._series.items():
            series[self._steps % LENGTH] = values.get(key, math.nan)
        self._steps += 1

    def forget(self, there: Container[str]) -> None:
        """Let go of the sources that are not there any more, so that others have room."""
        self._series = {key: series for key, series in self._series.items() if key[0] in there}

    def to_json(self, sources: Iterable[str], points: int) -> dict[str, Any]:
        """The series of these sources, thinned to about so many points, the newest last."""
        wanted = set(sources)
        points = min(points, _VALUES // max(1, len(self._series)))
        every = max(1, -(-min(self._steps, LENGTH) // points))
        return {
            "end": self.end,
            "step": STEP * every,
            "series": [
                {
                    "source": source,
                    "stage": stage,
                    "place": place,
                    "label": label,
                    "values": self._thinned(series, every),
                }
                for (source, stage, place, label), series in self._series.items()
                if source in wanted
            ],
        }

    def _thinned(self, series: array[float], every: int) -> list[float | None]:
        """From the newest back, so that it stays the last; from its first value on."""
        newest, count = self._steps - 1, min(self._steps, LENGTH)
        values = [series[(newest - back) % LENGTH] for back in range(0, count, every)]
        while values and math.isnan(values[-1]):
            values.pop()
        return [None if math.isnan(value) else value for value in reversed(values)]


@dataclass(slots=True)
class Pace:
    """How fast a number that only grows did so in the last few seconds."""

    seconds: float = 5.0
    _seen: deque[tuple[float, float]] = field(default_factory=deque)

    def add(self, now: float, value: float) -> None:
        """It stood so at this time; less than before means that it has begun anew."""
        if self._seen and value < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((now, value))
        while len(self._seen) > 2 and now - self._seen[0][0] > self.seconds:
            self._seen.popleft()

    @property
    def per_second(self) -> float:
        """Its growth; 0 before there is a difference.

        >>> pace = Pace()
        >>> for second in range(9): pace.add(second, 25 * second)
        >>> pace.per_second
        25.0
        """
        (t1, v1), (t2, v2) = (self._seen[0], self._seen[-1]) if self._seen else ((0.0, 0.0), (0.0, 0.0))
        return (v2 - v1) / (t2 - t1) if t2 > t1 else 0.0
