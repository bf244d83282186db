"""Lines of text as four corners, clockwise from the text's own top left."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from vidstream.types import Detections, Pixels

Quads = npt.NDArray[np.float32]

#: a crop this many times as high as wide holds text that runs down
_UPRIGHT = 1.5


def from_rotated(centre: Any, size: Any, angle: float) -> Quads:
    """(4, 2) corners of a rectangle turned by `angle` degrees, as `cv2.minAreaRect` gives it.

    The longer side becomes the top where the turn leaves that open: text is wider than high, and its top
    left corner is the upper one of the left side.
    """
    corners = np.asarray(cv2.boxPoints((centre, size, angle)), np.float32)
    return clockwise(corners)


def clockwise(corners: Quads) -> Quads:
    """The four corners from the top left on: left two by their height, then right two.

    >>> clockwise(np.array([[9, 5], [1, 5], [9, 1], [1, 1]], np.float32)).tolist()
    [[1.0, 1.0], [9.0, 1.0], [9.0, 5.0], [1.0, 5.0]]
    """
    order = np.argsort(corners[:, 0], kind="stable")
    left, right = corners[order[:2]], corners[order[2:]]
    left, right = left[np.argsort(left[:, 1], kind="stable")], right[np.argsort(right[:, 1], kind="stable")]
    return np.stack([left[0], right[0], right[1], left[1]])


def grown(quad: Quads, distance: float) -> Quads:
    """A rectangle with every side moved out by `distance`.

    The rectangle around what rounding its corners would give (Vatti's offset of a rectangle).
    """
    (cx, cy), (width, height), angle = cv2.minAreaRect(quad)
    return from_rotated((cx, cy), (width + 2 * distance, height + 2 * distance), angle)


def boxes_of(quads: Quads) -> npt.NDArray[np.float32]:
    """(N, 4) upright hulls of (N, 4, 2) corners."""
    return np.concatenate([quads.min(axis=1), quads.max(axis=1)], axis=1)


def angles_of(quads: Quads) -> npt.NDArray[np.float32]:
    """(N,) degrees that each text's base line is turned clockwise from the horizontal."""
    along = quads[:, 1] - quads[:, 0] + quads[:, 2] - quads[:, 3]
    return np.asarray(np.degrees(np.arctan2(along[:, 1], along[:, 0])), np.float32)


def polygons_of(found: Detections) -> Quads:
    """(N, 4, 2) corners of texts found: those of their `polygon` column, else those of their boxes."""
    if "polygon" in found.extra:
        return np.asarray(found.extra["polygon"], np.float32)
    return found.boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)


def upright(pixels: Pixels, quad: Quads) -> Pixels:
    """What lies inside the four corners, turned and stretched into a rectangle as wide as the text.

    What is much higher than wide is taken for text that runs down, and turned by a quarter.
    """
    width = max(1, round(float(max(_length(quad[0], quad[1]), _length(quad[3], quad[2])))))
    height = max(1, round(float(max(_length(quad[0], quad[3]), _length(quad[1], quad[2])))))
    # corners are pixel edges, OpenCV counts from pixel centres
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    matrix = cv2.getPerspectiveTransform(quad.astype(np.float32) - 0.5, target)
    crop = cv2.warpPerspective(
        pixels, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(np.rot90(crop) if height >= _UPRIGHT * width else crop, np.uint8)


def reading_order(quads: Quads) -> npt.NDArray[np.int64]:
    """Rows of (N, 4, 2) from the top down, those of one line from left to right.

    A text belongs to the line before it while its middle is above that line's bottom.
    """
    if not len(quads):
        return np.zeros(0, np.int64)
    boxes = boxes_of(quads)
    middles = (boxes[:, 1] + boxes[:, 3]) / 2
    lines: list[list[int]] = []
    bottom = -np.inf
    for row in np.argsort(middles, kind="stable").tolist():
        if not lines or middles[row] > bottom:
            lines.append([])
            # a tall text does not swallow the lines below it
            bottom = middles[row] + 0.3 * float(boxes[row, 3] - boxes[row, 1])
        lines[-1].append(row)
    return np.array([row for line in lines for row in sorted(line, key=lambda r: boxes[r, 0])], np.int64)


def _length(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
    return float(np.hypot(*(b - a)))
