"""Lines and zones as things are counted by: translucent, named, with the direction that counts as in."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from vidstream.stages.draw.labels import Floor, Pills
from vidstream.stages.draw.palette import INK, WHITE, Bgr, name_colour
from vidstream.stages.draw.places import on_picture
from vidstream.stages.draw.tint import tint
from vidstream.types import Image, Pixels, Shape


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A shape in the pixels of the picture it is drawn on, as whole pixels, and a zone's area."""

    shape: Shape
    matrix: npt.NDArray[np.float64] | None
    corners: npt.NDArray[np.int32]
    colour: Bgr
    #: top left of `area` in the picture, and uint8 (h, w) coverage (zones only)
    at: tuple[int, int] = (0, 0)
    area: npt.NDArray[np.uint8] | None = None

    def is_of(self, shape: Shape, image: Image) -> bool:
        """True where this is still right for `shape` on `image`."""
        if self.matrix is None or image.matrix is None:
            same_view = self.matrix is image.matrix
        else:
            same_view = np.array_equal(self.matrix, image.matrix)
        return same_view and np.array_equal(self.shape.points, shape.points)


def place(shape: Shape, image: Image) -> Placed:
    """Work out once what does not change from frame to frame."""
    corners = np.rint(on_picture(image, shape.points)).astype(np.int32)
    colour = name_colour(shape.name)
    if shape.kind == "line":
        return Placed(shape, image.matrix, corners, colour)
    left, top = np.clip(corners.min(axis=0), 0, (image.width, image.height)).tolist()
    right, bottom = np.clip(corners.max(axis=0) + 1, 0, (image.width, image.height)).tolist()
    area = np.zeros((max(bottom - top, 0), max(right - left, 0)), np.uint8)
    if area.size:
        cv2.fillPoly(area, [corners - (left, top)], 255)
    return Placed(shape, image.matrix, corners, colour, (left, top), area)


def fill_zone(pixels: Pixels, placed: Placed, opacity: float, flash: float) -> None:
    """A zone's inside: a tint that lights up with `flash` in [0, 1]."""
    if placed.area is not None and placed.area.size:
        x, y = placed.at
        height, width = placed.area.shape
        tint(
            pixels[y : y + height, x : x + width],
            placed.area,
            placed.colour,
            min(1.0, opacity * (1 + flash)),
        )


def draw_edges(pixels: Pixels, placed: Placed, thickness: int, flash: float) -> None:
    """A zone's border, or a line with its end points and an arrow to its "in" side."""
    closed = placed.shape.kind == "zone"
    wide = max(2, round(0.8 * thickness) if closed else thickness) + round(2 * flash)
    colour = _brightened(placed.colour, flash)
    cv2.polylines(pixels, [placed.corners], closed, INK, wide + 2, cv2.LINE_AA)
    cv2.polylines(pixels, [placed.corners], closed, colour, wide, cv2.LINE_AA)
    if not closed:
        _arrow(pixels, placed.corners, colour, wide)
        for end in placed.corners.tolist():
            cv2.circle(pixels, end, wide + 2, INK, cv2.FILLED, cv2.LINE_AA)
            cv2.circle(pixels, end, wide + 1, WHITE, cv2.FILLED, cv2.LINE_AA)


def draw_name(pixels: Pixels, placed: Placed, pills: Pills, floor: Floor, gap: int) -> None:
    """The shape's name: at a line's start, in a zone's upper left corner."""
    patch = pills.pill(placed.shape.name, placed.colour)
    corners = placed.corners
    if placed.shape.kind == "zone":
        corners = corners[np.argsort(corners.sum(axis=1), kind="stable")]
    places = [(x + 2 * gap, y + 2 * gap) for x, y in corners.tolist()]
    x, y, _ = floor.settle(places, patch.width, patch.height)
    patch.over(pixels, x, y)


def _arrow(pixels: Pixels, corners: npt.NDArray[np.int32], colour: Bgr, wide: int) -> None:
    """From the line's middle to its right-hand side, seen when walking from the first point."""
    a, b = corners.astype(np.float64)
    along = (b - a) / max(float(np.hypot(*(b - a))), 1.0)
    right = np.array([-along[1], along[0]])
    middle, size = (a + b) / 2, 5.0 * wide
    tip, base = middle + right * 1.9 * size, middle + right * size
    head = np.array([tip, base + along * 0.6 * size, base - along * 0.6 * size])
    for grown, ink in ((2, INK), (0, colour)):
        cv2.line(pixels, _pixel(middle), _pixel(base), ink, wide + grown, cv2.LINE_AA)
        shape = np.rint(head).astype(np.int32)
        cv2.polylines(pixels, [shape], True, ink, 1 + grown, cv2.LINE_AA)
        cv2.fillPoly(pixels, [shape], ink, cv2.LINE_AA)


def _pixel(point: npt.NDArray[np.float64]) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))


def _brightened(colour: Bgr, strength: float) -> Bgr:
    blue, green, red = (round(c + (255 - c) * 0.6 * strength) for c in colour)
    return blue, green, red
