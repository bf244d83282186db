"""Model files that nobody wrote a card for, with a description beside the weights or none."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import catalogue
from detectors.dnn.describe import describe
from detectors.dnn.families.darknet import read_cfg
from detectors.dnn.tflite_header import read_tflite_header
from vidstream.errors import ModelError

CAFFE = """
name: "MobileNet-SSD"
input: "data"
input_shape { dim: 1 dim: 3 dim: 300 dim: 512 }
layer { name: "detection_out" type: "DetectionOutput" detection_output_param { num_classes: 21 } }
"""
TENSORFLOW = """
node { name: "image_tensor" op: "Placeholder" attr { key: "shape" value { shape {
  dim { size: -1 } dim { size: 320 } dim { size: 640 } dim { size: 3 } } } } }
node { name: "detection_out" op: "DetectionOutput" attr { key: "num_classes" value { i: 91 } } }
"""


@pytest.mark.parametrize(
    "name",
    ["yolov4-tiny", "efficientdet-lite0", "nanodet-m", "yolo-fastestv2", "yolo11n-seg", "yolo11n-pose"],
)
def test_a_file_says_what_its_card_says(weights, name):
    card = catalogue.card(name, weights)
    told, files = describe(weights / card.main.file)
    assert (told.family, told.task, told.input) == (card.family, card.task, card.input)
    assert told.names == card.names
    assert dict(told.options) == dict(card.options)
    assert {role: entry.sha256 for role, entry in told.files.items()} == {
        role: entry.sha256 for role, entry in card.files.items()
    }
    assert set(files) == set(card.files)


def test_darknet_by_its_description_with_names_beside_it(weights, tmp_path):
    for end in ("cfg", "weights"):
        (tmp_path / f"my.{end}").write_bytes((weights / f"yolov4-tiny.{end}").read_bytes())
    (tmp_path / "my.names").write_text("\n".join(f"thing {i}" for i in range(80)) + "\n")
    card, _ = describe(tmp_path / "my.cfg")
    assert card.main.file == "my.weights"
    assert card.names[79] == "thing 79"
    assert describe(tmp_path / "my.weights")[0] == card


@pytest.mark.parametrize(
    ("end", "text", "size", "classes", "first"),
    [
        pytest.param(("caffemodel", "prototxt"), CAFFE, (512, 300), "voc", 0, id="caffe"),
        pytest.param(("pb", "pbtxt"), TENSORFLOW, (640, 320), "coco91", 1, id="tensorflow"),
        pytest.param(
            ("pb", "pbtxt"),
            TENSORFLOW.replace("320", "-1").replace("640", "-1") + 'node { name: "PriorBox_0" }',
            (300, 300),
            "coco91",
            1,
            id="tensorflow's SSD of free size",
        ),
    ],
)
def test_detection_layers_of_other_formats(tmp_path, end, text, size, classes, first):
    (tmp_path / f"x.{end[0]}").write_bytes(b"weights are not read here")
    (tmp_path / f"x.{end[1]}").write_text(text)
    card, files = describe(tmp_path / f"x.{end[0]}")
    assert (card.family, card.classes, card.options["first_class"]) == ("ssd", classes, first)
    assert (card.input.width, card.input.height) == size
    assert set(files) == {"model", "config"}


def test_masks_of_tensorflow(tmp_path):
    (tmp_path / "x.pb").write_bytes(b"weights")
    (tmp_path / "x.pbtxt").write_text(TENSORFLOW + 'node { name: "detection_masks" op: "Sigmoid" }')
    assert describe(tmp_path / "x.pb")[0].family == "mask-rcnn-tf"


def test_a_free_size_is_the_one_noted(tmp_path):
    from tests.support.tiny_networks import answering_network

    output = np.zeros((1, 10, 6), np.float32)
    notes = {"imgsz": "[96, 128]", "task": "detect", "names": "{0: 'a'}"}
    path = answering_network(tmp_path / "x.onnx", {"output": output}, size=(0, 0), notes=notes)
    card, _ = describe(path)
    assert (card.family, card.input.width, card.input.height) == ("end2end", 128, 96)
    with pytest.raises(ModelError, match="one input of fixed size"):
        describe(answering_network(tmp_path / "y.onnx", {"output": output}, size=(0, 0)))


@pytest.mark.parametrize(
    ("files", "words"),
    [
        pytest.param({"x.weights": b"w"}, "x.cfg is not beside it", id="darknet without cfg"),
        pytest.param({"x.weights": b"w", "x.cfg": b"[net]\nwidth=9\n"}, "no detector's", id="half a cfg"),
        pytest.param({"x.weights": b"w", "x.cfg": bytes(range(256))}, "no detector's", id="a cfg of noise"),
        pytest.param({"x.caffemodel": b"w"}, "x.prototxt is not beside it", id="caffe without prototxt"),
        pytest.param(
            {"x.caffemodel": b"w", "x.prototxt": b'layer { type: "Softmax" }'},
            "does not tell its family; give family",
            id="caffe without detection",
        ),
        pytest.param(
            {"x.caffemodel": b"w", "x.prototxt": b'type: "DetectionOutput"'},
            "one input of fixed size",
            id="caffe without a size",
        ),
        pytest.param({"x.pb": b"w"}, "x.pbtxt is not beside it", id="tensorflow without pbtxt"),
        pytest.param({"x.tflite": b""}, "is not a TensorFlow Lite file", id="empty"),
        pytest.param({"x.tflite": b"\0\0\0\0TFL3" + b"\xff" * 90}, "is not a TensorFlow Lite", id="noise"),
        pytest.param({"x.onnx": b"\x0a\xff\xff"}, "is not an ONNX file", id="broken onnx"),
        pytest.param({"x.txt": b"w"}, "is no network's file, by its name", id="another file"),
    ],
)
def test_every_wrong_file_gives_one_clear_error(tmp_path, files, words):
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(ModelError, match=words):
        describe(tmp_path / next(iter(files)))


def test_a_tflite_network_without_detection_is_a_question(weights):
    with pytest.raises(ModelError, match="without TensorFlow's detection step.*give family"):
        describe(weights / "selfie_segmentation.tflite")


def test_headers(weights):
    header = read_tflite_header((weights / "efficientdet-lite0.tflite").read_bytes(), "x")
    assert header == ((1, 320, 320, 3), False, True)
    floats = read_tflite_header((weights / "blazeface_short_range.tflite").read_bytes(), "x")
    assert floats == ((1, 128, 128, 3), True, False)
    assert read_cfg((weights / "yolov4-tiny.cfg").read_bytes(), "x") == (416, 416, 80)


@pytest.mark.parametrize("cut", [9, 40, 200, 5000])
def test_half_a_tflite_file_is_an_error_not_a_crash(weights, cut):
    data = (weights / "efficientdet-lite0.tflite").read_bytes()[:cut]
    with pytest.raises(ModelError, match="is not a TensorFlow Lite file"):
        read_tflite_header(data, "x")
