"""Sizes written into a network's header: OpenCV then reads exports that it refuses as they are."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from detectors.dnn.engines.opencv import OpenCvEngine
from detectors.dnn.onnx_edit import with_input_shapes
from detectors.dnn.onnx_header import read_onnx_header
from vidstream.errors import ModelError

FREE, FIXED = "PP-OCRv6_rec_tiny.onnx", "PP-OCRv6_rec_tiny_48x320.onnx"


def test_a_network_with_free_sizes_then_gives_what_its_simplified_export_gives(weights):
    data = (weights / FREE).read_bytes()
    fixed = with_input_shapes(data, {"x": (1, 3, 48, 320)}, "ocr")
    assert read_onnx_header(fixed, "ocr").inputs == {"x": (1, 3, 48, 320)}
    blob = np.random.default_rng(0).normal(0, 1, (1, 3, 48, 320)).astype(np.float32)
    reference = OpenCvEngine((weights / FIXED).read_bytes(), device="cpu").run(blob)[0]
    np.testing.assert_allclose(OpenCvEngine(fixed, device="cpu").run(blob)[0], reference, atol=1e-4)


def test_nothing_but_the_sizes_changes(weights):
    data = (weights / "osnet_x0_25_msmt17.onnx").read_bytes()
    before = read_onnx_header(data, "a")
    edited = with_input_shapes(data, {"input": (300, 3, 256, 128)}, "osnet")
    after = read_onnx_header(edited, "b")
    assert (after.outputs, after.metadata) == (before.outputs, before.metadata)
    assert len(edited) - len(data) == -4  # the size takes 4 bytes less than the name "batch"
    assert not cv2.dnn.readNetFromONNX(np.frombuffer(edited, np.uint8)).empty()


def test_sizes_that_stand_there_already_change_nothing(weights):
    data = (weights / "yolov8n.onnx").read_bytes()
    edited = with_input_shapes(data, {"images": (1, 3, 640, 640)}, "yolov8n")
    assert read_onnx_header(edited, "a") == read_onnx_header(data, "b")


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        pytest.param({"images": (1, 3, 320, 320)}, r"shape \(1, 3, 640, 640\)", id="another size"),
        pytest.param({"images": (1, 3, 640)}, "not", id="another number of axes"),
        pytest.param({"pictures": (1, 3, 640, 640)}, "input 'pictures'", id="no such input"),
    ],
)
def test_what_does_not_fit_is_told(weights, shapes, words):
    with pytest.raises(ModelError, match=words):
        with_input_shapes((weights / "yolov8n.onnx").read_bytes(), shapes, "yolov8n")


def test_noise_is_told():
    with pytest.raises(ModelError, match="is not an ONNX file"):
        with_input_shapes(b"noise", {"x": (1,)}, "noise")
