from __future__ import annotations

import cv2
import numpy as np
import pytest

from detectors.dnn.engines.opencv import OpenCvEngine, choose_device
from detectors.dnn.onnx_header import read_onnx_header
from vidstream.errors import ModelError

CUDA = {cv2.dnn.DNN_BACKEND_CUDA: [cv2.dnn.DNN_TARGET_CUDA, cv2.dnn.DNN_TARGET_CUDA_FP16]}
OPENCL = {cv2.dnn.DNN_BACKEND_OPENCV: [cv2.dnn.DNN_TARGET_CPU, cv2.dnn.DNN_TARGET_OPENCL]}


@pytest.mark.parametrize(
    ("targets", "wanted", "taken"),
    [
        pytest.param({}, "auto", "cpu", id="auto without CUDA"),
        pytest.param(CUDA, "auto", "cuda", id="auto with CUDA"),
        pytest.param(CUDA, "cpu", "cpu", id="the CPU though CUDA is there"),
        pytest.param(CUDA, "cuda_fp16", "cuda_fp16", id="half precision"),
        pytest.param(OPENCL, "auto", "cpu", id="auto never takes OpenCL"),
        pytest.param(OPENCL, "opencl", "opencl", id="OpenCL by name"),
    ],
)
def test_takes_what_is_available(monkeypatch, targets, wanted, taken):
    monkeypatch.setattr(cv2.dnn, "getAvailableTargets", lambda backend: targets.get(backend, []))
    assert choose_device(wanted) == taken


@pytest.mark.parametrize(
    ("targets", "wanted"),
    [
        pytest.param({}, "cuda", id="no CUDA"),
        pytest.param({}, "cuda_fp16", id="no CUDA, half precision"),
        pytest.param(
            {cv2.dnn.DNN_BACKEND_CUDA: [cv2.dnn.DNN_TARGET_CUDA]}, "cuda_fp16", id="CUDA without half"
        ),
        pytest.param(CUDA, "opencl", id="no OpenCL"),
    ],
)
def test_what_is_named_and_not_there_is_an_error(monkeypatch, targets, wanted):
    monkeypatch.setattr(cv2.dnn, "getAvailableTargets", lambda backend: targets.get(backend, []))
    with pytest.raises(ModelError, match=f"device '{wanted}' is not available.*set device to auto or cpu"):
        choose_device(wanted)


def test_this_very_machine_runs_on_what_it_says(weights):
    engine = OpenCvEngine((weights / "yolox_nano.onnx").read_bytes())
    cuda = cv2.dnn.DNN_TARGET_CUDA in cv2.dnn.getAvailableTargets(cv2.dnn.DNN_BACKEND_CUDA)
    assert engine.device == ("cuda" if cuda else "cpu")
    assert [o.shape for o in engine.run(np.zeros((1, 3, 416, 416), np.float32))] == [(1, 3549, 85)]


def test_outputs_come_in_the_order_of_the_file(weights):
    data = (weights / "nanodet_m.onnx").read_bytes()
    outputs = OpenCvEngine(data, device="cpu").run(np.zeros((1, 3, 416, 416), np.float32))
    declared = list(read_onnx_header(data, "nanodet").outputs.values())
    assert len(set(declared)) == 6
    assert [o.shape for o in outputs] == declared


def test_the_input_may_be_overwritten_between_runs(weights):
    engine = OpenCvEngine((weights / "squeezenet1.0_imagenet.onnx").read_bytes(), device="cpu")
    blob = np.random.default_rng(0).normal(0, 50, (1, 3, 224, 224)).astype(np.float32)
    first = engine.run(blob.copy())[0].copy()
    reused = blob.copy()
    again = engine.run(reused)[0]
    reused[:] = 0
    np.testing.assert_array_equal(again, first)
    np.testing.assert_array_equal(engine.run(blob)[0], first)


def test_a_network_opencv_cannot_read_is_told(weights):
    data = (weights / "PP-OCRv6_rec_tiny.onnx").read_bytes()
    with pytest.raises(ModelError, match="model 'ocr': OpenCV cannot read the network"):
        OpenCvEngine(data, device="cpu", where="model 'ocr'")


def test_an_input_that_does_not_fit_is_told(weights):
    engine = OpenCvEngine((weights / "yolov8n.onnx").read_bytes(), device="cpu", where="model 'y'")
    with pytest.raises(ModelError, match=r"'y': the network cannot run on an input of shape \(1, 3, 320"):
        engine.run(np.zeros((1, 3, 320, 320), np.float32))
