"""CamShift: mean shift that also follows size and angle (Bradski 1998)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2

from trackers.single.base import Window
from trackers.single.colour import CRITERIA, ColourParams, ColourTracker
from vidstream.types import Pixels


@dataclass(frozen=True, slots=True)
class CamShiftParams(ColourParams):
    """Settings of CamShift."""


class CamShiftTracker(ColourTracker):
    """Follows a coloured object through changes of size and angle.

    >>> import cv2, numpy as np
    >>> def picture(degrees, size):
    ...     image = np.full((200, 200, 3), 128, np.uint8)
    ...     return cv2.ellipse(image, (100, 100), (size, size // 3), degrees, 0, 360, (0, 0, 255), -1)
    >>> tracker = CamShiftTracker()
    >>> tracker.init(picture(0, 40), [60, 86, 140, 114])
    >>> for degrees in range(0, 40, 5):
    ...     found = tracker.update(picture(degrees, 40 + degrees))
    >>> 33 < tracker.angle < 37
    True
    """

    def __init__(self, params: CamShiftParams | None = None) -> None:
        super().__init__(params or CamShiftParams())
        #: degrees in [0, 180) that the object's long side is turned clockwise from the x axis
        self.angle = 0.0

    def _shift(self, likelihood: Pixels, window: Window) -> Window:
        (_, _, degrees), (x, y, width, height) = cv2.CamShift(likelihood, window, CRITERIA)
        self.angle = (float(degrees) - 90.0) % 180.0
        return x, y, width, height
