from __future__ import annotations

import cv2
import numpy as np
import pytest

from detectors.catalogue import InputSpec
from detectors.dnn.preprocess import Preprocessor
from vidstream import geometry
from vidstream.types import View

IMAGENET = {"mean": (123.675, 116.28, 103.53), "std": (58.395, 57.12, 57.375)}


def noise(width: int, height: int) -> View:
    return View(np.random.default_rng(width).integers(0, 256, (height, width, 3)).astype(np.uint8))


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(InputSpec(416, 416, "bgr", fit="corner"), id="yolox"),
        pytest.param(InputSpec(640, 640, "rgb", std=(255.0,) * 3, fit="centre"), id="yolov8"),
        pytest.param(InputSpec(128, 256, "rgb", **IMAGENET, fit="stretch"), id="imagenet"),
        pytest.param(InputSpec(320, 192, "rgb", **IMAGENET, fit="centre", pad=0), id="padded black"),
    ],
)
@pytest.mark.parametrize("size", [(300, 200), (200, 300), (640, 640), (31, 977)])
def test_equals_the_long_way_round(spec, size):
    view = noise(*size)
    prepare = Preprocessor(spec)
    prepare(noise(500, 100))  # what another shape leaves behind must not show
    blob, _ = prepare(view)
    np.testing.assert_allclose(blob, long_way(view, spec), atol=1e-4)
    assert blob.dtype == np.float32
    assert blob.shape == (1, 3, spec.height, spec.width)


def long_way(view: View, spec: InputSpec) -> np.ndarray:
    """OpenCV's own letterbox and blob, then mean and deviation by NumPy."""
    scale = min(spec.width / view.width, spec.height / view.height)
    width, height = round(view.width * scale), round(view.height * scale)
    if spec.fit == "stretch":
        width, height = spec.width, spec.height
    left, top = ((spec.width - width) // 2, (spec.height - height) // 2) if spec.fit == "centre" else (0, 0)
    small = cv2.resize(view.pixels, (max(width, 1), max(height, 1)))
    right, bottom = spec.width - small.shape[1] - left, spec.height - small.shape[0] - top
    full = cv2.copyMakeBorder(small, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(spec.pad,) * 3)
    blob = cv2.dnn.blobFromImage(full, swapRB=spec.colour == "rgb")
    return (blob - np.reshape(spec.mean, (3, 1, 1))) / np.reshape(spec.std, (3, 1, 1))


@pytest.mark.parametrize("fit", ["corner", "centre", "stretch"])
def test_the_matrix_leads_back(fit):
    pixels = np.zeros((360, 640, 3), np.uint8)
    pixels[100:200, 400:500] = 255
    blob, back = Preprocessor(InputSpec(416, 416, fit=fit, pad=0))(View(pixels))
    rows, columns = np.nonzero(blob[0, 0] > 127)
    seen = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)
    np.testing.assert_allclose(geometry.transform_boxes(seen, back), [[400, 100, 500, 200]], atol=2)


def test_the_buffer_is_reused():
    prepare = Preprocessor(InputSpec(64, 64))
    first, _ = prepare(noise(50, 40))
    second, _ = prepare(noise(60, 20))
    assert np.shares_memory(first, second)


def test_a_gray_view_has_three_equal_planes():
    gray = View(np.random.default_rng(0).integers(0, 256, (40, 50)).astype(np.uint8))
    blob, _ = Preprocessor(InputSpec(64, 64))(gray)
    assert (blob[0, 0] == blob[0, 1]).all()
    assert (blob[0, 0] == blob[0, 2]).all()


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_a_batch_holds_what_each_view_alone_gives(layout):
    spec = InputSpec(96, 64, "rgb", **IMAGENET, layout=layout)
    views = [noise(300, 200), noise(31, 97), noise(200, 300)]
    batched = Preprocessor(spec, 4)
    batched.batch([noise(50, 10)] * 4)  # what other shapes leave behind must not show
    blob, backs = batched.batch(views)
    assert blob.shape == ((3, 64, 96, 3) if layout == "nhwc" else (3, 3, 64, 96))
    assert blob.flags.c_contiguous
    for place, view in enumerate(views):
        alone, back = Preprocessor(spec)(view)
        np.testing.assert_array_equal(blob[place : place + 1], alone)
        np.testing.assert_array_equal(backs[place], back)


def test_channels_last_is_channels_first_turned():
    first, _ = Preprocessor(InputSpec(96, 64, "rgb", **IMAGENET))(noise(300, 200))
    last, _ = Preprocessor(InputSpec(96, 64, "rgb", **IMAGENET, layout="nhwc"))(noise(300, 200))
    np.testing.assert_array_equal(last, first.transpose(0, 2, 3, 1))
