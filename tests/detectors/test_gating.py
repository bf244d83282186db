"""Looking when and where something changes: what is looked at, what is remembered, and what it saves."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from detectors.focus import FocusedDetector, Sight
from detectors.gating import SINCE_SEEN, MotionGate, MovingParams
from detectors.hog import HogDetector, HogParams
from tests.support.blobs import BlobDetector, scene
from tests.support.one_stage import clip
from tests.support.truth import matched, mot_truth
from vidstream.types import Detections, View

STILL = (20, 20, 60, 80)


class Watch:
    """A gate before a detector, as a stage puts it."""

    def __init__(self, detector=None, **options) -> None:
        self.gate = MotionGate(MovingParams(**options))
        self.detector = detector or BlobDetector()
        self.focused = FocusedDetector(self.detector)
        self.looked_at = 0.0

    def __call__(self, view: View, pts: float) -> Detections:
        parts = self.gate.parts(view, pts)
        self.parts = parts
        self.looked_at += float((parts[:, 2:] - parts[:, :2]).prod(axis=1).sum()) / (view.width * view.height)
        (found,) = self.focused.look([Sight(view, (view.width, view.height), parts)])
        return self.gate.settle(found, view)


def ages(found: Detections) -> list[float]:
    return [round(float(age), 3) for age in found.extra[SINCE_SEEN]]


def test_what_stands_still_is_given_as_it_was_found_and_marked():
    watch = Watch(refresh=10.0)
    view = scene(STILL)
    given = [watch(view, pts) for pts in (0.0, 0.1, 0.2, 0.3)]
    assert [g.boxes.tolist() for g in given] == [[list(STILL)]] * 4
    assert [ages(g) for g in given] == [[0.0], [0.0], [0.1], [0.2]], "found once, it is looked at once more"
    assert len(watch.detector.views) == 2
    assert given[3].masks is not None


def test_only_what_moves_is_looked_at_again():
    watch = Watch(refresh=10.0, margin=0.05)
    for step in range(10):
        moving = (200 + 10 * step, 150, 240 + 10 * step, 200)
        found = watch(scene(STILL, moving), step * 0.1)
        assert sorted(found.boxes.tolist()) == sorted([list(STILL), list(moving)])
    assert dict(zip(found.boxes[:, 0].tolist(), ages(found), strict=True)) == {290.0: 0.0, 20.0: 0.8}
    assert len(watch.parts) == 1
    assert watch.parts[0, 0] > STILL[2], "what stands still is not in it"
    assert watch.looked_at < 1 + 1 + 8 * 0.2


def test_what_leaves_is_gone_at_once():
    watch = Watch(refresh=10.0)
    assert len(watch(scene(STILL, (200, 150, 240, 200)), 0.0)) == 2
    assert watch(scene(STILL), 0.1).boxes.tolist() == [list(STILL)]


def test_what_arrives_is_found_at_once():
    watch = Watch(refresh=10.0)
    assert len(watch(scene(STILL), 0.0)) == 1
    assert len(watch(scene(STILL, (200, 150, 240, 200)), 0.1)) == 2


def test_whatever_a_part_touches_is_seen_whole():
    """Something passes close to a long object: that is not cut, and not there twice."""
    long = (10, 140, 390, 160)
    watch = Watch(refresh=10.0, margin=0.05)
    for step in range(5):
        passing = (100 + 10 * step, 165, 130 + 10 * step, 200)
        found = watch(scene(long, passing), step * 0.1)
        assert sorted(found.boxes.tolist()) == sorted([list(long), list(passing)])


def test_slow_change_adds_up_until_it_counts():
    watch = Watch(refresh=100.0, threshold=20)
    brightness = range(60, 250, 5)  # no step is above the threshold, all of them together are
    for step, value in enumerate(brightness):
        watch(scene((100, 100, 200, 200), value=value), step * 0.1)
    assert 3 <= len(watch.detector.views) <= 14


def test_everything_is_looked_at_again_after_a_while():
    watch = Watch(refresh=1.0)
    view = scene(STILL)
    seen = [ages(watch(view, step * 0.25)) for step in range(9)]
    assert [s == [0.0] for s in seen] == [True, True, False, False, True, False, False, False, True]


def test_a_place_is_watched_for_a_while_after_it_changed():
    watch = Watch(refresh=100.0, hold=0.375)
    looks = []
    for step in range(10):
        view = scene((200, 150, 240, 200)) if step >= 3 else scene()  # it comes, and stays
        watch(view, step / 8)
        looks.append(len(watch.parts))
    assert looks == [1, 0, 0, 1, 1, 1, 1, 0, 0, 0]


def test_no_more_parts_than_allowed():
    views = [scene(), scene((10, 10, 30, 30), (370, 10, 390, 30), (10, 270, 30, 290), (370, 270, 390, 290))]
    for most, expected in ((1, 1), (2, 2), (4, 4), (9, 4)):  # in the four corners
        watch = Watch(refresh=100.0, margin=0.02, parts=most)
        for pts, view in enumerate(views):
            found = watch(view, float(pts))
        assert len(watch.parts) == expected
        assert len(found) == 4


def test_a_change_of_everything_is_looked_at_as_a_whole():
    watch = Watch(refresh=100.0)
    watch(scene(STILL), 0.0)
    watch(scene((0, 0, 400, 300)), 0.1)
    assert watch.parts.tolist() == [[0, 0, 400, 300]]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param((0.0, (400, 300)), (0.1, (200, 150)), id="another size"),
        pytest.param((5.0, (400, 300)), (0.1, (400, 300)), id="time goes back"),
    ],
)
def test_another_stream_is_looked_at_anew(before, after):
    watch = Watch(refresh=100.0)
    for step in range(3):
        watch(scene(STILL, size=before[1]), before[0] + step / 100)
    found = watch(scene(size=after[1]), after[0])
    assert watch.parts.tolist() == [[0, 0, *after[1]]]
    assert len(found) == 0


class Flickering(BlobDetector):
    """Finds something in its first, fifth and ninth look only; misses everything in its seventh."""

    def detect(self, view: View) -> Detections:
        look = len(self.views)
        found = super().detect(view)
        if look == 6:
            return found[:0]
        ghost = Detections.of([[300, 200, 330, 250]], 0.9, names=self.names)
        return Detections.concat([found, ghost]) if look in (0, 4, 8) else found


def test_what_one_look_finds_and_the_next_does_not_is_not_carried_on():
    """A false alarm is gone on the next frame, and a miss is mended, though nothing moves."""
    watch = Watch(Flickering(), refresh=0.5)
    counts = [len(watch(scene(STILL), step * 0.1)) for step in range(20)]
    assert counts[:3] == [2, 1, 1]
    for now, following in pairwise(counts):
        assert now == 1 or following == 1
    assert counts.count(1) >= 16


def test_where_a_detector_failed_it_looks_again():
    watch = Watch(refresh=100.0)
    for step in range(3):
        watch(scene(STILL), step * 0.1)
    changed = scene(STILL, (200, 150, 240, 200))
    assert len(watch.gate.parts(changed, 0.3)) == 1  # and then the network raises
    assert len(watch(changed, 0.4)) == 2


@pytest.mark.parametrize("size", [(401, 299), (1283, 717), (333, 500), (1920, 1080), (97, 61)])
def test_what_has_been_looked_at_everywhere_is_not_looked_at_again(size):
    """At any size of picture, to its last row and column."""
    watch = Watch(refresh=100.0)
    watch(scene(size=size), 0.0)
    watch(scene((0, 0, *size), size=size), 0.1)
    watch(scene((0, 0, *size), size=size), 0.2)  # once more, to be sure of what was found
    watch(scene((0, 0, *size), size=size), 0.3)
    assert len(watch.parts) == 0


def test_noise_is_no_motion():
    watch = Watch(refresh=100.0)
    random = np.random.default_rng(0)
    for step in range(20):
        noise = random.normal(0, 10, (300, 400, 3))
        pixels = np.clip(scene((100, 100, 200, 250)).pixels * 0.8 + 20 + noise, 0, 255)
        watch(View(pixels.astype(np.uint8)), step * 0.1)
    assert len(watch.detector.views) == 2


def test_people_are_found_as_well_at_less_than_half_the_cost(assets):
    """PETS09-S2L1 for two seconds: the same recall and precision, on less than half of the picture."""
    truth = mot_truth(assets("mot/PETS09-S2L1/gt/gt.txt"))
    detector = HogDetector(HogParams(model="daimler", hit_threshold=1.2, scale=1.0, pyramid=1.2))
    watch = Watch(detector, parts=3, refresh=2.0)
    found = {"always": [0, 0], "moving": [0, 0]}
    for number, (pts, view) in enumerate(clip(assets("video/vtest.avi"), 20)):
        for name, given in (("always", detector.detect(view)), ("moving", watch(view, pts))):
            found[name][0] += matched(given.boxes, truth[number].boxes)
            found[name][1] += len(given)
    persons = sum(len(truth[n]) for n in range(20))
    (hits, boxes), (gated_hits, gated_boxes) = found["always"], found["moving"]
    assert gated_hits / persons > hits / persons - 0.05
    assert gated_hits / gated_boxes > hits / boxes - 0.05
    assert watch.looked_at / 20 < 0.5
