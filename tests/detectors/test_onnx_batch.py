"""Exports with a batch of one built in, made to take more: the same numbers, for each picture of a batch."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from detectors import catalogue
from detectors.catalogue import InputSpec
from detectors.dnn.detector import DnnDetector, DnnParams
from detectors.dnn.engines import batches
from detectors.dnn.engines.base import Kind
from detectors.dnn.engines.batches import batched, takes_batches
from detectors.dnn.engines.opencv import OpenCvEngine
from detectors.dnn.engines.trial import sample
from detectors.dnn.onnx_batch import with_free_batch
from vidstream.errors import ModelError
from vidstream.types import View


@pytest.mark.parametrize(
    ("file", "size"),
    [
        pytest.param(
            "yolox_nano.onnx", (416, 416), id="YOLOX: two sizes of what comes, joined to a constant"
        ),
        pytest.param("nanodet_m.onnx", (416, 416), id="NanoDet: shapes among the weights"),
        pytest.param("osnet_x0_25_msmt17.onnx", (128, 256), id="OSNet: the batch alone is taken"),
        pytest.param("yolov8n.onnx", (640, 640), id="YOLOv8: shapes of nodes", marks=pytest.mark.slow),
        pytest.param("yolo11n-seg.onnx", (640, 640), id="YOLO11 with masks", marks=pytest.mark.slow),
        pytest.param("face_detection_yunet_2023mar.onnx", (640, 640), id="YuNet", marks=pytest.mark.slow),
    ],
)
def test_a_network_takes_batches_afterwards_and_gives_the_same(weights, file, size):
    data, spec = (weights / file).read_bytes(), InputSpec(*size, std=(58.0,) * 3)
    before = OpenCvEngine(data, device="cpu")
    after = OpenCvEngine(with_free_batch(data, "model"), device="cpu")
    assert not takes_batches(before, spec)
    assert takes_batches(after, spec)
    blob = sample(spec)
    for one, other in zip(before.run(blob), after.run(blob), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-5)


def test_what_has_no_batch_built_in_stays_as_it_is(weights):
    data = (weights / "squeezenet1.0_imagenet.onnx").read_bytes()
    assert with_free_batch(data, "model") == data


def test_what_is_no_network_is_told():
    with pytest.raises(ModelError, match="is not an ONNX file"):
        with_free_batch(b"\x0b" * 100, "model 'm'")


class OnACard(OpenCvEngine):
    """OpenCV on the CPU, said to be a graphics card; notes how many pictures it is given."""

    def __init__(self, data, **options):
        super().__init__(data, **{**options, "device": "cpu"})
        self.device = "cuda"
        self.batches: list[int] = []

    def run(self, blob):
        self.batches.append(len(blob))
        return super().run(blob)


def test_on_a_graphics_card_pictures_go_through_together(weights, picture, monkeypatch):
    card, data = catalogue.load("yolox-nano", weights)
    monkeypatch.setattr(batches, "KIND", Kind("opencv", (".onnx",), lambda: ("cuda",), OnACard))
    engine, limit = batched(OnACard(data), card, data)
    assert limit == 16
    detector = DnnDetector(DnnParams(model="yolox-nano"), models=weights, engine=engine)
    engine.batches.clear()
    views = [picture("bus.jpg"), picture("dog.jpg"), View(cv2.flip(picture("bus.jpg").pixels, 1))]
    together = detector.detect_batch(views)
    assert engine.batches == [3]
    for found, view in zip(together, views, strict=True):
        alone = detector.detect(view)
        assert len(alone) >= 3
        np.testing.assert_allclose(found.boxes, alone.boxes, atol=1e-3)
        np.testing.assert_array_equal(found.class_ids, alone.class_ids)


def test_what_takes_no_batches_either_way_runs_one_by_one(weights, monkeypatch):
    card, data = catalogue.load("yolo-fastestv2", weights)
    monkeypatch.setattr(batches, "KIND", Kind("opencv", (".onnx",), lambda: ("cuda",), OnACard))
    engine = OnACard(data)
    assert batched(engine, card, data) == (engine, 1)
