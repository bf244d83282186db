"""Gaussian-smoothed interpolation (GSI of StrongSORT: Du et al. 2023, section 3.4), track by track."""

from __future__ import annotations

import numpy as np

from trackers.offline.history import History
from trackers.offline.motion import Noise, coordinates, variance
from trackers.offline.tracklets import starts_of
from vidstream.geometry import Float64

#: tau of eq. 12, in seconds
_TAU = 1.0
#: rows of one solution, and those beside it that it leans on: cubic cost stays bounded
_PIECE, _MARGIN = 200, 50


def gaussian(tracks: History, trust: Float64, noise: Noise) -> Float64:
    """(R, 4) coordinates of every row by Gaussian-process regression on those with `trust` (R,) above 0.

    Rows grouped by track. What the process models is the deviation from a straight line through the track;
    the longer a track, the shorter the memory (eq. 12).
    """
    measured = coordinates(tracks.boxes)
    spread = variance(measured, noise)
    result = measured.copy()
    starts = starts_of(tracks)
    for first, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        duration = tracks.times[end - 1] - tracks.times[first]
        for a in range(first, end, _PIECE):
            b = min(a + _PIECE, end)
            rows = np.arange(max(first, a - _MARGIN), min(end, b + _MARGIN))
            rows = rows[trust[rows] > 0]
            if len(rows) > 1:
                given = tracks.times[rows], measured[rows], spread[rows] / trust[rows, None]
                result[a:b] = regress(*given, tracks.times[a:b], length_scale(duration))
    return result


def length_scale(duration: float) -> float:
    """Eq. 12 in seconds: lambda = tau log(tau^3 / l), kept between a fifth of tau and five times tau."""
    scale = _TAU * np.log((10 * _TAU) ** 3 / max(duration, 1e-6)) / 5
    return float(np.clip(scale, _TAU / 5, 5 * _TAU))


def regress(times: Float64, values: Float64, spread: Float64, at: Float64, scale: float) -> Float64:
    """(Q, K) posterior mean at `at` of K functions seen as `values` (N, K) with variances `spread` (N, K).

    Rasmussen and Williams 2006, eq. 2.25, with a squared-exponential kernel around a least-squares line.
    """
    from scipy.linalg import cho_factor, cho_solve

    line = np.polynomial.polynomial.polyfit(times - times[0], values, 1)
    trend = np.polynomial.polynomial.polyval(times - times[0], line).T
    result = np.polynomial.polynomial.polyval(at - times[0], line).T
    kernel = np.exp(-0.5 * ((times[:, None] - times) / scale) ** 2)
    across = np.exp(-0.5 * ((at[:, None] - times) / scale) ** 2)
    for k in range(values.shape[1]):
        rest = values[:, k] - trend[:, k]
        power = max(float(rest.var()), float(spread[:, k].mean()))
        factor = cho_factor(power * kernel + np.diag(spread[:, k]))
        result[:, k] += power * across @ cho_solve(factor, rest)
    return np.asarray(result)
