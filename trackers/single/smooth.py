"""A box that moves evenly, and goes on for a moment while the object is hidden: a Kalman filter."""

from __future__ import annotations

import numpy as np

from vidstream.geometry import Float32, Float64

#: deviation of a seen box's centre and sides, and of their acceleration per second squared, in heights
_SEEN, _ACCELERATION = 0.03, 2.0


class BoxSmoother:
    """Centre, width and height with constant rates, by filterpy's Kalman filter; times in seconds.

    >>> smoother = BoxSmoother(np.array([0, 0, 20, 20], np.float32), pts=0.0)
    >>> for k in range(1, 20):
    ...     box = smoother.update(np.array([2 * k, 0, 2 * k + 20, 20], np.float32), pts=k / 10)
    >>> smoother.update(None, pts=2.0).round().tolist()
    [40.0, 0.0, 60.0, 20.0]
    """

    def __init__(self, box: Float32, pts: float) -> None:
        from filterpy.kalman import KalmanFilter

        self._filter = KalmanFilter(dim_x=8, dim_z=4)
        self._filter.H = np.eye(4, 8)
        self._pts = pts
        self._scale = max(1.0, float(box[3] - box[1]))
        self._filter.x = np.concatenate([_measured(box), np.zeros((4, 1))])
        self._filter.R = np.eye(4) * (_SEEN * self._scale) ** 2
        # the rates are unknown at first: an object may cross its own height in half a second
        self._filter.P = np.diag([*[(_SEEN * self._scale) ** 2] * 4, *[(2 * self._scale) ** 2] * 4])

    def update(self, box: Float32 | None, pts: float) -> Float32:
        """The box at `pts`, after what was seen (None: nothing), float32 (4,) x1 y1 x2 y2."""
        self._predict(max(0.0, pts - self._pts))
        self._pts = pts
        if box is not None:
            self._filter.update(_measured(box))
        centre, size = self._filter.x[:2, 0], np.maximum(self._filter.x[2:4, 0], 1.0)
        return np.concatenate([centre - size / 2, centre + size / 2]).astype(np.float32)

    def _predict(self, seconds: float) -> None:
        """Move on by the rates; unknown accelerations make all less sure (white-noise acceleration model)."""
        moved, gain = np.eye(8), np.zeros((8, 4))
        moved[:4, 4:] = np.eye(4) * seconds
        gain[:4], gain[4:] = np.eye(4) * seconds**2 / 2, np.eye(4) * seconds
        noise: Float64 = gain @ gain.T * (_ACCELERATION * self._scale) ** 2
        self._filter.predict(F=moved, Q=noise)


def _measured(box: Float32) -> Float64:
    """(4, 1) centre, width, height."""
    corners = box.astype(np.float64)
    return np.concatenate([(corners[:2] + corners[2:]) / 2, corners[2:] - corners[:2]])[:, None]
