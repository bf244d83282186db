"""Boxes that stand out on any picture without covering it: thin outline, strong corners, dark rim."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, TypeAlias

import cv2
import numpy as np

from vidstream.stages.draw.palette import INK, Bgr
from vidstream.stages.draw.patches import Alpha, Patch
from vidstream.types import Pixels

BoxStyle: TypeAlias = Literal["corners", "full", "none"]
Rectangle: TypeAlias = tuple[int, int, int, int]

#: how strongly the dark rim around strokes covers the picture
RIM = 0.45


def draw_box(pixels: Pixels, box: Rectangle, colour: Bgr, thickness: int, style: BoxStyle) -> None:
    """A box x1 y1 x2 y2 (end exclusive) of an object seen on this frame."""
    if style == "full":
        outline(pixels, box, colour, thickness)
    elif style == "corners":
        outline(pixels, box, colour, (thickness + 1) // 2)
        _corners(pixels, box, colour, thickness)


def draw_dashed(pixels: Pixels, box: Rectangle, colour: Bgr, thickness: int) -> None:
    """A box that is only predicted: short strokes."""
    x1, y1, x2, y2 = box
    for start, end in _dashes(x2 - x1, 4 * thickness + 2):
        _fill(pixels, (x1 + start, y1, x1 + end, y1 + thickness), colour)
        _fill(pixels, (x1 + start, y2 - thickness, x1 + end, y2), colour)
    for start, end in _dashes(y2 - y1, 4 * thickness + 2):
        _fill(pixels, (x1, y1 + start, x1 + thickness, y1 + end), colour)
        _fill(pixels, (x2 - thickness, y1 + start, x2, y1 + end), colour)


def outline(pixels: Pixels, box: Rectangle, colour: Bgr, thickness: int) -> None:
    """Four straight sides inside the box; from two pixels on with a dark hairline around them."""
    x1, y1, x2, y2 = box
    if thickness == 1:
        cv2.rectangle(pixels, (x1, y1), (x2 - 1, y2 - 1), colour, 1)
        return
    cv2.rectangle(pixels, (x1 - 1, y1 - 1), (x2, y2), INK, 1)
    # four filled rectangles are faster than one thick outline
    _fill(pixels, (x1, y1, x2, y1 + thickness), colour)
    _fill(pixels, (x1, y2 - thickness, x2, y2), colour)
    _fill(pixels, (x1, y1, x1 + thickness, y2), colour)
    _fill(pixels, (x2 - thickness, y1, x2, y2), colour)


def _fill(pixels: Pixels, box: Rectangle, colour: Bgr) -> None:
    cv2.rectangle(pixels, (box[0], box[1]), (box[2] - 1, box[3] - 1), colour, cv2.FILLED)


def _corners(pixels: Pixels, box: Rectangle, colour: Bgr, thickness: int) -> None:
    x1, y1, x2, y2 = box
    arm = min(min(x2 - x1, y2 - y1) // 4, 8 * thickness) // 2 * 2
    if arm < 2 * thickness:
        return
    top_left, top_right, bottom_left, bottom_right = _brackets(arm, thickness, colour)
    margin, far = _margin(thickness), top_left.width - _margin(thickness)
    top_left.over(pixels, x1 - margin, y1 - margin)
    top_right.over(pixels, x2 - far, y1 - margin)
    bottom_left.over(pixels, x1 - margin, y2 - far)
    bottom_right.over(pixels, x2 - far, y2 - far)


def _margin(thickness: int) -> int:
    """How far the rim reaches out of the box."""
    return max(1, round(0.6 * thickness))


@lru_cache(maxsize=256)
def _brackets(arm: int, thickness: int, colour: Bgr) -> tuple[Patch, Patch, Patch, Patch]:
    """The four corners: top left, top right, bottom left, bottom right."""
    rim, stroke = _bracket(arm, thickness, _margin(thickness)), _bracket(arm, thickness, 0)

    def turned(step_y: int, step_x: int) -> Patch:
        cut = np.s_[::step_y, ::step_x]
        return Patch.of([(rim[cut] * RIM, INK), (stroke[cut], colour)])

    return turned(1, 1), turned(1, -1), turned(-1, 1), turned(-1, -1)


@lru_cache(maxsize=128)
def _bracket(arm: int, thickness: int, grow: int) -> Alpha:
    """Coverage of a top-left bracket with a rounded bend; its stroke lies inside the box's edge.

    From the distance to the bend's middle line (a rounded corner's signed distance function).
    """
    margin, radius = _margin(thickness), thickness * 1.5
    at = np.arange(arm + 2 * margin, dtype=np.float32) + 0.5 - margin - thickness / 2
    x, y = np.meshgrid(at, at)
    inward_x, inward_y = np.maximum(radius - x, 0), np.maximum(radius - y, 0)
    distance = np.hypot(inward_x, inward_y) - radius
    straight = np.minimum(x, y)
    bent = (x < radius) & (y < radius)
    away = np.where(bent, np.abs(distance), np.abs(straight))
    reach = np.clip(arm + grow + 0.5 - np.maximum(x, y) - thickness / 2, 0, 1)
    return np.asarray(np.clip(thickness / 2 + grow + 0.5 - away, 0, 1) * reach, np.float32)


def _dashes(length: int, period: int) -> list[tuple[int, int]]:
    """Stretches of an edge that are drawn: as many as fit evenly, one at each corner."""
    count = max(1, round(length / period))
    step = length / (count - 0.4) if count > 1 else length
    return [(round(i * step), min(length, round(i * step + 0.6 * step))) for i in range(count)]
