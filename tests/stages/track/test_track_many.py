"""track.sort and track.deepsort: identities on real people, frames left out, gaps, looks."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.one_stage import OneStage, clip, problems
from tests.support.truth import mot_truth
from vidstream.geometry import iou
from vidstream.graph.params import parameters
from vidstream.stages.track.botsort import TrackBotSort
from vidstream.stages.track.deepsort import TrackDeepSort
from vidstream.stages.track.sort import TrackSort
from vidstream.types import Detections, Tracks, View


@pytest.fixture(scope="module")
def people(assets):
    """The first 10 s of vtest.avi: (pts, picture, the people in it) per frame, at 10 frames a second."""
    truth = mot_truth(assets("mot/PETS09-S2L1/gt/gt.txt"))
    frames = enumerate(clip(assets("video/vtest.avi"), 100))
    return [
        (pts, view, truth[i].replace(track_ids=np.full(len(truth[i]), -1)), truth[i])
        for i, (pts, view) in frames
    ]


def follow(stage, people, every=1):
    """What the stage gives where the detector runs on every n-th frame, beside the truth."""
    needs_image = any(port.name == "image" for port in stage.stage.spec.signature.inputs)
    for i, (pts, view, found, truth) in enumerate(people):
        values = {"image": view} if needs_image else {}
        yield stage(pts=pts, detections=found if i % every == 0 else None, **values), truth


def switches(pairs):
    """How often a person's track id changes; and the share of persons that a track covers."""
    last, changes, covered, persons = {}, 0, 0, 0
    for tracks, truth in pairs:
        overlap = iou(truth.boxes, tracks.boxes)
        persons += len(truth)
        for row, person in enumerate(truth.track_ids.tolist()):
            if len(tracks) and overlap[row].max() >= 0.5:
                track_id = int(tracks.track_ids[overlap[row].argmax()])
                covered += 1
                changes += last.setdefault(person, track_id) != track_id
                last[person] = track_id
    return changes, covered / persons


@pytest.mark.parametrize("cls", [TrackSort, TrackDeepSort])
def test_people_keep_their_ids(cls, people):
    changes, covered = switches(follow(OneStage(cls), people))
    assert changes <= 2
    assert covered > 0.9


@pytest.mark.parametrize("cls", [TrackSort, TrackDeepSort])
def test_people_keep_their_ids_where_the_detector_runs_on_every_third_frame(cls, people):
    pairs = list(follow(OneStage(cls), people, every=3))
    changes, covered = switches(pairs)
    assert changes <= 4
    assert covered > 0.65
    coasting = [tracks for i, (tracks, _) in enumerate(pairs[30:]) if i % 3]
    assert all(isinstance(tracks, Tracks) and len(tracks) for tracks in coasting)
    assert all(not tracks.seen_now().any() for tracks in coasting)


@pytest.mark.parametrize("cls", [TrackSort, TrackDeepSort])
def test_nothing_found_is_another_thing_than_not_looked(cls, people):
    stage = OneStage(cls, max_age=0.25, coast=0.5)
    image = {} if cls is TrackSort else {"image": people[0][1]}
    list(follow(stage, people[:10]))
    for pts in (1.0, 1.1, 1.2, 1.3):
        assert len(stage(pts=pts, detections=None, **image)) > 0, "not looked: they go on"
    assert len(stage(pts=1.4, detections=Detections.empty(), **image)) == 0, "looked, and they are gone"


@pytest.mark.parametrize("cls", [TrackSort, TrackDeepSort])
def test_ids_are_not_used_again_after_a_gap(cls, people):
    stage = OneStage(cls)
    before = {i for tracks, _ in follow(stage, people[:20]) for i in tracks.track_ids.tolist()}
    stage.gap()
    after = {i for tracks, _ in follow(stage, people[:20]) for i in tracks.track_ids.tolist()}
    assert before
    assert after
    assert not before & after


def test_tracks_carry_what_detections_had(people):
    stage = OneStage(TrackSort, n_init=1)
    _, _, found, _ = people[0]
    tracks = stage(pts=0.0, detections=found.with_extra(number=np.arange(len(found))))
    assert tracks.names == {0: "person"}
    assert sorted(tracks.extra) == ["number", "since_update", "velocities"]


#: two people side by side in source pixels, far outside the small view that shows them
LEFT, RIGHT = [1010, 1010, 1042, 1090], [1043, 1010, 1075, 1090]


