"""A Kalman filter for all tracks at once: constant velocity on four box coordinates.

Noise, start and measurement of the published trackers are independent between the four coordinates, so
their eight-state filters fall apart into four filters of two states each, exactly: no matrix is ever built.
A state is a float64 (5, 4, N) array, **planes** of one row per coordinate and one column per track:

    0  where         the coordinates
    1  rate          their change per frame of the nominal rate, so that published constants hold as printed
    2  var(where)    the covariance of the two, three planes
    3  cov(where, rate)
    4  var(rate)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, TypeAlias

import numpy as np

from vidstream.geometry import Array, Float32, Float64

#: (5, 4, N), see above
State: TypeAlias = Float64


class Noise(NamedTuple):
    """Variances of the coordinates and of their rates, each (4, N) or (4, 1) for all alike."""

    where: Float64
    rate: Float64


class MotionModel(ABC):
    """Which four coordinates describe a box, and how uncertain they are.

    Uncertainty is a share of the object's size plus something fixed: a variance is
    ``share**2 * size**2 + fixed**2``, the shares and fixed parts being (4, 1) standard deviations.
    """

    #: which power of a length each coordinate is: an area is 2, a ratio 0
    lengths: ClassVar[tuple[int, int, int, int]] = (1, 1, 1, 1)

    @abstractmethod
    def measure(self, boxes: Array) -> Float64:
        """(4, N) coordinates of (N, 4) boxes."""

    @abstractmethod
    def boxes(self, where: Float64) -> Float32:
        """(N, 4) boxes of (4, N) coordinates."""

    @abstractmethod
    def initial(self, where: Float64) -> Noise:
        """Of a track seen once."""

    @abstractmethod
    def process(self, where: Float64) -> Noise:
        """Added within one frame."""

    @abstractmethod
    def measurement(self, where: Float64) -> Float64:
        """(4, N) or (4, 1) variances of a detection."""

    def bound(self, where: Float64, rate: Float64, steps: float) -> Float64:
        """The rates, those stopped that would lead out of the possible within `steps` frames."""
        return rate


def _column(*values: float) -> Float64:
    """(4, 1) squares."""
    squares: Float64 = np.square(np.array(values)[:, None])
    return squares


@dataclass(frozen=True, slots=True)
class XYAH(MotionModel):
    """Centre x, y, aspect ratio w / h, height; noise in proportion to the height (Wojke 2017, 2.1).

    Constants as published with the paper: 1/20 of the height for positions, 1/160 for velocities.
    """

    lengths = (1, 1, 0, 1)

    position: float = 1 / 20
    velocity: float = 1 / 160

    def measure(self, boxes: Array) -> Float64:
        """(4, N) cx, cy, w / h, h."""
        z = centre_and_size(boxes)
        z[2] /= z[3]
        return z

    def boxes(self, where: Float64) -> Float32:
        """(N, 4) boxes of (4, N) coordinates."""
        return around(where[:2], where[2] * where[3], where[3])

    def initial(self, where: Float64) -> Noise:
        """Twice the position's, ten times the velocity's."""
        return self._noise(where, 2 * self.position, 1e-2, 10 * self.velocity)

    def process(self, where: Float64) -> Noise:
        """Added within one frame."""
        return self._noise(where, self.position, 1e-2, self.velocity)

    def measurement(self, where: Float64) -> Float64:
        """(4, N) variances of a detection."""
        at = self.position
        variance: Float64 = _column(at, at, 0, at) * visible(where[3:]) + _column(0, 0, 1e-1, 0)
        return variance

    def _noise(self, where: Float64, at: float, aspect: float, rate: float) -> Noise:
        size = visible(where[3:])
        return Noise(
            _column(at, at, 0, at) * size + _column(0, 0, aspect, 0),
            _column(rate, rate, 0, rate) * size + _column(0, 0, 1e-5, 0),
        )


@dataclass(frozen=True, slots=True)
class XYWH(MotionModel):
    """Centre x, y, width, height; noise in proportion to width and height (Aharon et al. 2022, eq. 5-8)."""

    position: float = 1 / 20
    velocity: float = 1 / 160

    def measure(self, boxes: Array) -> Float64:
        """(4, N) cx, cy, w, h."""
        return centre_and_size(boxes)

    def boxes(self, where: Float64) -> Float32:
        """(N, 4) boxes of (4, N) coordinates."""
        return around(where[:2], where[2], where[3])

    def initial(self, where: Float64) -> Noise:
        """Twice the position's, ten times the velocity's."""
        size = self._size(where)
        return Noise((2 * self.position) ** 2 * size, (10 * self.velocity) ** 2 * size)

    def process(self, where: Float64) -> Noise:
        """Added within one frame."""
        size = self._size(where)
        return Noise(self.position**2 * size, self.velocity**2 * size)

    def measurement(self, where: Float64) -> Float64:
        """(4, N) variances of a detection."""
        variance: Float64 = self.position**2 * self._size(where)
        return variance

    def _size(self, where: Float64) -> Float64:
        """(4, N) squares of w, h, w, h."""
        size = visible(where[2:])
        return np.concatenate([size, size])


@dataclass(frozen=True, slots=True)
class UVSR(MotionModel):
    """Centre u, v, area s, aspect ratio r = w / h; r has no rate (Bewley 2016, eq. 1).

    The paper's seven coordinates, with an eighth, the rate of r, that is and stays exactly zero. The
    variances are those published with the paper.
    """

    lengths = (1, 1, 2, 0)

    _INITIAL: ClassVar = Noise(np.full((4, 1), 10.0), np.array([[1e4], [1e4], [1e4], [0]]))
    _PROCESS: ClassVar = Noise(np.ones((4, 1)), np.array([[0.01], [0.01], [0.0001], [0]]))
    _MEASUREMENT: ClassVar = np.array([[1.0], [1], [10], [10]])

    def measure(self, boxes: Array) -> Float64:
        """(4, N) u, v, w h, w / h."""
        z = centre_and_size(boxes)
        z[2:] = z[2] * z[3], z[2] / z[3]
        return z

    def boxes(self, where: Float64) -> Float32:
        """(N, 4) boxes of (4, N) coordinates."""
        area, ratio = np.maximum(where[2], 0.0), np.maximum(where[3], 1e-6)
        width = np.sqrt(area * ratio)
        return around(where[:2], width, width / ratio)

    def bound(self, where: Float64, rate: Float64, steps: float) -> Float64:
        """An area that would shrink to nothing stops shrinking."""
        vanishing = where[2] + steps * rate[2] <= 0
        if not vanishing.any():
            return rate
        bounded = rate.copy()
        bounded[2, vanishing] = 0.0
        return bounded

    def initial(self, where: Float64) -> Noise:
        """Of a track seen once: its speed is unknown."""
        return self._INITIAL

    def process(self, where: Float64) -> Noise:
        """Added within one frame."""
        return self._PROCESS

    def measurement(self, where: Float64) -> Float64:
        """(4, 1) variances of a detection."""
        variance: Float64 = self._MEASUREMENT
        return variance


@dataclass(frozen=True, slots=True)
class KalmanFilter:
    """Predicts and corrects N independent tracks, each operation in a handful of NumPy calls.

    >>> kalman = KalmanFilter(XYAH())
    >>> state = kalman.start(kalman.model.measure(np.array([[0., 0, 10, 20], [50, 50, 60, 80]])))
    >>> state = kalman.predict(state, steps=1.0)
    >>> kalman.model.boxes(state[0]).tolist()
    [[0.0, 0.0, 10.0, 20.0], [50.0, 50.0, 60.0, 80.0]]
    """

    model: MotionModel

    def start(self, measured: Float64) -> State:
        """States of tracks seen once, at rest, from their (4, N) coordinates."""
        state = np.zeros((5, *measured.shape))
        state[0] = measured
        state[2], state[4] = self.model.initial(measured)
        return state

    def predict(self, state: State, steps: float) -> State:
        """The states `steps` frames later; any real number >= 0, not only whole ones.

        With F = [[1, n], [0, 1]] the covariance becomes F P F' + Q(n). Q(1) is the published diagonal
        q; for other n it is what n single steps would have added up to, the sum of F^k q F^k' for
        k = 0 .. n - 1, a polynomial in n. So three frames at once equal three times one frame.
        """
        # Beyond an hour or so the old covariance would drown in the rounding of the new one.
        n = min(steps, 1e5)
        where, rate, var, cov, var_rate = state
        rate = self.model.bound(where, rate, n)
        q, q_rate = self.model.process(where)
        moved = np.empty_like(state)
        moved[0] = where + n * rate
        moved[1] = rate
        spread = n * var_rate
        moved[3] = cov + spread
        moved[2] = var + n * (cov + moved[3]) + n * q
        moved[4] = var_rate + n * q_rate
        if abs(n - 1) > 1e-9:  # both terms vanish for a single frame
            moved[2] += n * (n - 1) * (2 * n - 1) / 6 * q_rate
            moved[3] += n * (n - 1) / 2 * q_rate
        return moved

    def update(self, state: State, measured: Float64) -> State:
        """The states corrected by one detection each, (4, N) in the order of the states.

        The variances are products and quotients of positive numbers, so that rounding never makes them
        negative (what Joseph's form is for in matrices): p' = p r / (p + r).
        """
        where, rate, var, cov, var_rate = state
        noise = self.model.measurement(where)
        inverse = 1 / (var + noise)
        gain, gain_rate = var * inverse, cov * inverse
        innovation = measured - where
        corrected = np.empty_like(state)
        corrected[0] = where + gain * innovation
        corrected[1] = rate + gain_rate * innovation
        rest = noise * inverse  # 1 - gain, without cancellation
        corrected[2] = var * rest
        corrected[3] = cov * rest
        corrected[4] = np.maximum(var_rate - gain_rate * cov, 0.0)
        return corrected

    def warp(self, state: State, motion: Float64) -> State:
        """The states as seen by a camera that has moved: `motion` (2, 3) maps old pixels to new ones.

        Places are moved and rates turned by it; lengths and areas grow by its mean scale. Variances follow
        (Aharon et al. 2022, eq. 10), of which the part between x and y that a turn may cause is left out:
        it is nothing where x and y are equally uncertain, and small otherwise.
        """
        turn, shift = motion[:, :2], motion[:, 2:]
        scale = np.sqrt(abs(np.linalg.det(turn)))
        powers = np.array(self.model.lengths)[:, None]
        warped: State = state * np.stack([scale**powers] * 2 + [scale ** (2 * powers)] * 3)
        warped[0, :2] = turn @ state[0, :2] + shift
        warped[1, :2] = turn @ state[1, :2]
        warped[2:, :2] = np.square(turn) @ state[2:, :2]
        return warped

    def gating_distance(self, state: State, measured: Float64) -> Float64:
        """(T, N) squared Mahalanobis distances of N detections from T states (Wojke 2017, eq. 1).

        Multiplied out, sum (z - x)^2 / s = z^2 . 1/s - 2 z . x/s + x . x/s is one product of matrices.
        """
        where, precision = state[0], 1 / (state[2] + self.model.measurement(state[0]))
        # One shared origin keeps the coordinates small, so that nothing is lost in the difference.
        origin = where.mean(axis=1, keepdims=True) if where.size else 0.0
        x, z = where - origin, measured - origin
        weighted = precision * x
        left = np.concatenate([precision, -2 * weighted, (weighted * x).sum(axis=0, keepdims=True)])
        right = np.concatenate([z * z, z, np.ones((1, z.shape[1]))])
        distances: Float64 = np.maximum(left.T @ right, 0.0)
        return distances


def visible(size: Float64) -> Float64:
    """Squares of sizes; what coasting takes to nothing keeps a trace of uncertainty."""
    squares: Float64 = np.maximum(np.square(size), 1e-6)
    return squares


def centre_and_size(boxes: Array) -> Float64:
    """(4, N) cx, cy, w, h; a side thinner than a pixel counts as one, to have an aspect."""
    corners = np.ascontiguousarray(np.asarray(boxes, np.float64).T)
    z: Float64 = np.empty_like(corners)
    np.add(corners[:2], corners[2:], out=z[:2])
    z[:2] /= 2
    np.subtract(corners[2:], corners[:2], out=z[2:])
    np.maximum(z[2:], 1.0, out=z[2:])
    return z


def around(centre: Float64, width: Float64, height: Float64) -> Float32:
    """(N, 4) boxes of (2, N) centres and (N,) sizes."""
    half = np.empty_like(centre)
    np.multiply(width, 0.5, out=half[0])
    np.multiply(height, 0.5, out=half[1])
    boxes: Float32 = np.empty((centre.shape[1], 4), np.float32)
    boxes[:, :2] = (centre - half).T
    boxes[:, 2:] = (centre + half).T
    return boxes
