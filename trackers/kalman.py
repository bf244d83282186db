"""A Kalman filter for all tracks at once: constant velocity on four box coordinates.

A state is (N, 8): four coordinates and their rates in **frames of the nominal rate**, so that the
published constants hold as printed. Time steps are real numbers of such frames; see `KalmanFilter.predict`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from vidstream.geometry import Array, Float32, Float64


class State(NamedTuple):
    """Gaussian beliefs about N tracks."""

    #: (N, 8) four coordinates, four rates per frame
    mean: Float64
    #: (N, 8, 8)
    covariance: Float64


class MotionModel(Protocol):
    """Which four coordinates describe a box, and how uncertain they are (standard deviations)."""

    def measure(self, boxes: Array) -> Float64:
        """(N, 4) boxes as coordinates."""

    def boxes(self, mean: Float64) -> Float32:
        """(N, 4) boxes of (N, 8) states."""

    def bound(self, mean: Float64, steps: float) -> Float64:
        """The states with rates stopped that would lead out of the possible within `steps` frames."""

    def initial_std(self, mean: Float64) -> Float64:
        """(N, 8) of a track seen once."""

    def process_std(self, mean: Float64) -> Float64:
        """(N, 8) added within one frame."""

    def measurement_std(self, mean: Float64) -> Float64:
        """(N, 4) of a detection."""


@dataclass(frozen=True, slots=True)
class XYAH:
    """Centre x, y, aspect ratio w / h, height; noise in proportion to the height (Wojke 2017, 2.1).

    Constants as published with the paper: 1/20 of the height for positions, 1/160 for velocities.
    """

    position: float = 1 / 20
    velocity: float = 1 / 160

    def measure(self, boxes: Array) -> Float64:
        """(N, 4) cx, cy, w / h, h."""
        centre, size = _centre_and_size(boxes)
        return np.column_stack([centre, size[:, 0] / size[:, 1], size[:, 1]])

    def boxes(self, mean: Float64) -> Float32:
        """(N, 4) boxes of (N, 8) states."""
        return _around(mean[:, :2], mean[:, 2] * mean[:, 3], mean[:, 3])

    def bound(self, mean: Float64, steps: float) -> Float64:
        """Nothing is bounded."""
        return mean

    def initial_std(self, mean: Float64) -> Float64:
        """Twice the position's, ten times the velocity's."""
        return self._per_height(mean, 2 * self.position, 1e-2, 10 * self.velocity, 1e-5)

    def process_std(self, mean: Float64) -> Float64:
        """(N, 8) added within one frame."""
        return self._per_height(mean, self.position, 1e-2, self.velocity, 1e-5)

    def measurement_std(self, mean: Float64) -> Float64:
        """(N, 4) of a detection."""
        return self._per_height(mean, self.position, 1e-1, 0.0, 0.0)[:, :4]

    def _per_height(
        self, mean: Float64, at: float, aspect: float, rate: float, aspect_rate: float
    ) -> Float64:
        scale = np.array([at, at, 0, at, rate, rate, 0, rate])
        fixed = np.array([0, 0, aspect, 0, 0, 0, aspect_rate, 0])
        # A height that coasting has taken below a pixel would leave no uncertainty at all.
        std: Float64 = np.maximum(mean[:, 3:4], 1.0) * scale + fixed
        return std


#: SORT's matrices as published with the paper, as variances of u, v, s, r and their rates.
_UVSR_INITIAL = np.sqrt([10.0, 10, 10, 10, 1e4, 1e4, 1e4, 0])
_UVSR_PROCESS = np.sqrt([1.0, 1, 1, 1, 0.01, 0.01, 0.0001, 0])
_UVSR_MEASUREMENT = np.sqrt([1.0, 1, 10, 10])


@dataclass(frozen=True, slots=True)
class UVSR:
    """Centre u, v, area s, aspect ratio r = w / h; r has no rate (Bewley 2016, eq. 1).

    The paper's seven coordinates, with an eighth, the rate of r, that is and stays exactly zero.
    """

    def measure(self, boxes: Array) -> Float64:
        """(N, 4) u, v, w h, w / h."""
        centre, size = _centre_and_size(boxes)
        return np.column_stack([centre, size[:, 0] * size[:, 1], size[:, 0] / size[:, 1]])

    def boxes(self, mean: Float64) -> Float32:
        """(N, 4) boxes of (N, 8) states."""
        area, ratio = np.maximum(mean[:, 2], 0.0), np.maximum(mean[:, 3], 1e-6)
        width = np.sqrt(area * ratio)
        return _around(mean[:, :2], width, width / ratio)

    def bound(self, mean: Float64, steps: float) -> Float64:
        """An area that would shrink to nothing stops shrinking."""
        vanishing = mean[:, 2] + steps * mean[:, 6] <= 0
        if not vanishing.any():
            return mean
        bounded = mean.copy()
        bounded[vanishing, 6] = 0.0
        return bounded

    def initial_std(self, mean: Float64) -> Float64:
        """(N, 8) of a track seen once: its speed is unknown."""
        return np.broadcast_to(_UVSR_INITIAL, mean.shape)

    def process_std(self, mean: Float64) -> Float64:
        """(N, 8) added within one frame."""
        return np.broadcast_to(_UVSR_PROCESS, mean.shape)

    def measurement_std(self, mean: Float64) -> Float64:
        """(N, 4) of a detection."""
        return np.broadcast_to(_UVSR_MEASUREMENT, (len(mean), 4))


@dataclass(frozen=True, slots=True)
class KalmanFilter:
    """Predicts and corrects N independent tracks, each operation in a handful of NumPy calls.

    >>> kalman = KalmanFilter(XYAH())
    >>> state = kalman.start(kalman.model.measure(np.array([[0., 0, 10, 20], [50, 50, 60, 80]])))
    >>> state = kalman.predict(state, steps=1.0)
    >>> kalman.model.boxes(state.mean).tolist()
    [[0.0, 0.0, 10.0, 20.0], [50.0, 50.0, 60.0, 80.0]]
    """

    model: MotionModel

    def start(self, measured: Float64) -> State:
        """States of tracks seen once, at rest, from their (N, 4) coordinates."""
        mean = np.concatenate([measured, np.zeros_like(measured)], axis=1)
        covariance = np.zeros((len(mean), 8, 8))
        diagonal = np.arange(8)
        covariance[:, diagonal, diagonal] = self.model.initial_std(mean) ** 2
        return State(mean, covariance)

    def predict(self, state: State, steps: float) -> State:
        """The states `steps` frames later; any real number >= 0, not only whole ones.

        With F = [[I, nI], [0, I]] the covariance becomes F P F' + Q(n). Q(1) is the published diagonal
        q; for other n it is what n single steps would have added up to, the sum of F^k q F^k' for
        k = 0 .. n - 1, a polynomial in n. So three frames at once equal three times one frame.
        """
        # Beyond an hour or so the old covariance would drown in the rounding of the new one.
        n, p = min(steps, 1e5), np.arange(4)
        mean = self.model.bound(state.mean, n).copy()
        noise = self.model.process_std(mean) ** 2
        position, rate = noise[:, :4], noise[:, 4:]
        mean[:, :4] += n * mean[:, 4:]
        covariance = state.covariance.copy()
        covariance[:, :4] += n * state.covariance[:, 4:]
        covariance[:, :, :4] += n * covariance[:, :, 4:]
        covariance[:, p, p] += n * position + n * (n - 1) * (2 * n - 1) / 6 * rate
        covariance[:, p, p + 4] += n * (n - 1) / 2 * rate
        covariance[:, p + 4, p] += n * (n - 1) / 2 * rate
        covariance[:, p + 4, p + 4] += n * rate
        return State(mean, covariance)

    def update(self, state: State, measured: Float64) -> State:
        """The states corrected by one detection each, (N, 4) in the order of the states.

        With S = L L' and W = L^-1 H P the gain is W' L^-1 and the covariance becomes P - W' W.
        """
        factor = self._innovation_factor(state)
        innovation = measured - state.mean[:, :4]
        both = np.concatenate([state.covariance[:, :4], innovation[:, :, None]], axis=2)
        whitened = _forward_substitution(factor, both)
        gain = whitened[:, :, :8].transpose(0, 2, 1)
        mean = state.mean + (gain @ whitened[:, :, 8:])[:, :, 0]
        covariance = state.covariance - gain @ whitened[:, :, :8]
        return State(mean, (covariance + covariance.transpose(0, 2, 1)) / 2)

    def gating_distance(self, state: State, measured: Float64) -> Float64:
        """(T, N) squared Mahalanobis distances of N detections from T states (Wojke 2017, eq. 1)."""
        whitener = np.linalg.inv(self._innovation_factor(state))
        # One shared origin keeps the coordinates small, so that nothing is lost in the difference.
        origin = state.mean[:, :4].mean(axis=0) if len(state.mean) else np.zeros(4)
        whitened = (whitener.reshape(-1, 4) @ (measured - origin).T).reshape(len(whitener), 4, len(measured))
        whitened -= whitener @ (state.mean[:, :4] - origin)[:, :, None]
        distances: Float64 = np.einsum("tkn,tkn->tn", whitened, whitened)
        return distances

    def _innovation_factor(self, state: State) -> Float64:
        """(N, 4, 4) lower Cholesky factors of S = H P H' + R."""
        spread = state.covariance[:, :4, :4].copy()
        diagonal = np.arange(4)
        spread[:, diagonal, diagonal] += self.model.measurement_std(state.mean) ** 2
        return np.asarray(np.linalg.cholesky(spread), np.float64)


def _forward_substitution(lower: Float64, right: Float64) -> Float64:
    """(N, K, M) L^-1 B for lower triangular L (N, K, K): a third of the time of a general solver."""
    solved = np.empty_like(right)
    for k in range(lower.shape[1]):
        known = np.einsum("nj,njm->nm", lower[:, k, :k], solved[:, :k])
        solved[:, k] = (right[:, k] - known) / lower[:, k, k, None]
    return solved


def _centre_and_size(boxes: Array) -> tuple[Float64, Float64]:
    """(N, 2) centres and (N, 2) sizes; a side thinner than a pixel counts as one, to have an aspect."""
    corners = np.asarray(boxes, np.float64)
    size = np.maximum(corners[:, 2:] - corners[:, :2], 1.0)
    return (corners[:, :2] + corners[:, 2:]) / 2, size


def _around(centre: Float64, width: Float64, height: Float64) -> Float32:
    half = np.column_stack([width, height]) / 2
    return np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)
