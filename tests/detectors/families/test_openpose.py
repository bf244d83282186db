"""Bodies put together from maps and fields that are drawn here."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.dnn.families.openpose import BODY25, COCO18, Peak, decode_openpose, find_peaks, limb_score
from vidstream.errors import ModelError

ROWS, COLUMNS = 46, 54
YS, XS = np.mgrid[:ROWS, :COLUMNS] + 0.5
#: COCO's 17 points of a standing body, in cells
BODY = [(0, 0), (1, -1), (-1, -1), (2, -1), (-2, -1)]
BODY += [(4, 5), (-4, 5), (5, 11), (-5, 11), (5, 17), (-5, 17), (3, 17), (-3, 17), (3, 25), (-3, 25)]
BODY += [(3, 33), (-3, 33)]


def parts_of(skeleton, x, y):
    """Every part of the skeleton, in cells: those of COCO's body, and the middle ones."""
    places = {part: np.array([x + BODY[i][0], y + BODY[i][1]], float) for i, part in enumerate(skeleton.body)}
    places[1] = np.array([x, y + 5.0])
    if skeleton is BODY25:
        places[8] = np.array([x, y + 17.0])
        for part in range(19, 25):
            places[part] = places[14 if part < 22 else 11] + (part % 3 - 1, 2 + part % 2)
    return places


def drawn(skeleton, bodies):
    maps = np.zeros((1, skeleton.parts + 1 + 2 * len(skeleton.limbs), ROWS, COLUMNS), np.float32)
    for places in bodies:
        for part, (x, y) in places.items():
            spot = np.exp(-((XS - x) ** 2 + (YS - y) ** 2) / 2)
            maps[0, part] = np.maximum(maps[0, part], spot)
        for limb in skeleton.limbs:
            a, b = places[limb.a], places[limb.b]
            way = (b - a) / np.hypot(*(b - a))
            along = (XS - a[0]) * way[0] + (YS - a[1]) * way[1]
            aside = np.abs((XS - a[0]) * way[1] - (YS - a[1]) * way[0])
            on = (along > -1) & (along < np.hypot(*(b - a)) + 1) & (aside < 1.2)
            channel = skeleton.parts + 1 + limb.field
            maps[0, channel][on], maps[0, channel + 1][on] = way
    return maps


@pytest.mark.parametrize("skeleton", [COCO18, BODY25], ids=["18 parts", "25 parts"])
def test_two_bodies_are_told_apart(skeleton):
    bodies = [parts_of(skeleton, 13.3, 4.2), parts_of(skeleton, 38.6, 6.7)]
    found = decode_openpose([drawn(skeleton, bodies)], COLUMNS * 8, ROWS * 8, 0.3)
    assert len(found) == 2
    order = np.argsort(found.boxes[:, 0])
    for row, places in zip(order, bodies, strict=True):
        expected = np.array([places[part] for part in skeleton.body]) * 8
        np.testing.assert_allclose(found.keypoints[row, :, :2], expected, atol=1.5)
        np.testing.assert_allclose(found.boxes[row, :2], expected.min(axis=0), atol=1.5)
        np.testing.assert_allclose(found.boxes[row, 2:], expected.max(axis=0), atol=1.5)
        assert (found.keypoints[row, :, 2] > 0.5).all()


def test_parts_that_are_hidden_have_no_score():
    places = parts_of(COCO18, 27, 5)
    maps = drawn(COCO18, [places])
    maps[0, 10] = 0  # the right ankle
    found = decode_openpose([maps], COLUMNS * 8, ROWS * 8, 0.3)
    assert found.keypoints[0, 16].tolist() == [0, 0, 0]
    assert (found.keypoints[0, :16, 2] > 0.5).all()


def test_nobody():
    found = decode_openpose([np.zeros((1, 57, ROWS, COLUMNS), np.float32)], 432, 368, 0.3)
    assert (found.boxes.shape, found.keypoints.shape) == ((0, 4), (0, 17, 3))


def test_peaks_to_a_fraction_of_a_cell():
    heat = np.exp(-((XS - 20.3) ** 2 + (YS - 11.8) ** 2) / 2).astype(np.float32)
    (peak,) = find_peaks(heat)
    assert (peak.x, peak.y) == pytest.approx((20.3, 11.8), abs=0.05)


def test_a_field_that_runs_the_other_way_joins_nothing():
    right = np.ones((ROWS, COLUMNS), np.float32)
    none = np.zeros_like(right)
    a, b = Peak(10, 10, 1), Peak(20, 10, 1)
    assert limb_score(a, b, right, none) == pytest.approx(1.0)
    assert limb_score(b, a, right, none) == 0.0
    assert limb_score(a, a, right, none) == 0.0


def test_other_outputs_are_told():
    with pytest.raises(ModelError, match="family openpose: expected one output"):
        decode_openpose([np.zeros((1, 19, 4, 4), np.float32)], 32, 32, 0.3)
