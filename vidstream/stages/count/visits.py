"""Who is in a zone, since when: the bookkeeping of `count.zone`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from vidstream.geometry import contains
from vidstream.stages.count.rows import GRACE, Row

Points: TypeAlias = npt.NDArray[np.float32]
Reason: TypeAlias = Literal["walked", "lost", "gap", "end"]

#: a track not seen for so long will not come back under its id
_FORGET = 600.0


@dataclass(frozen=True, slots=True)
class Rules:
    """When visits begin, end, and are long; `classes` are counted for themselves unless it is None."""

    settle: float
    lost: float
    dwell: float | None
    classes: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Change:
    """Something to report: the kind of event, whose, and what belongs to it."""

    kind: str
    row: Row
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Visit:
    """A track's stay; not `settled` until it has lasted a little, `outside` since it was seen outside."""

    row: Row
    since: float
    seen: float
    settled: bool = False
    outside: float | None = None
    reported: bool = False


class Zone:
    """One zone of one source."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._visits: dict[int, _Visit] = {}
        self._known: dict[int, float] = {}
        self._swept = 0.0
        self._entered = self._left = self._unique = 0
        self._by_class: Counter[str] = Counter()
        self._ended_dwell = self._longest = 0.0

    def update(self, rows: list[Row], places: Points, polygon: Points, pts: float) -> Iterator[Change]:
        """What changes with the objects of this frame."""
        inside = contains(polygon, places).tolist() if rows else []
        for row, within in zip(rows, inside, strict=True):
            if row.track_id in self._known:
                self._known[row.track_id] = pts
            if within:
                yield from self._see_inside(row, pts)
            else:
                yield from self._see_outside(row, pts)
        yield from self._lose(pts)
        self._sweep(pts)

    def end(self, reason: Reason) -> Iterator[Change]:
        """All visits are over."""
        for visit in list(self._visits.values()):
            yield from self._close(visit, visit.seen, reason)
        self._known, self._swept = dict.fromkeys(self._known, 0.0), 0.0  # time may start anew

    def values(self) -> dict[str, float]:
        """The running numbers."""
        going_on = [v for v in self._visits.values() if v.settled]
        lengths = [self._length(v, v.seen) for v in going_on]
        visits = self._left + len(going_on)
        total = self._ended_dwell + sum(lengths)
        values: dict[str, float] = {
            "inside": len(going_on),
            "entered": self._entered,
            "left": self._left,
            "unique": self._unique,
            "dwell_mean": round(total / visits, 3) if visits else 0.0,
            "dwell_max": round(max([*lengths, self._longest]), 3),
        }
        if self.rules.classes is not None:
            now = Counter(v.row.class_name for v in going_on)
            for name in dict.fromkeys((*self.rules.classes, *self._by_class)):
                values |= {f"inside {name}": now[name], f"entered {name}": self._by_class[name]}
        return values

    def _see_inside(self, row: Row, pts: float) -> Iterator[Change]:
        visit = self._visits.setdefault(row.track_id, _Visit(row, pts, pts))
        visit.row, visit.seen, visit.outside = row, pts, None
        if not visit.settled and pts - visit.since >= self.rules.settle - GRACE:
            visit.settled = True
            self._entered += 1
            self._by_class[row.class_name] += 1
            if row.track_id not in self._known:
                self._unique += 1
                self._known[row.track_id] = pts
            yield Change("zone_entered", row)
        dwell = self.rules.dwell
        if visit.settled and dwell is not None and not visit.reported and pts - visit.since >= dwell - GRACE:
            visit.reported = True
            yield Change("zone_dwell", row, {"dwell": round(pts - visit.since, 3)})

    def _see_outside(self, row: Row, pts: float) -> Iterator[Change]:
        visit = self._visits.get(row.track_id)
        if visit is None:
            return
        visit.row, visit.seen = row, pts
        if visit.outside is None:
            visit.outside = pts
        if not visit.settled or pts - visit.outside >= self.rules.settle - GRACE:
            yield from self._close(visit, visit.outside, "walked")

    def _lose(self, pts: float) -> Iterator[Change]:
        for visit in list(self._visits.values()):
            if pts - visit.seen > self.rules.lost + GRACE:
                yield from self._close(visit, visit.seen, "lost")

    def _close(self, visit: _Visit, at: float, reason: Reason) -> Iterator[Change]:
        del self._visits[visit.row.track_id]
        if not visit.settled:
            return
        length = self._length(visit, at)
        self._left += 1
        self._ended_dwell += length
        self._longest = max(self._longest, length)
        yield Change("zone_left", visit.row, {"dwell": round(length, 3), "reason": reason})

    @staticmethod
    def _length(visit: _Visit, at: float) -> float:
        """Seconds from the first moment inside to `at`, or to when it stepped out."""
        return (at if visit.outside is None else visit.outside) - visit.since

    def _sweep(self, pts: float) -> None:
        """Now and then, forget tracks that are long gone."""
        if pts - self._swept > _FORGET:
            self._swept = pts
            self._known = {t: seen for t, seen in self._known.items() if pts - seen <= _FORGET}
