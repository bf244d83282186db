"""Faces brought to one place and size, so that networks compare looks and not poses."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from detectors.faces.points import BLAZE_POINTS, Points, five
from vidstream.errors import ShapeError
from vidstream.types import Detections, Pixels, View

#: where five landmarks come to lie in a crop of 112 x 112: the template of ArcFace and its kin, which
#: `cv2.FaceRecognizerSF` has too
TEMPLATE: Final = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
_SIDE = 112.0


def similarity(points: Points, target: Points) -> npt.NDArray[np.float64]:
    """The 2x3 similarity transform that takes `points` (K, 2) nearest to `target` (K, 2).

    Rotation, one scale and a shift, with the least squared error and without mirroring: S. Umeyama:
    Least-Squares Estimation of Transformation Parameters Between Two Point Patterns, 1991, eq. 40 to 43.

    >>> square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    >>> similarity(square, 2 * square + 3).round(6).tolist()
    [[2.0, 0.0, 3.0], [0.0, 2.0, 3.0]]
    """
    here, there = np.asarray(points, np.float64), np.asarray(target, np.float64)
    mean_here, mean_there = here.mean(axis=0), there.mean(axis=0)
    centred = here - mean_here
    u, spread, v = np.linalg.svd((there - mean_there).T @ centred / len(here))
    sign = np.array([1.0, np.sign(np.linalg.det(u) * np.linalg.det(v)) or 1.0])
    turned = u @ np.diag(sign) @ v
    scale = (spread * sign).sum() / max(float((centred**2).sum() / len(here)), 1e-12)
    matrix = scale * turned
    return np.concatenate([matrix, (mean_there - matrix @ mean_here)[:, None]], axis=1)


def crops_by_landmarks(view: View, faces: Detections, side: int = 112) -> list[Pixels]:
    """Each face turned upright in a BGR crop of this side, by its landmarks (5, 6 or 68).

    Landmarks count as OpenCV counts: 0 is the middle of the first pixel. ShapeError: faces without them.
    """
    marks, target = _landmarks(faces)
    pixels, scale = view.bgr(), side / _SIDE
    crops = []
    for points in marks:
        here = view.points_from_source(points)
        matrix = similarity(here, target * scale)
        crops.append(np.asarray(cv2.warpAffine(pixels, matrix, (side, side)), np.uint8))
    return crops


def crops_by_box(view: View, faces: Detections, side: int, margin: float) -> list[Pixels]:
    """A BGR square of this side around each face's box, wider by `margin` (share of the longer side).

    Black where it sticks out of the picture.
    """
    pixels, crops = view.bgr(), []
    for x1, y1, x2, y2 in view.boxes_from_source(faces.boxes).astype(np.float64):
        half = max(x2 - x1, y2 - y1, 1e-3) * (1 + margin) / 2
        x, y, scale = (x1 + x2) / 2 - half, (y1 + y2) / 2 - half, side / (2 * half)
        # pixel edges at whole numbers, OpenCV counts from pixel centres: half a pixel on both sides
        shift = np.array([(0.5 - x) * scale - 0.5, (0.5 - y) * scale - 0.5])
        matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
        crops.append(np.asarray(cv2.warpAffine(pixels, matrix, (side, side)), np.uint8))
    return crops


def _landmarks(faces: Detections) -> tuple[Points, Points]:
    """Landmarks (N, K, 2) of the faces, and where they belong (K, 2)."""
    points = faces.keypoints
    if points is not None and points.shape[1] == BLAZE_POINTS:
        # eyes, nose tip, the mouth's middle; the ears are on nobody's template
        return points[:, :4, :2], np.concatenate([TEMPLATE[:3], TEMPLATE[3:].mean(axis=0)[None]])
    marks = None if points is None else five(points)
    if marks is None:
        raise ShapeError(
            "the faces have no landmarks to be turned upright by",
            where="faces",
            fix="take a detector that gives them (yunet, mtcnn), or put face.landmarks before",
        )
    return marks, TEMPLATE
