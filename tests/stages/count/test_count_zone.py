"""count.zone: who is inside, since when; against labelled people and a table of ways to walk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.one_stage import OneStage
from tests.support.truth import mot_truth
from vidstream.stages.count.zone import ZoneCounter
from vidstream.types import Detections, Event, Tracks

#: in a picture of 200 x 100: the right half
RIGHT = {"px": [[100, 0], [200, 0], [200, 100], [100, 100]]}
NAMES = {0: "person", 1: "car"}
IN, OUT, GONE = 150.0, 50.0, None


def at(*xs: float, ids: Sequence[int] = (7,), classes: Any = 0, **extra: Any) -> Tracks:
    boxes = [[x - 5, 30, x + 5, 50] for x in xs]
    tracks = Tracks.of(boxes, 1.0, classes, np.array(ids), names=NAMES)
    return tracks.with_extra(**extra) if extra else tracks


def zone(**options: Any) -> OneStage:
    return OneStage(ZoneCounter, (200, 100), **{"zones": {"yard": RIGHT}, "settle": 0.2, **options})


def walk(
    stage: OneStage, xs: Sequence[float | None], start: float = 0.0
) -> tuple[list[Event], dict[str, float]]:
    """One track at these x, 0.1 s apart; None is a frame without it. Gives events and last values."""
    events: list[Event] = []
    for i, x in enumerate(xs):
        tracks = Tracks.empty(NAMES) if x is None else at(x)
        counts, happened = stage(start + i * 0.1, tracks=tracks)
        events += happened
    return events, counts.values["yard"]


def told(events: Sequence[Event]) -> list[tuple[str, ...]]:
    """Kind, and for those that left: how long and why."""
    return [(e.kind, *(str(e.data[k]) for k in ("dwell", "reason") if k in e.data)) for e in events]


ENTERED = ("zone_entered",)


@pytest.mark.parametrize(
    ("xs", "expected"),
    [
        pytest.param([OUT, IN, IN, IN], [ENTERED], id="in, once settled"),
        pytest.param([OUT, IN, IN, OUT], [], id="in for too short a time"),
        pytest.param([IN, OUT, IN, OUT, IN, OUT], [], id="swaying over the border"),
        pytest.param(
            [IN, IN, IN, IN, OUT, OUT, OUT], [ENTERED, ("zone_left", "0.4", "walked")], id="in and out"
        ),
        pytest.param([IN, IN, IN, OUT, IN, OUT, IN], [ENTERED], id="out for too short a time"),
        pytest.param(
            [IN, IN, IN, *[GONE] * 12], [ENTERED, ("zone_left", "0.2", "lost")], id="vanished inside"
        ),
        pytest.param([IN, IN, IN, *[GONE] * 9, IN], [ENTERED], id="hidden for less than lost"),
        pytest.param([IN, *[GONE] * 12], [], id="vanished before it had settled"),
        pytest.param(
            [IN, IN, IN, OUT, *[GONE] * 12],
            [ENTERED, ("zone_left", "0.3", "lost")],
            id="vanished while stepping out: its stay ends where it stepped out",
        ),
        pytest.param(
            [IN, IN, IN, OUT, OUT, OUT, IN, IN, IN],
            [ENTERED, ("zone_left", "0.3", "walked"), ENTERED],
            id="in, out, in again",
        ),
    ],
)
def test_visits_begin_and_end_once_settled(xs: list[float | None], expected: list[tuple[str, ...]]) -> None:
    assert told(walk(zone(lost="1s"), xs)[0]) == expected


def test_numbers_of_two_visits_by_one_track() -> None:
    _, values = walk(zone(), [IN, IN, IN, IN, OUT, OUT, OUT, IN, IN, IN, IN, IN, IN, IN])
    assert values == {
        "inside": 1,
        "entered": 2,
        "left": 1,
        "unique": 1,
        "dwell_mean": 0.5,  # 0.4 s and 0.6 s so far
        "dwell_max": 0.6,
    }


def test_a_long_stay_is_reported_once_per_visit() -> None:
    stage = zone(dwell="500ms")
    events, _ = walk(stage, [IN] * 9 + [OUT] * 3 + [IN] * 7)
    dwells = [(e.seq, e.data["dwell"]) for e in events if e.kind == "zone_dwell"]
    assert dwells == [(5, 0.5), (17, 0.5)]


def test_a_gap_ends_visits_and_reports_them_with_the_next_frame() -> None:
    stage = zone()
    walk(stage, [IN, IN, IN])
    stage.gap()
    events, values = walk(stage, [OUT])
    assert told(events) == [("zone_left", "0.2", "gap")]
    assert (values["inside"], values["entered"], values["left"]) == (0, 1, 1)
    assert told(walk(stage, [IN, IN, IN])[0]) == [ENTERED]


def test_the_end_of_the_stream_closes_visits_and_leaves_the_counts() -> None:
    stage = zone()
    _, values = walk(stage, [IN, IN, IN, IN])
    counts, events = stage.stage.flush()
    assert counts is None
    assert told(events) == [("zone_left", "0.3", "end")]
    assert (values["inside"], values["left"]) == (1, 0)
    assert stage.stage.flush() is None


def test_predicted_places_do_not_count_but_keep_a_track_inside_for_a_while() -> None:
    stage = zone(settle=0, lost="300ms")
    stage(0.0, tracks=at(IN))
    for i in range(1, 4):  # predicted to walk out
        counts, events = stage(i * 0.1, tracks=at(OUT, since_update=np.array([i * 0.1], np.float32)))
        assert (counts.values["yard"]["inside"], len(events)) == (1, 0)
    counts, events = stage(0.4, tracks=at(OUT, since_update=np.array([0.4], np.float32)))
    assert told(events) == [("zone_left", "0.0", "lost")]


def test_classes_are_counted_for_themselves() -> None:
    stage = zone(settle=0, by_class=True, classes=["person", "car"])
    counts, _ = stage(tracks=at(IN, IN, OUT, ids=(1, 2, 3), classes=[0, 1, 1]))
    values = counts.values["yard"]
    assert {k: v for k, v in values.items() if " " in k} == {
        "inside person": 1,
        "entered person": 1,
        "inside car": 1,
        "entered car": 1,
    }


def test_feet_on_the_pictures_lower_edge_stand_in_a_zone_that_reaches_it() -> None:
    stage = OneStage(ZoneCounter, (200, 100), zones={"all": [[0, 0], [1, 0], [1, 1], [0, 1]]}, settle=0)
    counts, _ = stage(tracks=Tracks.of([[50, 60, 70, 100], [190, 60, 215, 110]], track_ids=[1, 2]))
    assert counts.values["all"]["inside"] == 2


def test_labelled_people_in_a_slanted_zone(assets: Callable[[str], Path]) -> None:
    truth = mot_truth(assets("mot/PETS09-S2L1/gt/gt.txt"))
    corners = np.array([[450, 150], [720, 180], [700, 420], [420, 380]], np.float32)
    stage = OneStage(ZoneCounter, zones={"yard": {"px": corners.tolist()}}, settle=0, lost=0)
    ever: set[int] = set()
    for number in range(300):
        people = truth.get(number, Detections.empty())
        tracks = Tracks.of(people.boxes, track_ids=people.track_ids)
        counts, _ = stage(number / 7, tracks=tracks)
        feet = [((x1 + x2) / 2, y2) for x1, _, x2, y2 in people.boxes.tolist()]
        within = [cv2.pointPolygonTest(corners, place, False) > 0 for place in feet]
        ever |= {int(i) for i, inside in zip(people.track_ids, within, strict=True) if inside}
        values = counts.values["yard"]
        assert values["inside"] == sum(within), f"frame {number}"
        assert values["unique"] == len(ever)
    assert len(ever) == 10  # the clip's first 300 frames do bring people into the yard


@given(
    st.lists(st.lists(st.sampled_from([IN, OUT, GONE]), min_size=3, max_size=3), min_size=1, max_size=40),
    st.sampled_from([0.0, 0.1, 0.3]),
)
def test_who_entered_has_left_or_is_inside(frames: list[list[float | None]], settle: float) -> None:
    stage = zone(settle=settle, lost=0.25)
    events: list[Event] = []
    for i, places in enumerate(frames):
        seen = [(t, x) for t, x in enumerate(places) if x is not None]
        tracks = at(*(x for _, x in seen), ids=[t for t, _ in seen]) if seen else Tracks.empty(NAMES)
        counts, happened = stage(i * 0.1, tracks=tracks)
        events += happened
    values = counts.values["yard"]
    kinds = [e.kind for e in events]
    assert values["entered"] == kinds.count("zone_entered") == values["left"] + values["inside"]
    assert values["left"] == kinds.count("zone_left")
    assert values["unique"] == len({e.track_id for e in events if e.kind == "zone_entered"})
    assert values["dwell_mean"] <= values["dwell_max"]
