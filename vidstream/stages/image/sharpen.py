"""Crisper pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np

from vidstream.graph.stage import Stage, stage
from vidstream.types import View
from vidstream.types.values import Range, Unit


@stage("image.sharpen", heavy=True, stateless=True)
class Sharpen(Stage):
    """Sharpen edges (unsharp mask), for text and codes that are slightly out of focus.

    Example::

        graph:
          crisp: {use: image.sharpen, amount: 1.5}
          motion: {use: detect.motion}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """How strongly, and how fine."""

        amount: Annotated[float, Range(0.0, 10.0)] = 1.0  #: how much of the detail is added
        radius: Annotated[int, Unit("px"), Range(1, 100)] = 2  #: size of the detail

    params: Params

    def process(self, image: View) -> View:
        """The sharpened picture."""
        side, amount = 2 * self.params.radius + 1, self.params.amount
        soft = cv2.GaussianBlur(image.pixels, (side, side), self.params.radius / 2)
        return image.derive(np.asarray(cv2.addWeighted(image.pixels, 1 + amount, soft, -amount, 0), np.uint8))
