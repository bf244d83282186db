"""YOLOX, and YOLOv8 and YOLO11: no anchors, three grids."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors.catalogue import Card
from detectors.dnn.engines.base import Outputs
from detectors.dnn.families.base import Candidates, Decoder, Family, best_class, misfit, shapes
from detectors.dnn.families.grid import cell_count, cells
from detectors.dnn.onnx_header import OnnxHeader

#: the largest centre or size of any cell is far above this in pixels, and about 1 in shares
_SHARES = 2.0


def decode_yolox(outputs: Outputs, width: int, height: int, confidence: float) -> Candidates:
    """YOLOX: (1, cells, 5 + C) of offset, log size, objectness and class scores.

    Z. Ge et al.: YOLOX: Exceeding YOLO Series in 2021, arXiv 2107.08430, section 2.1:
    centre = (offset + cell) * stride, size = exp(log size) * stride, score = objectness * class score.
    """
    rows = single(outputs, "yolox")
    if len(rows) != cell_count(width, height):
        raise misfit("yolox", f"{cell_count(width, height)} rows", outputs)
    # a class score is at most 1, so objectness alone rules out nearly all rows
    picked = np.flatnonzero(rows[:, 4] >= confidence)
    rows = rows[picked]
    scores = rows[:, 4:5] * rows[:, 5:]
    places, strides = cells(width, height)
    centres = (rows[:, :2] + places[picked]) * strides[picked]
    sizes = np.exp(rows[:, 2:4]) * strides[picked]
    return Candidates(*best_class(np.concatenate([centres, sizes], axis=1), scores, confidence)[:3])


def decode_yolov8(outputs: Outputs, width: int, height: int, confidence: float) -> Candidates:
    """YOLOv8 and YOLO11: (1, 4 + C, cells), or transposed, of centre, size (input pixels), class scores."""
    rows = head_columns(outputs, width, height, "yolov8").T
    boxes = in_pixels(rows[:, :4], width, height)
    picked = np.flatnonzero(rows[:, 4:].max(axis=1) >= confidence)
    return Candidates(*best_class(boxes[picked], rows[picked, 4:], confidence)[:3])


def in_pixels(boxes: npt.NDArray[np.float32], width: int, height: int) -> npt.NDArray[np.float32]:
    """(N, 4) boxes of all cells in input pixels: TensorFlow exports give shares of the input instead."""
    if len(boxes) and boxes.max() <= _SHARES:
        boxes = boxes * np.array([width, height, width, height], np.float32)
    return boxes


def head_columns(outputs: Outputs, width: int, height: int, family: str) -> npt.NDArray[np.float32]:
    """The head's output (values, cells), whichever way round it was exported."""
    columns, wanted = single(outputs, family), cell_count(width, height)
    if columns.shape[1] != wanted and columns.shape[0] == wanted:
        columns = columns.T
    if columns.shape[1] != wanted:
        raise misfit(family, f"{wanted} columns", outputs)
    return columns


def single(outputs: Outputs, family: str) -> npt.NDArray[np.float32]:
    """The one output of one picture, without its batch axis."""
    if len(outputs) != 1 or outputs[0].ndim != 3 or len(outputs[0]) != 1 or min(outputs[0].shape[1:]) < 5:
        raise misfit(family, "one output (1, ., .)", outputs)
    return np.asarray(outputs[0][0], np.float32)


def head_values(header: OnnxHeader, width: int, height: int) -> int:
    """Values per cell of a head over three grids, where that is the first output; else 0."""
    batch, a, b = next((s for s in shapes(header)[:1] if len(s) == 3), (2, 0, 0))
    count = cell_count(width, height)
    a, b = (a or count), (b or count)  # a size that is left open
    if batch > 1 or count not in (a, b) or a == b:
        return 0
    return a if b == count else b


def _yolox(card: Card) -> Decoder:
    width, height = card.input.width, card.input.height
    return lambda outputs, confidence: decode_yolox(outputs, width, height, confidence)


def _yolov8(card: Card) -> Decoder:
    width, height = card.input.width, card.input.height
    return lambda outputs, confidence: decode_yolov8(outputs, width, height, confidence)


def _yolox_classes(header: OnnxHeader, width: int, height: int) -> int:
    values = head_values(header, width, height)
    rows = bool(values) and shapes(header)[0][1] in (0, cell_count(width, height))
    return max(0, values - 5) if len(header.outputs) == 1 and rows else 0


def _yolov8_classes(header: OnnxHeader, width: int, height: int) -> int:
    return max(0, head_values(header, width, height) - 4) if len(header.outputs) == 1 else 0


YOLOX = Family("yolox", "detect", _yolox, _yolox_classes, colour="bgr", fit="corner")
YOLOV8 = Family("yolov8", "detect", _yolov8, _yolov8_classes, std=(255.0, 255.0, 255.0))
