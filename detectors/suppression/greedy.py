"""Greedy suppression, and what detectors do before it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vidstream import geometry
from vidstream.types import Boxes, Ids, Scores


def nms(boxes: Boxes, scores: Scores, iou: float, class_ids: Ids | None = None) -> Ids:
    """Rows kept by greedy non-maximum suppression, best score first; ties keep the lower row.

    A box is dropped when it overlaps a better one of its class by more than `iou`. The same rows as
    `vidstream.geometry.nms`, through OpenCV: 0.28 ms against 5.8 ms at 300 boxes, 2.3 against 27 at 1000.
    """
    if not len(boxes):
        return np.zeros(0, np.int64)
    ids = np.zeros(len(boxes), np.int32) if class_ids is None else class_ids.astype(np.int32)
    # OpenCV parts the classes by shifting boxes right: with x < 0 the shift is too small and classes meet.
    # It keeps scores above its threshold: -1 lets a score of 0 pass.
    xywh: Any = geometry.to_xywh(boxes - boxes.min()).astype(np.float64)
    best: Any = scores
    classes: Any = ids
    return np.asarray(cv2.dnn.NMSBoxesBatched(xywh, best, classes, -1.0, iou), np.int64)


def without_nested(boxes: Boxes, share: float) -> Ids:
    """Rows kept when a box is dropped that shares over `share` of the smaller area with a better one.

    `boxes` come best first. This is what IoU misses: a torso found inside a whole person.

    >>> without_nested(np.array([[0, 0, 10, 10], [2, 2, 6, 6], [8, 8, 18, 18]], np.float32), 0.7).tolist()
    [0, 2]
    """
    size = geometry.area(boxes)
    smaller = np.maximum(np.minimum(size[:, None], size[None, :]), np.finfo(np.float32).tiny)
    inside = geometry.intersection(boxes, boxes) / smaller > share
    kept: list[int] = []
    for row in range(len(boxes)):
        if not inside[row, kept].any():
            kept.append(row)
    return np.asarray(kept, np.int64)


def logistic(x: npt.NDArray[Any]) -> Scores:
    """1 / (1 + exp(-x)): any margin to a score in (0, 1), order kept."""
    share = 1.0 / (1.0 + np.exp(-np.clip(x, -60.0, 60.0)))
    return np.asarray(share, np.float32)


def in_fixed_order(boxes: Boxes, scores: Scores) -> tuple[Boxes, Scores]:
    """Boxes (N, 4) and scores (N,) by position.

    OpenCV's sliding windows run on several threads, which give what they find as they find it: without
    this, equal scores would be ranked, and groups be made, differently on every run.
    """
    order = np.lexsort((scores, *boxes.T[::-1]))
    return boxes[order], scores[order]
