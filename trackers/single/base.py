"""One object, shown once, followed by its looks: what these trackers share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from vidstream.errors import ShapeError, UsageError
from vidstream.geometry import Float32, clip
from vidstream.types import Pixels

#: x, y, width, height in whole pixels
Window: TypeAlias = tuple[int, int, int, int]


class Found(NamedTuple):
    """Where the object is now (float32 (4,) x1 y1 x2 y2; None = lost) and how sure that is, in [0, 1]."""

    box: Float32 | None
    score: float


class SingleTracker(ABC):
    """Follows one object through pictures, uint8 (H, W, 3) BGR or (H, W) gray, of one size.

    A tracker of its own kind says how it learns and how it finds; what every one must refuse is
    refused here. None of them writes into a picture, and none needs a clock.
    """

    #: an object with a shorter side has too few pixels to be known by
    least_side: int = 2

    def __init__(self) -> None:
        self._shape: tuple[int, ...] | None = None

    def init(self, image: Pixels, box: npt.ArrayLike) -> None:
        """Learn the object: it lies in `box` (x1 y1 x2 y2) of this picture. What was known is forgotten.

        Raises ShapeError where the box is no box or has hardly a pixel in the picture.
        """
        inside = box_inside(box, image, self.least_side)
        self._shape = None
        self._learn(image, inside)
        self._shape = image.shape

    def resume(self, image: Pixels, box: npt.ArrayLike) -> None:
        """Go on from `box`, where somebody else has found the lost object, with what is known of it."""
        self._check(image)
        self._return(image, box_inside(box, image, self.least_side))

    def update(self, image: Pixels) -> Found:
        """Find it in the next picture. A lost object is looked for again on every later call.

        Raises UsageError before `init`, ShapeError for a picture of another size or kind.
        """
        self._check(image)
        box, score = self._find(image)
        return Found(box, min(1.0, max(0.0, score)))

    @abstractmethod
    def _learn(self, image: Pixels, box: Float32) -> None:
        """`init`, for a float32 box (4,) that lies in the picture."""

    @abstractmethod
    def _find(self, image: Pixels) -> Found:
        """`update`, for a picture like the first."""

    def _return(self, image: Pixels, box: Float32) -> None:
        """`resume`; a tracker that keeps no memory worth more than what it sees there learns anew."""
        self._learn(image, box)

    def _check(self, image: Pixels) -> None:
        name = type(self).__name__
        if self._shape is None:
            raise UsageError("has not been shown an object", where=name, fix="call init() first")
        if image.shape != self._shape:
            raise ShapeError(
                f"expected a picture {self._shape} as before, got {image.shape}",
                where=name,
                fix="call init() again where the picture's size changes",
            )


def box_inside(box: npt.ArrayLike, image: Pixels, least_side: int = 2) -> Float32:
    """float32 (4,): the box cut to the picture. Raises ShapeError where too little of it is inside."""
    height, width = image.shape[:2]
    corners = np.asarray(box, np.float64)
    if corners.shape != (4,) or not np.isfinite(corners).all():
        raise ShapeError(f"expected a box x1 y1 x2 y2, got {box!r}", where="init")
    inside: Float32 = clip(corners[None], width, height)[0].astype(np.float32)
    sides = inside[2:].round() - inside[:2].round()
    if (sides < least_side).any():
        raise ShapeError(
            f"the box {corners.tolist()} has no pixels in a {width}x{height} picture"
            if (sides < 1).any()
            else f"the box {corners.tolist()} has fewer than {least_side} pixels along a side",
            where="init",
            fix=f"show an object of at least {least_side}x{least_side} pixels",
        )
    return inside


def window_of(box: Float32) -> Window:
    """A box in whole pixels."""
    x1, y1, x2, y2 = box.round().astype(int).tolist()
    return x1, y1, x2 - x1, y2 - y1


def box_of(window: Window) -> Float32:
    """x1 y1 x2 y2 of a window."""
    x, y, width, height = window
    return np.array([x, y, x + width, y + height], np.float32)


def crop(image: Pixels, window: Window) -> Pixels:
    """The window's pixels; what of it lies outside the picture repeats the nearest edge."""
    x, y, width, height = window
    rows, cols = image.shape[:2]
    top, left = min(max(0, y), rows - 1), min(max(0, x), cols - 1)
    bottom, right = max(top + 1, min(rows, y + height)), max(left + 1, min(cols, x + width))
    inside = image[top:bottom, left:right]
    edges = (max(0, top - y), max(0, y + height - bottom), max(0, left - x), max(0, x + width - right))
    return np.asarray(
        cv2.copyMakeBorder(inside, *edges, cv2.BORDER_REPLICATE) if any(edges) else inside, np.uint8
    )


def to_gray(image: Pixels) -> Pixels:
    """(H, W) brightness."""
    return image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def to_bgr(image: Pixels) -> Pixels:
    """(H, W, 3), also of a gray picture."""
    return image if image.ndim == 3 else np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)


def is_visible(box: Float32, image: Pixels) -> bool:
    """False where the box has left the picture or collapsed: no two pixels of it are inside."""
    height, width = image.shape[:2]
    inside = clip(box[None], width, height)[0]
    return bool((inside[2:] - inside[:2] > 1).all())


def of_psr(ratio: float) -> float:
    """A peak-to-sidelobe ratio as a score: 0.5 at 7, where Bolme et al. (2010) call it hidden."""
    return max(0.0, ratio) / (max(0.0, ratio) + 7.0)
