"""YOLOX, and YOLOv8 and YOLO11: no anchors, three grids."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from detectors.catalogue import Card
from detectors.dnn.engines.base import Outputs
from detectors.dnn.families.base import Candidates, Decoder, Family, best_class, misfit
from detectors.dnn.onnx_header import OnnxHeader

#: cells of the three grids these networks predict on, in input pixels
STRIDES = (8, 16, 32)


def cell_count(width: int, height: int) -> int:
    """Cells of the three grids over an input of this size.

    >>> cell_count(640, 640), cell_count(416, 416)
    (8400, 3549)
    """
    return sum((width // s) * (height // s) for s in STRIDES)


def decode_yolox(outputs: Outputs, width: int, height: int, confidence: float) -> Candidates:
    """YOLOX: (1, cells, 5 + C) of offset, log size, objectness and class scores.

    Z. Ge et al.: YOLOX: Exceeding YOLO Series in 2021, arXiv 2107.08430, section 2.1:
    centre = (offset + cell) * stride, size = exp(log size) * stride, score = objectness * class score.
    """
    rows = _single(outputs, "yolox")
    if len(rows) != cell_count(width, height):
        raise misfit("yolox", f"{cell_count(width, height)} rows", outputs)
    # a class score is at most 1, so objectness alone rules out nearly all rows
    picked = np.flatnonzero(rows[:, 4] >= confidence)
    rows = rows[picked]
    scores = rows[:, 4:5] * rows[:, 5:]
    cells, strides = _grid(width, height)
    centres = (rows[:, :2] + cells[picked]) * strides[picked]
    sizes = np.exp(rows[:, 2:4]) * strides[picked]
    return Candidates(*best_class(np.concatenate([centres, sizes], axis=1), scores, confidence)[:3])


def decode_yolov8(outputs: Outputs, width: int, height: int, confidence: float) -> Candidates:
    """YOLOv8 and YOLO11: (1, 4 + C, cells) of centre, size (input pixels) and class scores."""
    columns = _single(outputs, "yolov8")
    if columns.shape[1] != cell_count(width, height):
        raise misfit("yolov8", f"{cell_count(width, height)} columns", outputs)
    picked = np.flatnonzero(columns[4:].max(axis=0) >= confidence)
    rows = columns[:, picked].T
    return Candidates(*best_class(rows[:, :4], rows[:, 4:], confidence)[:3])


@cache
def _grid(width: int, height: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Column and row of every cell (N, 2), and its stride (N, 1), finest grid first, row by row."""
    cells, strides = [], []
    for stride in STRIDES:
        x, y = np.meshgrid(np.arange(width // stride), np.arange(height // stride))
        cells.append(np.stack([x.ravel(), y.ravel()], axis=1))
        strides.append(np.full((x.size, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)


def _single(outputs: Outputs, family: str) -> npt.NDArray[np.float32]:
    """The one output of one picture, without its batch axis."""
    if len(outputs) != 1 or outputs[0].ndim != 3 or len(outputs[0]) != 1 or min(outputs[0].shape[1:]) < 5:
        raise misfit(family, "one output (1, ., .)", outputs)
    return np.asarray(outputs[0][0], np.float32)


def _yolox(card: Card) -> Decoder:
    width, height = card.input.width, card.input.height
    return lambda outputs, confidence: decode_yolox(outputs, width, height, confidence)


def _yolov8(card: Card) -> Decoder:
    width, height = card.input.width, card.input.height
    return lambda outputs, confidence: decode_yolov8(outputs, width, height, confidence)


def _yolox_classes(header: OnnxHeader, width: int, height: int) -> int:
    shapes = list(header.outputs.values())
    cells = cell_count(width, height)
    return shapes[0][2] - 5 if len(shapes) == 1 and shapes[0][:2] == (1, cells) else 0


def _yolov8_classes(header: OnnxHeader, width: int, height: int) -> int:
    shapes = list(header.outputs.values())
    cells = cell_count(width, height)
    return shapes[0][1] - 4 if len(shapes) == 1 and shapes[0][::2] == (1, cells) else 0


YOLOX = Family("yolox", "detect", _yolox, _yolox_classes, colour="bgr", fit="corner")
YOLOV8 = Family("yolov8", "detect", _yolov8, _yolov8_classes, std=(255.0, 255.0, 255.0))
