"""Boxes that are turned."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from vidstream.stages.draw.boxes import BoxStyle
from vidstream.stages.draw.palette import INK, Bgr
from vidstream.stages.draw.places import on_picture
from vidstream.types import Detections, Image, Pixels

Corners = npt.NDArray[np.float64]

#: degrees from which on a box is drawn turned
_LEAST = 1.0
#: so near to 45 degrees (cosine of twice the angle) the hull fits any turned box
_AMBIGUOUS = 0.1
#: corners belong to a box whose sides they miss by no more than this share of it
_SLACK = 0.1
_SHIFT = 4


def turned_corners(objects: Detections, image: Image) -> list[Corners | None]:
    """The four corners of each object on the picture; None where its box is upright, or nothing is known.

    `angles` turn clockwise, boxes are the upright hulls; corners in ``extra["polygon"]`` (N, 4, 2) go before.
    """
    if objects.angles is None:
        return [None] * len(objects)
    boxes, angles = objects.boxes.astype(np.float64), objects.angles.astype(np.float64)
    noted = objects.extra.get("polygon")
    known = noted is not None and noted.shape[1:] == (4, 2)
    found: list[Corners | None] = []
    for row in range(len(objects)):
        corners = noted[row].astype(np.float64) if known and noted is not None else None
        if corners is None or not _fits(corners, boxes[row]):
            corners = _within(boxes[row], angles[row])
        off = abs((angles[row] + 45) % 90 - 45)
        found.append(None if corners is None or not off >= _LEAST else on_picture(image, corners))
    return found


def draw_turned(pixels: Pixels, corners: Corners, colour: Bgr, thickness: int, style: BoxStyle) -> None:
    """A turned box (4, 2): like an upright one, thin sides with strong corners, or full sides."""
    if style == "none":
        return
    thin = (thickness + 1) // 2 if style == "corners" else thickness
    if thin > 1:
        _lines(pixels, corners, INK, thin + 2, closed=True)
    _lines(pixels, corners, colour, thin, closed=True)
    if style == "corners" and thickness > 1:
        before, after = np.roll(corners, 1, axis=0), np.roll(corners, -1, axis=0)
        for at, one, other in zip(corners, before, after, strict=True):
            sides = (one - at, other - at)
            arm = min(min(np.hypot(*side) for side in sides) / 4, 8 * thickness)
            ends = [at + side * arm / max(np.hypot(*side), 1e-6) for side in sides]
            _lines(pixels, np.array([ends[0], at, ends[1]]), colour, thickness, closed=False)


def _lines(pixels: Pixels, points: Corners, colour: Bgr, thickness: int, *, closed: bool) -> None:
    fixed = np.rint(points * (1 << _SHIFT)).astype(np.int32)
    cv2.polylines(pixels, [fixed], closed, colour, thickness, cv2.LINE_AA, _SHIFT)


def _fits(corners: Corners, box: Corners) -> bool:
    """Whether the box is the hull of these corners: a tracker may have moved it since."""
    hull = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
    return bool(np.abs(hull - box).max() <= 1 + _SLACK * min(box[2] - box[0], box[3] - box[1]))


def _within(box: Corners, degrees: float) -> Corners | None:
    """The turned rectangle whose hull is this box; None where there is none, or any.

    From W = w c + h s and H = w s + h c, with c and s the cosine and sine without their signs.
    """
    width, height = box[2] - box[0], box[3] - box[1]
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    c, s = abs(cosine), abs(sine)
    spread = c * c - s * s
    if not abs(spread) >= _AMBIGUOUS:
        return None
    own_width, own_height = (width * c - height * s) / spread, (height * c - width * s) / spread
    if min(own_width, own_height) <= 0:
        return None
    along, down = np.array([cosine, sine]) * own_width / 2, np.array([-sine, cosine]) * own_height / 2
    centre = (box[:2] + box[2:]) / 2
    return np.array(
        [centre - along - down, centre + along - down, centre + along + down, centre - along + down]
    )
