"""One entry to all methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from detectors.suppression.fuse import greedy_groups, merged, weighted_fusion
from detectors.suppression.greedy import nms
from detectors.suppression.neighbours import Kept, Neighbours, Overlap, best_first
from detectors.suppression.soften import Decay, matrix_scores, soft_scores
from vidstream.errors import ShapeError
from vidstream.geometry import Array, Float64
from vidstream.types import Boxes, Ids, Scores
from vidstream.types.values import Range, Ratio


@dataclass(frozen=True, slots=True)
class Suppression:
    """How boxes of one object become one."""

    #: nms drops what overlaps a better box; soft (Soft-NMS) and matrix (Matrix NMS) lower its score instead;
    #: wbf (weighted boxes fusion) averages boxes, merge takes the box around them
    method: Literal["nms", "soft", "matrix", "wbf", "merge"] = "nms"
    iou: Ratio = (
        0.5  #: boxes that overlap by more are of one object (soft: with linear decay; matrix: unused)
    )
    #: how overlap is measured: iou, ios (of the smaller box: for tiles), or one that sees distance
    overlap: Overlap = "iou"
    decay: Decay = "gaussian"  #: soft, matrix: how the score sinks with the overlap
    sigma: Annotated[float, Range(0.0, open_low=True)] = (
        0.5  #: soft, matrix: gaussian exp(-overlap^2 / sigma)
    )
    agnostic: bool = False  #: boxes of different classes count as one object, too
    min_score: Ratio = 0.001  #: drop what scores less in the end


def suppress(
    boxes: Boxes,
    scores: Scores,
    class_ids: Ids,
    how: Suppression | None = None,
    *,
    origins: Ids | None = None,
    weights: Sequence[float] = (1.0,),
) -> Kept:
    """One box per object of boxes (N, 4), scores (N,) and class_ids (N,), best score first.

    Boxes that several detectors found are told apart by `origins` (N,), 0 for the first: ``wbf`` needs to
    know, since what only one of them saw scores less. `weights` has one for each detector (``wbf`` alone
    looks at it). ShapeError: an origin without a weight. The class of what is kept is that of its row.
    """
    how = how or Suppression()
    if len(boxes) == 0:
        return Kept(boxes, scores, np.zeros(0, np.int64))
    ids = None if how.agnostic else class_ids
    if how.method == "nms" and how.overlap == "iou":
        rows = nms(boxes, scores, how.iou, ids)
        return _kept(boxes[rows], scores[rows], rows, how.min_score)
    near = Neighbours(boxes, ids, how.overlap)
    if how.method == "wbf":
        shares, detectors = _shares(origins, weights, len(boxes)), len(weights)
        fused = weighted_fusion(near, scores, how.iou, how.overlap, shares, detectors)
        return _kept(*fused, how.min_score)
    return _kept(*_chosen(near, boxes, scores, how), how.min_score)


def _chosen(near: Neighbours, boxes: Boxes, scores: Scores, how: Suppression) -> tuple[Array, Array, Ids]:
    """Boxes, scores and rows by the methods that need no detectors' weights."""
    if how.method == "soft":
        return boxes, soft_scores(near, scores, how.iou, how.decay, how.sigma), np.arange(len(boxes))
    if how.method == "matrix":
        return boxes, matrix_scores(near, scores, how.decay, how.sigma), np.arange(len(boxes))
    groups = list(greedy_groups(near, scores, how.iou))
    rows = np.array([group[0] for group in groups], np.int64)
    return (merged(near.boxes, groups) if how.method == "merge" else boxes[rows]), scores[rows], rows


def _kept(boxes: Array, scores: Array, rows: Ids, min_score: float) -> Kept:
    order = best_first(scores)
    order = order[scores[order] >= min_score]
    return Kept(boxes[order].astype(np.float32), scores[order].astype(np.float32), rows[order])


def _shares(origins: Ids | None, weights: Sequence[float], count: int) -> Float64:
    """The weight of each box, such that the detectors' mean weight is 1."""
    given = np.asarray(weights, np.float64)
    rows = np.zeros(count, np.int64) if origins is None else origins
    if len(rows) != count or rows.min() < 0 or rows.max() >= len(given):
        what = f"origins: expected {count} numbers from 0 to {len(given) - 1}"
        raise ShapeError(what, where="suppress", fix="give one weight for each detector")
    shares: Float64 = given[rows] * len(given) / given.sum()
    return shares
