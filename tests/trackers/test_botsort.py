"""BoT-SORT: the camera's motion taken out, looks beside overlap."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from trackers import BotSortParams, BotSortTracker, Detections
from trackers.assignment import iou_pairs
from trackers.evaluation import read_sequence, score
from trackers.motfile import MotRows

LOOKS = np.eye(4, dtype=np.float32)


def at(*lefts: float, looks: list[int] | None = None, scores: float | list[float] = 0.9) -> Detections:
    """Boxes 40 wide and 80 high at these x; each `look` is a direction of its own."""
    features = {} if looks is None else {"features": LOOKS[looks]}
    return Detections.of([[x, 100, x + 40, 180] for x in lefts], scores=scores, **features)


def mixture(look: int, other: int, distance: float) -> np.ndarray:
    """A unit row at this cosine distance from one look, towards another."""
    row: np.ndarray = (1 - distance) * LOOKS[look] + np.sqrt(1 - (1 - distance) ** 2) * LOOKS[other]
    return row[None].astype(np.float32)


def walked(tracker: BotSortTracker, *frames: Detections, start: int = 0) -> list[list[int]]:
    return [tracker.update(f, pts=(start + k) / 30).track_ids.tolist() for k, f in enumerate(frames)]


def test_looks_tell_two_apart_that_come_close():
    """Where overlap alone would swap them."""
    swapped = {}
    for looks in (None, [0, 1]):
        tracker = BotSortTracker()
        walked(tracker, *[at(100, 112, looks=looks)] * 6)
        found = at(109, 103, looks=looks)
        tracks = tracker.update(found, pts=6 / 30)
        swapped[looks is None] = abs(float(tracks.boxes[0, 0]) - 103) < abs(float(tracks.boxes[0, 0]) - 109)
    assert swapped == {True: True, False: False}


@pytest.mark.parametrize(
    ("distance", "move", "gained"),
    [
        pytest.param(0.1, 8, True, id="alike and near"),
        pytest.param(0.3, 8, False, id="not alike"),
        pytest.param(0.1, 20, False, id="not near: less than half covered"),
    ],
)
def test_looks_count_only_for_pairs_that_are_near_in_both(distance, move, gained):
    """Eq. 12, as the cost that the pair gets."""
    tracker = BotSortTracker()
    walked(tracker, *[at(100, looks=[0])] * 6)
    found = at(100 + move, scores=0.8).replace(features=mixture(0, 1, distance))
    (cost,) = tracker._fused(iou_pairs(tracker._boxes(), found.boxes), found).cost
    shared = (40 - move) / (40 + move)
    expected = distance / 2 if gained else 1 - shared * 0.8
    assert cost == pytest.approx(expected, abs=1e-3)


def test_low_detections_do_not_change_a_tracks_looks():
    tracker = BotSortTracker()
    walked(tracker, *[at(100, looks=[0])] * 6, *[at(100, looks=[1], scores=0.3)] * 20)
    keys = tracker._tracks.keys
    assert tracker._looks.distances(keys, LOOKS[:2])[0].tolist() == pytest.approx([0, 1], abs=1e-6)


def test_looks_are_a_moving_average():
    """Eq. 11 with 0.9."""
    tracker = BotSortTracker()
    walked(tracker, at(100, looks=[0]), at(100, looks=[1]))
    mean = np.array([0.9, 0.1]) / np.hypot(0.9, 0.1)
    assert tracker._looks.distances(tracker._tracks.keys, LOOKS[:2])[0].tolist() == pytest.approx(1 - mean)


def test_an_embedder_is_asked_where_there_are_pictures_and_no_features():
    asked = []

    def embed(pixels, boxes):
        asked.append(len(boxes))
        return LOOKS[: len(boxes)]

    tracker, image = BotSortTracker(BotSortParams(camera=None), embed), np.zeros((200, 400, 3), np.uint8)
    tracker.update(at(100, 300), pts=0.0, image=image)
    tracker.update(at(100, 300), pts=0.1)
    tracker.update(at(100, 300, looks=[0, 1]), pts=0.2, image=image)
    assert asked == [2]


def test_width_and_height_stand_still_while_nobody_sees_a_track():
    tracker = BotSortTracker(BotSortParams(coast_missed=True))
    for k in range(15):
        tracker.update(Detections.of([[100 - 2 * k, 100 - k, 140 + 2 * k, 180 + k]], scores=0.9), pts=k / 30)
    gone = [tracker.update(Detections.empty(), pts=k / 30).boxes[0] for k in range(15, 22)]
    sizes = np.array([b[2:] - b[:2] for b in gone])
    np.testing.assert_allclose(sizes[1:], np.broadcast_to(sizes[0], (6, 2)), rtol=1e-4)


def jumpy(frames: int) -> list[np.ndarray]:
    """Where a shaken camera looks."""
    rng = np.random.default_rng(4)
    return [rng.integers(-35, 36, 2).astype(float) if k else np.zeros(2) for k in range(frames)]


def test_a_shaken_camera_does_not_shake_off_tracks_when_its_motion_is_known():
    lost = {}
    for told in (False, True):
        tracker, last, ids = BotSortTracker(), np.zeros(2), set()
        for k, where in enumerate(jumpy(30)):
            motion = np.column_stack([np.eye(2), where - last]) if told and k else None
            found = at(100 + 2 * k, 300)
            found = found.replace(boxes=found.boxes + np.tile(where, 2).astype(np.float32))
            ids |= set(tracker.update(found, pts=k / 30, motion=motion).track_ids.tolist())
            last = where
        lost[told] = len(ids) > 2
    assert lost == {False: True, True: False}


@pytest.mark.parametrize("camera", ["sparse_flow", "ecc", "orb"])
def test_the_cameras_motion_is_told_from_pictures(camera):
    noise = np.random.default_rng(0).integers(0, 255, (24, 32, 3), np.uint8)
    wall = cv2.GaussianBlur(cv2.resize(noise, (960, 720), interpolation=cv2.INTER_CUBIC), (0, 0), 1)
    tracker = BotSortTracker(BotSortParams(camera=camera))
    ids = set()
    for k in range(16):
        x, y = 100 + 6 * (k % 3), 100 + 4 * (k % 2)
        image = np.ascontiguousarray(wall[y : y + 400, x : x + 640])
        found = Detections.of([[400 - x, 300 - y, 430 - x, 360 - y]], scores=0.9)
        tracks = tracker.update(found, pts=k / 30, image=image)
        ids |= set(tracks.track_ids.tolist())
    assert ids == {1}
    speed = np.abs(tracks.extra["velocities"]).max()
    assert speed < 30, "what stands still in the world stands still"


def test_after_a_gap_nothing_is_compared_with_the_last_picture():
    tracker = BotSortTracker()
    image = np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)
    tracker.update(at(100), pts=0.0, image=image)
    tracker.on_gap()
    tracks = tracker.update(at(100), pts=0.0, image=np.roll(image, 40, axis=1))
    np.testing.assert_allclose(tracks.boxes[0], [100, 100, 140, 180], atol=1e-3)


def test_camera_motion_pays_on_a_walk_through_a_crowd(assets):
    """MOT17-13, from a bus that turns, second half: its motion as published with the detections."""
    folder = assets("mot/MOT17-13")
    sequence = read_sequence(folder)
    first = sequence.length // 2 + 2
    motions = np.loadtxt(folder / "gmc.txt")[:, 1:].reshape(-1, 2, 3)
    idf1 = {}
    for told in (False, True):
        tracker, reported = BotSortTracker(BotSortParams(frame_rate=sequence.fps)), []
        for frame, found in sequence.detections.by_frame(sequence.length):
            if frame >= first:
                motion = motions[frame - 1] if told and frame > first else None
                tracks = tracker.update(found, pts=sequence.pts(frame), motion=motion)
                reported.append(MotRows.of(frame, tracks))
        scores = score(sequence, MotRows.concat(reported), (first, sequence.length))
        idf1[told] = scores.idf1
    assert idf1[True] > 0.80
    assert idf1[True] > idf1[False] + 0.05
