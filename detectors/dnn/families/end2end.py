"""Heads that give one box per object: YOLOv10, YOLO26 and whatever has suppression built in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors.catalogue import Card
from detectors.dnn.engines.base import Outputs
from detectors.dnn.families.base import UNTOLD, Candidates, Decoder, Family, misfit, shapes
from detectors.dnn.families.yolo_pose import key_points, noted_points, point_shape
from detectors.dnn.families.yolo_seg import mask_maker, prototype_count, split_prototypes
from detectors.dnn.onnx_header import OnnxHeader

#: x1 y1 x2 y2 score class
_HEAD = 6
#: such heads give a few hundred rows; a grid has thousands
_MOST = 1000


def read_rows(
    outputs: Outputs, family: str, extra: int, confidence: float
) -> tuple[Candidates, npt.NDArray[np.float32]]:
    """(1, N, 6 + extra) of box (input pixels), score, class; and what is beside them, for the rows kept."""
    if len(outputs) != 1 or outputs[0].ndim != 3 or outputs[0].shape[::2] != (1, _HEAD + extra):
        raise misfit(family, f"one output (1, N, {_HEAD + extra})", outputs)
    rows = np.asarray(outputs[0][0], np.float32)
    rows = rows[rows[:, 4] >= confidence]
    scores = np.clip(rows[:, 4], 0.0, 1.0)
    return Candidates(rows[:, :4], scores, rows[:, 5].astype(np.int64)), rows[:, _HEAD:]


def _boxes(_card: Card) -> Decoder:
    return lambda outputs, confidence: read_rows(outputs, "end2end", 0, confidence)[0]


def _masks(card: Card) -> Decoder:
    width, height = card.input.width, card.input.height

    def decode(outputs: Outputs, confidence: float) -> Candidates:
        rows, prototypes = split_prototypes(outputs, "end2end-seg")
        found, coefficients = read_rows(rows, "end2end-seg", len(prototypes), confidence)
        masks = mask_maker(prototypes, coefficients, found.boxes, width, height)
        return Candidates(found.boxes, found.scores, found.class_ids, masks=masks)

    return decode


def _bodies(card: Card) -> Decoder:
    shape = point_shape(card.options)

    def decode(outputs: Outputs, confidence: float) -> Candidates:
        found, values = read_rows(outputs, "end2end-pose", shape[0] * shape[1], confidence)
        points = key_points(values, shape)
        return Candidates(found.boxes, found.scores, found.class_ids, keypoints=points)

    return decode


def _fits(header: OnnxHeader, extra: int, count: int) -> int:
    found = shapes(header)
    head = next((s for s in found if len(s) == 3), (0, 0, 0))
    return UNTOLD if len(found) == count and head[::2] == (1, _HEAD + extra) and head[1] <= _MOST else 0


def _mask_classes(header: OnnxHeader, _width: int, _height: int) -> int:
    prototypes = prototype_count(header)
    return _fits(header, prototypes, 2) if prototypes else 0


def _body_classes(header: OnnxHeader, _width: int, _height: int) -> int:
    count, numbers = noted_points(header)
    return _fits(header, count * numbers, 1)


_UNIT = (255.0, 255.0, 255.0)
END2END = Family(
    "end2end",
    "detect",
    _boxes,
    classes=lambda header, width, height: _fits(header, 0, 1),
    std=_UNIT,
    suppress=False,
)
END2END_SEG = Family("end2end-seg", "segment", _masks, _mask_classes, std=_UNIT, suppress=False)
END2END_POSE = Family("end2end-pose", "pose", _bodies, _body_classes, std=_UNIT, suppress=False)
