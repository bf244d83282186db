"""Loss and return on real clips, and what the parts of it know."""

from __future__ import annotations

import numpy as np
import pytest

from trackers.single import make
from trackers.single.evaluation import judge, one_pass, pooled
from trackers.single.looks import ObjectModel, patch, patches
from trackers.single.search import search
from trackers.single.smooth import BoxSmoother


@pytest.fixture(scope="module")
def clip(assets, pictures):
    """``clip("06_car", "car", 60)`` -> frames, {index: box} where the object is seen."""

    def load(folder, name, last=None):
        boxes = np.loadtxt(assets(f"sot/{folder}/gt.txt"), delimiter=",")[:last].astype(np.float32)
        frames = [
            image for _, image in zip(range(len(boxes)), pictures(f"sot/{folder}/{name}.mpg"), strict=False)
        ]
        return frames, {k: b for k, b in enumerate(boxes) if np.isfinite(b).all()}

    return load


@pytest.mark.slow
@pytest.mark.parametrize(
    ("folder", "name", "auc", "precision"),
    [
        pytest.param("01_david", "david", 0.45, 0.9, id="a face that turns, out of the dark"),
        pytest.param("03_pedestrian1", "pedestrian1", 0.5, 0.9, id="a pedestrian before a shaking camera"),
        pytest.param("06_car", "car", 0.7, 0.9, id="a car that drives behind a tree and comes out again"),
    ],
)
def test_flow_with_a_memory_follows_to_the_end(clip, folder, name, auc, precision):
    outcome = one_pass(make("flow", recover=True), *clip(folder, name))
    assert outcome.auc > auc
    assert outcome.precision > precision
    assert outcome.missed < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("name", ["csrt", "kcf", "mosse", "dlib", "template", "denseflow", "flow"])
def test_a_car_in_plain_sight_is_followed_by_every_tracker(clip, name):
    outcome = one_pass(make(name), *clip("06_car", "car", 80))
    assert outcome.auc > 0.55
    assert outcome.precision > 0.9


def test_a_car_is_picked_out_of_the_whole_picture(clip):
    frames, truth = clip("06_car", "car", 13)
    model = ObjectModel(frames[0], truth[0])
    places, scores = search(frames[12], model, truth[0], np.array([0, 0, 320, 240], np.float32))
    (best,) = places[:1]
    assert np.abs((best[:2] + best[2:]) - (truth[12][:2] + truth[12][2:])).max() / 2 < 8
    assert scores[0] > 0.8
    assert scores[1] < scores[0] - 0.1, "and nothing else is as much like it"


def test_a_model_learns_what_it_is_shown_and_rejects_what_it_is_told(clip):
    frames, truth = clip("01_david", "david", 61)
    model = ObjectModel(frames[0], truth[0])
    before = model.similarity(patch(frames[60], truth[60])[None])[0]
    for k in range(10, 61, 10):
        model.learn(model.lesson(frames[k], truth[k]))
    assert model.similarity(patch(frames[60], truth[60])[None])[0] > max(before, 0.7)
    beside = patches(frames[60], truth[60][None] + np.float32(4))
    assert model.similarity(beside)[0] > 0.4
    model.reject(beside)
    assert model.similarity(beside)[0] < 0.1


def test_a_model_stays_small():
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (200, 60, 80), np.uint8)
    box = np.array([20, 20, 40, 40], np.float32)
    model = ObjectModel(frames[0], box)
    first = model.seen[0].copy()
    for image in frames:
        model.learn(model.lesson(image, box))
    assert len(model.seen) == 60
    assert len(model.unlike) <= 120
    np.testing.assert_array_equal(model.seen[0], first)


def test_marks_are_those_worked_out_by_hand():
    truth = np.array([[0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10], [np.nan] * 4, [np.nan] * 4], np.float32)
    found = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [np.nan] * 4, [0, 0, 5, 5], [np.nan] * 4], np.float32)
    marks = judge(found, truth)
    # overlaps 1, 1/3 and none: over 20, 7 and 0 of the 21 thresholds
    assert marks.auc == pytest.approx((20 + 7 + 0) / 63)
    assert (marks.precision, marks.missed, marks.imagined) == pytest.approx((2 / 3, 1 / 3, 1 / 2))
    assert (marks.present, marks.absent) == (3, 2)
    both = pooled([marks, judge(truth[:3], truth[:3])])
    assert both.auc == pytest.approx((27 / 63 + 20 / 21) / 2)
    assert (both.imagined, both.present, both.absent) == (0.5, 6, 2)


@pytest.mark.parametrize("rate", [5.0, 30.0])
def test_the_smoother_quietens_noise_and_goes_on_by_real_time(rate):
    """A box of 40x80 at 60 pixels a second, seen with 2 pixels of noise."""
    rng = np.random.default_rng(1)
    box = np.array([10, 20, 50, 100], np.float32)
    move = np.array([60, 0, 60, 0], np.float32)
    smoother, errors = BoxSmoother(box, 0.0), []
    for k in range(1, int(4 * rate)):
        noisy = (box + move * k / rate + rng.normal(0, 2, 4)).astype(np.float32)
        errors.append(np.abs(smoother.update(noisy, k / rate) - (box + move * k / rate)).mean())
    assert np.mean(errors[len(errors) // 2 :]) < 1.6 * (1 if rate > 10 else 1.2)
    coasted = smoother.update(None, 4.5)
    np.testing.assert_allclose(coasted, box + move * 4.5, atol=12)
    assert coasted.dtype == np.float32
