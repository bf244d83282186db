"""Brighter, stronger pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np

from vidstream.graph.stage import Stage, stage
from vidstream.types import StreamInfo, View
from vidstream.types.values import Range


@stage("image.adjust", stateless=True)
class Adjust(Stage):
    """Change brightness, contrast and gamma.

    Gamma above 1 brightens the dark parts and keeps the bright ones; it comes first, then contrast
    around the middle gray, then brightness.

    Example::

        graph:
          brighter: {use: image.adjust, gamma: 1.8}
          motion: {use: detect.motion}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """By how much."""

        #: added to every pixel, as a share of full brightness
        brightness: Annotated[float, Range(-1.0, 1.0)] = 0.0
        contrast: Annotated[float, Range(0.0, 10.0)] = 1.0  #: factor around the middle gray
        gamma: Annotated[float, Range(0.1, 10.0)] = 1.0  #: above 1 brightens the dark parts

    params: Params

    def open(self, stream: StreamInfo) -> None:
        """Work out what each of the 256 values becomes."""
        levels = (np.arange(256) / 255) ** (1 / self.params.gamma)
        levels = (levels - 0.5) * self.params.contrast + 0.5 + self.params.brightness
        self._table = np.rint(np.clip(levels, 0, 1) * 255).astype(np.uint8)

    def process(self, image: View) -> View:
        """The changed picture."""
        return image.derive(np.asarray(cv2.LUT(image.pixels, self._table), np.uint8))
