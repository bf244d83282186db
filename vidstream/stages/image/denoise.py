"""Pictures without noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np

from vidstream.graph.stage import Stage, stage
from vidstream.types import View
from vidstream.types.values import Range


@stage("image.denoise", heavy=True, stateless=True)
class Denoise(Stage):
    """Remove the noise of dark scenes by averaging alike patches (non-local means, Buades et al., 2005).

    Much slower than `image.blur`, and much kinder to detail: put a resize or crop before it.

    Example::

        graph:
          small: {use: image.resize, width: 160}
          clean: {use: image.denoise, strength: 5}
          motion: {use: detect.motion}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """How much noise there is."""

        strength: Annotated[float, Range(0.0, 50.0, open_low=True)] = 5.0  #: noise removed, in gray levels

    params: Params

    def process(self, image: View) -> View:
        """The cleaned picture."""
        strength = self.params.strength
        if image.is_gray:
            pixels = cv2.fastNlMeansDenoising(image.pixels, None, strength)
        else:
            pixels = cv2.fastNlMeansDenoisingColored(image.pixels, None, strength, strength)
        return image.derive(np.asarray(pixels, np.uint8))
