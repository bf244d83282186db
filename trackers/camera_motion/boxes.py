"""Camera motion without pictures: from boxes that were matched with each other."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from trackers.camera_motion.base import Motion
from vidstream.geometry import Array, Float64, area

Complex: TypeAlias = npt.NDArray[np.complex128]

#: fewer pairs may move alike without the camera's doing
_FEWEST = 3
#: cameras turn and zoom little from frame to frame: standard deviation of the similarity's linear part
_TURN = 0.01
#: no pair is taken to be more exact than this, in box sizes
_EXACT = 0.01
#: pairs that disagree by more, in box sizes, have no motion in common
_DISORDER = 0.2
_ROUNDS = 4


def from_boxes(before: Array, after: Array, weights: Array | None = None) -> Motion:
    """The motion that most pairs of boxes share: shift, rotation and scale, found without a picture.

    before, after: (N, 4), pair by pair: the same objects in the previous and the present picture, or (the
    better choice) where tracks were expected and where they were found, which leaves their own motion
    out. weights: (N,) trust in each pair, 0 leaves it out.

    Both corners of all boxes go into one least-squares fit, reweighted by their residuals in units of box
    sizes (Geman and McClure 1987), so that objects with ways of their own lose their say; rotation and
    scale are shrunk towards none (a ridge), so that three close boxes cannot conjure up a spin. Not `ok`
    where fewer than three pairs, or less than half of them, agree. About 0.1 ms whatever N.

    >>> boxes = np.array([[0, 0, 40, 80], [200, 40, 240, 120], [400, 10, 440, 90]], float)
    >>> motion = from_boxes(boxes, boxes + 5)
    >>> motion.ok, motion.matrix[:, 2].round(3).tolist()
    (True, [5.0, 5.0])
    """
    trust = np.ones(len(before)) if weights is None else np.asarray(weights, np.float64)
    used = trust > 0
    if used.sum() < _FEWEST:
        return Motion.unknown()
    points, shifts = _corners(before[used]), _corners(after[used]) - _corners(before[used])
    size = np.tile(np.sqrt(np.maximum(area(before[used]), 1.0)), 2)
    linear, shift, disorder, residual = _fit(points, shifts, size, np.tile(trust[used], 2))
    agree = (residual <= 3 * disorder).reshape(2, -1).all(axis=0)
    support = float(agree.mean())
    if agree.sum() < _FEWEST or support < 0.5 or disorder > _DISORDER:
        return Motion.unknown(support)
    a, b = 1 + linear.real, linear.imag
    return Motion(np.array([[a, -b, shift.real], [b, a, shift.imag]]), ok=True, support=support)


def _fit(
    points: Complex, shifts: Complex, size: Float64, trust: Float64
) -> tuple[complex, complex, float, Float64]:
    """``shift = linear * point + constant``: the numbers, the residuals' spread, the residuals in sizes.

    A plane's points are complex numbers: turning and scaling is one multiplication.
    """
    precision = trust / size**2
    linear, constant = 0j, complex(_median(shifts.real), _median(shifts.imag))
    for _ in range(_ROUNDS):
        residual = np.abs(shifts - linear * points - constant) / size
        # a median of lengths, of errors in two directions: 1.1774 standard deviations (Rayleigh)
        disorder = max(_median(residual) / 1.1774, _EXACT)
        say = precision / (1 + (residual / (3 * disorder)) ** 2) ** 2
        total = say.sum()
        say /= total
        middle, mean = say @ points, say @ shifts
        arms = points - middle
        spread = say @ (arms.real**2 + arms.imag**2)
        ridge = (disorder / _TURN) ** 2 / total
        linear = complex((say * arms.conj()) @ (shifts - mean)) / (spread + ridge)
        constant = complex(mean - linear * middle)
    residual = np.abs(shifts - linear * points - constant) / size
    return linear, constant, disorder, residual


def _corners(boxes: Array) -> Complex:
    """(2N,) top left corners, then bottom right ones."""
    x1, y1, x2, y2 = np.asarray(boxes, np.float64).T
    return np.concatenate([x1 + 1j * y1, x2 + 1j * y2])


def _median(values: Float64) -> float:
    """The upper median: `np.median` takes five times as long."""
    half = len(values) // 2
    return float(np.partition(values, half)[half])


def warp_boxes(matrix: Float64, boxes: Array) -> Array:
    """Boxes (N, 4) after the camera moved: centres go with the matrix, sizes with its scale.

    The boxes stay upright and keep their shape: a person is as tall as before when the camera rolls.
    """
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 @ matrix[:, :2].T + matrix[:, 2]
    half = (boxes[:, 2:] - boxes[:, :2]) / 2 * scale_of(matrix)
    return np.concatenate([centre - half, centre + half], axis=1).astype(boxes.dtype)


def scale_of(matrix: Float64) -> float:
    """How much larger things became."""
    (a, b), (c, d) = matrix[:, :2].tolist()
    return float(abs(a * d - b * c) ** 0.5)
