"""Decoders: from the raw outputs of a family of networks to boxes in the network's input pixels."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detectors.dnn.engine import Outputs
from vidstream import geometry
from vidstream.errors import ModelError
from vidstream.types import Boxes, Ids, Scores

#: cells of the three grids these networks predict on, in input pixels
STRIDES = (8, 16, 32)


class Candidates(NamedTuple):
    """Boxes above the confidence threshold, before non-maximum suppression."""

    #: float32 (N, 4) x1 y1 x2 y2 in input pixels
    boxes: Boxes
    #: float32 (N,)
    scores: Scores
    #: int64 (N,)
    class_ids: Ids


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
        raise _misfit("yolox", f"{cell_count(width, height)} rows", rows.shape)
    # a class score is at most 1, so objectness alone rules out nearly all rows
    picked = np.flatnonzero(rows[:, 4] >= confidence)
    rows = rows[picked]
    scores = rows[:, 4:5] * rows[:, 5:]
    cells, strides = _grid(width, height)
    centres = (rows[:, :2] + cells[picked]) * strides[picked]
    sizes = np.exp(rows[:, 2:4]) * strides[picked]
    return _best_class(np.concatenate([centres, sizes], axis=1), scores, confidence)


def decode_yolov8(outputs: Outputs, width: int, height: int, confidence: float) -> Candidates:
    """YOLOv8 and YOLO11: (1, 4 + C, cells) of centre, size (input pixels) and class scores."""
    columns = _single(outputs, "yolov8")
    if columns.shape[1] != cell_count(width, height):
        raise _misfit("yolov8", f"{cell_count(width, height)} columns", columns.shape)
    picked = np.flatnonzero(columns[4:].max(axis=0) >= confidence)
    rows = columns[:, picked].T
    return _best_class(rows[:, :4], rows[:, 4:], confidence)


def _best_class(cxcywh: Boxes, scores: npt.NDArray[np.float32], confidence: float) -> Candidates:
    """One candidate per row: its best class, where that is sure enough."""
    class_ids = scores.argmax(axis=1).astype(np.int64)
    best = np.take_along_axis(scores, class_ids[:, None], axis=1)[:, 0]
    sure = best >= confidence
    boxes = geometry.from_cxcywh(cxcywh[sure]).astype(np.float32)
    return Candidates(boxes, np.clip(best[sure], 0.0, 1.0).astype(np.float32), class_ids[sure])


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
        raise _misfit(family, "one output (1, ., .)", *(o.shape for o in outputs))
    return np.asarray(outputs[0][0], np.float32)


def _misfit(family: str, expected: str, *shapes: tuple[int, ...]) -> ModelError:
    return ModelError(
        f"family {family}: expected {expected}, the network gave {', '.join(map(str, shapes))}",
        fix="check the model's family and input size",
    )
