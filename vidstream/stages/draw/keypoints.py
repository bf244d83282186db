"""Key points: skeletons of bodies, dots of faces."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from vidstream.stages.draw.palette import INK, WHITE, Bgr
from vidstream.stages.draw.places import on_picture
from vidstream.types import Image, Pixels

#: pairs of the 17 COCO body points (nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles)
_BODY = (
    *((0, 1), (0, 2), (1, 3), (2, 4), (5, 6), (5, 7), (7, 9), (6, 8), (8, 10)),
    *((5, 11), (6, 12), (11, 12), (11, 13), (13, 15), (12, 14), (14, 16)),
)
#: points less sure than this are not drawn
_LEAST = 0.3
_SHIFT = 4


def draw_keypoints(
    pixels: Pixels, image: Image, keypoints: npt.NDArray[np.float32], colour: Bgr, thickness: int
) -> None:
    """The (K, 3) x y score points of one object; 17 are joined to a body."""
    fixed = np.rint(on_picture(image, keypoints[:, :2]) * (1 << _SHIFT)).astype(int).tolist()
    sure = (keypoints[:, 2] >= _LEAST).tolist()
    limbs = _BODY if len(fixed) == 17 else ()
    for ink, wide in ((INK, thickness + 1), (colour, max(1, thickness - 1))):
        for a, b in limbs:
            if sure[a] and sure[b]:
                cv2.line(pixels, fixed[a], fixed[b], ink, wide, cv2.LINE_AA, _SHIFT)
    radius = max(1, thickness - (len(fixed) > 30))
    for at, seen in zip(fixed, sure, strict=True):
        if seen:
            cv2.circle(pixels, at, (radius + 1) << _SHIFT, INK, cv2.FILLED, cv2.LINE_AA, _SHIFT)
            cv2.circle(pixels, at, radius << _SHIFT, WHITE, cv2.FILLED, cv2.LINE_AA, _SHIFT)
