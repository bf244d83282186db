"""What the references share: overlap, assignment, and the Kalman filter of DeepSORT's family."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.optimize import linear_sum_assignment

Float: TypeAlias = npt.NDArray[np.float64]
Pairs: TypeAlias = list[tuple[int, int]]


def iou(a: Any, b: Any) -> Float:
    """(T, N) intersection over union of boxes x1 y1 x2 y2."""
    a, b = np.asarray(a, float).reshape(-1, 1, 4), np.asarray(b, float).reshape(1, -1, 4)
    width = np.maximum(0, np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0]))
    height = np.maximum(0, np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1]))
    shared = width * height
    area_a = (a[..., 2] - a[..., 0]) * (a[..., 3] - a[..., 1])
    area_b = (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
    overlap: Float = shared / (area_a + area_b - shared)
    return overlap


def min_cost(cost: Float, limit: float) -> Pairs:
    """Rows and columns of least total cost, no pair above `limit`: staying alone costs that."""
    if not cost.size:
        return []
    rows, cols = linear_sum_assignment(np.where(cost <= limit, cost, limit + 1e-5))
    return [(r, c) for r, c in zip(rows.tolist(), cols.tolist(), strict=True) if cost[r, c] <= limit]


def others(count: int, taken: Sequence[int]) -> list[int]:
    """What of range(count) is not taken."""
    return sorted(set(range(count)) - set(taken))


class HeightFilter:
    """One track's Kalman filter on centre, aspect, height (Wojke 2017, 2.1): noise goes with the height."""

    POSITION, VELOCITY = 1 / 20, 1 / 160
    TRANSITION = np.eye(8) + np.eye(8, k=4)
    OBSERVED = np.eye(4, 8)

    def __init__(self, box: Any) -> None:
        self.mean = np.concatenate([self.measure(box), np.zeros(4)])
        at, rate = self._scales()
        self.covariance = np.diag(np.square([*2 * self._fix(at, 5e-3), *10 * self._fix(rate, 1e-6)]))

    @staticmethod
    def measure(box: Any) -> Float:
        """Centre x and y, width / height, height."""
        x1, y1, x2, y2 = (float(v) for v in box)
        return np.array([(x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) / (y2 - y1), y2 - y1])

    @property
    def box(self) -> Float:
        """x1 y1 x2 y2."""
        x, y, a, h = self.mean[:4]
        return np.array([x - a * h / 2, y - h / 2, x + a * h / 2, y + h / 2])

    def predict(self) -> None:
        """One frame on."""
        at, rate = self._scales()
        noise = np.diag(np.square([*self._fix(at, 1e-2), *self._fix(rate, 1e-5)]))
        self.mean = self.TRANSITION @ self.mean
        self.covariance = self.TRANSITION @ self.covariance @ self.TRANSITION.T + noise

    def update(self, box: Any) -> None:
        """Take a detection in."""
        mean, spread = self._project()
        factor = cho_factor(spread, lower=True, check_finite=False)
        gain = cho_solve(factor, (self.covariance @ self.OBSERVED.T).T, check_finite=False).T
        self.mean = self.mean + gain @ (self.measure(box) - mean)
        self.covariance = self.covariance - gain @ spread @ gain.T

    def distances(self, measured: Float) -> Float:
        """(N,) squared Mahalanobis distances of (N, 4) measurements (Wojke 2017, eq. 1)."""
        mean, spread = self._project()
        factor = np.linalg.cholesky(spread)
        z = solve_triangular(factor, (measured - mean).T, lower=True, check_finite=False)
        squares: Float = (z * z).sum(axis=0)
        return squares

    def _project(self) -> tuple[Float, Float]:
        noise = np.diag(np.square(self._fix(self._scales()[0], 1e-1)))
        return self.mean[:4], self.OBSERVED @ self.covariance @ self.OBSERVED.T + noise

    def _scales(self) -> tuple[Float, Float]:
        """Standard deviations of positions and rates, per frame."""
        h = np.full(4, self.mean[3])
        return self.POSITION * h, self.VELOCITY * h

    @staticmethod
    def _fix(std: Float, aspect: float) -> Float:
        """The aspect's does not go with the height."""
        return np.array([std[0], std[1], aspect, std[3]])


class SizeFilter(HeightFilter):
    """The same on centre, width and height (Aharon et al. 2022, eq. 1, 5-8): noise goes with both."""

    @staticmethod
    def measure(box: Any) -> Float:
        """Centre x and y, width, height."""
        x1, y1, x2, y2 = (float(v) for v in box)
        return np.array([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1])

    @property
    def box(self) -> Float:
        """x1 y1 x2 y2."""
        x, y, w, h = self.mean[:4]
        return np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2])

    def _scales(self) -> tuple[Float, Float]:
        size = self.mean[[2, 3, 2, 3]]
        return self.POSITION * size, self.VELOCITY * size

    @staticmethod
    def _fix(std: Float, aspect: float) -> Float:
        return std