def two(left, right):
    """A view of a part of the source: these colours stand in LEFT and RIGHT."""
    pixels = np.full((100, 100, 3), 90, np.uint8)
    cloth = np.random.default_rng(3).uniform(0.5, 1, (20, 8, 1)).repeat(4, 0).repeat(4, 1)
    pixels[10:90, 10:42] = cloth * left
    pixels[10:90, 43:75] = cloth * right
    return View(pixels, np.array([[1, 0, 1000], [0, 1, 1000], [0, 0, 1.0]]))


def test_looks_decide_who_is_who_after_both_were_hidden():
    stage = OneStage(TrackDeepSort, (2000, 2000), n_init=1, max_age=3)
    red, blue = (0, 0, 255), (255, 0, 0)
    both = Detections.of([LEFT, RIGHT])
    for k in range(10):
        before = stage(pts=k / 30, image=two(red, blue), detections=both)
    for k in range(10, 40):
        stage(pts=k / 30, image=two(red, blue), detections=Detections.empty())
    after = stage(pts=40 / 30, image=two(blue, red), detections=both)
    assert from_left_to_right(after) == from_left_to_right(before)[::-1]


def from_left_to_right(tracks):
    """The ids of two tracks, the left one's first."""
    assert len(tracks) == 2
    return tracks.track_ids[np.argsort(tracks.boxes[:, 0])].tolist()


def test_a_network_can_tell_the_looks(assets, monkeypatch, people):
    weights = assets("weights/osnet_x0_25_msmt17.onnx").parent
    monkeypatch.setenv("VIDSTREAM_MODELS", str(weights))
    stage = OneStage(TrackDeepSort, n_init=1, network="osnet-x0.25")
    _, view, found, _ = people[0]
    tracks = stage(pts=0.0, image=view, detections=found)
    assert tracks.features is not None
    assert tracks.features.shape == (len(found), 512)
    own = stage(
        pts=0.1, image=view, detections=found.replace(features=np.eye(len(found), 512, dtype=np.float32))
    )
    assert own.features is not None
    assert own.features.max() == 1.0, "features that came with the detections are taken"


@pytest.mark.parametrize(
    ("network", "problem"),
    [
        pytest.param(
            "osnet-x0.2",
            "network: model 'osnet-x0.2': no such model; did you mean 'osnet-x0.25'?",
            id="unknown",
        ),
        pytest.param("yolox-nano", "is for another task, detect, and describes no looks", id="a detector"),
        pytest.param("osnet-x0.25", "run: python run.py models fetch osnet-x0.25", id="not here"),
        pytest.param("./mine.onnx", "network: model 'mine.onnx': no such file", id="a file not there"),
    ],
)
def test_a_network_that_is_missing_is_named(network, problem, tmp_path, monkeypatch):
    monkeypatch.setenv("VIDSTREAM_MODELS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (found,) = problems(TrackDeepSort, network=network)
    assert problem in found
    assert list(problems(TrackDeepSort)) == []


@pytest.mark.parametrize("cls", [TrackSort, TrackDeepSort])
def test_every_option_says_what_it_means(cls):
    assert all(parameter.meaning for parameter in parameters(cls.Params))


def test_zones_are_fractions_of_the_source_picture(people):
    left = [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]
    stage = OneStage(TrackSort, n_init=1, birth_zones=[left])
    width = people[0][1].width
    first = stage(pts=people[0][0], detections=people[0][2])
    middle = (first.boxes[:, 0] + first.boxes[:, 2]) / 2
    inside = (people[0][2].boxes[:, [0, 2]].mean(axis=1) < width / 2).sum()
    assert 0 < len(first) == inside < len(people[0][2])
    assert (middle < width / 2).all()


def test_a_network_tells_people_apart_for_botsort_too(people, assets):
    path = str(assets("weights/osnet_x0_25_msmt17.onnx"))
    stage = OneStage(TrackBotSort, network=path, camera=None, device="cpu")
    pts, view, found, _ = people[0]
    stage(pts=pts, image=view, detections=found)
    tracks = stage(pts=people[1][0], image=people[1][1], detections=people[1][2])
    assert len(tracks) == len(found)
    assert tracks.features.shape == (len(found), 512)
    (missing,) = problems(TrackBotSort, network="no-such-network")
    assert "network" in str(missing)
