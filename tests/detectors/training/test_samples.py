"""Windows around objects and beside them, on a real frame."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from detectors.training import Recipe, Scene, cut_out
from detectors.training.samples import described, examples, is_far, positive_rows, random_rows
from detectors.training.scenes import blocks
from vidstream.errors import ParamError

PERSON = np.array([[300, 100, 330, 196]], np.float32)


def moved(by: float):
    return PERSON + np.array([by, 0, by, 0], np.float32)


@pytest.fixture(scope="module")
def frame(assets):
    clip = cv2.VideoCapture(str(assets("video/vtest.avi")))
    _, pixels = clip.read()
    clip.release()
    return np.asarray(pixels, np.uint8)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_a_window_is_as_high_as_the_share_says_and_as_wide_as_its_shape():
    # a person of 96 px takes 0.75 of 128
    assert Recipe().windows(PERSON).tolist() == [[315 - 32, 148 - 64, 315 + 32, 148 + 64]]


@pytest.mark.parametrize("corner", [(0, 0), (40, 200), (704, 448)])
def test_a_window_in_place_is_described_as_opencv_describes_it(frame, corner):
    x, y = corner
    rows = described(frame, np.array([[x, y, x + 64, y + 128]], np.float32), Recipe())
    crop = np.ascontiguousarray(frame[y : y + 128, x : x + 64])
    np.testing.assert_allclose(rows[0], cv2.HOGDescriptor().compute(crop), atol=1e-6)
    turned = described(frame, np.array([[x, y, x + 64, y + 128]], np.float32), Recipe(), mirrored=True)
    np.testing.assert_allclose(turned[0], cv2.HOGDescriptor().compute(cv2.flip(crop, 1)), atol=1e-6)


def test_a_window_of_another_size_is_described_as_the_resized_picture(frame):
    half = cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_LINEAR)
    whole = described(frame, np.array([[100, 60, 228, 316]], np.float32), Recipe())[0]
    small = described(half, np.array([[50, 30, 114, 158]], np.float32), Recipe())[0]
    assert whole @ small / np.linalg.norm(whole) / np.linalg.norm(small) > 0.99


@pytest.mark.parametrize(
    ("jitter", "mirror", "rows"), [(0, False, 1), (0, True, 2), (2, False, 3), (2, True, 6)]
)
def test_copies_and_mirrors_multiply_examples(frame, rng, jitter, mirror, rows):
    found = positive_rows(Scene(frame, PERSON), Recipe(jitter=jitter, mirror=mirror), rng)
    assert found.shape == (rows, 3780)
    assert len(np.unique(found, axis=0)) == rows


@pytest.mark.parametrize(
    ("boxes", "ignored", "kept"),
    [
        pytest.param([[300, 100, 330, 196]], [], 1, id="in sight"),
        pytest.param([[-10, 100, 20, 196]], [], 0, id="cut by the edge"),
        pytest.param([[-2, 100, 28, 196]], [], 1, id="drawn over the edge by a hair"),
        pytest.param([[300, 100, 308, 124]], [], 0, id="too small to learn from"),
        pytest.param([[300, 100, 330, 196], [305, 110, 335, 206]], [], 1, id="one hides the other"),
        pytest.param([[300, 100, 330, 196], [325, 110, 355, 206]], [], 2, id="side by side"),
        pytest.param([[300, 100, 330, 196]], [[305, 110, 335, 206]], 0, id="hidden by what is ignored"),
        pytest.param([], [], 0, id="nobody"),
    ],
)
def test_only_whole_objects_in_sight_are_examples(frame, boxes, ignored, kept):
    scene = Scene(
        frame, np.array(boxes, np.float32).reshape(-1, 4), np.array(ignored, np.float32).reshape(-1, 4)
    )
    assert len(examples(scene, Recipe())) == kept


def test_background_is_far_from_every_object(frame):
    scene = Scene(frame, PERSON, moved(200))
    windows = Recipe().windows(np.concatenate([moved(by) for by in (0, 8, 200)]))
    assert not is_far(windows, scene, Recipe()).any()
    away = Recipe().windows(moved(60))
    assert is_far(away, scene, Recipe()).all()
    assert is_far(away, Scene(frame), Recipe()).all(), "and everything is, where nobody is"


@pytest.mark.parametrize("size", [(768, 576), (100, 140), (48, 300)])
def test_random_background_comes_from_pictures_of_any_size(frame, rng, size):
    picture = np.ascontiguousarray(frame[: size[1], : size[0]])
    assert random_rows(Scene(picture), Recipe(), 10, rng).shape == (10, 3780)


def test_a_cut_out_is_one_window_and_no_background(frame, rng):
    picture = np.ascontiguousarray(frame[100:356, 200:328])
    scene = cut_out(picture, Recipe())
    np.testing.assert_allclose(Recipe().windows(scene.boxes), [[0, 0, 128, 256]], atol=1e-4)
    assert len(random_rows(scene, Recipe(), 10, rng)) == 0
    assert len(positive_rows(scene, Recipe(jitter=0, mirror=False), rng)) == 1


@pytest.mark.parametrize(("height", "scale"), [(48, 2.0), (96, 1.0), (192, 0.5)])
def test_pictures_are_enlarged_until_objects_fill_the_window(height, scale):
    boxes = np.array([[0, 0, 30, height]] * 5, np.float32)
    assert Recipe().scale(boxes) == scale


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"window": (60, 128)}, "60x128 is no window; multiples of 8", id="not of whole cells"),
        pytest.param({"window": (8, 128)}, "8x128 is no window", id="less than a block"),
        pytest.param({"share": 1.5}, "1.5 is no share; between 0.2 and 1", id="more than all of it"),
    ],
)
def test_impossible_recipes_are_refused(options, words):
    with pytest.raises(ParamError, match=words):
        Recipe(**options)


@pytest.mark.parametrize(("count", "parts"), [(10, 3), (3, 3), (2, 4), (0, 2)])
def test_blocks_hold_every_number_once_in_order(count, parts):
    runs = blocks(count, parts)
    assert len(runs) == parts
    assert [n for run in runs for n in run] == list(range(count))
    assert max(map(len, runs)) - min(map(len, runs)) <= 1
