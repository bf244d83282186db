"""Gates thin a stage's input: `every`, `max_fps`, `when`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vidstream.graph.description import StageEntry, When
from vidstream.graph.item import Item
from vidstream.types import Counts, Masks


class Gate:
    """Decides, frame by frame and in order, whether a stage runs.

    All times are stream times, so a recording gives the same answer however fast it is processed.
    """

    def __init__(self, entry: StageEntry, condition: Sequence[int]) -> None:
        self._every = entry.every
        self._period = entry.period
        self._when = entry.when
        self._condition = condition
        self._arrived = -1
        #: run only on every n-th of the frames that are left, to keep up with a camera; may change any time
        self.thin = 1
        self._passed_over = 0
        self._is_on = True
        self.reset()

    @classmethod
    def of(cls, entry: StageEntry, condition: Sequence[int]) -> Gate | None:
        """A gate, or None for a stage that runs on every frame."""
        return cls(entry, condition) if entry.every > 1 or entry.period or entry.when else None

    def reset(self) -> None:
        """Time starts anew, with another segment."""
        self._due = self._on_until = float("-inf")

    def look(self, item: Item) -> None:
        """Note whether the condition holds: on every frame, also those on which the stage cannot run."""
        if self._when is not None:
            self._is_on = self._holds(item, self._when)

    def opens(self, item: Item) -> bool:
        """True where the stage should run on this frame; asked where it could."""
        self._arrived += 1
        if self._arrived % self._every or not self._is_on:
            return False
        if self._period and not self._is_due(item.frame.pts):
            return False
        return self.thin == 1 or self._is_its_turn()

    def _is_its_turn(self) -> bool:
        self._passed_over += 1
        if self._passed_over < self.thin:
            return False
        self._passed_over = 0
        return True

    def _is_due(self, pts: float) -> bool:
        """At most once per period, without drifting: the schedule is a grid, not "since last time"."""
        # time stamps are rounded to the container's ticks: 10 of 30 fps must stay exactly every third
        soon = pts + self._period * 1e-2
        if soon < self._due:
            return False
        late = soon >= self._due + self._period
        self._due = (pts if late else self._due) + self._period
        return True

    def _holds(self, item: Item, when: When) -> bool:
        if any(magnitude(item.slots[i]) >= when.at_least for i in self._condition):
            self._on_until = item.frame.pts + when.hold
            return True
        return item.frame.pts < self._on_until


def magnitude(value: Any) -> float:
    """How much a value says: its objects, texts or events, the largest count, 1 for a mask with content."""
    if value is None:
        return 0.0
    if isinstance(value, Counts):
        return max((v for labels in value.values.values() for v in labels.values()), default=0.0)
    if isinstance(value, Masks):
        return float(bool(value))
    return float(len(value)) if hasattr(value, "__len__") else 1.0
