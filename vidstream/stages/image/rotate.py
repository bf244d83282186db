"""Turned pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from vidstream.geometry import Float64, scaling
from vidstream.graph.stage import Stage, stage
from vidstream.types import Pixels, View
from vidstream.types.values import Degrees


@stage("image.rotate", heavy=True, stateless=True)
class Rotate(Stage):
    """Turn the picture counter-clockwise, for cameras that are mounted askew; results stay in source pixels.

    Nothing is cut off: the new picture is as large as it takes, corners without picture are black.
    Quarter turns are exact; boxes found on other angles come back as the upright boxes around them.

    Example::

        graph:
          upright: {use: image.rotate, angle: 90}
          motion: {use: detect.motion}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """How far."""

        angle: Degrees  #: counter-clockwise; negative turns clockwise

    params: Params

    def process(self, image: View) -> View:
        """The turned picture."""
        angle = self.params.angle
        if angle % 90 == 0:
            return _quarter_turns(image, int(angle // 90) % 4)
        pixels, back = _turned(image.pixels, angle)
        return image.derive(pixels, back)


def _quarter_turns(image: View, count: int) -> View:
    """Turned by so many quarters, without touching a pixel's value."""
    if count == 0:
        return image
    width, height = image.width, image.height
    code, back = {
        1: (cv2.ROTATE_90_COUNTERCLOCKWISE, np.array([[0, -1, width], [1, 0, 0], [0, 0, 1]], np.float64)),
        2: (cv2.ROTATE_180, scaling(-1, -1, width, height)),
        3: (cv2.ROTATE_90_CLOCKWISE, np.array([[0, 1, 0], [-1, 0, height], [0, 0, 1]], np.float64)),
    }[count]
    return image.derive(np.asarray(cv2.rotate(image.pixels, code), np.uint8), back)


def _turned(pixels: Pixels, angle: float) -> tuple[Pixels, Float64]:
    """The picture turned about its centre, and the matrix from its new pixels to the old ones."""
    height, width = pixels.shape[:2]
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    new_width = math.ceil(width * abs(cos) + height * abs(sin) - 1e-6)
    new_height = math.ceil(width * abs(sin) + height * abs(cos) - 1e-6)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    back = scaling(1, 1, width / 2, height / 2) @ turn @ scaling(1, 1, -new_width / 2, -new_height / 2)
    # OpenCV counts from pixel centres, our matrices from pixel edges: half a pixel between them
    centred = (scaling(1, 1, -0.5, -0.5) @ back @ scaling(1, 1, 0.5, 0.5))[:2]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(pixels, centred, (new_width, new_height), flags=flags), np.uint8), back
