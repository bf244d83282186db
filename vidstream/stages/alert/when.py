"""alert.when: the stage. Rules are in rules.py, what they look at in meters.py, their state in state.py."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

from vidstream.errors import ParamError
from vidstream.graph.stage import Stage, stage
from vidstream.graph.stream_time import StreamTime
from vidstream.stages.alert.meters import Sight
from vidstream.stages.alert.rules import Condition, Rule
from vidstream.stages.alert.state import Alert
from vidstream.types import Counts, Detections, Event, Events, FrameInfo, Gap, StreamInfo
from vidstream.types.values import Seconds

#: what the states of the alerts stand under, among the numbers
PLACE = "alerts"
#: seconds after which a rule that has nothing to look at is told of
_IDLE = 5.0


@stage("alert.when", adds=True)
class AlertWhen(Stage):
    """Raise alerts when rules hold: on counts, zones, stays, events, classes and times of day.

    A rule names what it looks at (`count`, `number`, `dwell` or `event`; `all` or `any` of several), a bound
    (`above` or `below`), and, where wanted, how long that has to hold (`for`), when it is over
    (`clear_below`, `clear_for`), how long it keeps quiet after that (`cool_down`), and at which hours it is
    in force (`between`, `days`).

    Each alert gives an event ``alert_started`` and later ``alert_ended``, named after the rule, with
    ``value`` and ``threshold``; ``alert_ended`` has its ``duration`` in seconds and the ``reason``
    (``cleared``, ``hours``, ``end`` of the stream). Numbers under ``alerts`` say which are on (1).

    All durations are in stream time: steps of the wall clock change nothing but `between` and `days`. After
    a reconnect all alerts stay as they are for `settle`: detectors and trackers have to find everybody again.

    Example::

        graph:
          motion: {use: detect.motion}
          track: {use: track.sort}
          yard: {use: count.zone, zones: {yard: [[0.2, 0.3], [0.8, 0.3], [0.8, 1.0], [0.2, 1.0]]}}
          alert:
            use: alert.when
            rules:
              crowd: {count: {zone: yard}, above: 1, for: 1s, clear_for: 2s, cool_down: 10s}
              night: {event: zone_entered, between: ["22:00", "06:00"]}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """The rules."""

        rules: Mapping[str, Rule]  #: name -> rule
        settle: Seconds = 2.0  #: after a reconnect, alerts neither start nor end for so long
        timezone: str = (
            "local"  #: for between and days: local (the machine's), or a name such as Europe/Berlin
        )

        def __post_init__(self) -> None:
            if not self.rules:
                raise ParamError(
                    "there is no rule", path=("rules",), fix="write NAME: {count: ..., above: ...}"
                )
            zone_of(self.timezone)

    params: Params

    @classmethod
    def check_inputs(cls, params: Any, wired: Collection[str]) -> Iterable[ParamError]:
        """What a rule looks at must be given by somebody."""
        for name, rule in params.rules.items():
            for condition in rule.conditions:
                if not set(_needed(condition)) & set(wired):
                    needed = " or ".join(_needed(condition))
                    what = f"looks at {needed}, which no earlier stage gives"
                    yield ParamError(what, path=("rules", name), fix="put such a stage before it")

    def open(self, stream: StreamInfo) -> None:
        """All alerts are off."""
        self._alerts = {name: Alert(rule) for name, rule in self.params.rules.items()}
        self._zone = zone_of(self.params.timezone)
        self._live = stream.live
        self._time = StreamTime()
        self._sight = Sight()
        self._settled = 0.0
        self._frame: FrameInfo | None = None
        self._told: set[str] = set()

    def on_gap(self, gap: Gap) -> None:
        """Pictures have been away: nothing starts or ends until all has settled."""
        self._time.skip(gap)
        self._settled = self._time.now + self.params.settle
        for alert in self._alerts.values():
            alert.interrupt()

    def process(
        self,
        frame: FrameInfo,
        objects: Detections | None = None,
        counts: tuple[Counts, ...] = (),
        events: tuple[Events, ...] = (),
    ) -> tuple[Counts, Events]:
        """Look at what there is on this frame."""
        sight, self._frame = self._sight, frame
        sight.now = self._time.at(frame)
        sight.settling = sight.now < self._settled
        sight.take(objects, counts, chain.from_iterable(events))
        happened = [event for name, alert in self._alerts.items() for event in self._look(name, alert)]
        return self._counts(), Events(tuple(happened))

    def flush(self) -> tuple[Counts, Events] | None:
        """The stream is over: alerts that are on get their end."""
        active = [(name, alert) for name, alert in self._alerts.items() if alert.active]
        if self._frame is None or not active:
            return None
        ended = [self._event(name, alert, self._frame, "end") for name, alert in active]
        for _, alert in active:
            alert.active = False
        return self._counts(), Events(tuple(ended))

    def _look(self, name: str, alert: Alert) -> Iterator[Event]:
        sight, frame = self._sight, self._frame
        assert frame is not None, "process has kept it"
        alert.look(sight)
        if sight.settling:
            return
        if sight.now > _IDLE and name not in self._told:
            self._tell_idle(name, alert)
        change = alert.update(sight.now, in_force=self._in_force(alert, frame))
        if change is not None:
            yield self._event(name, alert, frame, change)

    def _in_force(self, alert: Alert, frame: FrameInfo) -> bool:
        if alert.hours is None:
            return True
        wall = frame.wall
        if wall is None:
            wall = self.clock.time()
            if not self._live and "" not in self._told:
                self._told.add("")
                self.notify(
                    "hours-unknown", "the recording does not say when it was made: give its start_time"
                )
        return alert.hours.include(datetime.fromtimestamp(wall, self._zone))

    def _tell_idle(self, name: str, alert: Alert) -> None:
        for watch in alert.watches:
            if why := watch.meter.idle(self._sight):
                self._told.add(name)
                self.notify("rule-idle", f"'{name}': {why}")

    def _counts(self) -> Counts:
        return Counts({PLACE: {name: int(alert.active) for name, alert in self._alerts.items()}})

    def _event(self, name: str, alert: Alert, frame: FrameInfo, change: str) -> Event:
        """The alert has started, or ended for this reason."""
        values = [watch.value for watch in alert.watches]
        bounds = [watch.condition.bound for watch in alert.watches]
        single = len(values) == 1
        data: dict[str, Any] = {
            "value": _short(values[0]) if single else [_short(value) for value in values],
            "threshold": bounds[0] if single else bounds,
        }
        if change != "started":
            data |= {"duration": _short(self._sight.now - alert.started), "reason": change}
        kind = "alert_started" if change == "started" else "alert_ended"
        event = Event(kind, frame.source, frame.seq, frame.pts, frame.wall, name, data=data)
        whose = alert.culprit if change == "started" else None
        return event if whose is None else _of(event, whose)


def zone_of(name: str) -> tzinfo | None:
    """The time zone of this name; None for the machine's own. ParamError where there is none."""
    if name == "local":
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # not there, a folder, outside of the folder of zones
        raise ParamError(
            f"there is no time zone '{name}'", path=("timezone",), fix="give a name such as Europe/Berlin"
        ) from None


def _needed(condition: Condition) -> tuple[str, ...]:
    """The ports, one of which has to be fed."""
    if condition.count is not None:
        return ("counts",) if condition.count.zone else ("objects", "counts")
    return ("counts",) if condition.number is not None else ("events",)


def _of(event: Event, whose: Event) -> Event:
    return Event(
        event.kind,
        event.source,
        event.seq,
        event.pts,
        event.wall,
        event.name,
        whose.track_id,
        whose.class_name,
        whose.box,
        {**event.data, "cause": whose.kind},
    )


def _short(value: float | None) -> float | None:
    return None if value is None else round(float(value), 3)
