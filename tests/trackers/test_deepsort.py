"""DeepSORT with real looks on real sequences; test_references.py holds it against a plain loop."""

from __future__ import annotations

import numpy as np
import pytest

from trackers import DeepSortParams, DeepSortTracker, Detections
from trackers.appearance import NetworkEmbedder, describe
from trackers.evaluation import evaluate
from trackers.motfile import MotRows


@pytest.mark.parametrize(
    ("name", "mota", "idf1", "switches"),
    [
        pytest.param("PETS09-S2L1", 0.58, 0.36, 95, id="PETS09-S2L1"),
        pytest.param("KITTI-17", 0.55, 0.66, 15, id="KITTI-17, a moving car"),
        pytest.param("TUD-Stadtmitte", 0.66, 0.65, 18, id="TUD-Stadtmitte"),
    ],
)
def test_quality_without_looks_holds(mot, name, mota, idf1, switches):
    sequence = mot(name)
    scores = evaluate(sequence.truth, sequence.follow(DeepSortTracker()))
    assert scores.mota >= mota, scores
    assert scores.idf1 >= idf1, scores
    assert scores.switches <= switches, scores


def follow_with_pictures(sequence, frames, embedder):
    tracker, reported = DeepSortTracker(embedder=embedder), []
    for (frame, found), image in zip(sequence.detections.by_frame(sequence.length), frames, strict=True):
        reported.append(MotRows.of(frame, tracker.update(found, pts=frame / sequence.fps, image=image)))
    return evaluate(sequence.truth, MotRows.concat(reported))


def test_looks_that_need_no_network_hold_identities(mot, pictures):
    scores = follow_with_pictures(mot("TUD-Campus"), pictures("video/TUD-Campus.mp4"), describe)
    blind = evaluate(mot("TUD-Campus").truth, mot("TUD-Campus").follow(DeepSortTracker()))
    assert scores.idf1 >= 0.68, scores
    assert scores.switches <= 6, scores
    assert scores.idf1 > blind.idf1
    assert scores.switches <= blind.switches


@pytest.mark.slow
def test_a_network_holds_identities_better_than_motion(mot, pictures, assets):
    network = NetworkEmbedder(assets("weights/osnet_x0_25_msmt17.onnx"))
    scores = follow_with_pictures(mot("TUD-Stadtmitte"), pictures("video/TUD-Stadtmitte.mp4"), network)
    assert scores.idf1 >= 0.78, scores
    assert scores.switches <= 14, scores


def walk(lefts, colours=None):
    features = None if colours is None else np.eye(4, dtype=np.float32)[list(colours)]
    return Detections.of([[x, 100, x + 40, 180] for x in lefts], features=features)


def test_an_object_seen_again_after_hiding_gets_its_id_back():
    """It waits behind something for a second and comes out where no overlap would find it."""
    tracker = DeepSortTracker(DeepSortParams(n_init=1))
    for k in range(20):
        tracker.update(walk([100 + 3 * k], [0]), pts=k / 30)
    for k in range(20, 50):
        tracker.update(Detections.empty(), pts=k / 30)
    assert tracker.update(walk([205], [0]), pts=50 / 30).track_ids.tolist() == [1]


def test_another_object_in_its_place_gets_an_id_of_its_own():
    tracker = DeepSortTracker(DeepSortParams(n_init=1))
    for k in range(20):
        tracker.update(walk([100 + 3 * k], [0]), pts=k / 30)
    for k in range(20, 50):
        tracker.update(Detections.empty(), pts=k / 30)
    assert tracker.update(walk([205], [1]), pts=50 / 30).track_ids.tolist() == [2]


def test_looks_tell_two_apart_that_swap_places():
    tracker = DeepSortTracker(DeepSortParams(n_init=1))
    for k in range(10):
        tracker.update(walk([100, 112], [0, 1]), pts=k / 30)
    tracks = tracker.update(walk([112, 100], [0, 1]), pts=10 / 30)
    assert dict(zip(tracks.track_ids.tolist(), tracks.features.argmax(axis=1).tolist(), strict=True)) == {
        1: 0,
        2: 1,
    }


def test_features_given_are_used_and_the_embedder_is_not_asked():
    def never(pixels, boxes):
        raise AssertionError("asked")

    tracker = DeepSortTracker(embedder=never)
    tracker.update(walk([100], [0]), pts=0.0, image=np.zeros((200, 200, 3), np.uint8))


def test_a_picture_given_now_and_then_is_no_trouble():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (240, 400, 3), np.uint8)
    tracker = DeepSortTracker(DeepSortParams(n_init=1))
    ids = [
        tracker.update(walk([100 + k, 250]), pts=k / 30, image=image if k % 3 else None).track_ids.tolist()
        for k in range(12)
    ]
    assert ids == [[1, 2]] * 12
