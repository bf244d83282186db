"""alert.when: rules held against tables of what comes, and promises held against whatever comes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.one_stage import OneStage
from vidstream.cli import main
from vidstream.config import loads
from vidstream.errors import ConfigError, ParamError
from vidstream.graph.engine import Engine
from vidstream.graph.params import make_params
from vidstream.stages.alert.rules import Rule
from vidstream.stages.alert.state import Alert
from vidstream.stages.alert.when import AlertWhen
from vidstream.types import Counts, Detections, Event, Events, FrameInfo, Gap, Tracks

NAMES = {0: "person", 1: "car"}
#: Friday
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC).timestamp()


def alert(rule: dict[str, Any], **options: Any) -> OneStage:
    return OneStage(AlertWhen, rules={"rule": rule}, timezone="UTC", **options)


def told(events: Iterable[Event]) -> list[str]:
    return [e.kind.removeprefix("alert_") for e in events]


def counted(value: float | None, place: str = "yard", label: str = "inside") -> dict[str, Any]:
    """A frame on which a zone counts so many; None is one on which it does not run."""
    return {} if value is None else {"counts": (Counts({place: {label: value}}),)}


def story(stage: OneStage, values: Sequence[float | None], step: float = 1.0) -> list[tuple[float, str]]:
    """(second, what was told) for numbers that come one per second; the dot in between is a gap."""
    found = []
    for i, value in enumerate(values):
        _, events = stage(i * step, **counted(value))
        found += [(i * step, what) for what in told(events)]
    return found


ABOVE_2 = {"count": {"zone": "yard"}, "above": 2}


@pytest.mark.parametrize(
    ("rule", "values", "expected"),
    [
        pytest.param(ABOVE_2, [2, 3, 3, 2], [(1, "started"), (3, "ended")], id="above means more than"),
        pytest.param(ABOVE_2, [3], [(0, "started")], id="it may start on the first frame"),
        pytest.param(
            {"count": {"zone": "yard"}, "below": 1},
            [1, 0, 1],
            [(1, "started"), (2, "ended")],
            id="below means less",
        ),
        pytest.param(
            {**ABOVE_2, "clear_below": 1},
            [3, 2, 1, 0, 2],
            [(0, "started"), (3, "ended")],
            id="it holds until the value is below where it clears",
        ),
        pytest.param(
            {**ABOVE_2, "clear_below": 1, "for": 2},
            [3, 2, 2, 3, 3, 3, 2, 0],
            [(5, "started"), (7, "ended")],
            id="what is between the bounds keeps an alert on, but starts none",
        ),
        pytest.param(
            {"count": {"zone": "yard"}, "below": 2, "clear_above": 4},
            [1, 3, 4, 5],
            [(0, "started"), (3, "ended")],
            id="the same upside down",
        ),
        pytest.param(
            {**ABOVE_2, "for": 2}, [3, 3, 0, 3, 3, 3], [(5, "started")], id="it has to hold for a time"
        ),
        pytest.param(
            {**ABOVE_2, "clear_for": 2},
            [3, 0, 0, 3, 0, 0, 0],
            [(0, "started"), (6, "ended")],
            id="it has to be over for a time",
        ),
        pytest.param(
            {**ABOVE_2, "cool_down": 3},
            [3, 0, 3, 3, 3, 0],
            [(0, "started"), (1, "ended"), (4, "started"), (5, "ended")],
            id="it keeps quiet for a time after its end",
        ),
        pytest.param(
            {**ABOVE_2, "for": 1, "cool_down": 4},
            [3, 3, 0, 3, 3, 3, 3, 3],
            [(1, "started"), (2, "ended"), (6, "started")],
            id="holding while it keeps quiet counts",
        ),
        pytest.param(
            ABOVE_2,
            [3, None, None, 0],
            [(0, "started"), (3, "ended")],
            id="frames without numbers change nothing",
        ),
        pytest.param({"count": {"zone": "shed"}, "below": 1}, [0, 0], [], id="a zone that nobody counts in"),
        pytest.param(
            {"number": {"place": "yard", "label": "inside"}, "above": 1.5},
            [1, 2],
            [(1, "started")],
            id="any number of an earlier stage",
        ),
        pytest.param(
            {"all": [ABOVE_2, {"number": {"place": "yard", "label": "inside"}, "below": 5}]},
            [2, 3, 5, 4, 2],
            [(1, "started"), (2, "ended"), (3, "started"), (4, "ended")],
            id="all of several",
        ),
        pytest.param(
            {"any": [{**ABOVE_2, "above": 5}, {"count": {"zone": "yard"}, "below": 1}]},
            [3, 0, 3, 6, 3],
            [(1, "started"), (2, "ended"), (3, "started"), (4, "ended")],
            id="one of several",
        ),
    ],
)
def test_numbers(rule: dict[str, Any], values: list[float | None], expected: list[tuple[float, str]]) -> None:
    assert story(alert(rule), values) == expected


def test_what_an_alert_tells() -> None:
    stage = alert({**ABOVE_2, "clear_for": 1})
    counts, (started,) = stage(0.0, **counted(7))
    assert counts.values == {"alerts": {"rule": 1}}
    assert (started.kind, started.name, dict(started.data)) == (
        "alert_started",
        "rule",
        {"value": 7.0, "threshold": 2.0},
    )
    stage(1.0, **counted(2))
    counts, (ended,) = stage(2.0, **counted(1))
    assert counts.values == {"alerts": {"rule": 0}}
    assert (ended.kind, dict(ended.data)) == (
        "alert_ended",
        {"value": 1.0, "threshold": 2.0, "duration": 2.0, "reason": "cleared"},
    )


def people(*class_ids: int) -> Tracks:
    return Tracks.of(
        [[0, 0, 9, 9]] * len(class_ids), 1.0, list(class_ids), range(len(class_ids)), names=NAMES
    )


@pytest.mark.parametrize(
    ("of", "counts", "expected"),
    [
        pytest.param({}, {}, 3, id="all objects of the picture"),
        pytest.param({"classes": "person"}, {}, 2, id="objects of a class"),
        pytest.param({"classes": ["person", "bus"]}, {}, 2, id="a class that is not there"),
        pytest.param({"zone": "a"}, {"a": {"inside": 4, "inside person": 1}}, 4, id="a zone of count.zone"),
        pytest.param(
            {"zone": "a", "classes": "person"},
            {"a": {"inside": 4, "inside person": 1}},
            1,
            id="a class in a zone",
        ),
        pytest.param({"zone": "a"}, {"a": {"all": 5, "car": 2}}, 5, id="a zone of count.objects"),
        pytest.param(
            {"zone": "a", "classes": "car"}, {"a": {"all": 5, "car": 2}}, 2, id="a class of count.objects"
        ),
    ],
)
def test_what_is_counted(of: dict[str, Any], counts: dict[str, Any], expected: int) -> None:
    stage = alert({"count": of, "above": -1})
    _, (event,) = stage(objects=people(0, 0, 1), counts=(Counts(counts),))
    assert event.data["value"] == expected


def test_several_stages_may_count_at_one_place() -> None:
    rule = {"all": [ABOVE_2, {"number": {"place": "yard", "label": "car"}, "above": 0}]}
    _, (event,) = alert(rule)(counts=(Counts({"yard": {"inside": 3}}), Counts({"yard": {"car": 1}})))
    assert event.data["value"] == [3, 1]


def test_objects_are_counted_by_count_objects_where_only_that_is_wired() -> None:
    _, (event,) = alert({"count": {"classes": "car"}, "above": 1})(
        counts=(Counts({"picture": {"all": 3, "car": 2}}),)
    )
    assert event.data["value"] == 2


def entered(track: int = 7, kind: str = "zone_entered", name: str = "door", **more: Any) -> dict[str, Any]:
    event = Event(kind, "test", 0, 0.0, None, name, track, "person", (1, 2, 3, 4), more)
    return {"events": (Events((event,)),)}


LOITER = {"dwell": {"zone": "door"}, "above": "3s"}


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        pytest.param([entered(), {}, {}, {}, {}], [(4, "started")], id="somebody stays"),
        pytest.param(
            [entered(), {}, {}, {}, {}, entered(kind="zone_left"), {}],
            [(4, "started"), (5, "ended")],
            id="and goes",
        ),
        pytest.param([entered(), {}, entered(kind="zone_left"), entered(), {}, {}], [], id="in and out"),
        pytest.param(
            [entered(1), {}, entered(2), {}, {}, entered(1, "zone_left"), {}],
            [(4, "started"), (5, "ended"), (6, "started")],
            id="the longest of several stays counts",
        ),
        pytest.param([entered(name="yard"), {}, {}, {}, {}, {}], [], id="another zone"),
    ],
)
def test_stays(frames: list[dict[str, Any]], expected: list[tuple[float, str]]) -> None:
    stage, found = alert(LOITER), []
    for i, frame in enumerate(frames):
        _, events = stage(float(i), **frame)
        found += [(i, what) for what in told(events)]
    assert found == expected


def test_the_alert_names_who_stays() -> None:
    stage = alert(LOITER)
    stage(0.0, **entered(7))
    _, (event,) = stage(3.5)
    assert (event.track_id, event.class_name, event.box) == (7, "person", (1, 2, 3, 4))
    assert dict(event.data) == {"value": 3.5, "threshold": 3.0, "cause": "zone_entered"}


@pytest.mark.parametrize(
    ("event", "given", "expected"),
    [
        pytest.param("zone_entered", entered(), ["started"], id="an event by its kind"),
        pytest.param({"kind": "zone_entered", "name": "door"}, entered(), ["started"], id="at a place"),
        pytest.param({"kind": "zone_entered", "name": "yard"}, entered(), [], id="at another place"),
        pytest.param({"kind": "zone_entered", "classes": ["car"]}, entered(), [], id="of another class"),
        pytest.param("zone_left", entered(), [], id="another kind"),
    ],
)
def test_events(event: Any, given: dict[str, Any], expected: list[str]) -> None:
    stage = alert({"event": event})
    assert told(stage(0.0, **given)[1]) == expected
    assert told(stage(0.9)[1]) == []
    assert told(stage(1.0)[1]) == (["ended"] if expected else [])


def test_many_events_within_a_time() -> None:
    stage = alert({"event": {"kind": "zone_entered", "within": "10s"}, "above": 2})
    times = [0, 6, 12, 14, 15, 40]
    found = [(t, what) for t in times for what in told(stage(float(t), **entered())[1])]
    assert found == [(14, "started"), (40, "ended")]


# -- reconnects ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "before", "after", "expected"),
    [
        pytest.param(ABOVE_2, 3, [0, 0, 1, 3, 3], [], id="an alert goes on though nobody is found at first"),
        pytest.param(ABOVE_2, 3, [0, 0, 0, 0], ["ended"], id="it ends where nobody is found at last"),
        pytest.param(
            {"count": {"zone": "yard"}, "below": 1}, 2, [0, 0, 1, 2], [], id="none starts for want of people"
        ),
        pytest.param({**ABOVE_2, "for": 3}, 3, [3, 3, 3, 3], [], id="waiting begins anew"),
    ],
)
def test_a_reconnect_neither_starts_nor_ends_an_alert_wrongly(
    rule: dict[str, Any], before: float, after: list[float], expected: list[str]
) -> None:
    stage = alert(rule, settle=2.5)
    stage(0.0, **counted(before))
    stage.stage.on_gap(Gap("reconnect", stage.stream, 5.0))
    found: list[str] = []
    for i, value in enumerate(after):
        frame = FrameInfo("test", 1, i, float(i), None, 0.0, 8, 6)
        found += told(stage.stage.process(frame, **counted(value))[1])
    assert found == expected


def test_a_visit_told_again_after_a_reconnect_is_no_new_one_and_a_stay_goes_on() -> None:
    stage = OneStage(AlertWhen, rules={"visit": {"event": "zone_entered"}, "loiter": LOITER}, settle=2)

    def give(segment: int, pts: float, **values: Any) -> list[tuple[str, str]]:
        frame = FrameInfo("test", segment, 0, pts, None, 0.0, 8, 6)
        return [(e.kind, e.name) for e in stage.stage.process(frame, **values)[1]]

    assert give(0, 0.0, **entered()) == [("alert_started", "visit")]
    assert give(0, 2.0) == [("alert_ended", "visit")]
    stage.stage.on_gap(Gap("reconnect", stage.stream, 0.5))
    assert give(1, 0.0, **entered(kind="zone_left", reason="gap")) == []
    assert give(1, 0.5, **entered()) == []
    assert give(1, 2.1) == [("alert_started", "loiter")]  # 4.6 s after it came
    assert give(1, 3.0, **entered(8)) == [("alert_started", "visit")]


def test_a_stay_that_was_not_taken_up_again_is_over() -> None:
    stage = alert(LOITER, settle=1)
    stage(0.0, **entered())
    stage.stage.on_gap(Gap("reconnect", stage.stream, 60.0))
    frame = FrameInfo("test", 1, 9, 0.0, None, 0.0, 8, 6)
    stage.stage.process(frame, **entered(kind="zone_left", reason="gap"))
    for i in range(1, 9):
        frame = FrameInfo("test", 1, i, float(i), None, 0.0, 8, 6)
        assert told(stage.stage.process(frame)[1]) == []


def test_the_end_of_the_stream_ends_alerts() -> None:
    stage = alert(ABOVE_2)
    stage(0.0, **counted(3))
    stage(4.0)
    counts, (event,) = stage.stage.flush()
    assert (event.kind, event.data["reason"], event.data["duration"]) == ("alert_ended", "end", 4.0)
    assert counts.values == {"alerts": {"rule": 0}}
    assert stage.stage.flush() is None


# -- times of day --------------------------------------------------------------------------------------


def at_wall(stage: OneStage, pts: float, wall: float | None, value: float) -> list[str]:
    frame = FrameInfo("test", 0, 0, pts, wall, pts, 8, 6)
    return told(stage.stage.process(frame, **counted(value))[1])


NIGHT = {**ABOVE_2, "between": ["22:00", "06:00"]}


@pytest.mark.parametrize(
    ("rule", "hours", "expected"),
    [
        pytest.param(NIGHT, 9.9, False, id="before the night"),
        pytest.param(NIGHT, 10, True, id="when it begins"),
        pytest.param(NIGHT, 17.9, True, id="after midnight"),
        pytest.param(NIGHT, 18, False, id="when it is over"),
        pytest.param({**NIGHT, "days": ["fri"]}, 17, True, id="Friday's night reaches into Saturday"),
        pytest.param({**NIGHT, "days": ["sat"]}, 17, False, id="Saturday's night has not begun"),
        pytest.param({**ABOVE_2, "days": ["fri"]}, 11.9, True, id="all of Friday"),
        pytest.param({**ABOVE_2, "days": ["fri"]}, 12, False, id="Saturday"),
        pytest.param({**ABOVE_2, "between": ["11:30", "12:30"]}, 0.4, True, id="within an hour of the day"),
        pytest.param({**ABOVE_2, "between": ["11:30", "12:30"]}, 0.5, False, id="behind it"),
    ],
)
def test_hours(rule: dict[str, Any], hours: float, expected: bool) -> None:
    """So many hours after Friday noon."""
    assert at_wall(alert(rule), 0.0, NOON + hours * 3600, 3) == (["started"] if expected else [])


def test_an_alert_ends_with_its_hours() -> None:
    stage = alert({**ABOVE_2, "between": ["11:00", "12:00"], "clear_for": 60})
    assert at_wall(stage, 0.0, NOON - 1, 3) == ["started"]
    frame = FrameInfo("test", 0, 1, 1.0, NOON, 1.0, 8, 6)
    (event,) = stage.stage.process(frame, **counted(3))[1]
    assert (event.kind, event.data["reason"]) == ("alert_ended", "hours")


def test_hours_are_those_of_the_time_zone() -> None:
    rule = {**ABOVE_2, "between": ["13:00", "13:01"]}
    there = OneStage(AlertWhen, rules={"rule": rule}, timezone="Europe/Berlin")
    assert at_wall(there, 0.0, NOON, 3) == ["started"]  # UTC+1 in November


@pytest.mark.parametrize("step", [3600.0, -3600.0])
def test_steps_of_the_wall_clock_change_nothing_else(step: float) -> None:
    rule = {**ABOVE_2, "for": 2, "clear_for": 2, "cool_down": 2}
    values = [3, 3, 3, 0, 0, 0, 3, 3, 3, 3, 0]
    steady, stepped = alert(rule), alert(rule)
    for i, value in enumerate(values):
        wall = NOON + i + (step if i in (1, 2, 4, 7) else 0)
        assert at_wall(stepped, float(i), wall, value) == at_wall(steady, float(i), NOON + i, value)


def test_a_recording_that_does_not_say_when_it_was_made_is_told_of() -> None:
    stage = alert(NIGHT)
    at_wall(stage, 0.0, None, 3)
    at_wall(stage, 1.0, None, 3)
    assert [kind for kind, _ in stage.notices] == ["hours-unknown"]


# -- faults of rules -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        pytest.param(
            {"above": 3},
            "rules.r: looks at nothing; give one of count, number, dwell, event",
            id="no measure",
        ),
        pytest.param(
            {"count": {}, "event": "x", "above": 1},
            "rules.r: has count and event, but is to have one of them; "
            "give one of count, number, dwell, event",
            id="two measures",
        ),
        pytest.param({"count": {}}, "rules.r: has no bound; give either 'above' or 'below'", id="no bound"),
        pytest.param(
            {"count": {}, "above": 1, "below": 3},
            "rules.r: has both 'above' and 'below'; give either 'above' or 'below'",
            id="two bounds",
        ),
        pytest.param(
            {"count": {}, "above": 5, "clear_below": 6},
            "rules.r.clear_below: 6 is more than 'above' (5): it would clear while it holds; give 5 or less",
            id="clearing above",
        ),
        pytest.param(
            {"count": {}, "below": 5, "clear_above": 4},
            "rules.r.clear_above: 4 is less than 'below' (5): it would clear while it holds; give 5 or more",
            id="clearing below",
        ),
        pytest.param(
            {"count": {}, "above": 5, "clear_above": 6},
            "rules.r.clear_above: belongs to 'below'; write clear_below",
            id="the wrong way to clear",
        ),
        pytest.param(
            {"count": {}, "below": 5, "clear_below": 6},
            "rules.r.clear_below: belongs to 'above'; write clear_above",
            id="the other wrong way to clear",
        ),
        pytest.param(
            {"all": [ABOVE_2], "any": [ABOVE_2]},
            "rules.r: has both 'all' and 'any'; make two rules of it",
            id="all and any",
        ),
        pytest.param(
            {"all": [ABOVE_2], "above": 3},
            "rules.r.above: stands beside 'all' or 'any'; put it into the list",
            id="a bound beside all",
        ),
        pytest.param(
            {"all": [{"count": {}}]},
            "rules.r.all.0: has no bound; give either 'above' or 'below'",
            id="a fault in the list",
        ),
        pytest.param(
            {**ABOVE_2, "between": ["22", "6:00"]},
            "rules.r.between.0: '22' is no time of day; write it like \"22:00\"",
            id="no time of day",
        ),
        pytest.param(
            {**ABOVE_2, "between": ["06:00", "06:00"]},
            "rules.r.between: begins and ends at the same time",
            id="no time",
        ),
        pytest.param(
            {**ABOVE_2, "days": ["friday"]},
            "rules.r.days.0: expected mon, tue, wed, thu, fri, sat or sun, got 'friday'; did you mean 'fri'?",
            id="a long day",
        ),
        pytest.param(
            {**ABOVE_2, "fore": "2s"}, "rules.r.fore: unknown option; did you mean 'for'?", id="a typo"
        ),
        pytest.param(
            {"dwell": {"zone": "door"}, "above": "long"},
            "rules.r.above: expected a number or a duration (seconds, or 500ms, 2s, 5m, 1h, 7d), got 'long'",
            id="no number",
        ),
    ],
)
def test_faults(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(ParamError) as caught:
        make_params(AlertWhen.Params, {"rules": {"r": rule}}, "")
    assert str(caught.value) == message


def test_an_unknown_time_zone() -> None:
    with pytest.raises(ParamError, match=r"there is no time zone '\.\./etc'; give a name such as"):
        make_params(AlertWhen.Params, {"rules": {"r": ABOVE_2}, "timezone": "../etc"}, "")


def test_no_rule_at_all() -> None:
    with pytest.raises(ParamError, match="rules: there is no rule; write NAME"):
        make_params(AlertWhen.Params, {"rules": {}}, "")


GRAPH = """
version: 1
source: {uri: "synthetic:people", size: [320, 240], duration: 6s}
graph:
  motion: {use: detect.motion}
  track: {use: track.sort}
