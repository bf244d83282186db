"""How exact a detector is and how freely its objects move, measured while they are followed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from trackers.kalman import MotionModel, Noise, around, centre_and_size, visible
from vidstream.geometry import Array, Float32, Float64

#: BoT-SORT's constants, as shares of an object's height: what holds before anything is measured
_AT, _RATE = 1 / 20, 1 / 160
#: a place wanders a little besides moving evenly: people sway, cars brake
_WANDER = 0.02
#: second differences see only what changes from frame to frame; a box that is off stays off for some frames
_LASTING = 1.5
#: and of the freedom of motion they see what is left of the noise, too
_FREEDOM = 0.5
#: the last so many second differences count; beside all seen so far, the constants above count as so many
_WINDOW, _PRIOR = 600, 100
#: medians are taken anew after so many
_BATCH = 40
#: observations behind one second difference over two steps
SPAN = 5


@dataclass(slots=True, eq=False)
class MeasuredNoise(MotionModel):
    """Centre x, y, width, height; noise in proportion to the height, by factors that can be set.

    All four coordinates go by the height, so that a turn of the camera mixes x and y without error.
    """

    #: (4, 1) variances of a detection, of what a place wanders, and of what its rate changes, per frame
    detection: Float64 = field(default_factory=lambda: np.full((4, 1), _AT**2))
    wander: Float64 = field(default_factory=lambda: np.full((4, 1), _AT**2))
    freedom: Float64 = field(default_factory=lambda: np.full((4, 1), _RATE**2))

    def measure(self, boxes: Array) -> Float64:
        """(4, N) cx, cy, w, h."""
        return centre_and_size(boxes)

    def boxes(self, where: Float64) -> Float32:
        """(N, 4) boxes of (4, N) coordinates."""
        return around(where[:2], *np.maximum(where[2:], 1.0))

    def initial(self, where: Float64) -> Noise:
        """A place as uncertain as two detections', a rate as published."""
        size = visible(where[3:])
        return Noise(4 * self.detection * size, np.repeat((10 * _RATE) ** 2 * size, 4, axis=0))

    def process(self, where: Float64) -> Noise:
        """Added within one frame."""
        size = visible(where[3:])
        return Noise(self.wander * size, self.freedom * size)

    def measurement(self, where: Float64) -> Float64:
        """(4, N) variances of a detection."""
        variance: Float64 = self.detection * visible(where[3:])
        return variance


class NoiseMeter:
    """Tells the detector's jitter from the objects' own motion by how both grow with time.

    The second difference of a coordinate, z(t) - 2 z(t - s) + z(t - 2 s), of something that moves with a
    randomly changing speed (variance q per second) and is seen with an error (variance r) has the variance
    6 r + 2/3 q s^3. Taken over one and over two steps, it gives both r and q. Medians over many objects keep
    false matches and swerves out.
    """

    def __init__(self) -> None:
        self.model = MeasuredNoise()
        self.reset()

    def reset(self) -> None:
        """Nothing is known."""
        assumed = MeasuredNoise()
        self.model.detection, self.model.wander = assumed.detection, assumed.wander
        self.model.freedom = assumed.freedom
        self._runs: deque[float] = deque(maxlen=SPAN)
        self._shares = np.zeros((2, 4, 0))
        self._seen = self._fresh = 0

    def ran(self, pts: float) -> None:
        """The detector ran at this moment."""
        self._runs.append(pts)

    def add(self, recent: Float64, frame_rate: float) -> None:
        """What was seen of objects in the last five runs, (5, 4, N), oldest first."""
        steps = np.diff(self._runs)
        if not recent.shape[2] or len(steps) < SPAN - 1 or steps.max() > 1.2 * steps.min():
            return  # second differences need even steps
        one = recent[4] - 2 * recent[3] + recent[2]
        two = recent[4] - 2 * recent[2] + recent[0]
        shares = np.abs(np.stack([one, two])) / np.maximum(recent[4, 3], 1.0)
        self._shares = np.concatenate([self._shares, shares], axis=2)[..., -_WINDOW:]
        self._seen += recent.shape[2]
        self._fresh += recent.shape[2]
        if self._fresh >= _BATCH:
            self._fresh = 0
            self._measure(float(steps.mean()), frame_rate)

    def _measure(self, step: float, frame_rate: float) -> None:
        one, two = np.square(1.4826 * np.median(self._shares, axis=2))
        detection = np.clip((8 * one - two) / 42, 0.15 * one / 6, one / 6)
        freedom = np.maximum(two - 6 * detection, 0.02 * two) * 3 / (2 * (2 * step) ** 3)
        known = self._seen / (self._seen + _PRIOR)
        model = self.model
        model.detection = _mix(known, _LASTING**2 * detection, _AT**2)
        model.freedom = _mix(known, _FREEDOM**2 * freedom / frame_rate**3, _RATE**2)
        model.wander = _mix(known, np.full(4, _WANDER**2), _AT**2)


def _mix(known: float, measured: Float64, assumed: float) -> Float64:
    """(4, 1) between the two, as far as is known."""
    mixed: Float64 = known * measured[:, None] + (1 - known) * assumed
    return mixed
