"""Camera motion by sparse optical flow."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from trackers.camera_motion.base import PictureMotion, Small, corners, similarity
from vidstream.geometry import Float32, Float64


class _Corners(NamedTuple):
    small: Small
    #: float32 (N, 2)
    points: Float32


class SparseFlow(PictureMotion[_Corners]):
    """Corners of the background, followed from picture to picture (as BoT-SORT does).

    Corners by Shi and Tomasi (1994), at least a few pixels apart so that they spread over the picture;
    pyramidal flow by Lucas and Kanade (Bouguet 2000); a similarity transform by RANSAC. Aharon, Orfaig and
    Bobrovsky, "BoT-SORT: Robust Associations Multi-Pedestrian Tracking" (2022), section 3.2. The best
    choice nearly always: 4 ms per 1080p picture.

    >>> motion = SparseFlow().update(np.zeros((90, 160), np.uint8))
    >>> motion.ok, motion.matrix.tolist()
    (False, [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    """

    least_support = 0.35
    width = 480
    _CORNERS, _APART = 250, 7
    _WINDOW, _LEVELS = (15, 15), 4
    _CRITERIA = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 20, 0.03)
    #: pixels of the small picture that a corner may be off and still agree
    _THRESHOLD = 1.5

    def _look(self, small: Small) -> _Corners:
        return _Corners(small, corners(small, self._CORNERS, self._APART))

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
        return similarity(before.points[good], np.asarray(found, np.float32)[good], self._THRESHOLD)
