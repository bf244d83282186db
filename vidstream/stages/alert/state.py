"""One rule at work: whether its alert is on, and when that changes."""

from __future__ import annotations

import operator
from typing import Literal, TypeAlias

from vidstream.stages.alert.meters import Meter, Sight, meter_of
from vidstream.stages.alert.rules import Condition, Rule
from vidstream.types import Event

#: time stamps are rounded, so that five frames at 25 a second may be 0.1999 s
_GRACE = 5e-4

Change: TypeAlias = Literal["started", "cleared", "hours"]


class Watch:
    """A condition, its value, and whether it holds."""

    def __init__(self, condition: Condition) -> None:
        self.condition = condition
        self.meter: Meter = meter_of(condition)
        self.value: float | None = None
        self.holds = False

    def look(self, sight: Sight, *, active: bool) -> None:
        """Measure. Hysteresis is for an alert that is `active`: one that is to start needs the bound itself.

        While pictures have just come back, what held before goes on to hold.
        """
        self.value = self.meter.read(sight)
        if self.value is not None and not sight.settling:
            self.holds = self.condition.holds(self.value, active and self.holds)


class Alert:
    """On or off. All times are of the stream: a step of the wall clock is felt by `in_force` alone."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.hours = rule.hours
        self.watches = [Watch(condition) for condition in rule.conditions]
        self.active = False
        self.started = 0.0
        self._ended = float("-inf")
        #: since when all is the other way than `active` says; None = it is not
        self._since: float | None = None

    @property
    def holds(self) -> bool:
        """Whether what the rule asks for is so now."""
        return (any if self.rule.any else all)(watch.holds for watch in self.watches)

    @property
    def culprit(self) -> Event | None:
        """Whose doing it is, where it is somebody's."""
        return next((w.meter.culprit for w in self.watches if w.holds and w.meter.culprit), None)

    def look(self, sight: Sight) -> None:
        """Measure what the rule looks at. Called once per frame."""
        for watch in self.watches:
            watch.look(sight, active=self.active)

    def interrupt(self) -> None:
        """Pictures have been away: nobody knows what held meanwhile, so waiting begins anew."""
        self._since = None

    def update(self, now: float, *, in_force: bool = True) -> Change | None:
        """What changes now. Called once per frame, after `look`."""
        if self.active and not in_force:
            return self._end(now, "hours")
        if operator.is_(self.active, self.holds) or not in_force:
            self._since = None
            return None
        if self._since is None:
            self._since = now
        needed = self.rule.clear_for if self.active else self.rule.for_
        if now - self._since < needed - _GRACE:
            return None
        if self.active:
            return self._end(now, "cleared")
        if now - self._ended < self.rule.cool_down - _GRACE:
            return None
        self.active, self.started, self._since = True, now, None
        return "started"

    def _end(self, now: float, why: Change) -> Change:
        self.active, self._ended, self._since = False, now, None
        return why
