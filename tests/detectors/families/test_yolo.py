from __future__ import annotations

import numpy as np
import pytest

from detectors.dnn.families.grid import cell_count
from detectors.dnn.families.yolo import decode_yolov8, decode_yolox
from vidstream.errors import ModelError


def columns(found):
    return found.boxes, found.scores, found.class_ids


def yolox_output(cells: int, classes: int) -> np.ndarray:
    return np.zeros((1, cells, 5 + classes), np.float32)


@pytest.mark.parametrize(
    ("row", "cell", "stride"),
    [
        # 64x64: an 8x8 grid, then 4x4, then 2x2
        pytest.param(0, (0, 0), 8, id="first cell"),
        pytest.param(9, (1, 1), 8, id="second row"),
        pytest.param(63, (7, 7), 8, id="last of the fine grid"),
        pytest.param(64, (0, 0), 16, id="first of the middle grid"),
        pytest.param(71, (3, 1), 16, id="end of a row"),
        pytest.param(83, (1, 1), 32, id="last cell"),
    ],
)
def test_yolox_cell_by_cell(row, cell, stride):
    output = yolox_output(84, 3)
    output[0, row] = [0.5, 0.25, np.log(2), np.log(3), 0.8, 0.1, 0.9, 0.2]
    boxes, scores, ids = columns(decode_yolox([output], 64, 64, 0.3))
    cx, cy = (cell[0] + 0.5) * stride, (cell[1] + 0.25) * stride
    np.testing.assert_allclose(
        boxes, [[cx - stride, cy - 1.5 * stride, cx + stride, cy + 1.5 * stride]], rtol=1e-5
    )
    np.testing.assert_allclose(scores, [0.72], rtol=1e-5)
    assert ids.tolist() == [1]
    assert (boxes.dtype, scores.dtype, ids.dtype) == (np.float32, np.float32, np.int64)


def test_yolox_needs_object_and_class():
    output = yolox_output(84, 2)
    output[0, 5, 4:] = [0.9, 0.3, 0.2]  # an object of no class
    output[0, 6, 4:] = [0.2, 1.0, 0.0]  # a class without an object
    output[0, 7, 4:] = [0.6, 0.9, 0.0]
    assert decode_yolox([output], 64, 64, 0.4).scores.tolist() == pytest.approx([0.54])


def test_yolov8_columns():
    output = np.zeros((1, 4 + 3, 84), np.float32)
    output[0, :, 40] = [30, 20, 10, 8, 0.1, 0.2, 0.7]
    output[0, :, 50] = [30, 20, 10, 8, 0.1, 0.2, 0.25]
    boxes, scores, ids = columns(decode_yolov8([output], 64, 64, 0.3))
    assert boxes.tolist() == [[25, 16, 35, 24]]
    assert scores.tolist() == pytest.approx([0.7])
    assert ids.tolist() == [2]


@pytest.mark.parametrize("decode", [decode_yolox, decode_yolov8])
def test_nothing_found(decode):
    cells = cell_count(64, 32)
    shape = (1, cells, 8) if decode is decode_yolox else (1, 7, cells)
    boxes, scores, ids = columns(decode([np.zeros(shape, np.float32)], 64, 32, 0.1))
    assert (boxes.shape, scores.shape, ids.shape) == ((0, 4), (0,), (0,))


@pytest.mark.parametrize(
    ("decode", "shapes"),
    [
        pytest.param(decode_yolox, [(1, 85, 8400)], id="yolov8's output to yolox"),
        pytest.param(decode_yolov8, [(1, 3549, 85)], id="yolox's output to yolov8"),
        pytest.param(decode_yolov8, [(1, 84, 84), (1, 2)], id="two outputs"),
        pytest.param(decode_yolox, [(2, 84, 85)], id="two pictures"),
        pytest.param(decode_yolox, [(84, 85)], id="no batch axis"),
        pytest.param(decode_yolox, [], id="no output"),
    ],
)
def test_outputs_of_another_family_are_told(decode, shapes):
    with pytest.raises(ModelError, match="family yolo.*expected"):
        decode([np.zeros(s, np.float32) for s in shapes], 64, 64, 0.3)
