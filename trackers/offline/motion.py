"""Constant velocity for many boxes at once: eight numbers a box, and no matrix larger than 2 x 2.

The coordinates (centre x, centre y, width, height) are independent of each other, so each has a filter of its
own with two states, place and velocity. All noise is in proportion to the box's height, all times in seconds,
and time may run backward.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vidstream.geometry import Array, Float32, Float64


class Noise(NamedTuple):
    """How unsteady boxes are, for centre x, centre y, width and height: (4,) each, in heights of the box."""

    #: standard deviation of a detection
    measurement: Float64
    #: after t seconds alone, velocity has changed by this times sqrt(t) heights per second
    acceleration: Float64
    #: standard deviation of the velocity of something seen once, in heights per second
    velocity: Float64


#: pedestrians and cars, ordinary detectors
TYPICAL = Noise(np.full(4, 0.06), np.array([0.5, 0.35, 0.25, 0.25]), np.array([1.5, 0.75, 0.4, 0.4]))


class Motion(NamedTuple):
    """Gaussian beliefs about N boxes, all (N, 4): one column per coordinate."""

    place: Float64
    #: pixels per second
    velocity: Float64
    #: variance of the place, covariance of place and velocity, variance of the velocity
    pp: Float64
    pv: Float64
    vv: Float64

    def at(self, rows: Array | slice) -> Motion:
        """Those that `rows` names."""
        return Motion(*(column[rows] for column in self))


def coordinates(boxes: Array) -> Float64:
    """(N, 4) centre x, centre y, width, height."""
    boxes = boxes.astype(np.float64)
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)


def boxes_of(place: Float64) -> Float32:
    """(N, 4) boxes of centres and sizes; sizes below 0 count as 0."""
    half = np.maximum(place[:, 2:], 0) / 2
    return np.concatenate([place[:, :2] - half, place[:, :2] + half], axis=1).astype(np.float32)


def heights(place: Float64) -> Float64:
    """(N, 1) the unit of all noise, in pixels; at least one."""
    return np.maximum(place[:, 3:4], 1.0)


def variance(place: Float64, noise: Noise) -> Float64:
    """(N, 4) of detections at these coordinates."""
    spread: Float64 = (noise.measurement * heights(place)) ** 2
    return spread


def started(place: Float64, noise: Noise) -> Motion:
    """Boxes (N, 4) seen once."""
    still = np.zeros_like(place)
    return Motion(place, still, variance(place, noise), still, (noise.velocity * heights(place)) ** 2)


def predict(motion: Motion, dt: Float64, noise: Noise) -> Motion:
    """`dt` (N, 1) seconds later, or earlier where negative (Bar-Shalom 2001, eq. 6.2.2-10 and 12)."""
    place, velocity, pp, pv, vv = motion
    q = (noise.acceleration * heights(place)) ** 2
    span = np.abs(dt)
    return Motion(
        place + velocity * dt,
        velocity,
        pp + 2 * dt * pv + dt**2 * vv + q * span**3 / 3,
        pv + dt * vv + q * dt * span / 2,
        vv + q * span,
    )


def update(motion: Motion, measured: Float64, spread: Float64) -> Motion:
    """Corrected by measured coordinates (N, 4) of variances `spread` (N, 4); infinite = not seen."""
    place, velocity, pp, pv, vv = motion
    inverse = 1 / (pp + spread)
    gain, velocity_gain = pp * inverse, pv * inverse
    innovation = measured - place
    return Motion(
        place + gain * innovation,
        velocity + velocity_gain * innovation,
        (1 - gain) * pp,
        (1 - gain) * pv,
        vv - velocity_gain * pv,
    )
