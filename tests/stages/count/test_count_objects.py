"""count.objects: numbers of one frame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.support.one_stage import OneStage
from tests.support.truth import mot_truth
from vidstream.stages.count.objects import ObjectCounter
from vidstream.types import Detections, Tracks

NAMES = {0: "person", 1: "car"}
#: in a picture of 200 x 100: two people left, a car right
SCENE = Detections.of([[10, 10, 20, 50], [30, 10, 40, 50], [140, 20, 180, 60]], 1.0, [0, 0, 1], names=NAMES)


def test_counts_by_class_and_keeps_a_class_in_the_list() -> None:
    stage = OneStage(ObjectCounter, (200, 100))
    assert stage(detections=SCENE).values == {"picture": {"all": 3, "person": 2, "car": 1}}
    assert stage(detections=SCENE[:1]).values == {"picture": {"all": 1, "person": 1, "car": 0}}
    assert stage(detections=Detections.empty()).values == {"picture": {"all": 0, "person": 0, "car": 0}}


def test_classes_asked_for_are_listed_from_the_start() -> None:
    stage = OneStage(ObjectCounter, (200, 100), classes="car")
    assert stage(detections=SCENE[:2]).values == {"picture": {"all": 0, "car": 0}}
    assert stage(detections=SCENE).values == {"picture": {"all": 1, "car": 1}}


def test_zones_count_for_themselves_and_are_given_as_shapes() -> None:
    halves = {"left": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]], "right": [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]}
    counts = OneStage(ObjectCounter, (200, 100), zones=halves)(detections=SCENE)
    assert counts.values == {
        "left": {"all": 2, "person": 2, "car": 0},
        "right": {"all": 1, "person": 0, "car": 1},
    }
    assert [(s.name, s.kind) for s in counts.shapes] == [("left", "zone"), ("right", "zone")]


def test_tracks_that_are_only_predicted_are_still_there() -> None:
    tracks = Tracks.of(SCENE.boxes, track_ids=np.arange(3)).with_extra(since_update=np.ones(3, np.float32))
    assert OneStage(ObjectCounter, (200, 100))(detections=tracks).values["picture"]["all"] == 3


def test_labelled_people_per_frame(assets: Callable[[str], Path]) -> None:
    path = assets("mot/TUD-Campus/gt/gt.txt")
    stage = OneStage(ObjectCounter, (640, 480))
    counted = {n: stage(detections=d).values["picture"]["all"] for n, d in mot_truth(path).items()}
    frames = np.loadtxt(path, delimiter=",")[:, 0].astype(int)
    assert counted == {int(f) - 1: n for f, n in zip(*np.unique(frames, return_counts=True), strict=True)}
