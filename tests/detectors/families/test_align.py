"""Pictures are laid into the input as the networks' authors did it, to a fraction of a pixel."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.catalogue import InputSpec
from detectors.dnn.preprocess import Preprocessor
from tests.support.reference_boxes import _darknet_resize
from vidstream import geometry
from vidstream.types import View

SIZES = [(300, 200), (201, 303), (640, 480), (64, 64)]


def ramp(width, height):
    """A picture that says where it is: blue grows to the right, green downwards."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return View(
        np.stack([x * 255 / width, y * 255 / height, np.full(x.shape, 90)], axis=2).round().astype(np.uint8)
    )


@pytest.mark.parametrize("size", SIZES)
def test_corners_lie_on_corners(size):
    view = ramp(*size)
    spec = InputSpec(96, 64, fit="stretch", align="corners")
    blob, back = Preprocessor(spec)(view)
    # `_darknet_resize` makes squares: one axis each
    across = _darknet_resize(view.pixels.astype(np.float64), 96)[0, :, 0]
    down = _darknet_resize(view.pixels.astype(np.float64), 64)[:, 0, 1]
    np.testing.assert_allclose(blob[0, 0, 30, 1:-1], across[1:-1], atol=0.2)
    np.testing.assert_allclose(blob[0, 1, 1:-1, 30], down[1:-1], atol=0.2)
    whole = geometry.transform_boxes(np.array([[0.0, 0, 96, 64]]), back)
    np.testing.assert_allclose(whole, [[0, 0, *size]], atol=1e-4)


@pytest.mark.parametrize("fit", ["centre", "stretch", "corner"])
@pytest.mark.parametrize("size", SIZES)
def test_pixels_lie_on_pixels(size, fit):
    view = ramp(*size)
    blob, back = Preprocessor(InputSpec(96, 64, fit=fit, pad=0, align="pixels"))(view)
    # input pixel (x, y) shows the picture at back (x, y), both counted from their first pixel
    for x, y in ((40, 30), (50, 20), (47, 33)):
        px, py = geometry.transform_points(np.array([[x, y]], np.float64), back)[0]
        if 1 < px < size[0] - 2 and 1 < py < size[1] - 2:
            assert blob[0, 0, y, x] == pytest.approx(px * 255 / size[0], abs=1.5)
            assert blob[0, 1, y, x] == pytest.approx(py * 255 / size[1], abs=1.5)


def test_what_the_picture_does_not_reach_is_padding():
    blob, _ = Preprocessor(InputSpec(96, 64, fit="centre", pad=33, align="pixels"))(ramp(50, 100))
    assert (blob[0, :, :, :20] == 33).all()
    assert (blob[0, 2, 2:-2, 40:56] == 90).all()


def test_sizes_are_rounded_down_towards_the_corner():
    # 773 * (416 / 773) is a little less than 416 in floating point: YOLOX, too, makes 415 of it
    blob, back = Preprocessor(InputSpec(416, 416, fit="corner", pad=114))(ramp(773, 512))
    assert (blob[0, 2, :275, :415] == 90).all()
    assert (blob[0, 2, 275:] == 114).all()
    assert (blob[0, 2, :, 415] == 114).all()
    corner = geometry.transform_points(np.array([[415.0, 275.0]]), back)
    np.testing.assert_allclose(corner, [[773, 512]], atol=1e-3)
