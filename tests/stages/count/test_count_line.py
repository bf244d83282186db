"""count.line: exact counts on hand-labelled clips, and a table of ways to walk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.one_stage import OneStage
from tests.support.truth import mot_truth
from vidstream.errors import ParamError
from vidstream.graph.params import make_params
from vidstream.stages.count.line import LineCounter
from vidstream.types import Counts, Detections, Event, Tracks

#: in a picture of 200 x 100, walked upwards: left to right is "in"
UPWARDS = {"px": [[100, 100], [100, 0]]}
NAMES = {0: "person", 1: "car"}


def at(*places: tuple[float, float], ids: Sequence[int] = (7,), classes: Any = 0, **extra: Any) -> Tracks:
    """Tracks whose feet stand at these places."""
    boxes = [[x - 5, y - 20, x + 5, y] for x, y in places]
    tracks = Tracks.of(boxes, 1.0, classes, np.array(ids), names=NAMES)
    return tracks.with_extra(**extra) if extra else tracks


def counter(**options: Any) -> OneStage:
    return OneStage(LineCounter, (200, 100), **{"lines": {"door": UPWARDS}, **options})


def walk(
    stage: OneStage, xs: Sequence[float | None], step: float = 0.1
) -> tuple[list[Event], Mapping[str, float]]:
    """One track at these x, a step apart in time; None is a frame without it. Gives events and counts."""
    events: list[Event] = []
    for i, x in enumerate(xs):
        counts, happened = stage(i * step, tracks=Tracks.empty(NAMES) if x is None else at((x, 50)))
        events += happened
    return events, counts.values["door"]


def directions(events: Sequence[Event]) -> list[str]:
    return [e.data["direction"] for e in events]


@pytest.mark.parametrize(
    ("sequence", "width", "height", "fps", "rightwards", "leftwards"),
    [
        pytest.param("PETS09-S2L1", 768, 576, 7, 14, 18, id="a busy yard, 795 frames"),
        pytest.param("TUD-Campus", 640, 480, 25, 4, 1, id="a campus, 71 frames"),
        pytest.param("TUD-Stadtmitte", 640, 480, 25, 1, 1, id="a street, 179 frames"),
    ],
)
@pytest.mark.parametrize("upwards", [True, False], ids=["drawn upwards", "drawn downwards"])
def test_counts_labelled_people_exactly(
    assets: Callable[[str], Path],
    sequence: str,
    width: int,
    height: int,
    fps: float,
    rightwards: int,
    leftwards: int,
    upwards: bool,
) -> None:
    truth = mot_truth(assets(f"mot/{sequence}/gt/gt.txt"))
    line = [[0.5, 1.0], [0.5, 0.0]]
    stage = OneStage(LineCounter, (width, height), lines={"middle": line if upwards else line[::-1]})
    events: list[Event] = []
    for number in range(max(truth) + 1):
        people = truth.get(number, Detections.empty())
        tracks = Tracks.of(people.boxes, track_ids=people.track_ids, names={0: "person"})
        counts, happened = stage(number / fps, tracks=tracks)
        events += happened
    expected = {"in": rightwards, "out": leftwards} if upwards else {"in": leftwards, "out": rightwards}
    assert counts.values == {"middle": expected}
    assert directions(events).count("in") == expected["in"]
    assert directions(events).count("out") == expected["out"]


@pytest.mark.parametrize(
    ("xs", "expected"),
    [
        pytest.param([90, 95, 105, 110, 115], ["in"], id="across to the right"),
        pytest.param([110, 105, 95, 90, 85], ["out"], id="across to the left"),
        pytest.param([90, 95, 98, 99, 95], [], id="never over"),
        pytest.param([90, 105, 90, 105, 90, 105, 90], [], id="swaying, never long enough on the far side"),
        pytest.param([90, 105, 90, 105, 105, 105], ["in"], id="swaying, then over for good: once"),
        pytest.param([90, 105, 105, 95, 95], [], id="just short of settled, then back"),
        pytest.param([90, 105, 105, 105, 95, 95, 95], ["in", "out"], id="over, and back later"),
        pytest.param([90, 105], [], id="gone before it has settled"),
        pytest.param([90, 100, 100, 100], ["in"], id="on the line counts as its right side"),
        pytest.param([105, 110, 115, 120], [], id="first seen on the far side"),
        pytest.param([90, None, None, 105, 105, 105], ["in"], id="unseen while it went over"),
        pytest.param([90, 105, None, 105], ["in"], id="unseen while it settled"),
        pytest.param([10, 190, 190, 190], ["in"], id="in one great step"),
    ],
)
def test_a_crossing_counts_once_it_has_settled(xs: list[float | None], expected: list[str]) -> None:
    assert directions(walk(counter(settle=0.2), xs)[0]) == expected


def test_an_event_tells_when_the_track_went_over_and_when_it_counted() -> None:
    ((event,), _) = walk(counter(settle=0.2), [90, 95, 105, 110, 115])
    assert (event.kind, event.name, event.track_id, event.class_name) == ("line_crossed", "door", 7, "person")
    assert (event.pts, event.seq, event.data["at"]) == (0.4, 4, 0.2)
    assert event.box == (110, 30, 120, 50)


def test_settling_goes_by_time_not_by_frames() -> None:
    fast, _ = walk(counter(settle=0.2), [90, 105, 105, 105, 105, 105, 105], step=0.04)
    slow, _ = walk(counter(settle=0.2), [90, 105, 105], step=0.5)
    assert [e.seq for e in fast] == [6]
    assert [e.seq for e in slow] == [2]


def test_without_settling_every_crossing_counts_at_once() -> None:
    assert directions(walk(counter(settle=0), [90, 105, 90, 105])[0]) == ["in", "out", "in"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param([(90, 20), (110, 20)], 0, id="above the line's end"),
        pytest.param([(90, 50), (110, 50)], 1, id="through the line"),
        pytest.param([(90, 45), (110, 30)], 0, id="slanting past the end"),
        pytest.param([(90, 45), (110, 38)], 1, id="slanting through the end"),
        pytest.param([(90, 50), (90, 20), (110, 20), (110, 50), (90, 50)], 1, id="around, then back through"),
    ],
)
def test_the_path_has_to_cut_the_line_not_its_extension(
    path: list[tuple[float, float]], expected: int
) -> None:
    stage = counter(lines={"half": {"px": [[100, 100], [100, 40]]}}, settle=0)
    events = [e for i, place in enumerate(path) for e in stage(i * 0.1, tracks=at(place))[1]]
    assert len(events) == expected


def test_predicted_places_do_not_count() -> None:
    stage = counter(settle=0)
    for i, (x, coasted) in enumerate([(90, 0.0), (105, 0.1), (115, 0.2)]):
        _, events = stage(i * 0.1, tracks=at((x, 50), since_update=np.array([coasted], np.float32)))
        assert not len(events)
    _, events = stage(0.3, tracks=at((120, 50), since_update=np.zeros(1, np.float32)))
    assert directions(list(events)) == ["in"]


def test_a_gap_in_time_clears_what_was_pending_and_keeps_the_counts() -> None:
    stage = counter(settle=0.2)
    walk(stage, [90, 105, 105, 105])
    stage(1.0, tracks=at((95, 50)))
    stage.gap()
    events, values = walk(stage, [95, 95, 95, 95])
    assert events == []
    assert values == {"in": 1, "out": 0}


def test_classes_are_chosen_and_counted_for_themselves() -> None:
    both = {"ids": (1, 2), "classes": [0, 1]}
    stage = counter(settle=0, by_class=True, classes=["person", "car"])
    stage(tracks=at((90, 50), (110, 50), **both))
    counts, _ = stage(tracks=at((110, 50), (90, 50), **both))
    labels = {"in": 1, "out": 1, "in person": 1, "out person": 0, "in car": 0, "out car": 1}
    assert counts.values == {"door": labels}
    cars = counter(settle=0, classes="car")
    cars(tracks=at((90, 50), (110, 50), **both))
    assert cars(tracks=at((110, 50), (90, 50), **both))[0].values == {"door": {"in": 0, "out": 1}}


def test_a_class_that_nothing_finds_is_named_once() -> None:
    stage = counter(classes=["persn"])
    stage(tracks=at((90, 50)))
    stage(tracks=at((110, 50)))
    assert stage.notices == [("unknown-class", "nothing here finds 'persn'; did you mean 'person'?")]


@pytest.mark.parametrize(
    ("anchor", "expected"),
    [("feet", ["in"]), ("centre", ["in"]), ("top", [])],
)
def test_the_anchor_is_the_point_that_has_to_cross(anchor: str, expected: list[str]) -> None:
    # a line from right to left has its right-hand side above; boxes are 20 high
    stage = counter(lines={"step": {"px": [[200, 60], [0, 60]]}}, settle=0, anchor=anchor)
    stage(tracks=at((50, 75)))
    assert directions(list(stage(tracks=at((50, 55)))[1])) == expected


def test_shapes_are_given_in_source_pixels_and_follow_the_pictures_size() -> None:
    stage = OneStage(LineCounter, (640, 480), lines={"a": [[0, 0.5], [1, 0.5]]})
    counts, _ = stage(tracks=Tracks.empty())
    (shape,) = counts.shapes
    assert (shape.name, shape.kind, shape.points.tolist()) == ("a", "line", [[0, 240], [640, 240]])
    stage.size = (320, 200)
    assert stage(tracks=Tracks.empty())[0].shapes[0].points.tolist() == [[0, 100], [320, 100]]


def test_counts_once_given_do_not_change_afterwards() -> None:
    stage = counter(settle=0)
    early: Counts = stage(tracks=at((90, 50)))[0]
    stage(tracks=at((110, 50)))
    assert early.values == {"door": {"in": 0, "out": 0}}


def test_tracks_that_are_gone_are_forgotten() -> None:
    stage = counter()
    for i in range(500):
        stage(float(i), tracks=at((90, 50), (50, 50), ids=(0, i + 1)))
    (gate,) = stage.stage._gates
    assert len(gate._walks) < 130


@given(st.lists(st.integers(1, 199).filter(lambda x: x != 100), min_size=1, max_size=40))
def test_in_less_out_is_where_the_walk_ends_less_where_it_began(xs: list[int]) -> None:
    _, values = walk(counter(settle=0), xs)
    assert values["in"] - values["out"] == int(xs[-1] > 100) - int(xs[0] > 100)


@given(st.lists(st.tuples(st.floats(1, 199), st.floats(1, 99)), min_size=2, max_size=30), st.floats(0, 0.5))
def test_a_line_the_other_way_round_swaps_in_and_out(
    places: list[tuple[float, float]], settle: float
) -> None:
    # float32 places that fall on the line itself belong to its right side, whichever way it is drawn
    lines = {"up": {"px": [[100.123, 100], [87.3, 0]]}, "down": {"px": [[87.3, 0], [100.123, 100]]}}
    stage = counter(lines=lines, settle=settle)
    for i, place in enumerate(places):
        counts, _ = stage(i * 0.1, tracks=at(place))
    up, down = counts.values["up"], counts.values["down"]
    assert (up["in"], up["out"]) == (down["out"], down["in"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({}, "'lines' is missing", id="no lines"),
        pytest.param({"lines": {"a": [[0, 0]]}}, "a line of two points", id="one point"),
        pytest.param({"lines": {"a": [[0, 0], [1, 1]]}, "settle": -1}, "a duration", id="negative time"),
        pytest.param({"lines": {"a": [[0, 0], [1, 1]]}, "anchor": "foot"}, "feet", id="unknown anchor"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParamError, match=message):
        make_params(LineCounter.Params, options, "count.line")
