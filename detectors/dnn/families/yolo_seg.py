"""Masks of YOLOv8-seg and YOLO11-seg: each object mixes the network's prototypes in its own way."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors.catalogue import Card
from detectors.dnn.engines.base import Outputs
from detectors.dnn.families.base import (
    Candidates,
    Decoder,
    Family,
    MaskMaker,
    Patch,
    best_class,
    misfit,
    shapes,
)
from detectors.dnn.families.yolo import head_columns, head_values
from detectors.dnn.onnx_header import OnnxHeader
from vidstream import geometry
from vidstream.types import Boxes, Ids


def split_prototypes(outputs: Outputs, family: str) -> tuple[Outputs, npt.NDArray[np.float32]]:
    """The head's output, and the prototypes (M, h, w)."""
    prototypes = [output for output in outputs if output.ndim == 4 and len(output) == 1]
    if len(outputs) != 2 or len(prototypes) != 1:
        raise misfit(family, "rows (1, ., .) and prototypes (1, M, h, w)", outputs)
    return [output for output in outputs if output.ndim != 4], np.asarray(prototypes[0][0], np.float32)


def mask_maker(
    prototypes: npt.NDArray[np.float32],
    coefficients: npt.NDArray[np.float32],
    boxes: Boxes,
    width: int,
    height: int,
) -> MaskMaker:
    """Masks from coefficients (N, M): the sum of weighted prototypes is above 0 where the object is.

    D. Bolya et al.: YOLACT, arXiv 1904.02689, section 3.1.
    """
    _, rows, columns = prototypes.shape
    sx, sy = width / columns, height / rows

    def patch(row: int) -> Patch:
        # only what the box needs, and the cells beside it
        left, top = (max(0, int(v)) for v in (boxes[row, 0] / sx - 1, boxes[row, 1] / sy - 1))
        right, bottom = (int(v) for v in (boxes[row, 2] / sx + 2, boxes[row, 3] / sy + 2))
        left, top = min(left, columns - 1), min(top, rows - 1)
        part = prototypes[:, top : max(bottom, top + 1), left : max(right, left + 1)]
        values = np.tensordot(coefficients[row], part, 1).astype(np.float32)
        return Patch(values, geometry.scaling(sx, sy, left * sx, top * sy), threshold=0.0)

    def make(kept: Ids) -> list[Patch]:
        return [patch(int(row)) for row in kept]

    return make


def decode_yolo_seg(outputs: Outputs, width: int, height: int, confidence: float) -> Candidates:
    """(1, 4 + C + M, cells) of centre, size, class scores, coefficients; and prototypes (1, M, h, w)."""
    rows, prototypes = split_prototypes(outputs, "yolov8-seg")
    columns = head_columns(rows, width, height, "yolov8-seg")
    end = len(columns) - len(prototypes)
    if end < 5:
        raise misfit("yolov8-seg", f"4 + classes + {len(prototypes)} values", outputs)
    picked = np.flatnonzero(columns[4:end].max(axis=0) >= confidence)
    found = columns[:, picked].T
    boxes, scores, class_ids, best = best_class(found[:, :4], found[:, 4:end], confidence)
    masks = mask_maker(prototypes, found[best, end:], boxes, width, height)
    return Candidates(boxes, scores, class_ids, masks=masks)


def prototype_count(header: OnnxHeader) -> int:
    """Prototypes M of a file with a head and prototypes (1, M, h, w); else 0."""
    found = shapes(header)
    return found[1][1] if len(found) == 2 and len(found[1]) == 4 and found[1][0] < 2 else 0


def _decoder(card: Card) -> Decoder:
    width, height = card.input.width, card.input.height
    return lambda outputs, confidence: decode_yolo_seg(outputs, width, height, confidence)


def _classes(header: OnnxHeader, width: int, height: int) -> int:
    prototypes, values = prototype_count(header), head_values(header, width, height)
    return max(0, values - 4 - prototypes) if prototypes else 0


YOLOV8_SEG = Family("yolov8-seg", "segment", _decoder, _classes, std=(255.0, 255.0, 255.0))
