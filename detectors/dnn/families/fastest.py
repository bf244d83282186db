"""YOLO-FastestV2: two grids, three anchors each, one set of class scores per cell."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors.catalogue import Card
from detectors.dnn.engines.base import Outputs
from detectors.dnn.families.base import Candidates, Decoder, Family, best_class, misfit, shapes
from detectors.dnn.families.grid import cell_count, cells
from detectors.dnn.onnx_header import OnnxHeader

_STRIDES = (16, 32)
#: the anchors of the published COCO network, fine grid first
_ANCHORS = (12.64, 19.39, 37.88, 51.48, 55.71, 138.31, 126.91, 78.23, 131.57, 214.55, 279.92, 258.87)
_PER_CELL = 3
#: values before the class scores: four of a box and one of objectness per anchor
_HEAD = 5 * _PER_CELL


def decode_fastest(
    outputs: Outputs, width: int, height: int, anchors: npt.NDArray[np.float32], confidence: float
) -> Candidates:
    """(cells, 3 * 4 + 3 + C) of boxes, objectness and classes, all through sigmoid or softmax already.

    X. Ma: Yolo-FastestV2, 2021: centre = (2 v - 0.5 + cell) * stride, size = (2 v)^2 * anchor, score =
    objectness * class score. `anchors` are (2 grids, 3, 2), in input pixels.
    """
    places, strides = cells(width, height, _STRIDES)
    if len(outputs) != 1 or outputs[0].size == 0 or outputs[0].shape[-2] != len(places):
        raise misfit("yolo-fastestv2", f"one output ({len(places)}, 15 + classes)", outputs)
    rows = np.asarray(outputs[0], np.float32).reshape(len(places), -1)
    boxes = rows[:, : 4 * _PER_CELL].reshape(-1, _PER_CELL, 4)
    objects = rows[:, 4 * _PER_CELL : _HEAD]
    cell, anchor = np.nonzero(objects >= confidence)
    values = boxes[cell, anchor]
    centres = (values[:, :2] * 2 - 0.5 + places[cell]) * strides[cell]
    grid = (strides[cell, 0] == _STRIDES[1]).astype(np.int64)
    sizes = (values[:, 2:] * 2) ** 2 * anchors[grid, anchor]
    scores = objects[cell, anchor][:, None] * rows[cell, _HEAD:]
    return Candidates(*best_class(np.concatenate([centres, sizes], axis=1), scores, confidence)[:3])


def _decoder(card: Card) -> Decoder:
    width, height = card.input.width, card.input.height
    anchors = np.array(card.options.get("anchors", _ANCHORS), np.float32).reshape(2, _PER_CELL, 2)
    return lambda outputs, confidence: decode_fastest(outputs, width, height, anchors, confidence)


def _classes(header: OnnxHeader, width: int, height: int) -> int:
    found, count = shapes(header), cell_count(width, height, _STRIDES)
    fits = len(found) == 1 and len(found[0]) >= 2 and found[0][-2] == count
    return max(0, found[0][-1] - _HEAD) if fits else 0


YOLO_FASTESTV2 = Family(
    "yolo-fastestv2", "detect", _decoder, _classes, "bgr", std=(255.0, 255.0, 255.0), fit="stretch"
)
