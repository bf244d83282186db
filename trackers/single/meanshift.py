"""Mean shift: climb the hill of the object's colour (Comaniciu, Ramesh and Meer 2003)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2

from trackers.single.base import Window
from trackers.single.colour import CRITERIA, ColourParams, ColourTracker
from vidstream.types import Pixels


@dataclass(frozen=True, slots=True)
class MeanShiftParams(ColourParams):
    """Settings of mean shift."""


class MeanShiftTracker(ColourTracker):
    """Follows a coloured object whose size stays the same.

    >>> import numpy as np
    >>> def picture(x):
    ...     image = np.full((60, 80, 3), 128, np.uint8)
    ...     image[20:40, x : x + 20] = (0, 0, 255)
    ...     return image
    >>> tracker = MeanShiftTracker()
    >>> tracker.init(picture(10), [10, 20, 30, 40])
    >>> found = tracker.update(picture(16))
    >>> np.abs(found.box - [16, 20, 36, 40]).max() <= 2, found.score > 0.9
    (np.True_, True)
    """

    def __init__(self, params: MeanShiftParams | None = None) -> None:
        super().__init__(params or MeanShiftParams())

    def _shift(self, likelihood: Pixels, window: Window) -> Window:
        _, (x, y, width, height) = cv2.meanShift(likelihood, window, CRITERIA)
        return x, y, width, height
