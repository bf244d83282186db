"""Mirrored pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from vidstream.geometry import scaling
from vidstream.graph.stage import Stage, stage
from vidstream.types import View


@stage("image.flip", stateless=True)
class Flip(Stage):
    """Mirror the picture, as for a webcam that looks at its owner; results stay in source pixels.

    Example::

        graph:
          mirror: {use: image.flip, axis: horizontal}
          motion: {use: detect.motion}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """Which way."""

        axis: Literal["horizontal", "vertical", "both"] = "horizontal"  #: left-right, top-bottom, or both

    params: Params

    def process(self, image: View) -> View:
        """The mirrored picture."""
        across = self.params.axis in ("horizontal", "both")
        down = self.params.axis in ("vertical", "both")
        code = -1 if across and down else int(across)
        back = scaling(-1 if across else 1, -1 if down else 1, image.width * across, image.height * down)
        return image.derive(np.asarray(cv2.flip(image.pixels, code), np.uint8), back)
