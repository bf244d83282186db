"""Which boxes are near which: what all methods of suppression ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np

from vidstream import geometry
from vidstream.geometry import Array, Float64
from vidstream.types import Boxes, Ids, Scores

#: ways to say how much two boxes are alike
Overlap: TypeAlias = Literal["iou", "ios", "giou", "diou", "ciou"]


class Kept(NamedTuple):
    """What is left of N boxes, best score first."""

    #: float32 (K, 4)
    boxes: Boxes
    #: float32 (K,)
    scores: Scores
    #: int64 (K,) the row each comes from; the best of those it stands for where several were fused
    rows: Ids


def ios(a: Array, b: Array) -> Array:
    """(...) intersection over the smaller area: 1 where one box lies inside the other."""
    shared, _ = geometry.shared_and_union(a, b)
    smaller = np.minimum(*(geometry.shared_and_union(box, box)[1] for box in (a, b)))
    ratio: Array = shared / np.maximum(smaller, 1e-12)
    return ratio


OVERLAPS: Final[Mapping[Overlap, Callable[[Array, Array], Array]]] = {
    "iou": geometry.aligned_iou,
    "ios": ios,
    "giou": geometry.aligned_giou,
    "diou": geometry.aligned_diou,
    "ciou": geometry.aligned_ciou,
}


#: of so many boxes all pairs are compared at once: a third of the time for 140, but 8 bytes for each pair
_FEW = 1000


class Neighbours:
    """N boxes and how much each overlaps the others.

    Boxes of different classes have nothing to do with each other, unless `class_ids` is None.
    """

    def __init__(self, boxes: Boxes, class_ids: Ids | None, overlap: Overlap) -> None:
        self.boxes = boxes.astype(np.float64)
        self.class_ids = np.zeros(len(boxes), np.int64) if class_ids is None else class_ids
        self._agree = OVERLAPS[overlap]
        self._table: Float64 | None = None

    def of(self, box: Float64, class_id: int) -> Float64:
        """float64 (N,) overlap of a box with all, 0 to 1: none where they are of another class or apart."""
        overlap = np.maximum(self._agree(box[None], self.boxes), 0.0)
        overlap[self.class_ids != class_id] = 0.0
        return overlap

    def of_row(self, row: int) -> Float64:
        """The same for one of the N."""
        if self._table is None and len(self.boxes) <= _FEW:
            self._table = np.maximum(self._agree(self.boxes[:, None], self.boxes[None]), 0.0)
            self._table[self.class_ids[:, None] != self.class_ids[None]] = 0.0
        if self._table is None:
            return self.of(self.boxes[row], int(self.class_ids[row]))
        overlap: Float64 = self._table[row]
        return overlap


def best_first(scores: Array) -> Ids:
    """Rows by falling score; ties keep the lower row first."""
    return np.argsort(-scores, kind="stable").astype(np.int64)
