"""How unsteady the boxes of this recording are: the noise under which they are most likely."""

from __future__ import annotations

import numpy as np

from trackers.offline.history import History
from trackers.offline.motion import TYPICAL, Noise, coordinates
from trackers.offline.smoothing import innovations
from trackers.offline.tracklets import starts_of
from vidstream.geometry import Float64
from vidstream.types import Ids

#: heights
_MEASUREMENTS = [np.full(4, 0.01 * 2 ** (k / 2)) for k in range(8)]
#: in parts of the typical
_ACCELERATIONS = [TYPICAL.acceleration * 2.0**k for k in range(-2, 4)]
#: one after the other, and again
_SEARCH = (("measurement", _MEASUREMENTS), ("acceleration", _ACCELERATIONS)) * 2
#: rows looked at
_ENOUGH = 20_000
#: tracks are cut into pieces of so many rows, which are filtered side by side
_PIECE = 32
#: degrees of freedom of Student's t, which stands for the normal distribution: detectors have outliers
_TAIL = 4.0


def estimate(tracks: History) -> Noise:
    """By maximum likelihood of the innovations (Mehra 1970; Schweppe 1965), coordinate by coordinate.

    `tracks` are grouped by track. Too few rows give the `TYPICAL`.
    """
    tracks = tracks[:_ENOUGH]
    place = np.arange(len(tracks)) - np.repeat(starts_of(tracks)[:-1], np.diff(starts_of(tracks)))
    starts = np.append(np.flatnonzero(place % _PIECE == 0), len(tracks))
    if len(tracks) < 100:
        return TYPICAL
    measured = coordinates(tracks.boxes)
    best = TYPICAL
    for field, values in _SEARCH:
        tried = [best._replace(**{field: value}) for value in values]
        surprise = [_surprise(tracks, measured, starts, noise) for noise in tried]
        winner = np.argmin(surprise, axis=0)
        best = best._replace(**{field: np.array(values)[winner, np.arange(4)]})
    return best


def _surprise(tracks: History, measured: Float64, starts: Ids, noise: Noise) -> Float64:
    """(4,) mean negative log likelihood of the innovations, up to a constant."""
    distance, spread = innovations(measured, tracks.times, starts, np.ones(len(tracks)), noise)
    tail = (_TAIL + 1) / 2 * np.log1p(distance**2 / spread / _TAIL)
    return np.asarray((0.5 * np.log(spread) + tail).mean(axis=0))
