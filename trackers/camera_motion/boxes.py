"""Camera motion without pictures: from boxes that were matched with each other."""

from __future__ import annotations

import numpy as np

from trackers.camera_motion.base import Motion
from vidstream.geometry import Array, Float64


def from_boxes(before: Array, after: Array, weights: Array | None = None) -> Motion:
    """The motion that most of the pairs share."""
    raise NotImplementedError


def warp_boxes(matrix: Float64, boxes: Array) -> Array:
    """Boxes (N, 4) after the camera moved: centres go with the matrix, sizes with its scale.

    The boxes stay upright and keep their shape: a person is as tall as before when the camera rolls.
    """
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 @ matrix[:, :2].T + matrix[:, 2]
    half = (boxes[:, 2:] - boxes[:, :2]) / 2 * scale_of(matrix)
    return np.concatenate([centre - half, centre + half], axis=1).astype(boxes.dtype)


def scale_of(matrix: Float64) -> float:
    """How much larger things became."""
    return float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
