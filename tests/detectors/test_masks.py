"""Masks land on source pixels to a fraction of a pixel, whatever lies between network and source."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.dnn.families.base import Patch
from detectors.dnn.masks import to_crops
from vidstream import geometry

# a disc of radius 10 about (16, 12) in the patch's own coordinates
YS, XS = np.mgrid[:24, :32] + 0.5
DISC = np.clip(10.5 - np.hypot(XS - 16, YS - 12), 0, 1).astype(np.float32)


@pytest.mark.parametrize(
    ("patch_to_input", "input_to_source"),
    [
        pytest.param(np.eye(3), np.eye(3), id="nothing in between"),
        pytest.param(geometry.scaling(4, 4), np.eye(3), id="a mask four times as coarse as the input"),
        pytest.param(geometry.scaling(4, 4), geometry.scaling(2.7, 2.7, -30, 11), id="and a letterbox"),
        pytest.param(geometry.scaling(1, 1, 40, 60), geometry.scaling(1, 3), id="stretched, at an offset"),
    ],
)
def test_a_disc_stays_where_it_is(patch_to_input, input_to_source):
    matrix = input_to_source @ patch_to_input
    box = geometry.transform_boxes(np.array([[5.5, 1.5, 26.5, 22.5]]), matrix)
    (crop,) = to_crops([Patch(DISC, patch_to_input)], box, input_to_source)
    ys, xs = np.nonzero(crop.pixels)
    centre = np.array([xs.mean() + 0.5 + crop.x, ys.mean() + 0.5 + crop.y])
    expected = geometry.transform_points(np.array([[16.0, 12.0]]), matrix)[0]
    np.testing.assert_allclose(centre, expected, atol=0.3)
    area = np.pi * 10**2 * abs(np.linalg.det(matrix[:2, :2]))
    assert crop.pixels.sum() == pytest.approx(area, rel=0.02)


def test_a_mask_is_cut_to_its_box():
    ones = np.ones((8, 8), np.float32)
    (crop,) = to_crops([Patch(ones, np.eye(3))], np.array([[2.2, 3.0, 5.0, 7.5]], np.float32), np.eye(3))
    assert (crop.x, crop.y, crop.pixels.shape) == (2, 3, (5, 3))
    assert crop.pixels.all()


def test_no_objects_no_masks():
    assert to_crops([], np.zeros((0, 4), np.float32), np.eye(3)) == ()
