"""Softer pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import cv2
import numpy as np

from vidstream.graph.stage import Stage, stage
from vidstream.types import Pixels, View
from vidstream.types.values import Range, Unit


@stage("image.blur", heavy=True, stateless=True)
class Blur(Stage):
    """Soften the picture, against noise that would be taken for motion or edges.

    ``median`` removes single wrong pixels, ``bilateral`` keeps edges sharp (and is slow).

    Example::

        graph:
          soft: {use: image.blur, method: median, radius: 1}
          motion: {use: detect.motion}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """Which blur, and how wide."""

        method: Literal["gaussian", "median", "bilateral", "box"] = "gaussian"  #: kind of blur
        radius: Annotated[int, Unit("px"), Range(1, 100)] = 2  #: pixels on each side that take part

    params: Params

    def process(self, image: View) -> View:
        """The softened picture."""
        return image.derive(
            np.asarray(_blurred(image.pixels, self.params.method, self.params.radius), np.uint8)
        )


def _blurred(pixels: Pixels, method: str, radius: int) -> cv2.typing.MatLike:
    side = 2 * radius + 1
    if method == "median":
        return cv2.medianBlur(pixels, side)
    if method == "bilateral":
        return cv2.bilateralFilter(pixels, side, 50, radius)
    if method == "box":
        return cv2.blur(pixels, (side, side))
    return cv2.GaussianBlur(pixels, (side, side), radius / 2)
