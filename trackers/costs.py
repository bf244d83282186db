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

from trackers.assignment import Agreement, Pairs, aligned_iou, iou_pairs, shared_and_union
from vidstream.geometry import Array

#: keeps quotients finite for boxes without area, and changes nothing else
_TINY = 1e-12


def iou(a: Array, b: Array) -> Array:
    """Intersection over union, 0 to 1."""
    return aligned_iou(a, b)


def giou(a: Array, b: Array) -> Array:
    """Generalised IoU, -1 to 1: less the empty share of the box around both (Rezatofighi 2019, alg. 1)."""
    shared, union = shared_and_union(a, b)
    width, height = _hull(a, b)
    return _ratio(shared, union) - _ratio(width * height - union, width * height)


def diou(a: Array, b: Array) -> Array:
    """Distance IoU, -1 to 1: less the squared distance of the centres (Zheng 2020, eq. 7).

    In units of the diagonal of the box around both.
    """
    width, height = _hull(a, b)
    apart = ((a[..., 0] + a[..., 2] - b[..., 0] - b[..., 2]) / 2) ** 2
    apart += ((a[..., 1] + a[..., 3] - b[..., 1] - b[..., 3]) / 2) ** 2
    return iou(a, b) - _ratio(apart, width**2 + height**2)


def ciou(a: Array, b: Array) -> Array:
    """Complete IoU, -2 to 1: `diou` less a penalty for another aspect (Zheng 2020, eq. 8 to 11)."""
    angles = np.arctan2(_width(a), _height(a)) - np.arctan2(_width(b), _height(b))
    other = 4 / np.pi**2 * angles**2
    return diou(a, b) - other * _ratio(other, 1 - iou(a, b) + other)


def hmiou(a: Array, b: Array) -> Array:
    """Height-modulated IoU, 0 to 1: times the overlap of the heights alone (Hybrid-SORT, Yang 2024, 3.2)."""
    top, bottom = np.maximum(a[..., 1], b[..., 1]), np.minimum(a[..., 3], b[..., 3])
    around = np.maximum(a[..., 3], b[..., 3]) - np.minimum(a[..., 1], b[..., 1])
    return iou(a, b) * _ratio(np.maximum(bottom - top, 0), around)


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


def _hull(a: Array, b: Array) -> tuple[Array, Array]:
    """Width and height of the smallest box around both."""
    width: Array = np.maximum(a[..., 2], b[..., 2]) - np.minimum(a[..., 0], b[..., 0])
    height: Array = np.maximum(a[..., 3], b[..., 3]) - np.minimum(a[..., 1], b[..., 1])
    return width, height


def _width(boxes: Array) -> Array:
    width: Array = np.maximum(boxes[..., 2] - boxes[..., 0], 0)
    return width


def _height(boxes: Array) -> Array:
    height: Array = np.maximum(boxes[..., 3] - boxes[..., 1], 0)
    return height


def _ratio(part: Array, whole: Array) -> Array:
    """part / whole; 0 where there is nothing."""
    ratio: Array = np.divide(part, whole, out=np.zeros_like(whole), where=whole > _TINY)
    return ratio
