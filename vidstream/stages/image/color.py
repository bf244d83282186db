"""Pictures in another colour space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from vidstream.graph.stage import Stage, stage
from vidstream.types import View

_CODES = {
    "rgb": cv2.COLOR_BGR2RGB,
    "hsv": cv2.COLOR_BGR2HSV,
    "lab": cv2.COLOR_BGR2Lab,
    "ycrcb": cv2.COLOR_BGR2YCrCb,
}


@stage("image.color", stateless=True)
class Color(Stage):
    """Give the picture's pixels in another colour space, for stages that work on its channels.

    The result has three channels of 0 to 255 whatever the space (hue of HSV: 0 to 179); ``gray`` is
    luminance three times.

    Example::

        graph:
          lab: {use: image.color, to: lab}
          motion: {use: detect.motion}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """The space."""

        to: Literal["gray", "rgb", "hsv", "lab", "ycrcb"]  #: colour space of the result

    params: Params

    def process(self, image: View) -> View:
        """The converted picture."""
        if self.params.to == "gray":
            return image.derive(np.asarray(cv2.cvtColor(image.gray(), cv2.COLOR_GRAY2BGR), np.uint8))
        return image.derive(np.asarray(cv2.cvtColor(image.bgr(), _CODES[self.params.to]), np.uint8))
