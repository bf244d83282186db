"""MTCNN: a network proposes windows on a pyramid, a second refines them, a third adds five landmarks.

K. Zhang, Z. Zhang, Z. Li, Y. Qiao: Joint Face Detection and Alignment using Multi-task Cascaded Convolutional
Networks, 2016, arXiv 1604.02878. The details (rounding, thresholds, suppression) are those of the authors'
code, as ipazc/mtcnn has it. The networks were converted from ones that see pictures transposed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from detectors.catalogue.card import MAIN
from detectors.dnn.engines.base import Blob, Remark
from detectors.dnn.engines.opencv import OpenCvEngine
from detectors.dnn.network import load_model
from detectors.faces.detect.params import FaceParams
from detectors.suppression import nms, without_nested
from vidstream import geometry
from vidstream.errors import ModelError
from vidstream.geometry import Array
from vidstream.types import Boxes, Detections, Ids, Pixels, Scores, View

#: window and step of the proposing network, in its input pixels
_WINDOW, _STEP = 12, 2
#: side of the smallest face looked for, and between two levels of the pyramid
_LEAST, _LEVEL = 20, 0.709
#: smallest scores of the first two networks, and the overlaps of the three suppressions
_PROPOSED, _REFINED = 0.6, 0.7
_WITHIN_LEVEL, _BETWEEN, _NESTED = 0.5, 0.7, 0.7


#: from the last row and column of a box to its end
_LAST = np.array([0, 0, 1, 1])


class _Found(NamedTuple):
    """Windows (N, 4) x1 y1 x2 y2 with the last row and column, and how sure each is."""

    boxes: Array
    scores: Scores

    def rows(self, rows: Ids) -> _Found:
        return _Found(self.boxes[rows], self.scores[rows])


class MtcnnDetector:
    """The cascade; runs in OpenCV. Use it from one thread.

    ModelError: the model is not there, its files are damaged, or it is asked to run elsewhere.
    """

    def __init__(self, params: FaceParams, *, models: Path | None = None) -> None:
        self.params = params
        card, data = load_model(params, ("face",), models)
        where = f"model '{card.name}'"
        if params.engine not in ("default", "auto", "opencv"):
            raise ModelError(f"does not run in {params.engine}", where=where, fix="use engine: opencv")
        roles = ((MAIN, ("conv2d_4", "softmax")), ("refine", ("dense_2", "softmax_1")),
                 ("output", ("dense_5", "dense_6", "softmax_2")))  # fmt: skip
        self._propose, self._refine, self._output = (
            OpenCvEngine(data[role], device=params.device, outputs=outputs, where=where)
            for role, outputs in roles
        )
        self.names: Mapping[int, str] = card.names
        self.remarks: Sequence[Remark] = ()
        if params.device == "auto":
            device = self._propose.device
            kind = "cpu-fallback" if device == "cpu" else "device"
            self.remarks = (Remark(kind, f"device auto took {device}"),)
        self._confidence = params.least("mtcnn")

    def detect(self, view: View) -> Detections:
        """Faces in `view`, boxes and five landmarks in source pixels, best score first."""
        rgb = view.bgr()[:, :, ::-1]
        found, points = self._finished(rgb, self._refined(rgb, self._proposed(rgb)))
        boxes = geometry.clip(found.boxes + _LAST, view.width, view.height)
        kept = ((boxes[:, 2:] - boxes[:, :2]) >= max(1, self.params.min_size)).all(axis=1)
        marks = view.points_to_source(points[kept].reshape(-1, 2)).reshape(-1, 5, 2)
        sure = np.broadcast_to(found.scores[kept, None, None], (len(marks), 5, 1))
        return Detections.of(
            view.boxes_to_source(boxes[kept]),
            np.clip(found.scores[kept], 0, 1),
            keypoints=np.concatenate([marks, sure], axis=2).astype(np.float32),
            names=self.names,
        )

    def detect_batch(self, views: Sequence[View]) -> list[Detections]:
        """`detect` for each view."""
        return [self.detect(view) for view in views]

    def _proposed(self, rgb: Pixels) -> _Found:
        """Square windows that may hold a face, from all levels of the pyramid."""
        least = max(_LEAST, self.params.min_size)
        levels = [self._level(rgb, scale) for scale in _scales(rgb.shape[0], rgb.shape[1], least)]
        found, offsets = _joined(levels)
        rows = nms(_exclusive(found.boxes), found.scores, _BETWEEN)
        found = found.rows(rows)
        sides = np.tile(found.boxes[:, 2:] - found.boxes[:, :2], 2)
        return _Found(_square(found.boxes + offsets[rows] * sides), found.scores)

    def _level(self, rgb: Pixels, scale: float) -> tuple[_Found, Array]:
        size = (int(np.ceil(rgb.shape[1] * scale)), int(np.ceil(rgb.shape[0] * scale)))
        small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        offsets, sure = self._propose.run(_transposed(np.asarray(small, np.uint8)[None]))
        x, y = np.nonzero(sure[0, :, :, 1] >= _PROPOSED)
        cells = np.stack([x, y], axis=1) * _STEP
        boxes = np.fix(np.concatenate([cells + 1, cells + _WINDOW], axis=1) / scale)
        found = _Found(boxes, sure[0, x, y, 1])
        rows = nms(_exclusive(boxes), found.scores, _WITHIN_LEVEL)
        return found.rows(rows), offsets[0, x, y].astype(np.float64)[rows]

    def _refined(self, rgb: Pixels, found: _Found) -> _Found:
        if not len(found.boxes):
            return found
        boxes = np.fix(found.boxes)
        offsets, sure = self._refine.run(_windows(rgb, boxes, 24))
        kept = np.flatnonzero(sure[:, 1] > _REFINED)
        found = _Found(boxes[kept], sure[kept, 1])
        rows = nms(_exclusive(found.boxes), found.scores, _BETWEEN)
        found = found.rows(rows)
        return _Found(_square(_moved(found.boxes, offsets[kept][rows])), found.scores)

    def _finished(self, rgb: Pixels, found: _Found) -> tuple[_Found, Array]:
        """Faces best first, and their landmarks (N, 5, 2)."""
        if not len(found.boxes):
            return found, np.zeros((0, 5, 2))
        boxes = np.fix(found.boxes)
        offsets, points, sure = self._output.run(_windows(rgb, boxes, 48))
        kept = np.flatnonzero(sure[:, 1] > self._confidence)
        kept = kept[np.argsort(-sure[kept, 1], kind="stable")]
        sides = boxes[kept, 2:] - boxes[kept, :2] + 1
        marks = points[kept].reshape(-1, 2, 5).transpose(0, 2, 1) * sides[:, None] + boxes[kept, None, :2] - 1
        moved = _moved(boxes[kept], offsets[kept])
        rows = without_nested(_exclusive(moved), _NESTED)
        return _Found(moved[rows], sure[kept][rows, 1]), marks[rows]


def _scales(height: int, width: int, least: int) -> list[float]:
    """Scales of the pyramid, finest first: a face of `least` pixels fills the window on the first."""
    scale, found = _WINDOW / least, []
    while min(height, width) * scale >= _WINDOW:
        found.append(scale)
        scale *= _LEVEL
    return found


def _joined(
    levels: Sequence[tuple[_Found, Array]],
) -> tuple[_Found, Array]:
    none = np.zeros((0, 4))
    boxes = np.concatenate([none, *(found.boxes for found, _ in levels)])
    scores = np.concatenate([np.zeros(0, np.float32), *(found.scores for found, _ in levels)])
    return _Found(boxes, scores), np.concatenate([none, *(offsets for _, offsets in levels)])


def _windows(rgb: Pixels, boxes: Array, side: int) -> Blob:
    """The windows at this side, black where they stick out of the picture. Their first pixel is 1."""
    crops = np.zeros((len(boxes), side, side, 3), np.uint8)
    height, width = rgb.shape[:2]
    for crop, (x1, y1, x2, y2) in zip(crops, boxes.astype(int) - (1, 1, 0, 0), strict=True):
        window = np.zeros((max(1, y2 - y1), max(1, x2 - x1), 3), np.uint8)
        inside = rgb[max(y1, 0) : min(y2, height), max(x1, 0) : min(x2, width)]
        top, left = max(-y1, 0), max(-x1, 0)
        window[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
        crop[:] = cv2.resize(window, (side, side), interpolation=cv2.INTER_AREA)
    return _transposed(crops)


def _transposed(rgb: Pixels) -> Blob:
    """(N, H, W, 3) pixels as (N, W, H, 3) in -1..1."""
    return np.ascontiguousarray(((rgb - np.float32(127.5)) / np.float32(128)).transpose(0, 2, 1, 3))


def _exclusive(boxes: Array) -> Boxes:
    return np.asarray(boxes + _LAST, np.float32)


def _moved(boxes: Array, offsets: Array) -> Array:
    """Boxes whose corners are moved by shares of their sides."""
    return np.asarray(boxes + offsets * np.tile(boxes[:, 2:] - boxes[:, :2] + 1, 2))


def _square(boxes: Array) -> Array:
    """Squares around the same middles, as large as the longer side."""
    sides = boxes[:, 2:] - boxes[:, :2]
    longest = sides.max(axis=1, keepdims=True, initial=0.0)
    corners = boxes[:, :2] + (sides - longest) / 2
    return np.concatenate([corners, corners + longest], axis=1)
