"""YOLOv5 and YOLOv7: three anchors per cell of three grids, decoded by the network or not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors.catalogue import Card
from detectors.dnn.engines.base import Outputs
from detectors.dnn.families.base import Candidates, Decoder, Family, best_class, misfit, shapes, sigmoid
from detectors.dnn.families.grid import STRIDES, cell_count, cells
from detectors.dnn.families.yolo import in_pixels, single
from detectors.dnn.onnx_header import OnnxHeader

#: the anchors of YOLOv5's published COCO networks, in input pixels, fine grid first
_ANCHORS = (10, 13, 16, 30, 33, 23, 30, 61, 62, 45, 59, 119, 116, 90, 156, 198, 373, 326)
_PER_CELL = 3
#: the larger networks have a fourth grid
_P6 = (*STRIDES, 64)


def decode_yolov5(outputs: Outputs, width: int, height: int, confidence: float) -> Candidates:
    """(1, cells * 3, 5 + C) of centre, size (pixels, or shares of the input), objectness, class scores.

    G. Jocher: YOLOv5, 2020; C.-Y. Wang et al.: YOLOv7, arXiv 2207.02696. Score = objectness * class score.
    """
    rows = single(outputs, "yolov5")
    if len(rows) not in _row_counts(width, height):
        raise misfit("yolov5", f"{_row_counts(width, height)[0]} rows", outputs)
    boxes = in_pixels(rows[:, :4], width, height)
    picked = np.flatnonzero(rows[:, 4] >= confidence)
    scores = rows[picked, 4:5] * rows[picked, 5:]
    return Candidates(*best_class(boxes[picked], scores, confidence)[:3])


def decode_yolov5_raw(
    outputs: Outputs, width: int, height: int, anchors: npt.NDArray[np.float32], confidence: float
) -> Candidates:
    """Three outputs (1, 3, h, w, 5 + C) or (1, 3 * (5 + C), h, w), before the logistic function.

    centre = (2 s - 0.5 + cell) * stride, size = (2 s)^2 * anchor, s the logistic function of the output.
    `anchors` are (3 grids, 3, 2), in input pixels.
    """
    flat = [_rows(output) for output in outputs]
    if [len(rows) for rows in flat] != [_PER_CELL * cell_count(width, height, (s,)) for s in STRIDES]:
        raise misfit("yolov5-raw", "three outputs (1, 3, rows, columns, 5 + classes)", outputs)
    found, scores = [], []
    for rows, stride, grid in zip(flat, STRIDES, anchors, strict=True):
        places = np.tile(cells(width, height, (stride,))[0], (_PER_CELL, 1))
        sizes = np.repeat(grid, len(places) // _PER_CELL, axis=0)
        # the logistic function of most rows is not needed: objectness rules them out
        picked = np.flatnonzero(sigmoid(rows[:, 4]) >= confidence)
        values = sigmoid(rows[picked])
        centres = (values[:, :2] * 2 - 0.5 + places[picked]) * stride
        found.append(np.concatenate([centres, (values[:, 2:4] * 2) ** 2 * sizes[picked]], axis=1))
        scores.append(values[:, 4:5] * values[:, 5:])
    return Candidates(*best_class(np.concatenate(found), np.concatenate(scores), confidence)[:3])


def _rows(output: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(3 * h * w, 5 + C), anchor by anchor, of either layout; nothing where it is neither."""
    if output.ndim == 4 and output.shape[1] % _PER_CELL == 0:
        _, channels, rows, columns = output.shape
        parts = output.reshape(_PER_CELL, channels // _PER_CELL, rows * columns)
        return np.asarray(parts.transpose(0, 2, 1).reshape(-1, channels // _PER_CELL), np.float32)
    if output.ndim == 5 and output.shape[:2] == (1, _PER_CELL):
        return np.asarray(output.reshape(-1, output.shape[4]), np.float32)
    return np.zeros((0, 6), np.float32)


def _row_counts(width: int, height: int) -> tuple[int, int]:
    return _PER_CELL * cell_count(width, height), _PER_CELL * cell_count(width, height, _P6)


def _decoded(card: Card) -> Decoder:
    width, height = card.input.width, card.input.height
    return lambda outputs, confidence: decode_yolov5(outputs, width, height, confidence)


def _raw(card: Card) -> Decoder:
    width, height = card.input.width, card.input.height
    anchors = np.array(card.options.get("anchors", _ANCHORS), np.float32).reshape(len(STRIDES), _PER_CELL, 2)
    return lambda outputs, confidence: decode_yolov5_raw(outputs, width, height, anchors, confidence)


def _decoded_classes(header: OnnxHeader, width: int, height: int) -> int:
    found = shapes(header)[:1]  # some exports give the raw grids beside it
    fits = found and len(found[0]) == 3 and found[0][1] in _row_counts(width, height)
    return max(0, found[0][2] - 5) if fits and len(header.outputs) == 1 else 0


def _raw_classes(header: OnnxHeader, width: int, height: int) -> int:
    found = shapes(header)
    grids = [(height // s, width // s) for s in STRIDES]
    if [s[2:4] for s in found] != grids or len({len(s) for s in found}) != 1:
        return 0
    if all(len(s) == 5 and s[1] == _PER_CELL for s in found):
        return max(0, found[0][4] - 5)
    return max(0, found[0][1] // _PER_CELL - 5) if all(s[1] % _PER_CELL == 0 for s in found) else 0


_UNIT = (255.0, 255.0, 255.0)
YOLOV5 = Family("yolov5", "detect", _decoded, _decoded_classes, std=_UNIT)
YOLOV5_RAW = Family("yolov5-raw", "detect", _raw, _raw_classes, std=_UNIT)
