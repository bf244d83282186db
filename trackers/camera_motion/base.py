"""What all ways of seeing the camera's motion share: the contract, the small grey pictures, the doubts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, NamedTuple, Protocol, TypeVar

import cv2
import numpy as np

from vidstream.geometry import Float64
from vidstream.types import Boxes, Pixels

#: no camera zooms by more, or jumps over more of the picture's diagonal, from one frame to the next
_LARGEST_ZOOM, _LARGEST_SHIFT = 1.3, 0.3
#: around a moving object the background is blurred and shadowed: masks reach this far over, small pixels
_MARGIN = 2


class Motion(NamedTuple):
    """How the camera moved since the last picture.

    matrix: float64 (2, 3), takes coordinates (those of boxes) of the previous picture to the present one;
    the identity where `ok` is False.
    ok: whether it is known. It is not on a first picture, on flat ones, across a cut.
    support: share of the evidence that agrees with the matrix, 0 to 1.
    """

    matrix: Float64
    ok: bool
    support: float

    @classmethod
    def unknown(cls, support: float = 0.0) -> Motion:
        """Nothing is known, so nothing is taken to have moved."""
        return cls(np.eye(2, 3), ok=False, support=support)


class CameraMotion(Protocol):
    """Anything that tells from successive pictures how the camera moved."""

    def update(self, image: Pixels, boxes: Boxes | None = None) -> Motion:
        """The motion from the last picture given to this one.

        image: uint8 BGR (H, W, 3) or grey (H, W). boxes: (N, 4) in it, things that move of themselves
        (detections, or where tracks are expected): they are left out of the view.
        """

    def reset(self) -> None:
        """Forget the last picture: the next one begins anew."""


class Small(NamedTuple):
    """A picture made small for measuring."""

    #: uint8 (h, w)
    grey: Pixels
    #: uint8 (h, w), 255 where the background shows
    background: Pixels


Look = TypeVar("Look")


class PictureMotion(ABC, Generic[Look]):
    """Make the picture small, look at it, compare with the last look, doubt the result."""

    #: support below this is chance: see the table of cuts in the tests
    least_support: float
    #: pictures are made small by a whole number, to about so many pixels
    pixels: int

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the last picture: the next one begins anew."""
        self._last: Look | None = None
        self._size = (0, 0)

    def update(self, image: Pixels, boxes: Boxes | None = None) -> Motion:
        """The motion from the last picture given to this one; see `CameraMotion`."""
        if image.shape[:2] != self._size:
            self.reset()
            self._size = (image.shape[0], image.shape[1])
        factor = max(1, round((image.shape[0] * image.shape[1] / self.pixels) ** 0.5))
        before, self._last = self._last, self._look(shrink(image, boxes, factor))
        if before is None:
            return Motion.unknown()
        matrix, support = self._compare(before, self._last)
        if matrix is None or support < self.least_support or not self._believable(matrix, factor):
            return Motion.unknown(support)
        return Motion(_enlarged(matrix, factor), ok=True, support=support)

    @abstractmethod
    def _look(self, small: Small) -> Look:
        """What is to be remembered of a picture until the next comes."""

    @abstractmethod
    def _compare(self, before: Look, after: Look) -> tuple[Float64 | None, float]:
        """The (2, 3) matrix from `before` to `after` in pixels of the small picture, and its support."""

    def _believable(self, matrix: Float64, factor: int) -> bool:
        """Whether a camera can have moved so from one picture to the next."""
        height, width = self._size[0] / factor, self._size[1] / factor
        corners = np.array([[0, 0], [width, 0], [0, height], [width, height]])
        shift = np.linalg.norm(corners @ matrix[:, :2].T + matrix[:, 2] - corners, axis=1)
        sizes = np.linalg.svd(matrix[:, :2], compute_uv=False)
        calm = sizes.min() > 1 / _LARGEST_ZOOM and sizes.max() < _LARGEST_ZOOM
        return bool(calm and shift.max() < _LARGEST_SHIFT * np.hypot(height, width))


def shrink(image: Pixels, boxes: Boxes | None, factor: int) -> Small:
    """The picture `factor` times smaller, in grey; a rest of fewer than `factor` pixels is cut off."""
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    height, width = max(1, grey.shape[0] // factor), max(1, grey.shape[1] // factor)
    if factor > 1:  # a whole factor takes OpenCV's fast path: 0.5 ms where 3.1 costs 2
        whole = grey[: height * factor, : width * factor]
        grey = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    background = np.full((height, width), 255, np.uint8)
    if boxes is not None and len(boxes):
        first = np.clip(np.floor(boxes[:, :2] / factor) - _MARGIN, 0, (width, height)).astype(int)
        last = np.clip(np.ceil(boxes[:, 2:] / factor) + _MARGIN, 0, (width, height)).astype(int)
        for x1, y1, x2, y2 in np.hstack([first, last]).tolist():
            background[y1:y2, x1:x2] = 0
    return Small(np.asarray(grey, np.uint8), background)


def _enlarged(matrix: Float64, factor: int) -> Float64:
    """From pixels of the small picture, counted at their centres, to coordinates of the whole one."""
    linear, shift = matrix[:, :2], matrix[:, 2]
    half = np.full(2, 0.5)
    return np.column_stack([linear, factor * (shift + half - linear @ half)])
