"""What the methods share that follow points: where to find them, and what most of them did."""

from __future__ import annotations

from typing import Any, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from trackers.camera_motion.base import PictureMotion, Small
from vidstream.geometry import Float32, Float64

Look = TypeVar("Look")

#: corners: least strength, of the strongest's; how many are looked at; small pixels between them, and those
#: of the grid that they are thinned out by
_QUALITY, _CORNERS, _APART, _CELL = 0.01, 1000, 6, 40
#: two points define a similarity; so many that agree with one are no chance
_FEWEST = 8
#: small pixels by which the camera's motion may change from one picture to the next and still go on
_JERK = 4.5


class PointMotion(PictureMotion[Look]):
    """Motion from points of one picture and where they are in the next."""

    #: pixels of the small picture that a point may be off and still agree
    threshold: float

    def reset(self) -> None:
        """Forget the last picture, and how the camera was moving."""
        super().reset()
        self._usual: Float64 = np.eye(2, 3)

    def _agreed(self, before: Float32, after: Float32) -> tuple[Float64 | None, float]:
        """Shift, rotation and scale of the background's points (N, 2), and the share that took part.

        Where enough of them go on about as the camera did before (from rest), the answer lies there: what
        fills the view bit by bit, such as a bus that comes near, may have the majority and not the say.
        """
        ahead = before @ self._usual[:, :2].T + self._usual[:, 2]
        on = np.linalg.norm(ahead - after, axis=1) < _JERK
        matrix, support = similarity(before[on], after[on], self.threshold)
        support *= float(on.sum()) / max(len(on), 1)
        if support < self.least_support:
            matrix, support = similarity(before, after, self.threshold)
        self._usual = np.eye(2, 3) if matrix is None else matrix
        return matrix, support


def corners(small: Small, per_cell: int) -> Float32:
    """(N, 2) corners of the background (Shi and Tomasi 1994), the best few of each cell of a grid.

    Without the grid, one bush outvotes a street of plain walls.
    """
    found: npt.NDArray[Any] | None = cv2.goodFeaturesToTrack(
        small.grey, _CORNERS, 0.01, _APART, mask=small.background
    )
    if found is None:
        return np.zeros((0, 2), np.float32)
    points = found[:, 0]  # best first
    cells = (points // _CELL).astype(np.int64) @ (10_000, 1)
    order = np.argsort(cells, kind="stable")
    ordered = cells[order]
    rank = np.arange(len(points)) - np.searchsorted(ordered, ordered)
    return np.asarray(points[order[rank < per_cell]], np.float32)


def similarity(before: Float32, after: Float32, threshold: float) -> tuple[Float64 | None, float]:
    """Shift, rotation and scale that take most points (N, 2) to their partners, and the share it takes.

    RANSAC (Fischler and Bolles 1981): OpenCV's draws from a generator of its own, always seeded alike, so
    that the same points give the same matrix. None where fewer than `_FEWEST` points agree.
    """
    if len(before) < _FEWEST:
        return None, 0.0
    matrix, inliers = cv2.estimateAffinePartial2D(
        before, after, method=cv2.RANSAC, ransacReprojThreshold=threshold, maxIters=500
    )
    if matrix is None or inliers.sum() < _FEWEST:
        return None, 0.0
    return np.asarray(matrix, np.float64), float(inliers.mean())
