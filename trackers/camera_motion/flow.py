"""Camera motion by sparse optical flow."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from trackers.camera_motion.base import Small
from trackers.camera_motion.points import PointMotion, corners
from vidstream.geometry import Float32, Float64


class _Corners(NamedTuple):
    small: Small
    #: float32 (N, 2)
    points: Float32


class SparseFlow(PointMotion[_Corners]):
    """Corners of the background, followed from picture to picture (as BoT-SORT does).

    Corners by Shi and Tomasi (1994), the best few of each part of the picture;
    pyramidal flow by Lucas and Kanade (Bouguet 2000); a similarity transform by RANSAC. Aharon, Orfaig and
    Bobrovsky, "BoT-SORT: Robust Associations Multi-Pedestrian Tracking" (2022), section 3.2. The best
    choice nearly always: 6 ms per 1080p picture.

    >>> motion = SparseFlow().update(np.zeros((90, 160), np.uint8))
    >>> motion.ok, motion.matrix.tolist()
    (False, [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    """

    least_support = 0.25
    pixels = 480 * 270
    threshold = 1.5
    _PER_CELL = 4
    _WINDOW, _LEVELS = (15, 15), 4
    _CRITERIA = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 20, 0.03)

    def _look(self, small: Small) -> _Corners:
        return _Corners(small, corners(small, self._PER_CELL))

    def _compare(self, before: _Corners, after: _Corners) -> tuple[Float64 | None, float]:
        if not len(before.points):
            return None, 0.0
        found, status, _ = cv2.calcOpticalFlowPyrLK(
            before.small.grey,
            after.small.grey,
            before.points,
            np.empty(0, np.float32),
            winSize=self._WINDOW,
            maxLevel=self._LEVELS,
            criteria=self._CRITERIA,
        )
        good = status.ravel() == 1
        return self._agreed(before.points[good], np.asarray(found, np.float32)[good])
