"""What does not move: parked cars, people who sit, false alarms that stay."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vidstream.geometry import Float64, aligned_iou
from vidstream.types import Boxes, Ids

#: a box that overlaps the resting place by less has left it
_REST = 0.7
#: how far the resting place moves towards each new box: what is left of the jitter is a fifth of it
_EASE = 0.08


class Stillness:
    """Since when each track has been at one place, and that place: the mean of its boxes there.

    >>> rest = Stillness()
    >>> box = np.array([[0, 0, 10, 20]], np.float32)
    >>> for pts in (0.0, 1.0, 2.0):
    ...     rest.update(np.array([7]), box, np.array([True]), pts)
    >>> rest.since.tolist()
    [0.0]
    """

    def __init__(self) -> None:
        self._keys = np.zeros(0, np.int64)
        #: (T,) pts since when each track has been where it is
        self.since: Float64 = np.zeros(0)
        #: (T, 4) its place
        self.places: Float64 = np.zeros((0, 4))

    def update(self, keys: Ids, boxes: Boxes, seen: npt.NDArray[np.bool_], pts: float) -> None:
        """The tracks now (`keys` (T,) ascending), where they are (T, 4), and which of them were seen."""
        self.align(keys, boxes, pts)
        boxes = boxes.astype(np.float64)
        moved = seen & (aligned_iou(self.places, boxes) < _REST)
        self.since[moved] = pts
        self.places[moved] = boxes[moved]
        rests = seen & ~moved
        self.places[rests] += _EASE * (boxes[rests] - self.places[rests])

    def align(self, keys: Ids, boxes: Boxes, pts: float) -> None:
        """Forget the tracks that are gone; new ones begin to rest now."""
        since, places = np.full(len(keys), pts), boxes.astype(np.float64)
        known = np.isin(keys, self._keys, assume_unique=True)
        old = np.searchsorted(self._keys, keys[known])
        since[known], places[known] = self.since[old], self.places[old]
        self._keys, self.since, self.places = keys.copy(), since, places
