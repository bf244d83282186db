"""The batched smoother against filterpy's, and Gaussian processes against the textbook."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from filterpy.kalman import KalmanFilter

from trackers.offline.estimation import estimate
from trackers.offline.gaussian import length_scale, regress
from trackers.offline.history import History
from trackers.offline.motion import TYPICAL, Noise, boxes_of
from trackers.offline.smoothing import smooth


def wandering(seed: int, lengths: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Coordinates, irregular times, starts and trust of tracks with holes in them."""
    rng = np.random.default_rng(seed)
    rows = sum(lengths)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    times = np.cumsum(rng.uniform(0.02, 0.3, rows))
    measured = np.array([500, 300, 60, 150]) + np.cumsum(rng.normal(0, 3, (rows, 4)), axis=0)
    trust = rng.uniform(0.2, 1, rows) * (rng.random(rows) > 0.3)
    trust[starts[:-1]] = 1.0
    return measured, times, starts, trust


def reference(z: np.ndarray, t: np.ndarray, trust: np.ndarray, k: int, heights: np.ndarray) -> KalmanFilter:
    """filterpy's filter and smoother of coordinate k of one track; heights (N,) are the filtered ones."""
    scale = np.maximum(z[:, 3], 1.0)
    kf = KalmanFilter(dim_x=2, dim_z=1)
    kf.H = np.array([[1.0, 0.0]])
    kf.x = np.array([[z[0, k]], [0.0]])
    kf.P = np.diag([(TYPICAL.measurement[k] * scale[0]) ** 2, (TYPICAL.velocity[k] * scale[0]) ** 2])
    xs, ps, fs, qs = [kf.x], [kf.P], [np.eye(2)], [np.zeros((2, 2))]
    for n in range(1, len(z)):
        dt = t[n] - t[n - 1]
        f = np.array([[1.0, dt], [0.0, 1.0]])
        q = np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]])
        q *= (TYPICAL.acceleration[k] * max(heights[n - 1], 1.0)) ** 2
        kf.predict(F=f, Q=q)
        if trust[n] > 0:
            kf.update(z[n, k], R=(TYPICAL.measurement[k] * scale[n]) ** 2 / trust[n])
        xs.append(kf.x)
        ps.append(kf.P)
        fs.append(f)
        qs.append(q)
    smoothed, covariances, _, _ = kf.rts_smoother(np.array(xs), np.array(ps), np.array(fs), np.array(qs))
    return np.array(xs)[:, 0, 0], smoothed[:, :, 0], covariances


@pytest.mark.parametrize("seed", range(5))
def test_smoothing_many_tracks_at_once_is_smoothing_each_as_filterpy_does(seed: int) -> None:
    measured, times, starts, trust = wandering(seed, [7, 1, 30, 12, 2, 19])
    smoothed = smooth(measured, times, starts, trust, TYPICAL)
    for a, b in pairwise(starts):
        rows = slice(a, b)
        given = measured[rows], times[rows], trust[rows]
        heights, _, _ = reference(*given, 3, np.full(b - a, 1.0))
        for _ in range(b - a):  # the noise follows the filtered height, which follows the noise
            heights, _, _ = reference(*given, 3, heights)
        for k in range(4):
            _, states, covariances = reference(*given, k, heights)
            expected = [*states.T, covariances[:, 0, 0], covariances[:, 0, 1], covariances[:, 1, 1]]
            found = [column[rows, k] for column in smoothed]
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_the_noise_that_boxes_were_made_with_is_found_again() -> None:
    rng = np.random.default_rng(3)
    made = Noise(np.array([0.02, 0.02, 0.04, 0.08]), TYPICAL.acceleration, TYPICAL.velocity)
    tracks, rows, dt = 40, 60, 0.1
    shape = (tracks, rows, 4)
    velocity = np.cumsum(rng.normal(0, 1, shape) * made.acceleration * 100 * np.sqrt(dt), axis=1)
    place = np.cumsum(velocity * dt, axis=1)
    place[..., 2:] *= 0.05  # sizes hardly change, so that a height is about 100
    place += [500, 300, 40, 100] + rng.normal(0, 1, shape) * made.measurement * 100
    count = tracks * rows
    history = History(
        np.tile(np.arange(rows), tracks),
        np.tile(np.arange(rows) * dt, tracks),
        np.repeat(np.arange(tracks), rows),
        boxes_of(place.reshape(-1, 4)),
        np.ones(count, np.float32),
        np.zeros(count, np.int64),
        None,
        np.ones(count, bool),
    )
    found = estimate(history)
    assert (found.measurement / made.measurement < 1.5).all()
    assert (found.measurement / made.measurement > 0.6).all()
    assert (found.acceleration[:2] / made.acceleration[:2] <= 2).all()
    assert (found.acceleration[:2] / made.acceleration[:2] >= 0.5).all()


def test_a_process_is_its_joint_distribution_conditioned() -> None:
    """The mean as the inverse of the whole joint precision matrix gives it, without any solver."""
    rng = np.random.default_rng(1)
    times, at = np.sort(rng.uniform(0, 3, 12)), np.linspace(0, 3, 7)
    values = np.sin(times)[:, None]
    spread = np.full((12, 1), 0.01)
    line = np.polyfit(times, values[:, 0], 1)
    rest = values[:, 0] - np.polyval(line, times)
    everywhere = np.concatenate([at, times])
    joint = max(rest.var(), 0.01) * np.exp(-0.5 * ((everywhere[:, None] - everywhere) / 0.4) ** 2)
    joint += np.diag(np.concatenate([np.full(7, 1e-10), np.full(12, 0.01)]))
    precision = np.linalg.inv(joint)
    expected = np.polyval(line, at) - np.linalg.inv(precision[:7, :7]) @ precision[:7, 7:] @ rest
    np.testing.assert_allclose(regress(times, values, spread, at, 0.4)[:, 0], expected, atol=1e-5)


def test_a_straight_line_stays_one() -> None:
    times = np.array([0.0, 0.1, 0.2, 1.2, 1.3])
    values = np.stack([3 + 2 * times, 7 - times], axis=1)
    at = np.linspace(0, 1.3, 14)
    found = regress(times, values, np.full((5, 2), 0.1), at, 0.5)
    np.testing.assert_allclose(found, np.stack([3 + 2 * at, 7 - at], axis=1), atol=1e-9)


def test_long_tracks_have_a_shorter_memory() -> None:
    scales = [length_scale(seconds) for seconds in (0.0, 1.0, 10.0, 100.0, 1e6)]
    assert scales == sorted(scales, reverse=True)
    assert min(scales) > 0
