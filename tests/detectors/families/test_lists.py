"""Networks that end in a list of objects, and their masks: decoders alone."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.catalogue import Card, InputSpec, ModelFile
from detectors.dnn.families import FAMILIES
from detectors.dnn.masks import to_crops
from vidstream.errors import ModelError

BOXES = np.array([[8, 8, 24, 40], [0, 0, 4, 4], [30, 30, 60, 62]], np.float32)
LABELS = np.array([3, 0, 1], np.int64)
SCORES = np.array([0.9, 0.8, 0.2], np.float32)


def decode(name, outputs, confidence=0.5, **options):
    file = ModelFile("x.onnx", 1, "0" * 64)
    card = Card("x", "detect", name, {"model": file}, "none", InputSpec(64, 64), options=options)
    return FAMILIES[name].decoder(card)(outputs, confidence)


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2)], ids=["as R-CNN", "as SSD", "as DETR"])
def test_torchvision_in_any_order(order):
    outputs = [(BOXES, LABELS, SCORES)[i] for i in order]
    found = decode("torchvision", outputs)
    # label 0 is the background, the last one is not sure enough
    assert (found.boxes.tolist(), found.class_ids.tolist()) == ([[8, 8, 24, 40]], [2])


def test_a_list_with_a_batch_axis_counts_from_the_first_class():
    found = decode("listed", [LABELS[None], BOXES[None], SCORES[None]])
    assert found.class_ids.tolist() == [3, 0]


def test_an_empty_list():
    found = decode("torchvision", [BOXES[:0], LABELS[:0], SCORES[:0]])
    assert found.boxes.shape == (0, 4)


def test_masks_over_the_whole_input():
    masks = np.zeros((3, 1, 64, 64), np.float32)
    masks[0, 0, 8:24, 8:24] = 1
    found = decode("mask-rcnn", [BOXES, LABELS, SCORES, masks])
    (crop,) = to_crops(found.masks(np.array([0])), found.boxes, np.eye(3))
    assert (crop.x, crop.y, crop.pixels.shape) == (8, 8, (32, 16))
    assert crop.pixels[:16].all()
    assert not crop.pixels[16:].any()


def test_masks_that_fill_their_boxes_one_for_each_class():
    rows = np.zeros((1, 1, 2, 7), np.float32)
    rows[0, 0, 0] = [0, 2, 0.9, 8 / 64, 8 / 64, 24 / 64, 40 / 64]
    masks = np.zeros((2, 3, 8, 8), np.float32)
    masks[0, 1, :, :4] = 1  # of the second class: the left half
    masks[0, 0] = 1
    found = decode("mask-rcnn-tf", [rows, masks])
    assert found.class_ids.tolist() == [1]
    (crop,) = to_crops(found.masks(np.array([0])), found.boxes, np.eye(3))
    assert (crop.x, crop.y, crop.pixels.shape) == (8, 8, (32, 16))
    assert crop.pixels[:, :8].all()
    assert not crop.pixels[:, 8:].any()


def test_ssd_with_anchors_from_its_card():
    # two grids over 64 x 64: 2 x 2 cells of two anchors, one cell of one
    options = {"strides": [32, 64], "anchors": [[20, 20, 10, 30], [60, 60]], "variances": [0.1, 0.2]}
    scores, offsets = np.zeros((1, 9, 3), np.float32), np.zeros((1, 9, 4), np.float32)
    scores[..., 0] = 9
    scores[0, 5] = [0, 0, 9]  # cell (0, 1), second anchor
    offsets[0, 5] = [1, -2, 5 * np.log(2), 0]
    found = decode("ssd-anchors", [scores, offsets], **options)
    # centre 16 + 0.1 * 10, 48 - 0.2 * 30; twice as wide
    np.testing.assert_allclose(found.boxes, [[7, 27, 27, 57]], rtol=1e-5)
    assert found.class_ids.tolist() == [1]


@pytest.mark.parametrize(
    ("family", "outputs"),
    [
        ("torchvision", [BOXES, SCORES]),
        ("torchvision", [BOXES, LABELS[:2], SCORES]),
        ("listed", [LABELS[None], SCORES[None]]),
        ("mask-rcnn", [BOXES, LABELS, SCORES]),
        ("mask-rcnn-tf", [np.zeros((1, 1, 3, 7), np.float32)]),
        ("retinanet", [np.zeros((1, 10, 4), np.float32), np.zeros((1, 10, 91), np.float32)]),
        ("detr", [np.zeros((1, 10, 92), np.float32)]),
        ("end2end", [np.zeros((1, 10, 7), np.float32)]),
        ("nanodet", [np.zeros((1, 10, 80), np.float32)]),
        ("nanodet-plus", [np.zeros((1, 10, 112), np.float32)]),
        ("yolov5", [np.zeros((1, 10, 85), np.float32)]),
        ("yolov5-raw", [np.zeros((1, 255, 8, 8), np.float32)]),
        ("yolov8-pose", [np.zeros((1, 50, 84), np.float32)]),
        ("yolo-fastestv2", [np.zeros((10, 95), np.float32)]),
        ("darknet", [np.zeros((1, 10, 85), np.float32)]),
        ("ssd", [np.zeros((1, 10, 7), np.float32)]),
    ],
)
def test_outputs_of_another_family_are_told(family, outputs):
    with pytest.raises(ModelError, match=f"family {family}: expected"):
        decode(family, outputs)
