"""Noise that is measured: told from known motion, put to use on shaky and on precise boxes."""

from __future__ import annotations

import numpy as np
import pytest

from trackers import AdaptiveParams, AdaptiveTracker, BotSortTracker, Detections
from trackers.evaluation import evaluate
from trackers.noise import SPAN, NoiseMeter

FPS = 25.0


def walks(jitter: float, freedom: float, objects: int = 40, frames: int = 120, seed: int = 0):
    """(frames, objects, 4) true boxes 100 pixels high whose speeds wander, and boxes seen with an error.

    jitter: standard deviation of each coordinate of centre and size; freedom: of what a speed changes within
    a second, both in heights.
    """
    rng = np.random.default_rng(seed)
    kicks = rng.normal(0, freedom * 100 / FPS**0.5, (frames, objects, 2))
    centre = 400 * np.arange(objects)[:, None] + np.cumsum(np.cumsum(kicks, axis=0), axis=0) / FPS
    size = np.broadcast_to(np.array([40.0, 100]), centre.shape)
    seen = [part + rng.normal(0, jitter * 100, part.shape) for part in (centre, size)]
    true, found = ((c - s / 2, c + s / 2) for c, s in ((centre, size), seen))
    return np.concatenate(true, axis=2), np.concatenate(found, axis=2)


def measured(boxes: np.ndarray) -> NoiseMeter:
    meter = NoiseMeter()
    coordinates = np.stack([meter.model.measure(b) for b in boxes])
    for k in range(len(boxes)):
        meter.ran(k / FPS)
        if k + 1 >= SPAN:
            meter.add(coordinates[k + 1 - SPAN : k + 1], 30.0)
    return meter


@pytest.mark.parametrize("jitter", [0.01, 0.03, 0.08])
@pytest.mark.parametrize("freedom", [0.1, 1.0])
def test_the_jitter_of_a_detector_is_found_however_objects_move(jitter, freedom):
    _, found = walks(jitter, freedom)
    assert np.sqrt(measured(found).model.detection[:2]) == pytest.approx(1.5 * jitter, rel=0.4)


def test_free_objects_are_told_from_steady_ones():
    steady, free = (measured(walks(0.01, freedom)[1]).model.freedom[:2].mean() for freedom in (0.3, 3.0))
    assert free > 20 * steady


def test_noise_without_motion_and_motion_without_noise():
    quiet = measured(walks(0.05, 0.0)[1]).model
    assert np.sqrt(quiet.detection[:2]) == pytest.approx(1.5 * 0.05, rel=0.25)
    exact = measured(walks(0.0, 2.0)[1]).model
    assert (np.sqrt(exact.detection[:2]) < 0.02).all()


def test_uneven_steps_measure_nothing():
    meter, boxes = NoiseMeter(), walks(0.2, 0.1)[1]
    coordinates = np.stack([meter.model.measure(b) for b in boxes])
    before = meter.model.detection.copy()
    for k in range(len(boxes)):
        meter.ran(k / FPS + (0.03 if k % 2 else 0.0))
        if k + 1 >= SPAN:
            meter.add(coordinates[k + 1 - SPAN : k + 1], 30.0)
    np.testing.assert_array_equal(meter.model.detection, before)


def test_a_new_run_begins_with_what_is_published():
    tracker, boxes = AdaptiveTracker(), walks(0.1, 0.1)[1]
    fresh = tracker._meter.model.detection.copy()
    for k, frame in enumerate(boxes):
        tracker.update(Detections.of(frame), pts=k / FPS)
    assert (tracker._meter.model.detection > fresh).all()
    tracker.on_gap()  # the detector is the same after a gap
    assert (tracker._meter.model.detection > fresh).all()
    tracker.reset()
    np.testing.assert_array_equal(tracker._meter.model.detection, fresh)


def error(tracker, true, found):
    """Root mean square error of the reported corners over the second half, in pixels."""
    off = []
    for k, frame in enumerate(found):
        tracks = tracker.update(Detections.of(frame), pts=k / FPS)
        if k > len(found) // 2:
            nearest = np.abs(tracks.boxes[:, None] - true[k]).sum(axis=2).argmin(axis=1)
            off.append(tracks.boxes - true[k][nearest])
    return float(np.sqrt(np.mean(np.square(np.concatenate(off)))))


@pytest.mark.parametrize(
    ("jitter", "freedom"),
    [
        pytest.param(0.08, 0.3, id="shaky boxes are smoothed"),
        pytest.param(0.005, 3.0, id="good ones believed"),
    ],
)
def test_boxes_are_nearer_to_the_truth_than_with_noise_assumed(jitter, freedom):
    true, found = walks(jitter, freedom, objects=20)
    assert error(AdaptiveTracker(), true, found) < 0.85 * error(BotSortTracker(), true, found)


def test_of_two_that_fit_the_one_seen_lately_is_taken():
    def last(recency):
        tracker = AdaptiveTracker(AdaptiveParams(n_init=1, recency=recency))
        left, right = [100, 50, 140, 150], [124, 50, 164, 150]
        tracker.update(Detections.of([left, right]), pts=0.0)
        for k in range(1, 16):
            tracker.update(Detections.of([left]), pts=k / FPS)
        return tracker.update(Detections.of([[113, 50, 153, 150]]), pts=16 / FPS).track_ids.tolist()

    assert (last(0.0), last(0.5)) == ([2], [1])


@pytest.mark.parametrize("name", ["TUD-Stadtmitte", "PETS09-S2L1", "ETH-Sunnyday", "KITTI-17"])
def test_quality_on_public_detections_is_no_worse_than_botsorts(mot, name):
    sequence = mot(name)
    adaptive = evaluate(sequence.truth, sequence.follow(AdaptiveTracker()))
    assumed = evaluate(sequence.truth, sequence.follow(BotSortTracker()))
    assert adaptive.mota > assumed.mota - 0.01, (adaptive, assumed)
    assert adaptive.idf1 > assumed.idf1 - 0.03, (adaptive, assumed)
