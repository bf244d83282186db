"""draw.overlay: what a whole picture shows, and boxes that are turned."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.one_stage import OneStage
from vidstream.geometry import scaling
from vidstream.stages.draw.overlay import Overlay
from vidstream.stages.draw.turned import turned_corners
from vidstream.types import Detections, Labels, View

SIZE = (640, 360)
BARE: dict[str, Any] = {"hud": False, "labels": "off", "trail": 0, "boxes": "none"}


def flat(size: tuple[int, int] = SIZE) -> View:
    return View(np.full((size[1], size[0], 3), 90, np.uint8))


def labels(*scores: float) -> Labels:
    names = {0: "kite", 1: "bald eagle", 2: "hen"}
    return Labels(np.arange(len(scores)), np.array(scores, np.float32), names)


def hull(pixels: np.ndarray) -> list[int]:
    x, y, width, height = cv2.boundingRect((pixels != 90).any(axis=2).astype(np.uint8))
    return [x, y, x + width, y + height]


@pytest.mark.parametrize("size", [(320, 180), (640, 360), (1920, 1080)])
def test_labels_stand_bottom_right_inside_the_picture(size):
    pixels = OneStage(Overlay, size, **BARE)(image=flat(size), labels=(labels(0.53, 0.08),)).pixels
    left, top, right, bottom = hull(pixels)
    assert left > size[0] / 2
    assert top > size[1] / 2
    assert 0 < size[0] - right < 20
    assert 0 < size[1] - bottom < 20


def test_bars_are_as_long_as_scores_are_high():
    """Coloured pixels of one row of the card, for one label alone."""
    lengths = []
    for score in (0.25, 0.5, 1.0):
        pixels = OneStage(Overlay, SIZE, **BARE)(image=flat(), labels=(labels(score),)).pixels
        vivid = (pixels.max(axis=2).astype(int) - pixels.min(axis=2)) > 60
        lengths.append(int(vivid.sum(axis=1).max()))
    assert lengths[0] / lengths[2] == pytest.approx(0.25, abs=0.03)
    assert lengths[1] / lengths[2] == pytest.approx(0.5, abs=0.03)


def test_labels_are_held_and_an_empty_answer_clears_them():
    stage = OneStage(Overlay, SIZE, **BARE, hold=0.3)
    shown = []
    for pts, given_now in (
        (0.0, (labels(0.9),)),
        (0.2, ()),
        (0.6, ()),
        (0.7, (labels(0.9),)),
        (0.8, (labels(),)),
    ):
        pixels = stage(pts, image=flat(), labels=given_now).pixels
        shown.append(bool((pixels != 90).any()))
    assert shown == [True, True, False, True, False]


def test_two_classifiers_stand_above_each_other():
    stage = OneStage(Overlay, SIZE, **BARE)
    one = hull(stage(image=flat(), labels=(labels(0.9),)).pixels)
    both = hull(OneStage(Overlay, SIZE, **BARE)(image=flat(), labels=(labels(0.9), labels(0.8))).pixels)
    assert both[3] == one[3]
    assert both[3] - both[1] > 1.8 * (one[3] - one[1])


# ---- turned boxes


def rectangle(centre: tuple[float, float], size: tuple[float, float], degrees: float) -> np.ndarray:
    return cv2.boxPoints((centre, size, degrees))


def turned(corners: np.ndarray, degrees: float, **extra: Any) -> Detections:
    box = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
    found = Detections.of([box], angles=np.array([degrees], np.float32))
    return found.with_extra(**extra) if extra else found


def same_shape(one: np.ndarray, other: np.ndarray, abs_: float = 0.05) -> bool:
    """Whether two quadrilaterals have the same corners, wherever they begin."""
    far = np.linalg.norm(one[:, None] - other[None], axis=2)
    return bool((far.min(axis=1) < abs_).all() and (far.min(axis=0) < abs_).all())


@given(st.floats(40, 200), st.floats(20, 200), st.floats(-179, 179))
def test_a_turned_box_is_read_off_its_hull_and_angle(width, height, degrees):
    corners = rectangle((300, 200), (width, height), degrees)
    (found,) = turned_corners(turned(corners, degrees), flat())
    upright = abs((degrees + 45) % 90 - 45)
    if upright < 1 or abs(np.cos(2 * np.radians(degrees))) < 0.1:
        assert found is None  # drawn as the upright box
    else:
        assert found is not None
        assert same_shape(found, corners, 0.2)


def test_corners_that_a_detector_gives_go_before_where_they_still_fit():
    corners = rectangle((300, 200), (120, 40), 45)  # the hull alone does not tell
    (found,) = turned_corners(turned(corners, 45, polygon=corners[None]), flat())
    assert same_shape(found, corners)
    stale = turned(corners, 45, polygon=corners[None] + 100)  # a tracker has moved the box
    assert turned_corners(stale, flat()) == [None]


@pytest.mark.parametrize("boxes", ["corners", "full"])
def test_the_stroke_lies_on_the_turned_sides(boxes):
    corners = rectangle((320, 180), (200, 80), 25)
    options = BARE | {"boxes": boxes}
    pixels = OneStage(Overlay, SIZE, **options)(image=flat(), objects=(turned(corners, 25),)).pixels
    drawn = (pixels != 90).any(axis=2)
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        x, y = np.rint((start + end) / 2).astype(int)
        assert drawn[y - 2 : y + 3, x - 2 : x + 3].any()
    outside = cv2.fillConvexPoly(np.zeros((360, 640), np.uint8), np.rint(corners).astype(np.int32), 1)
    assert not drawn[cv2.dilate(outside, np.ones((13, 13))) == 0].any()


def test_turned_boxes_follow_the_view():
    corners = rectangle((320, 180), (200, 80), 25)
    small = View(np.full((180, 320, 3), 90, np.uint8), scaling(2, 2))
    options = BARE | {"boxes": "full"}
    pixels = OneStage(Overlay, SIZE, **options)(image=small, objects=(turned(corners, 25),)).pixels
    expected = [*(corners.min(axis=0) / 2), *(corners.max(axis=0) / 2)]
    assert hull(pixels) == pytest.approx(expected, abs=3)


@pytest.mark.parametrize("angle", [0.0, 90.0, -180.0, np.nan], ids=str)
def test_boxes_that_stand_upright_look_as_ever(angle):
    box = [[100, 100, 300, 200]]
    plain = Detections.of(box)
    same = Detections.of(box, angles=np.array([angle], np.float32))
    stages = [OneStage(Overlay, SIZE, hud=False) for _ in range(2)]
    one, other = (s(image=flat(), objects=(d,)).pixels for s, d in zip(stages, (plain, same), strict=True))
    assert np.array_equal(one, other)
