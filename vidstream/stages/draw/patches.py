"""Small pictures with transparency: rendered once, cached, laid over a picture in microseconds.

A patch keeps colour already multiplied by its alpha, so that laying it over is one multiplication
and one addition (4.6 us for a label; drawing its text anew would be 100 us and more).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from vidstream.stages.draw.palette import Bgr
from vidstream.types import Pixels

Alpha: TypeAlias = npt.NDArray[np.float32]
Ink: TypeAlias = tuple[npt.NDArray[np.uint8], int, int, Bgr]


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """`colour` uint8 (h, w, 3) multiplied by alpha; `through` uint8 (h, w, 3), 255 where clear."""

    colour: Pixels
    through: Pixels
    width: int = field(init=False)
    height: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "height", self.colour.shape[0])
        object.__setattr__(self, "width", self.colour.shape[1])

    @classmethod
    def of(cls, layers: Sequence[tuple[Alpha, Bgr]]) -> Patch:
        """Layers of one colour each, first one lowest, by the "over" rule (Porter and Duff, 1984)."""
        height, width = layers[0][0].shape
        colour = np.zeros((height, width, 3), np.float32)
        through = np.ones((height, width, 1), np.float32)
        for alpha, bgr in layers:
            clear = 1 - alpha[:, :, None]
            colour = colour * clear + alpha[:, :, None] * np.array(bgr, np.float32)
            through = through * clear
        veil = np.repeat((through * 255).round().astype(np.uint8), 3, axis=2)
        return cls(colour.round().astype(np.uint8), veil)

    def faded(self, strength: float) -> Patch:
        """The same with its opacity scaled; 0 is invisible."""
        through = 255 - (255 - self.through.astype(np.float32)) * strength
        colour = self.colour.astype(np.float32) * strength
        return Patch(colour.round().astype(np.uint8), through.round().astype(np.uint8))

    def over(self, pixels: Pixels, x: int, y: int) -> None:
        """Lay it over `pixels` with its top left at (x, y); what lies outside is cut off."""
        height, width = pixels.shape[:2]
        right, bottom = x + self.width, y + self.height
        if x >= 0 and y >= 0 and right <= width and bottom <= height:
            under = pixels[y:bottom, x:right]
            cv2.multiply(under, self.through, under, 1 / 255)
            cv2.add(under, self.colour, under)
        elif x < width and y < height and right > 0 and bottom > 0:
            part = np.s_[max(-y, 0) : height - y, max(-x, 0) : width - x]
            Patch(self.colour[part], self.through[part]).over(pixels, max(x, 0), max(y, 0))


def card(
    width: int,
    height: int,
    background: Bgr,
    inks: Sequence[Ink],
    *,
    opacity: float = 1.0,
    radius: int = 4,
) -> Patch:
    """A rounded rectangle with masks (mask, x, y, colour) inked on it."""
    plate = rounded(width, height, radius)
    planes = np.empty((3, height, width), np.float32)  # whole planes: three times as fast as pixels
    planes[:] = _column(background)
    alpha = plate * opacity
    for mask, x, y, bgr in inks:
        part = np.s_[y : y + mask.shape[0], x : x + mask.shape[1]]
        ink = mask[: height - y, : width - x].astype(np.float32) / 255
        planes[:, *part] += ink * (_column(bgr) - planes[:, *part])
        np.maximum(alpha[part], ink * plate[part], out=alpha[part])
    colour = (planes * alpha + 0.5).astype(np.uint8)
    through = (255.5 - alpha * 255).astype(np.uint8)
    return Patch(_interleaved(*colour), _interleaved(through, through, through))


def _column(bgr: Bgr) -> Alpha:
    return np.array(bgr, np.float32)[:, None, None]


def _interleaved(*planes: npt.NDArray[np.uint8]) -> Pixels:
    return np.asarray(cv2.merge(planes), np.uint8)


@lru_cache(maxsize=128)
def rounded(width: int, height: int, radius: int) -> Alpha:
    """Coverage of a rounded rectangle by (height, width) pixels, with smooth corners."""
    radius = max(1, min(radius, width // 2, height // 2))
    x = np.abs(np.arange(width, dtype=np.float32) + 0.5 - width / 2) - (width / 2 - radius)
    y = np.abs(np.arange(height, dtype=np.float32) + 0.5 - height / 2) - (height / 2 - radius)
    outside = np.hypot(np.maximum(x, 0)[None, :], np.maximum(y, 0)[:, None])
    alpha: Alpha = np.clip(radius - outside + 0.5, 0, 1).astype(np.float32)
    alpha.flags.writeable = False
    return alpha
