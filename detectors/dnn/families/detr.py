"""DETR, RT-DETR and networks that give boxes and class scores row by row."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors.catalogue import Card
from detectors.dnn.engines.base import Outputs
from detectors.dnn.families.base import (
    Candidates,
    Decoder,
    Family,
    best_class,
    from_rows,
    misfit,
    shapes,
    sigmoid,
    softmax,
)
from detectors.dnn.families.grid import cell_count
from detectors.dnn.families.yolo import single
from detectors.dnn.onnx_header import OnnxHeader

#: objects looked for at most; grids have thousands of rows
_MOST = 1000
#: values of a row x1 y1 x2 y2 score class
_LISTED = 6


def boxes_and_scores(
    outputs: Outputs, family: str, *, boxes_first: bool
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """(N, 4) and (N, C) of outputs (1, N, 4) and (1, N, C) or (1, C, N), in either order.

    `boxes_first` decides where the scores are four values, too.
    """
    parts = [np.asarray(o[0], np.float32) for o in outputs if o.ndim == 3 and len(o) == 1]
    parts = parts if boxes_first else parts[::-1]
    boxes = next((part for part in parts if part.shape[1] == 4), None)
    scores = next((part for part in parts if part is not boxes), None)
    if len(outputs) != 2 or boxes is None or scores is None or len(boxes) not in scores.shape:
        raise misfit(family, "boxes (1, N, 4) and scores (1, N, C)", outputs)
    return boxes, scores if len(scores) == len(boxes) else scores.T


def _detr(card: Card) -> Decoder:
    """N. Carion et al.: DETR, arXiv 2005.12872: softmax over classes, the last of them "no object"."""
    size = _size(card)

    def decode(outputs: Outputs, confidence: float) -> Candidates:
        boxes, logits = boxes_and_scores(outputs, "detr", boxes_first=False)
        return Candidates(*best_class(boxes * size, softmax(logits)[:, :-1], confidence)[:3])

    return decode


def _rtdetr(card: Card) -> Decoder:
    """W. Lv et al.: RT-DETR, arXiv 2304.08069: logits and boxes, or both in one (1, N, 4 + C) as scores."""
    size = _size(card)

    def decode(outputs: Outputs, confidence: float) -> Candidates:
        if len(outputs) == 1:  # Ultralytics' export
            rows = single(outputs, "rt-detr")
            return Candidates(*best_class(rows[:, :4] * size, rows[:, 4:], confidence)[:3])
        boxes, logits = boxes_and_scores(outputs, "rt-detr", boxes_first=False)
        return Candidates(*best_class(boxes * size, sigmoid(logits), confidence)[:3])

    return decode


def _scored(_card: Card) -> Decoder:
    """YOLO-NAS and PP-YOLOE: corners in input pixels, and class scores."""

    def decode(outputs: Outputs, confidence: float) -> Candidates:
        return from_rows(*boxes_and_scores(outputs, "yolo-nas", boxes_first=True), confidence)

    return decode


def _shares(card: Card) -> Decoder:
    """SSD with its boxes decoded: corners in shares of the input, chances of the background and classes."""
    size = _size(card)

    def decode(outputs: Outputs, confidence: float) -> Candidates:
        boxes, chances = boxes_and_scores(outputs, "ssd-boxes", boxes_first=False)
        return from_rows(boxes * size, chances[:, 1:], confidence)

    return decode


def _size(card: Card) -> npt.NDArray[np.float32]:
    return np.array([card.input.width, card.input.height] * 2, np.float32)


def _pair(header: OnnxHeader) -> tuple[int, int]:
    """Rows and values per row of a file that gives boxes (1, N, 4) and (1, N, C), or (1, C, N)."""
    found = sorted((s for s in shapes(header) if len(s) == 3 and s[0] == 1), key=lambda s: s[2] != 4)
    if len(found) != 2 or len(header.outputs) != 2 or found[0][2] != 4 or found[0][1] not in found[1]:
        return 0, 0
    rows = found[0][1]
    return rows, found[1][2] if found[1][1] == rows else found[1][1]


def _detr_classes(header: OnnxHeader, _width: int, _height: int) -> int:
    rows, values = _pair(header)
    return max(0, values - 1) if rows <= _MOST else 0


def _rtdetr_classes(header: OnnxHeader, width: int, height: int) -> int:
    found = shapes(header)
    if len(found) == 1 and len(found[0]) == 3:
        batch, rows, values = found[0]
        # six values are a list of objects, and as many rows as cells are a grid
        fits = batch == 1 and rows <= _MOST and rows != cell_count(width, height) and values != _LISTED
        return max(0, values - 4) if fits else 0
    rows, values = _pair(header)
    return values if rows <= _MOST else 0


def _scored_classes(header: OnnxHeader, width: int, height: int) -> int:
    rows, values = _pair(header)
    return values if rows == cell_count(width, height) else 0


def _shares_classes(header: OnnxHeader, width: int, height: int) -> int:
    rows, values = _pair(header)
    anchors = rows > _MOST and rows != cell_count(width, height)
    return max(0, values - 1) if anchors else 0


_UNIT = (255.0, 255.0, 255.0)
DETR = Family(
    "detr",
    "detect",
    _detr,
    _detr_classes,
    mean=(123.675, 116.28, 103.53),
    std=(58.395, 57.12, 57.375),
    fit="stretch",
    suppress=False,
)
RT_DETR = Family("rt-detr", "detect", _rtdetr, _rtdetr_classes, std=_UNIT, fit="stretch", suppress=False)
YOLO_NAS = Family("yolo-nas", "detect", _scored, _scored_classes, std=_UNIT, fit="corner")
SSD_BOXES = Family(
    "ssd-boxes",
    "detect",
    _shares,
    _shares_classes,
    mean=(127.0, 127.0, 127.0),
    std=(128.0, 128.0, 128.0),
    fit="stretch",
)
