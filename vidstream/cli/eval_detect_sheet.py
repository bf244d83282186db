"""A sheet of paper to draw on: text, bars and lines, for the pictures that `eval detect` writes."""

from __future__ import annotations

from functools import cache
from typing import Literal, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from vidstream.stages.draw.fonts import Typeface
from vidstream.stages.draw.palette import INK, Bgr
from vidstream.types import Pixels

Align: TypeAlias = Literal["left", "right", "centre"]

PAPER: Bgr = (250, 249, 247)
GREY: Bgr = (132, 124, 118)
RULE: Bgr = (226, 222, 218)
ACCENT: Bgr = (190, 105, 40)
ALARM: Bgr = (70, 70, 214)


@cache
def face(size: int) -> Typeface:
    """Letters of this size in pixels."""
    return Typeface(size)


class Sheet:
    """Pixels being drawn; coordinates are pixels from the top left."""

    def __init__(self, width: int, height: int) -> None:
        self.pixels: Pixels = np.empty((height, width, 3), np.uint8)
        self.pixels[:] = PAPER

    def text(
        self,
        x: int,
        y: int,
        text: str,
        size: int,
        colour: Bgr = INK,
        align: Align = "left",
        upright: bool = False,
    ) -> int:
        """One line whose top is at `y`; gives its width. `upright` turns it to be read from below."""
        mask = face(size).line(text)
        if upright:
            mask = np.rot90(mask)
        width = int(mask.shape[1])
        left = {"left": x, "right": x - width, "centre": x - width // 2}[align]
        self._ink(mask, left, y, colour)
        return width

    def bar(self, box: tuple[int, int, int, int], colour: Bgr) -> None:
        """A filled rectangle x1 y1 x2 y2, end exclusive."""
        x1, y1, x2, y2 = box
        self.pixels[max(y1, 0) : y2, max(x1, 0) : x2] = colour

    def line(self, points: npt.NDArray[np.float64], colour: Bgr, thickness: int = 1) -> None:
        """A line through (N, 2) points."""
        shifted = np.round(points * 16).astype(np.int32)[None]
        cv2.polylines(self.pixels, list(shifted), False, colour, thickness, cv2.LINE_AA, 4)

    def area(self, points: npt.NDArray[np.float64], colour: Bgr, opacity: float) -> None:
        """A tinted polygon (N, 2)."""
        tint = self.pixels.copy()
        cv2.fillPoly(tint, [np.round(points * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)
        cv2.addWeighted(tint, opacity, self.pixels, 1 - opacity, 0, self.pixels)

    def dot(self, x: float, y: float, radius: float, colour: Bgr) -> None:
        """A round mark."""
        centre = round(x * 16), round(y * 16)
        cv2.circle(self.pixels, centre, round((radius + 1.5) * 16), PAPER, cv2.FILLED, cv2.LINE_AA, 4)
        cv2.circle(self.pixels, centre, round(radius * 16), colour, cv2.FILLED, cv2.LINE_AA, 4)

    def paste(self, picture: Pixels, x: int, y: int) -> None:
        """Another picture, whole."""
        height, width = picture.shape[:2]
        self.pixels[y : y + height, x : x + width] = picture

    def png(self) -> bytes:
        """As a file."""
        return cv2.imencode(".png", self.pixels)[1].tobytes()

    def _ink(self, mask: npt.NDArray[np.uint8], x: int, y: int, colour: Bgr) -> None:
        height, width = self.pixels.shape[:2]
        part = mask[max(-y, 0) : height - y, max(-x, 0) : width - x]
        if not part.size:
            return
        x, y = max(x, 0), max(y, 0)
        under = self.pixels[y : y + part.shape[0], x : x + part.shape[1]]
        alpha = part[:, :, None].astype(np.float32) / 255
        under[:] = (under + alpha * (np.array(colour, np.float32) - under) + 0.5).astype(np.uint8)


def mixed(colour: Bgr, share: float, ground: Bgr = PAPER) -> Bgr:
    """`share` of a colour on another."""
    blue, green, red = (round(g + share * (c - g)) for c, g in zip(colour, ground, strict=True))
    return blue, green, red


def shortened(text: str, size: int, width: int) -> str:
    """`text`, cut at the end until it is no wider than `width`."""
    if face(size).width(text) <= width:
        return text
    while text and face(size).width(text + "...") > width:
        text = text[:-1]
    return text + "..."
