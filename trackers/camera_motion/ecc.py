"""Camera motion by the enhanced correlation coefficient."""

from __future__ import annotations

import cv2
import numpy as np

from trackers.camera_motion.base import PictureMotion, Small
from vidstream.geometry import Float32, Float64


class Ecc(PictureMotion[Small]):
    """The affine transform under which the two pictures correlate best.

    Evangelidis and Psarakis, "Parametric Image Alignment Using Enhanced Correlation Coefficient
    Maximization" (PAMI 2008). Looks at all of the background, so it copes with blur, with few corners
    and with changes of light; but large moving objects pull it along unless it is given their boxes.
    """

    least_support = 0.68
    pixels = 240 * 135
    _BLUR = 5
    _CRITERIA = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 1e-4)

    def _look(self, small: Small) -> Small:
        return small

    def _compare(self, before: Small, after: Small) -> tuple[Float64 | None, float]:
        matrix = np.eye(2, 3, dtype=np.float32)
        try:
            support, matrix = self._align(before, after, np.eye(2, 3, dtype=np.float32))
            _, matrix = self._align(_without_movers(before, after, matrix), after, matrix)
        except cv2.error:  # it does not converge: the pictures have nothing in common, or nothing at all
            return None, 0.0
        return np.asarray(matrix, np.float64), support

    def _align(self, before: Small, after: Small, start: Float32) -> tuple[float, Float32]:
        support, matrix = cv2.findTransformECCWithMask(
            before.grey,
            after.grey,
            before.background,
            after.background,
            start,
            cv2.MOTION_AFFINE,
            self._CRITERIA,
            self._BLUR,
        )
        return float(support), np.asarray(matrix, np.float32)


def _without_movers(before: Small, after: Small, matrix: Float32) -> Small:
    """The picture before, its background without what differs far more than most once it is aligned.

    What moves on its own pulls the first result along: on static cameras by up to 14 px at the corners,
    with a second pass over what is left 1.5.
    """
    size = (before.grey.shape[1], before.grey.shape[0])
    aligned = cv2.warpAffine(after.grey, matrix, size, flags=cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR)
    differs = cv2.blur(cv2.absdiff(aligned, before.grey), (9, 9))
    shown = differs[before.background > 0]
    limit = 2 * np.median(shown) + 2 if len(shown) else 0
    return Small(before.grey, np.where(differs <= limit, before.background, np.uint8(0)))
