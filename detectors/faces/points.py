"""Landmark schemes, and what can be measured on them: eyes open or shut, the mouth, where the face looks.

Right and left are the person's own: the right eye comes first, on the left of the picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

Points: TypeAlias = npt.NDArray[Any]

#: points of the iBUG scheme of 68: the six around each eye, and the inner lips
RIGHT_EYE, LEFT_EYE, INNER_LIPS = slice(36, 42), slice(42, 48), slice(60, 68)
_NOSE_TIP, _MOUTH = 30, (48, 54)

#: number of landmarks -> rows of what five points are made of: eyes, nose tip, corners of the mouth
_FIVE: Final[Mapping[int, tuple[tuple[int, ...], ...]]] = {
    5: ((0,), (1,), (2,), (3,), (4,)),
    68: (tuple(range(36, 42)), tuple(range(42, 48)), (_NOSE_TIP,), (_MOUTH[0],), (_MOUTH[1],)),
}
#: BlazeFace gives the mouth's middle in place of its corners, and the ears
BLAZE_POINTS = 6


def five(points: Points) -> Points | None:
    """(N, 5, 2) right eye, left eye, nose tip, right and left corner of the mouth; None where they lack.

    `points` are (N, K, 2 or more) of K = 5 (in this order) or 68.
    """
    rows = _FIVE.get(points.shape[1])
    if rows is None:
        return None
    return np.stack([points[:, list(row), :2].mean(axis=1) for row in rows], axis=1)


def eye_distance(points: Points) -> Points:
    """(N,) distance between the outer corners of the eyes, in the unit of 68 points (N, 68, 2)."""
    span: Points = np.hypot(*(points[:, 45, :2] - points[:, 36, :2]).T)
    return span


def eye_openness(points: Points) -> Points:
    """(N,) eye aspect ratio of 68 points, the mean of both eyes: about 0.3 open, below 0.2 shut.

    T. Soukupova, J. Cech: Real-Time Eye Blink Detection using Facial Landmarks, 2016, eq. 1.
    """
    both = [_aspect(points[:, eye, :2]) for eye in (RIGHT_EYE, LEFT_EYE)]
    return np.asarray(np.mean(both, axis=0))


def mouth_openness(points: Points) -> Points:
    """(N,) height of the opening between the lips over its width, of 68 points: 0 = closed."""
    lips = points[:, INNER_LIPS, :2]
    heights = [_length(lips[:, above] - lips[:, below]) for above, below in ((1, 7), (2, 6), (3, 5))]
    opening: Points = np.mean(heights, axis=0) / np.maximum(_length(lips[:, 4] - lips[:, 0]), 1e-6)
    return opening


def turn(marks: Points) -> Points:
    """(N,) how far a face looks aside, from five points: 0 = at the camera, 1 = nose tip above an eye.

    The sign is that of the picture's x: above 0 it looks to the picture's right.
    """
    right, left, nose = marks[:, 0], marks[:, 1], marks[:, 2]
    axis = left - right
    share = ((nose - right) * axis).sum(axis=1) / np.maximum((axis * axis).sum(axis=1), 1e-6)
    aside: Points = 2 * share - 1
    return aside


def _aspect(eye: Points) -> Points:
    height = _length(eye[:, 1] - eye[:, 5]) + _length(eye[:, 2] - eye[:, 4])
    ratio: Points = height / np.maximum(2 * _length(eye[:, 0] - eye[:, 3]), 1e-6)
    return ratio


def _length(vectors: Points) -> Points:
    length: Points = np.hypot(vectors[:, 0], vectors[:, 1])
    return length
