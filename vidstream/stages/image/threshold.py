"""Black and white pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import cv2
import numpy as np

from vidstream.graph.stage import Stage, stage
from vidstream.types import Pixels, View
from vidstream.types.values import Range, Unit


@stage("image.threshold", stateless=True)
class Threshold(Stage):
    """Make the picture black and white, for text readers and code readers.

    ``fixed`` compares with a level, ``otsu`` finds the level that splits the picture best (Otsu, 1979),
    ``adaptive`` compares each pixel with its surroundings, against uneven light.

    Example::

        graph:
          ink: {use: image.threshold, method: adaptive}
          motion: {use: detect.motion}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """Where white begins."""

        method: Literal["fixed", "otsu", "adaptive"] = "otsu"  #: where the level comes from
        level: Annotated[int, Range(0, 255)] = 127  #: brighter than this is white, for fixed
        radius: Annotated[int, Unit("px"), Range(1, 500)] = 7  #: surroundings of a pixel, for adaptive
        #: how much brighter than its surroundings less this a pixel must be, for adaptive
        offset: Annotated[int, Range(-255, 255)] = 5
        invert: bool = False  #: swap black and white

    params: Params

    def process(self, image: View) -> View:
        """The picture in 0 and 255, uint8 (H, W)."""
        return image.derive(self._split(image.gray()))

    def _split(self, gray: Pixels) -> Pixels:
        own = self.params
        kind = cv2.THRESH_BINARY_INV if own.invert else cv2.THRESH_BINARY
        if own.method == "adaptive":
            side, mean = 2 * own.radius + 1, cv2.ADAPTIVE_THRESH_GAUSSIAN_C
            return np.asarray(cv2.adaptiveThreshold(gray, 255, mean, kind, side, own.offset), np.uint8)
        if own.method == "otsu":
            kind |= cv2.THRESH_OTSU
        return np.asarray(cv2.threshold(gray, own.level, 255, kind)[1], np.uint8)
