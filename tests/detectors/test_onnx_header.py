from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.dnn.onnx_header import read_onnx_header
from vidstream.errors import ModelError


@pytest.mark.parametrize(
    ("file", "inputs", "outputs"),
    [
        ("yolox_nano.onnx", {"images": (1, 3, 416, 416)}, {"output": (1, 3549, 85)}),
        ("yolov8n.onnx", {"images": (1, 3, 640, 640)}, {"output0": (1, 84, 8400)}),
        (
            "yolo11n-seg.onnx",
            {"images": (1, 3, 640, 640)},
            {"output0": (1, 116, 8400), "output1": (1, 32, 160, 160)},
        ),
    ],
)
def test_shapes_of_real_files(weights, file, inputs, outputs):
    header = read_onnx_header((weights / file).read_bytes(), file)
    assert header.inputs == inputs
    assert header.outputs == outputs


def test_a_free_size_is_zero(weights):
    header = read_onnx_header((weights / "osnet_x0_25_msmt17.onnx").read_bytes(), "osnet")
    assert header.inputs == {"input": (0, 3, 256, 128)}


def test_notes_of_the_exporter(weights):
    notes = read_onnx_header((weights / "yolov8n.onnx").read_bytes(), "yolov8n").metadata
    assert notes["names"].startswith("{0: 'person', 1: 'bicycle'")
    assert notes["stride"] == "32"


@given(data=st.binary(max_size=200))
def test_noise_is_never_worse_than_a_model_error(data):
    with suppress(ModelError):  # some noise happens to be a message
        assert isinstance(read_onnx_header(data, "noise").inputs, dict)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(share=st.floats(0.0, 0.999))
def test_a_file_cut_short_is_told(weights, share):
    data = (weights / "osnet_x0_25_msmt17.onnx").read_bytes()
    with pytest.raises(ModelError, match="is not an ONNX file"):
        read_onnx_header(data[: int(len(data) * share)], "cut")
