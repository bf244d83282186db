"""Pictures with even light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import cv2
import numpy as np

from vidstream.graph.stage import Stage, stage
from vidstream.types import Pixels, View
from vidstream.types.values import Range


@stage("image.equalize", heavy=True, stateless=True)
class Equalize(Stage):
    """Even out the light, for faces and signs against the sun or at night.

    ``clahe`` works tile by tile and limits contrast (Zuiderveld, 1994), ``global`` stretches the whole
    picture alike. Colours stay: only luminance is changed.

    Example::

        graph:
          even: {use: image.equalize, clip: 3}
          motion: {use: detect.motion}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """How light is evened out."""

        method: Literal["clahe", "global"] = "clahe"  #: tile by tile, or the whole picture alike
        #: most contrast that is added, for clahe
        clip: Annotated[float, Range(0.0, 100.0, open_low=True)] = 2.0
        tiles: Annotated[int, Range(1, 64)] = 8  #: tiles along each side, for clahe

    params: Params

    def process(self, image: View) -> View:
        """The evened picture."""
        if image.is_gray:
            return image.derive(self._evened(image.pixels))
        # YCrCb instead of CIE Lab: 9 ms instead of 28 for a 1080p picture
        split = cv2.cvtColor(image.pixels, cv2.COLOR_BGR2YCrCb)
        cv2.insertChannel(self._evened(np.asarray(cv2.extractChannel(split, 0), np.uint8)), split, 0)
        return image.derive(np.asarray(cv2.cvtColor(split, cv2.COLOR_YCrCb2BGR), np.uint8))

    def _evened(self, plane: Pixels) -> Pixels:
        if self.params.method == "global":
            return np.asarray(cv2.equalizeHist(plane), np.uint8)
        tiles = (self.params.tiles, self.params.tiles)
        return np.asarray(cv2.createCLAHE(self.params.clip, tiles).apply(plane), np.uint8)
