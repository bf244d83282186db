"""The stages that follow one object: starting, following, losing, starting again."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.support.one_stage import OneStage, clip, problems
from vidstream.geometry import iou, scaling
from vidstream.graph.params import parameters
from vidstream.stages.track import one
from vidstream.stages.track.one import TrackFlow, TrackMosse
from vidstream.stages.track.single import SingleObject
from vidstream.types import Detections, View

EVERY = [item for item in vars(one).values() if isinstance(item, type) and issubclass(item, SingleObject)]
EVERY = [item for item in EVERY if hasattr(item, "spec")]
#: a colour tracker, one by flow, one by correlation: what is true of them is true of the others
ALL = [one.TrackMeanShift, TrackFlow, TrackMosse]
CAR = (320, 240)


@pytest.fixture(scope="module")
def car(assets):
    """The first 60 frames of a car seen from a helicopter, and its true box on each."""
    frames = list(clip(assets("sot/06_car/car.mpg"), 60))
    return frames, np.loadtxt(assets("sot/06_car/gt.txt"), delimiter=",")[:60].astype(np.float32)


@pytest.fixture(scope="module")
def ball(assets):
    """A ball of many oranges rolls over a street: (pts, view, box) 20 times."""
    _, street = next(clip(assets("video/vtest.avi"), 1))
    ball = np.zeros((80, 80, 3), np.uint8)
    ball[:] = np.random.default_rng(1).integers(0, 255, (10, 10, 1)).repeat(8, 0).repeat(8, 1) * (0, 0.5, 1)
    given = []
    for k in range(20):
        x, y = 100 + 8 * k, 200 + 3 * k
        pixels = street.pixels.copy()
        pixels[y : y + 80, x : x + 80] = ball
        given.append((k / 10, View(pixels), [x, y, x + 80, y + 80]))
    return given


def kinds(events):
    return [event.kind for event in events]


def overlap(tracks, box):
    return float(iou(tracks.boxes, np.array([box], np.float32))[0, 0])


def gone(view):
    """The picture after a cut: nothing of the object is left."""
    return View(np.full_like(view.pixels, 90))


def test_flow_follows_a_car_over_the_whole_clip(car):
    frames, truth = car
    stage = OneStage(TrackFlow, CAR, box={"px": truth[0].tolist()})
    overlaps = []
    for (pts, view), box in zip(frames, truth, strict=True):
        tracks, _ = stage(pts=pts, image=view)
        assert tracks.track_ids.tolist() == [1]
        overlaps.append(overlap(tracks, box))
    assert np.mean(overlaps) > 0.8
    assert min(overlaps) > 0.6


@pytest.mark.parametrize("cls", ALL)
def test_follows_from_a_box_in_fractions(cls, ball):
    _, _, (x1, y1, x2, y2) = ball[0]
    stage = OneStage(cls, box=[x1 / 768, y1 / 576, x2 / 768, y2 / 576])
    for k, (pts, view, box) in enumerate(ball):
        tracks, events = stage(pts=pts, image=view)
        assert kinds(events) == (["track_started"] if k == 0 else [])
        assert overlap(tracks, box) > 0.5
        assert tracks.seen_now().all()
        assert [tracks.name_of(0), tracks.track_ids.tolist()] == ["object", [1]]


@pytest.mark.parametrize("cls", ALL)
def test_a_cropped_and_enlarged_view_reports_source_pixels(cls, ball):
    stage = OneStage(cls, box={"px": ball[0][2]})
    for pts, view, box in ball:
        part = cv2.resize(view.pixels[150:450, 50:500], None, fx=2, fy=2)
        tracks, _ = stage(pts=pts, image=View(part, scaling(0.5, 0.5, 50, 150)))
        assert overlap(tracks, box) > 0.5


@pytest.mark.parametrize("cls", ALL)
def test_starts_with_the_surest_detection_of_its_classes(cls, ball):
    _, view, box = ball[0]
    found = Detections.of(
        [[500, 100, 560, 200], box, [5, 5, 60, 60], [900, 10, 990, 90]],
        [0.95, 0.8, 0.3, 0.99],
        [0, 1, 1, 1],
        names={0: "person", 1: "ball"},
    )
    stage = OneStage(cls, classes="ball")
    assert [len(part) for part in stage(pts=0.0, image=view, detections=None)] == [0, 0]
    assert [len(part) for part in stage(pts=0.1, image=view, detections=Detections.empty())] == [0, 0]
    tracks, events = stage(pts=0.2, image=view, detections=found)
    assert tracks.boxes.tolist() == [box], "the surest one lies outside the picture"
    assert tracks.name_of(0) == "ball"
    (event,) = events
    assert (event.kind, event.track_id, event.class_name, event.pts) == ("track_started", 1, "ball", 0.2)
    assert event.box == tuple(box)


@pytest.mark.parametrize("cls", ALL)
def test_a_detection_that_looks_like_the_lost_object_is_it(cls, ball):
    stage = OneStage(cls, recover=False)
    for pts, view, box in ball[:5]:
        stage(pts=pts, image=view, detections=Detections.of([box]))
    tracks, events = stage(pts=0.5, image=gone(view), detections=None)
    assert len(tracks) == 0
    assert [(e.kind, e.track_id) for e in events] == [("track_lost", 1)]
    tracks, events = stage(pts=0.6, image=gone(view), detections=Detections.empty())
    assert (len(tracks), len(events)) == (0, 0)
    pts, view, box = ball[19]
    other = [600, 200, 680, 280]
    tracks, events = stage(pts=pts, image=view, detections=Detections.of([other, box], [0.9, 0.5]))
    assert overlap(tracks, box) > 0.5
    assert kinds(events) == ["track_found"]
    assert tracks.track_ids.tolist() == [1]


@pytest.mark.parametrize("cls", ALL)
def test_another_object_is_taken_up_when_patience_is_over(cls, ball):
    stage = OneStage(cls, recover=False, patience=1.0)
    stage(pts=0.0, image=ball[0][1], detections=Detections.of([ball[0][2]]))
    empty = gone(ball[0][1])
    person = Detections.of([[600, 200, 680, 280]])
    assert kinds(stage(pts=0.2, image=empty)[1]) == ["track_lost"]
    assert len(stage(pts=0.9, image=empty, detections=person)[0]) == 0
    tracks, events = stage(pts=1.1, image=empty, detections=person)
    assert kinds(events) == ["track_started"]
    assert (tracks.track_ids.tolist(), tracks.boxes.tolist()) == ([2], person.boxes.tolist())


@pytest.mark.parametrize("cls", ALL)
def test_without_a_detector_the_object_is_found_again_by_its_looks(cls, ball):
    stage = OneStage(cls, box={"px": ball[0][2]})
    for pts, view, _ in ball[:12]:
        stage(pts=pts, image=view)
    for k in range(10):
        tracks, _ = stage(pts=1.2 + k / 10, image=gone(view))
    assert len(tracks) == 0
    happened = []
    for k in range(4):
        tracks, events = stage(pts=2.2 + k / 10, image=ball[19][1])
        happened += kinds(events)
    assert happened == ["track_found"]
    assert tracks.track_ids.tolist() == [1]
    assert overlap(tracks, ball[19][2]) > 0.5


def test_smooth_boxes_go_on_for_a_moment_while_the_object_is_hidden(ball):
    stage = OneStage(TrackMosse, box={"px": ball[0][2]}, smooth=True, coast=0.35, recover=False)
    for pts, view, box in ball[:15]:
        tracks, _ = stage(pts=pts, image=view)
        assert overlap(tracks, box) > 0.8
    for pts, view, box in ball[15:18]:
        tracks, events = stage(pts=pts, image=gone(view))
        assert overlap(tracks, box) > 0.7, "it moves on as it did"
        assert not tracks.seen_now().any()
        assert len(events) == 0
    tracks, events = stage(pts=1.81, image=gone(view))
    assert (len(tracks), kinds(events)) == (0, ["track_lost"])
    assert events.items[0].pts == 1.81


@pytest.mark.parametrize("name", ["nano", "vit", "dasiamrpn"])
def test_networks_without_weights_are_refused_before_anything_opens(name):
    cls = next(item for item in EVERY if item.spec.name == f"track.{name}")
    (problem,) = problems(cls, box=[0, 0, 1, 1])
    assert problem.startswith("weights: got 0 file(s); 'weights' names")


@pytest.mark.parametrize("cls", ALL)
def test_a_gap_starts_over(cls, ball):
    stage = OneStage(cls, box={"px": ball[0][2]})
    for pts, view, _ in ball:
        stage(pts=pts, image=view)
    stage.gap()
    tracks, events = stage(pts=0.0, image=ball[0][1])
    assert kinds(events) == ["track_started"]
    assert tracks.track_ids.tolist() == [2]
    assert tracks.boxes.tolist() == [ball[0][2]]


@pytest.mark.parametrize("cls", ALL)
def test_a_gray_picture_is_no_failure(cls, ball):
    stage = OneStage(cls, box={"px": ball[0][2]})
    for pts, view, _ in ball[:3]:
        stage(pts=pts, image=View(view.gray()))


@pytest.mark.parametrize("cls", EVERY)
def test_every_option_says_what_it_means(cls):
    assert {"box", "classes"} < {p.name for p in parameters(cls.Params)}
    assert all(parameter.meaning for parameter in parameters(cls.Params))
