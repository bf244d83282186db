"""What every tracker of one object promises, whatever it goes by."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from trackers.single import make
from trackers.single.catalogue import TRACKERS
from trackers.single.networks import NetworkTracker
from trackers.single.opencv import MilTracker
from vidstream.errors import ModelError, ShapeError, UsageError
from vidstream.geometry import iou

NAMES = [name for name, kind in TRACKERS.items() if not issubclass(kind.tracker, NetworkTracker)]
EVERY = pytest.mark.parametrize("name", NAMES)
#: MIL finds a thing to within a third of its size, and draws its samples by the clock
EXACT = pytest.mark.parametrize("name", [name for name in NAMES if name != "mil"])
SIDE = 36


def blurred(seed, height, width, channels=3):
    noise = np.random.default_rng(seed).integers(0, 255, (height, width, channels), np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 2.0)).reshape(height, width, channels)


GROUND = np.ascontiguousarray((blurred(1, 120, 200, 1) // 3 + 60).repeat(3, axis=2))
#: orange, with texture
THING = np.clip(1.6 * (blurred(2, SIDE, SIDE, 1).astype(float) - 128) + (0, 120, 230), 0, 255).astype(
    np.uint8
)


def scene(x, y):
    """The thing on gray ground, its top left at (x, y), and its box cut to the picture."""
    image = cv2.copyMakeBorder(GROUND, *[4 * SIDE] * 4, cv2.BORDER_REFLECT)
    image[y + 4 * SIDE : y + 5 * SIDE, x + 4 * SIDE : x + 5 * SIDE] = THING
    return np.ascontiguousarray(image[4 * SIDE : -4 * SIDE, 4 * SIDE : -4 * SIDE]), np.array(
        [x, y, x + SIDE, y + SIDE], np.float32
    )


def walk(count, start=(30, 30), step=(3, 1)):
    return [scene(start[0] + step[0] * k, start[1] + step[1] * k) for k in range(count)]


def followed(tracker, frames):
    """What it reports from the second frame on."""
    tracker.init(*frames[0])
    return [tracker.update(image) for image, _ in frames[1:]]


def overlap(found, box):
    return 0.0 if found.box is None else float(iou(found.box[None], box[None])[0, 0])


@EXACT
def test_a_moving_thing_is_followed(name):
    frames = walk(12)
    for found, (_, box) in zip(followed(make(name), frames), frames[1:], strict=True):
        assert overlap(found, box) > 0.5
        assert found.box.dtype == np.float32


@EXACT
def test_a_tracker_used_before_does_the_same_as_a_new_one(name):
    frames = walk(6)
    for image, _ in frames:
        image.flags.writeable = False
    once = followed(make(name), frames)
    used = make(name)
    used.init(frames[4][0], [5, 5, 40, 40])
    used.update(frames[5][0])
    for found, other in zip(once, followed(used, frames), strict=True):
        assert 0 <= found.score <= 1
        assert found.score == other.score
        np.testing.assert_array_equal(found.box, other.box)


@EVERY
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda image: cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), id="gray"),
        pytest.param(lambda image: image // 12, id="dark"),
        pytest.param(lambda image: image[:, :, :1].repeat(3, axis=2) // 2, id="dull"),
    ],
)
def test_pictures_of_little_colour_or_light_are_no_failure(name, change):
    frames = [(np.ascontiguousarray(change(image)), box) for image, box in walk(4)]
    for found in followed(make(name, recover=True), frames):
        assert 0 <= found.score <= 1
        assert found.box is None or np.isfinite(found.box).all()


@EXACT
def test_a_thing_that_leaves_is_lost_and_found_again_when_it_is_back(name):
    there, empty = walk(8), GROUND.copy()
    tracker = make(name, recover=True)
    assert overlap(followed(tracker, there)[-1], there[-1][1]) > 0.5
    gone = [tracker.update(empty) for _ in range(8)]
    assert all(found.box is None for found in gone[2:])
    back, box = scene(120, 60)
    found = [tracker.update(back) for _ in range(12)]
    assert overlap(found[-1], box) > 0.5


@EXACT
def test_a_thing_that_walks_out_of_the_picture_is_let_go(name):
    frames = walk(25, start=(130, 40), step=(4, 0))
    found = followed(make(name, recover=True), frames)
    assert overlap(found[6], frames[7][1]) > 0.5
    assert found[-1].box is None


@EXACT
@pytest.mark.parametrize("corner", [(0, 0), (200 - SIDE, 120 - SIDE)])
def test_a_thing_at_the_edge_is_learnt(name, corner):
    image, box = scene(*corner)
    tracker = make(name)
    tracker.init(image, box + np.array([-4, -4, 4, 4]))
    assert overlap(tracker.update(image), box) > 0.6


@EVERY
def test_asking_before_showing_is_refused(name):
    for recover in (False, True):
        with pytest.raises(UsageError, match="init"):
            make(name, recover=recover).update(GROUND)
        with pytest.raises(UsageError, match="init"):
            make(name, recover=recover).resume(GROUND, [0, 0, 9, 9])


@EVERY
@pytest.mark.parametrize(
    "box",
    [
        pytest.param([300, 50, 330, 60], id="outside the picture"),
        pytest.param([5, 5, 5, 9], id="without area"),
        pytest.param([5, 5, 6, 6], id="one pixel"),
        pytest.param([1, 2, 3], id="three numbers"),
        pytest.param([1, 2, float("nan"), 9], id="not a number"),
    ],
)
def test_a_box_that_holds_nothing_is_refused(name, box):
    tracker = make(name, recover=True)
    with pytest.raises(ShapeError, match="box"):
        tracker.init(GROUND, box)
    with pytest.raises(UsageError, match="init"):
        tracker.update(GROUND)


@EVERY
def test_another_size_of_picture_is_refused_and_a_new_start_is_not(name):
    image, box = scene(30, 30)
    tracker = make(name, recover=True)
    tracker.init(image, box)
    smaller = np.ascontiguousarray(image[:100, :150])
    with pytest.raises(ShapeError, match=r"\(120, 200, 3\) as before, got \(100, 150, 3\)"):
        tracker.update(smaller)
    tracker.init(smaller, box)
    assert tracker.update(smaller).box is not None


@EVERY
def test_tiny_things_are_followed_or_refused(name):
    image, _ = scene(30, 30)
    for side in (2, 3, 5):
        tracker = make(name, recover=side == 3)
        try:
            tracker.init(image, [40, 40, 40 + side, 40 + side])
        except ShapeError as error:
            assert "at least" in str(error)  # noqa: PT017 - refusing is one of two right answers
        else:
            found = tracker.update(image)
            assert found.box is None or np.isfinite(found.box).all()


def test_mil_refuses_what_opencv_never_ends_on():
    with pytest.raises(ShapeError, match="fewer than 5 pixels"):
        MilTracker().init(GROUND, [10, 10, 14, 50])


@pytest.mark.parametrize(
    ("name", "weights", "message"),
    [
        ("nano", (), "got 0 file.*backbone, neck and head"),
        ("vit", ("nowhere.onnx",), "no such file: nowhere.onnx"),
        ("dasiamrpn", ("a.onnx",), "names 3 ONNX"),
    ],
)
def test_networks_without_their_weights_say_which_are_wanted(name, weights, message):
    with pytest.raises(ModelError, match=message):
        make(name, weights=weights)


@pytest.mark.parametrize("name", ["nano", "vit"])
def test_a_file_that_is_no_network_is_refused(name, tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"no network")
    files = [str(tmp_path / "x.onnx")] * (2 if name == "nano" else 1)
    with pytest.raises(ModelError, match="cannot load"):
        make(name, weights=files)


def test_unknown_names_and_settings_come_with_a_hint():
    with pytest.raises(UsageError, match="did you mean 'mosse'"):
        make("mose")
    with pytest.raises(UsageError, match="did you mean 'min_score'"):
        make("kcf", minscore=0.2)
