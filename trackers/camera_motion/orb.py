"""Camera motion by matched features."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from trackers.camera_motion.base import Small
from trackers.camera_motion.points import PointMotion, corners
from vidstream.geometry import Float32, Float64
from vidstream.types import Pixels


class _Features(NamedTuple):
    #: float32 (N, 2)
    points: Float32
    #: uint8 (N, 32)
    descriptors: Pixels


class Orb(PointMotion[_Features]):
    """Corners with binary descriptors, matched between the pictures.

    Descriptors of Rublee et al., "ORB: An Efficient Alternative to SIFT or SURF" (ICCV 2011), on corners
    that spread over the picture and are not turned (no camera rolls by much from frame to frame). Does
    not care how far things moved: for jerky cameras and low frame rates. What is rich in detail, such as
    lettering on a bus, has more say here than in `SparseFlow`.
    """

    least_support = 0.25
    pixels = 480 * 270
    threshold = 2.0
    _PER_CELL = 6
    #: a match counts if the second best is clearly worse (Lowe 2004)
    _RATIO = 0.8

    def __init__(self) -> None:
        self._orb = cv2.ORB.create()
        self._matcher = cv2.BFMatcher(cv2.NORM_HAMMING)
        super().__init__()

    def _look(self, small: Small) -> _Features:
        spread = corners(small, self._PER_CELL)
        points, descriptors = self._orb.compute(small.grey, cv2.KeyPoint.convert(spread.tolist(), 31))
        if not len(points):  # none, or all too close to the border
            return _Features(np.zeros((0, 2), np.float32), np.zeros((0, 32), np.uint8))
        return _Features(
            np.asarray(cv2.KeyPoint.convert(points), np.float32), np.asarray(descriptors, np.uint8)
        )

    def _compare(self, before: _Features, after: _Features) -> tuple[Float64 | None, float]:
        if min(len(before.points), len(after.points)) < 2:
            return None, 0.0
        pairs = self._matcher.knnMatch(before.descriptors, after.descriptors, k=2)
        good = [a for a, b in pairs if a.distance < self._RATIO * b.distance]
        rows, cols = [m.queryIdx for m in good], [m.trainIdx for m in good]
        return self._agreed(before.points[rows], after.points[cols])
