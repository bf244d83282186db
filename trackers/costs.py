"""How well two boxes agree: overlap, and what tells near misses from far ones where there is none.

All take boxes x1 y1 x2 y2 in arrays (..., 4) that broadcast against each other, in their floating type, so
that one function serves pairs, ``giou(tracks[pairs.rows], detections[pairs.cols])``, and whole tables,
``giou(tracks[:, None], detections[None])`` (`table`). All are symmetric, 1 for equal boxes, and do not change
when both boxes are moved or scaled alike. An inside-out box has no area.

>>> a, b = np.array([[0.0, 0, 4, 4]]), np.array([[0.0, 0, 4, 4], [4, 0, 8, 4], [0, 0, 2, 4]])
>>> table(giou, a, b).tolist()
[[1.0, 0.0, 0.5]]
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from trackers.assignment import Agreement, Pairs, iou_pairs
from vidstream.geometry import Array
from vidstream.geometry import aligned_ciou as ciou
from vidstream.geometry import aligned_diou as diou
from vidstream.geometry import aligned_giou as giou
from vidstream.geometry import aligned_iou as iou

__all__ = ["AGREEMENTS", "buffered", "ciou", "diou", "giou", "hmiou", "iou", "overlap_pairs", "table"]


def hmiou(a: Array, b: Array) -> Array:
    """Height-modulated IoU, 0 to 1: times the overlap of the heights alone (Hybrid-SORT, Yang 2024, 3.2)."""
    top, bottom = np.maximum(a[..., 1], b[..., 1]), np.minimum(a[..., 3], b[..., 3])
    around = np.maximum(a[..., 3], b[..., 3]) - np.minimum(a[..., 1], b[..., 1])
    shared = np.maximum(bottom - top, 0)
    modulated: Array = iou(a, b) * np.divide(shared, around, out=np.zeros_like(around), where=around > 0)
    return modulated


def buffered(boxes: Array, scale: float) -> Array:
    """Boxes (..., 4) grown by `scale` of their width and height on each side (C-BIoU, Yang 2023, 3.1).

    ``iou(buffered(a, 0.3), buffered(b, 0.3))`` is their buffered IoU: fast things that miss themselves touch.
    """
    margin = scale * (boxes[..., 2:] - boxes[..., :2])
    return np.concatenate([boxes[..., :2] - margin, boxes[..., 2:] + margin], axis=-1)


def table(agreement: Agreement, a: Array, b: Array) -> Array:
    """(T, N) agreement of each of a (T, 4) with each of b (N, 4)."""
    return agreement(a[:, None], b[None])


def overlap_pairs(agreement: Agreement, a: Array, b: Array, reach: float = 0.0) -> Pairs:
    """The pairs of a (T, 4) and b (N, 4) that overlap, costing 1 - agreement.

    With `reach` both are `buffered` first, in search of pairs and for the agreement.
    """
    if reach:
        a, b = buffered(a, reach), buffered(b, reach)
    return iou_pairs(a, b, agreement)


#: names for people to choose by
AGREEMENTS: Final[Mapping[str, Agreement]] = {
    "iou": iou,
    "giou": giou,
    "diou": diou,
    "ciou": ciou,
    "hmiou": hmiou,
}