"""


def test_the_page_shows_the_options_of_a_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stages", "alert.when"]) == 0
    out, _ = capsys.readouterr()
    assert "rules.NAME.for " in out
    assert "rules.NAME.count.zone " in out


def test_a_rule_without_what_it_looks_at_is_refused() -> None:
    from vidstream import builtin

    with pytest.raises(ConfigError, match=r"rules.r: looks at events, which no earlier stage gives"):
        loads(GRAPH + "  alert: {use: alert.when, rules: {r: {event: zone_entered}}}", builtin.registry())


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        pytest.param(
            {"count": {"zone": "yrd"}, "above": 1},
            "'r': nothing is counted at 'yrd': there is yard",
            id="zone",
        ),
        pytest.param(
            {"number": {"place": "yard", "label": "in"}, "above": 1},
            "'r': 'yard' has no number 'in': there are inside",
            id="label",
        ),
        pytest.param(
            {"count": {"zone": "yard", "classes": "person"}, "above": 1},
            "'r': 'yard' is not counted by class: give its stage by_class: true",
            id="class",
        ),
        pytest.param(
            {"dwell": {"zone": "yrd"}, "above": 1},
            "'r': nothing is counted at 'yrd': there is yard",
            id="stay",
        ),
    ],
)
def test_a_rule_that_can_never_hold_is_told_of_once(rule: dict[str, Any], message: str) -> None:
    stage = OneStage(AlertWhen, rules={"r": rule})
    for i in range(10):
        stage(float(i), **counted(1))
    assert stage.notices == [("rule-idle", message)]


def test_in_a_graph_alerts_stand_beside_what_they_were_made_from() -> None:
    from vidstream import builtin

    text = GRAPH + (
        "  all: {use: count.zone, zones: {all: [[0, 0], [1, 0], [1, 1], [0, 1]]}, settle: 0}\n"
        "  alert: {use: alert.when, rules: {some: {count: {zone: all}, above: 0}}}\n"
        "  draw: draw.overlay\n"
        "  log: {use: sink.events, path: e.db}\n"
    )
    description = loads(text, builtin.registry()).description
    (plan,) = description.plans
    assert plan.wiring is not None
    taken = plan.wiring.bindings["log"]
    assert taken["events"] == (("all", "events"), ("alert", "events"))
    assert plan.wiring.bindings["draw"]["counts"] == (("all", "counts"), ("alert", "counts"))


# -- promises ------------------------------------------------------------------------------------------


@given(
    frames=st.lists(
        st.tuples(st.floats(0, 3), st.integers(0, 6), st.booleans(), st.booleans()), min_size=1, max_size=60
    ),
    rule=st.fixed_dictionaries(
        {"above": st.integers(0, 5)},
        optional={
            "for": st.sampled_from([0.5, 2]),
            "clear_for": st.sampled_from([0.5, 2]),
            "cool_down": st.sampled_from([1, 5]),
            "clear_below": st.just(0),
        },
    ),
)
def test_starts_and_ends_take_turns_and_keep_their_distance(
    frames: list[tuple[float, int, bool, bool]], rule: dict[str, Any]
) -> None:
    state = Alert(make_params(Rule, {"count": {}, **rule}, ""))
    now, history = 0.0, []
    for step, value, in_force, gap in frames:
        now += step
        if gap:
            state.interrupt()
        (watch,) = state.watches
        watch.holds = watch.condition.holds(value, state.active and watch.holds)
        change = state.update(now, in_force=in_force)
        if change:
            history.append((now, change))
        assert not (state.active and not in_force)
    assert [change == "started" for _, change in history] == [i % 2 == 0 for i in range(len(history))]
    starts = [t for t, change in history if change == "started"]
    ends = [t for t, change in history if change != "started"]
    cool_down = rule.get("cool_down", 0)
    assert all(b - a >= cool_down - 1e-3 for a, b in zip(ends, starts[1:], strict=False))
    assert all(b - a >= cool_down - 1e-3 for a, b in pairwise(starts))


@given(st.lists(st.integers(-14 * 24 * 60, 14 * 24 * 60), min_size=1, max_size=20), st.integers(0, 6))
def test_a_day_and_the_night_that_complements_it_are_never_both_in_force(
    minutes: list[int], day: int
) -> None:
    from vidstream.stages.alert.hours import _DAYS, Hours

    daytime, night = Hours.of(("06:00", "22:00"), ()), Hours.of(("22:00", "06:00"), ())
    one_day = Hours.of(None, (_DAYS[day],))  # type: ignore[arg-type]  # one of the words
    for offset in minutes:
        now = datetime(2026, 11, 20, 12, 0) + timedelta(minutes=offset)
        assert daytime.include(now) != night.include(now)
        assert one_day.include(now) == (now.weekday() == day)


def test_objects_may_be_detections() -> None:
    _, (event,) = alert({"count": {}, "above": 0})(objects=Detections.of([[0, 0, 5, 5]]))
    assert event.data["value"] == 1


def test_it_runs_in_a_graph() -> None:
    from vidstream import builtin

    text = (
        GRAPH
        + "  alert: {use: alert.when, rules: {some: {count: {}, above: 0, for: 500ms, clear_for: 1s}}}\n"
    )
    kinds = [
        event.kind
        for packet in Engine(loads(text, builtin.registry()).description).packets()
        for event in packet["alert.events"] or ()
    ]
    assert kinds[:1] == ["alert_started"]
