"""Single-object trackers on real clips with a box per frame."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from trackers.single import CamShiftTracker, FlowParams, FlowTracker, MeanShiftParams, MeanShiftTracker
from vidstream.geometry import iou

ALL = pytest.mark.parametrize("tracker", [MeanShiftTracker, CamShiftTracker, FlowTracker])


def overlaps(tracker, frames, truth):
    """IoU with the truth ({frame index: box}) wherever it is known; 0 where lost."""
    first, scores = min(truth), []
    for k, image in enumerate(frames):
        if k == first:
            tracker.init(image, truth[k])
        elif k > first:
            found = tracker.update(image)
            assert 0 <= found.score <= 1 + 1e-6
            if k in truth:
                scores.append(
                    0.0 if found.box is None else float(iou(found.box[None], np.array([truth[k]]))[0, 0])
                )
    return np.array(scores)


@pytest.fixture(scope="session")
def single(assets, pictures):
    """``single("01_david", "david")`` -> frames, {frame index: box}."""

    def load(folder, clip, last=None):
        frames = list(pictures(f"sot/{folder}/{clip}.mpg"))
        boxes = np.loadtxt(assets(f"sot/{folder}/gt.txt"), delimiter=",")
        assert len(frames) == len(boxes)
        return frames[:last], {k: b for k, b in enumerate(boxes[:last]) if np.isfinite(b).all()}

    return load


@pytest.mark.slow
@pytest.mark.parametrize(
    ("folder", "clip", "last", "least"),
    [
        pytest.param("06_car", "car", 510, 0.98, id="a car until it drives behind a tree"),
        pytest.param("01_david", "david", 400, 0.95, id="a face that comes out of the dark"),
    ],
)
def test_flow_follows_without_colour(single, folder, clip, last, least):
    hits = overlaps(FlowTracker(), *single(folder, clip, last)) > 0.5
    assert hits.mean() >= least


@pytest.mark.slow
def test_flow_knows_when_the_car_is_hidden(single):
    frames, truth = single("06_car", "car", 575)
    hidden = [k for k in range(545, 560) if k not in truth]
    tracker = FlowTracker()
    tracker.init(frames[480], truth[480])
    found = {k: tracker.update(frames[k]) for k in range(481, 575)}
    assert len(hidden) > 10
    assert found[500].box is not None
    assert all(found[k].box is None for k in hidden)


#: Read off the pictures by eye: a red double-decker that comes nearer.
BUS = {
    0: (1096, 312, 1567, 950),
    16: (973, 225, 1539, 1013),
    24: (890, 146, 1535, 1021),
    32: (763, 75, 1499, 1064),
    40: (589, 8, 1452, 1080),
}


def half_size(frames, last):
    for k, image in enumerate(frames):
        if k > last:
            return
        yield cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


@pytest.mark.slow
def test_flow_grows_with_a_bus_that_comes_nearer(pictures):
    truth = {k: np.array(box) / 2 for k, box in BUS.items()}
    assert overlaps(FlowTracker(), half_size(pictures("video/bus_text_1080p.mp4"), 40), truth).min() > 0.7


@pytest.fixture(scope="module")
def face(pictures):
    """A talking face on blue; truth by Viola and Jones' detector, on every tenth frame."""
    frames = list(pictures("video/face_talking.mp4"))[:150]
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    truth = {}
    for k in range(0, len(frames), 10):
        gray = cv2.cvtColor(frames[k], cv2.COLOR_BGR2GRAY)
        for x, y, w, h in cascade.detectMultiScale(gray, 1.2, 8, minSize=(200, 200)):
            truth[k] = np.array([x, y, x + w, y + h], float)
    assert len(truth) >= 13
    return frames, truth


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tracker", "least"),
    [
        pytest.param(MeanShiftTracker, 0.7, id="mean shift"),
        pytest.param(CamShiftTracker, 0.5, id="CamShift, whose box shrinks to the skin"),
        pytest.param(FlowTracker, 0.7, id="median flow"),
    ],
)
def test_a_face_is_followed(face, tracker, least):
    assert overlaps(tracker(), *face).min() > least


@pytest.mark.slow
def test_mean_shift_follows_a_pedestrian(mot, pictures):
    truth = mot("PETS09-S2L1").truth
    mine = truth[(truth.ids == 1) & (truth.frames <= truth.frames[truth.ids == 1].min() + 120)]
    boxes = {int(f) - 1: b for f, b in zip(mine.frames, mine.boxes, strict=True)}
    frames = (image for k, image in enumerate(pictures("video/vtest.avi")) if k <= max(boxes))
    assert (overlaps(MeanShiftTracker(), frames, boxes) > 0.3).mean() > 0.8


def ellipse(degrees, size, centre=(160, 120)):
    """A red ellipse three times as long as wide on noise without much colour."""
    noise = np.random.default_rng(0).integers(100, 130, (240, 320, 1), np.uint8)
    image = np.ascontiguousarray(np.repeat(noise, 3, axis=2))
    return cv2.ellipse(image, centre, (size, size // 3), degrees, 0, 360, (30, 30, 220), -1)


@pytest.mark.parametrize("turn", [pytest.param(3, id="clockwise"), pytest.param(-3, id="anticlockwise")])
def test_camshift_follows_size_and_angle(turn):
    tracker, degrees, size = CamShiftTracker(), 90, 40
    tracker.init(ellipse(90, 40), [145, 78, 175, 162])
    for _ in range(20):
        degrees, size = degrees + turn, size + 2
        found = tracker.update(ellipse(degrees, size))
        assert abs(tracker.angle - degrees) < 4
    long_side = 2 * size * max(abs(np.cos(np.radians(degrees))), abs(np.sin(np.radians(degrees))))
    assert max(found.box[2:] - found.box[:2]) == pytest.approx(long_side, rel=0.15)


@pytest.mark.slow
@ALL
@pytest.mark.parametrize("level", [0, 128, 255])
def test_loss_is_reported_on_a_blank_picture_and_the_object_is_found_again(face, tracker, level):
    frames, truth = face
    t = tracker()
    t.init(frames[0], truth[0])
    assert t.update(frames[1]).box is not None
    for _ in range(3):
        lost = t.update(np.full_like(frames[0], level))
        assert lost.box is None
        assert lost.score < t.params.min_score
    again = t.update(frames[2])
    assert again.box is not None
    assert iou(again.box[None], truth[0][None])[0, 0] > 0.5


def test_an_object_without_colour_is_known_by_its_brightness():
    tracker = MeanShiftTracker(MeanShiftParams(min_score=0.6))
    gray = np.full((120, 160, 3), 90, np.uint8)

    def picture(x):
        image = gray.copy()
        image[40:70, x : x + 30] = 200
        return image

    tracker.init(picture(30), [30, 40, 60, 70])
    for x in range(34, 90, 4):
        found = tracker.update(picture(x))
    assert abs(found.box[0] - 86) < 4
    assert tracker.update(gray).box is None


def test_flow_says_lost_when_the_object_leaves_the_picture():
    rng = np.random.default_rng(3)
    wide = cv2.GaussianBlur(rng.integers(0, 255, (120, 600), np.uint8), (0, 0), 2)
    tracker = FlowTracker(FlowParams())
    tracker.init(wide[:, :160], [20, 30, 70, 80])
    last = [tracker.update(np.ascontiguousarray(wide[:, s : s + 160])) for s in range(4, 120, 4)]
    assert last[3].box is not None
    np.testing.assert_allclose(last[3].box, [4, 30, 54, 80], atol=1)
    assert last[-1].box is None
