"""NanoDet and NanoDet-Plus: each side of a box is a distribution of distances."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors.catalogue import Card
from detectors.dnn.engines.base import Outputs
from detectors.dnn.families.base import Candidates, Decoder, Family, misfit, pick, shapes, softmax
from detectors.dnn.families.grid import STRIDES, cell_count, cells, grid_sizes
from detectors.dnn.onnx_header import OnnxHeader

_PLUS_STRIDES = (8, 16, 32, 64)
#: bins of a side: distances of 0 to 7 strides
_BINS = 8
_SIDES = 4 * _BINS


def decode_distributions(
    scores: npt.NDArray[np.float32],
    sides: npt.NDArray[np.float32],
    anchors: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]],
    size: tuple[int, int],
    confidence: float,
) -> Candidates:
    """Class scores (N, C) and logits of left, top, right, bottom (N, 4 * bins) at points, of N strides.

    X. Li et al.: Generalized Focal Loss, arXiv 2006.04388, equation 5: a side's length is the mean of its
    distribution.
    """
    rows, best, class_ids = pick(scores, confidence)
    points, strides = anchors[0][rows], anchors[1][rows]
    chances = softmax(sides[rows].reshape(len(rows), 4, -1))
    lengths = chances @ np.arange(chances.shape[2], dtype=np.float32) * strides
    boxes = np.concatenate([points - lengths[:, :2], points + lengths[:, 2:]], axis=1)
    limits = np.array([*size, *size], np.float32)
    return Candidates(np.clip(boxes, 0, limits).astype(np.float32), best, class_ids)


def _nanodet(card: Card) -> Decoder:
    width, height = card.input.width, card.input.height
    counts = [columns * rows for columns, rows in grid_sizes(width, height)]
    places, strides = cells(width, height)
    anchors = ((places + 0.5) * strides, strides)

    def decode(outputs: Outputs, confidence: float) -> Candidates:
        parts = [np.asarray(o, np.float32).reshape(-1, o.shape[-1]) for o in outputs if o.ndim]
        if [len(part) for part in parts] != counts * 2 or any(p.shape[1] % 4 for p in parts[3:]):
            raise misfit("nanodet", f"scores of {counts} cells, then their sides", outputs)
        return decode_distributions(
            np.concatenate(parts[:3]), np.concatenate(parts[3:]), anchors, (width, height), confidence
        )

    return decode


def _plus(card: Card) -> Decoder:
    width, height = card.input.width, card.input.height
    places, strides = cells(width, height, _PLUS_STRIDES)
    anchors = (places * strides, strides)  # NanoDet-Plus counts from the cells' corners

    def decode(outputs: Outputs, confidence: float) -> Candidates:
        if len(outputs) != 1 or outputs[0].shape[:-1] != (1, len(places)) or outputs[0].shape[-1] <= _SIDES:
            raise misfit("nanodet-plus", f"one output (1, {len(places)}, classes + {_SIDES})", outputs)
        rows = np.asarray(outputs[0][0], np.float32)
        return decode_distributions(
            rows[:, :-_SIDES], rows[:, -_SIDES:], anchors, (width, height), confidence
        )

    return decode


def _nanodet_classes(header: OnnxHeader, width: int, height: int) -> int:
    found = shapes(header)
    counts = [columns * rows for columns, rows in grid_sizes(width, height, STRIDES)]
    fits = [s[-2] for s in found if len(s) >= 2] == counts * 2 and all(s[-1] == _SIDES for s in found[3:])
    return found[0][-1] if fits else 0


def _plus_classes(header: OnnxHeader, width: int, height: int) -> int:
    found = shapes(header)
    count = cell_count(width, height, _PLUS_STRIDES)
    return max(0, found[0][2] - _SIDES) if len(found) == 1 and found[0][:-1] == (1, count) else 0


_MEAN, _STD = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)
NANODET = Family("nanodet", "detect", _nanodet, _nanodet_classes, "bgr", _MEAN, _STD, "centre", 0, "pixels")
NANODET_PLUS = Family(
    "nanodet-plus", "detect", _plus, _plus_classes, "bgr", _MEAN, _STD, "stretch", 0, "pixels"
)
