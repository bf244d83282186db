"""Blobs of a known colour: a ball, a vest, a marker light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

import cv2
import numpy as np

from trackers.single.base import to_bgr
from vidstream.types import Boxes, Pixels
from vidstream.types.values import Range, Ratio

#: a level of hue, saturation or value as OpenCV counts it
Level: TypeAlias = Annotated[int, Range(0, 255)]
Levels: TypeAlias = tuple[Level, Level, Level]


@dataclass(frozen=True, slots=True)
class ColourRangeParams:
    """Which colour, and how large a blob of it must be."""

    #: least hue (0-179), saturation and value (0-255); a hue above that of `upper` goes round by red
    lower: Levels
    upper: Levels  #: greatest hue, saturation and value
    min_area: Ratio = 0.0005  #: least share of the picture that a blob covers
    close: Ratio = 0.01  #: gaps up to this share of the picture's height within a blob are closed


def blobs(
    image: Pixels, params: ColourRangeParams
) -> tuple[Boxes, np.ndarray[tuple[int], np.dtype[np.float32]]]:
    """(N, 4) boxes of the blobs, largest first, and (N,) the share of each box that has the colour.

    >>> image = np.zeros((100, 100, 3), np.uint8)
    >>> image[20:40, 30:60] = (0, 0, 255)
    >>> red = ColourRangeParams(lower=(170, 100, 100), upper=(10, 255, 255))
    >>> boxes, shares = blobs(image, red)
    >>> boxes.tolist(), shares.tolist()
    ([[30.0, 20.0, 60.0, 40.0]], [1.0])
    """
    mask = in_range(image, params.lower, params.upper)
    height, width = mask.shape
    side = max(1, round(params.close * height)) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    # specks go first, or closing would join them to blobs
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, kernel)
    _, _, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    stats = stats[1:][stats[1:, cv2.CC_STAT_AREA] >= params.min_area * width * height]
    stats = stats[np.argsort(-stats[:, cv2.CC_STAT_AREA], kind="stable")].astype(np.float32)
    corner, size = stats[:, :2], stats[:, 2:4]
    return np.concatenate([corner, corner + size], axis=1), stats[:, 4] / np.maximum(size.prod(axis=1), 1)


def in_range(image: Pixels, lower: Levels, upper: Levels) -> Pixels:
    """(H, W) 255 where a pixel's hue, saturation and value are between `lower` and `upper`, both included."""
    hsv = cv2.cvtColor(to_bgr(image), cv2.COLOR_BGR2HSV)
    if lower[0] <= upper[0]:
        return np.asarray(cv2.inRange(hsv, np.array(lower), np.array(upper)), np.uint8)
    above = cv2.inRange(hsv, np.array(lower), np.array((179, *upper[1:])))
    below = cv2.inRange(hsv, np.array((0, *lower[1:])), np.array(upper))
    return np.asarray(cv2.bitwise_or(above, below), np.uint8)
