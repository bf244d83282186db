"""The steps on a card that make a file of another one: the same bytes everywhere, and OpenCV reads them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from detectors.dnn.engines.opencv import OpenCvEngine
from detectors.dnn.onnx_edit import apply_steps
from detectors.dnn.onnx_header import read_onnx_header
from tests.support.onnx_bytes import with_dangling_input
from vidstream.errors import ModelError

SQUEEZENET = "squeezenet1.0_imagenet.onnx"


def axis(value: int) -> dict[str, object]:
    return {"set_attribute": {"op": "Softmax", "name": "axis", "value": value}}


def test_the_axis_of_a_softmax_is_written_down_and_back(weights):
    data = (weights / SQUEEZENET).read_bytes()
    other = apply_steps(data, [axis(3)], "squeezenet")
    blob = np.random.default_rng(0).normal(0, 50, (1, 3, 224, 224)).astype(np.float32)
    shares = OpenCvEngine(data, device="cpu").run(blob)[0]
    assert shares.sum() == pytest.approx(1.0, abs=1e-4)
    assert OpenCvEngine(other, device="cpu").run(blob)[0].min() == 1.0  # over an axis of one element
    assert apply_steps(other, [axis(1)], "squeezenet") == data


def test_inputs_that_lead_nowhere_are_taken_out(weights):
    data = (weights / SQUEEZENET).read_bytes()
    dangling = with_dangling_input(data, b"nobody")
    assert set(read_onnx_header(dangling, "a").inputs) == {"data_0", "nobody"}
    made = apply_steps(dangling, [{"keep_inputs": ["data_0"]}], "squeezenet")
    assert made == data


def test_what_an_input_is_given_stands_in_the_file(weights):
    """ONNX Runtime gives for the file what it gives when it is fed the same numbers."""
    runtime = pytest.importorskip("onnxruntime")
    data = (weights / SQUEEZENET).read_bytes()
    blob = np.random.default_rng(0).normal(0, 50, (1, 3, 224, 224)).astype(np.float32)
    (fed,) = runtime.InferenceSession(data).run(None, {"data_0": blob})
    step = {"give_input": {"name": "data_0", "values": blob.ravel().tolist()}}
    made = apply_steps(data, [step], "squeezenet")
    assert read_onnx_header(made, "squeezenet").inputs == {}
    np.testing.assert_allclose(runtime.InferenceSession(made).run(None, {})[0], fed, atol=1e-6)


def test_several_steps_follow_each_other(weights):
    data = (weights / "PP-OCRv6_rec_tiny.onnx").read_bytes()
    steps = [{"keep_inputs": ["x"]}, {"input_shapes": {"x": [1, 3, 48, 160]}}]
    made = apply_steps(with_dangling_input(data, b"nobody"), steps, "reader")
    assert read_onnx_header(made, "reader").inputs == {"x": (1, 3, 48, 160)}
    assert not cv2.dnn.readNetFromONNX(np.frombuffer(made, np.uint8)).empty()


@pytest.mark.parametrize(
    ("step", "words"),
    [
        pytest.param({"simplify": True}, "known are keep_inputs, input_shapes", id="an unknown step"),
        pytest.param({}, "cannot be done", id="no step"),
        pytest.param({"keep_inputs": ["x"], "more": 1}, "cannot be done", id="two at once"),
        pytest.param({"keep_inputs": ["picture"]}, "has no input picture", id="no such input"),
        pytest.param({"set_attribute": {"op": "Softmax"}}, "cannot be done", id="half a step"),
        pytest.param({"give_input": {"name": "data_0", "values": [1]}}, "of 1 numbers", id="too few numbers"),
        pytest.param({"input_shapes": {"data_0": [1, 3, 1, 1]}}, "has the shape", id="another size"),
    ],
)
def test_a_step_that_cannot_be_done_is_told(weights, step, words):
    with pytest.raises(ModelError, match=words):
        apply_steps((weights / SQUEEZENET).read_bytes(), [step], "squeezenet")


@pytest.mark.parametrize("step", [axis(1), {"keep_inputs": ["x"]}, {"input_shapes": {"x": [1]}}])
def test_noise_is_told(step):
    with pytest.raises(ModelError, match="is not an ONNX file"):
        apply_steps(b"noise", [step], "noise")
