"""One object, shown once, followed by its looks: what these trackers share."""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from vidstream.errors import ShapeError, UsageError
from vidstream.geometry import Float32
from vidstream.types import Pixels

#: x, y, width, height in whole pixels
Window: TypeAlias = tuple[int, int, int, int]


class Found(NamedTuple):
    """Where the object is now (float32 (4,) x1 y1 x2 y2; None = lost) and how sure that is, in [0, 1]."""

    box: Float32 | None
    score: float


class SingleTracker(Protocol):
    """Follows one object through pictures (uint8 (H, W, 3) BGR) of one size."""

    def init(self, image: Pixels, box: npt.ArrayLike) -> None:
        """Learn the object: it lies in `box` (x1 y1 x2 y2) of this picture."""

    def update(self, image: Pixels) -> Found:
        """Find it in the next picture. A lost object is looked for again on every later call."""


def not_started(tracker: SingleTracker) -> UsageError:
    """What `update` raises before `init`."""
    return UsageError("has not been shown an object", where=type(tracker).__name__, fix="call init() first")


def window_of(box: npt.ArrayLike, image: Pixels) -> Window:
    """The box in whole pixels, cut to the picture. Raises ShapeError where nothing of it is inside."""
    height, width = image.shape[:2]
    corners = np.asarray(box, np.float64)
    if corners.shape != (4,) or not np.isfinite(corners).all():
        raise ShapeError(f"expected a box x1 y1 x2 y2, got {box!r}", where="init")
    x1, y1, x2, y2 = np.clip(corners.round(), 0, (width, height, width, height)).astype(int).tolist()
    if x2 - x1 < 2 or y2 - y1 < 2:
        raise ShapeError(
            f"the box {corners.tolist()} has no pixels in a {width}x{height} picture", where="init"
        )
    return x1, y1, x2 - x1, y2 - y1


def box_of(window: Window) -> Float32:
    """x1 y1 x2 y2 of a window."""
    x, y, width, height = window
    return np.array([x, y, x + width, y + height], np.float32)


def to_gray(image: Pixels) -> Pixels:
    """(H, W) brightness."""
    return image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
