"""detect.dnn: the detections that others saw with the same weights, devices, and what is missing."""

from __future__ import annotations

from collections import Counter

import cv2
import numpy as np
import pytest

from tests.support.one_stage import OneStage, picture, problems
from vidstream.geometry import iou, scaling
from vidstream.stages.detect.dnn import DetectDnn
from vidstream.types import View

#: Ultralytics' published result for bus.jpg: the bus and the people in full view
BUS = [[22, 231, 805, 757], [48, 399, 245, 902], [669, 392, 809, 877], [222, 406, 344, 858]]


@pytest.fixture(autouse=True)
def weights(assets, monkeypatch):
    """Models are looked for among the assets."""
    folder = assets("weights/yolox_nano.onnx").parent
    monkeypatch.setenv("VIDSTREAM_MODELS", str(folder))
    return folder


@pytest.mark.parametrize(
    ("name", "found"),
    [
        pytest.param("pictures/bus.jpg", {"bus": 1, "person": 3}, id="a bus and people"),
        pytest.param("pictures/dog.jpg", {"dog": 1, "bicycle": 1, "car": 1}, id="a dog before a car"),
        pytest.param("pictures/zidane.jpg", {"person": 2, "tie": 1}, id="two men, one tie in sight"),
    ],
)
def test_yolox_nano_finds_what_its_manifest_says(assets, name, found):
    given = OneStage(DetectDnn, model="yolox-nano", confidence=0.4)(image=picture(assets(name)))
    assert Counter(given.name_of(i) for i in range(len(given))) == found


def test_boxes_are_where_the_reference_has_them(assets):
    given = OneStage(DetectDnn, model="yolov8n")(image=picture(assets("pictures/bus.jpg")))
    best = iou(np.array(BUS, np.float32), given.boxes).max(axis=1)
    assert (best > 0.92).all(), best


def test_a_cropped_and_shrunk_view_reports_source_pixels(assets):
    view = picture(assets("pictures/bus.jpg"))
    part = View(cv2.resize(view.pixels[200:920], None, fx=0.5, fy=0.5), scaling(2, 2, 0, 200))
    given = OneStage(DetectDnn, model="yolox-nano", classes="bus")(image=part)
    assert len(given) == 1
    assert iou(given.boxes, np.array(BUS[:1], np.float32))[0, 0] > 0.85


def test_only_the_classes_asked_for(assets):
    given = OneStage(DetectDnn, classes=["person", "tie"], confidence=0.25)(
        image=picture(assets("pictures/zidane.jpg"))
    )
    assert {given.name_of(i) for i in range(len(given))} == {"person", "tie"}


def test_says_which_device_it_took():
    ((kind, message),) = OneStage(DetectDnn, device="auto").notices
    assert kind in ("cpu-fallback", "device")
    assert message.startswith("device auto took ")
    assert OneStage(DetectDnn, device="cpu").notices == []


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        pytest.param({"model": "yolox-nani"}, "did you mean 'yolox-nano'?", id="an unknown model"),
        pytest.param(
            {"model": "./mine.onnx"}, "model: model 'mine.onnx': no such file", id="a file not there"
        ),
        pytest.param({"classes": ["persn"]}, "classes: model 'yolox-nano': has no class 'persn'", id="class"),
    ],
)
def test_what_is_wrong_is_said_before_anything_opens(options, problem):
    (found,) = problems(DetectDnn, **options)
    assert problem in found
    assert problems(DetectDnn) == []


def test_a_model_that_is_not_here_names_the_command_that_gets_it(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDSTREAM_MODELS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (found,) = problems(DetectDnn, model="yolox-nano")
    assert found.startswith("model: model 'yolox-nano': its file yolox_nano.onnx is in none of")
    assert found.endswith("run: python run.py models fetch yolox-nano")


def test_a_damaged_file_is_refused(tmp_path, weights, monkeypatch):
    damaged = bytearray((weights / "yolox_nano.onnx").read_bytes())
    damaged[1000] ^= 1
    (tmp_path / "yolox_nano.onnx").write_bytes(damaged)
    monkeypatch.setenv("VIDSTREAM_MODELS", str(tmp_path))
    (found,) = problems(DetectDnn, model="yolox-nano")
    assert "is not the file on its card: its SHA-256 differs" in found
