"""Pictures that travel: pixels plus the way back to source pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from vidstream import geometry
from vidstream.errors import ShapeError

Pixels: TypeAlias = npt.NDArray[np.uint8]
Matrix: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """Pixels, and the 3x3 matrix from their coordinates to those of the source picture.

    `pixels` is uint8, (H, W, 3) in BGR order or (H, W) gray, read-only. `matrix` is float64 (3, 3),
    or None where pixels are source pixels. Detectors find things in `pixels` and report them through
    `boxes_to_source`, so a resize or crop before them never shows in the results.
    """

    pixels: Pixels
    matrix: Matrix | None = None
    _cache: dict[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        shape = self.pixels.shape
        if self.pixels.dtype != np.uint8 or len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] != 3):
            raise ShapeError(
                f"expected uint8 pixels (H, W, 3) or (H, W), got {self.pixels.dtype} {shape}",
                where=type(self).__name__,
            )
        if self.pixels.flags.writeable:
            pixels = self.pixels.view()
            pixels.flags.writeable = False
            object.__setattr__(self, "pixels", pixels)

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])

    @property
    def is_gray(self) -> bool:
        """True for a single-channel picture."""
        return self.pixels.ndim == 2

    def points_to_source(self, points: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """(N, 2) points of this picture in source pixels."""
        return geometry.transform_points(points, self.matrix)

    def points_from_source(self, points: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """(N, 2) source points in this picture's pixels."""
        return geometry.transform_points(points, self._inverse())

    def boxes_to_source(self, boxes: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """(N, 4) boxes of this picture in source pixels (upright hull where the view is turned)."""
        return geometry.transform_boxes(boxes, self.matrix)

    def boxes_from_source(self, boxes: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """(N, 4) source boxes in this picture's pixels."""
        return geometry.transform_boxes(boxes, self._inverse())

    def scale_to_source(self) -> float:
        """Source pixels per pixel of this picture, along the x axis."""
        return 1.0 if self.matrix is None else float(np.hypot(self.matrix[0, 0], self.matrix[1, 0]))

    def derive(self, pixels: Pixels, step: Matrix | None = None) -> View:
        """A view made from this one; `step` maps the new pixels' coordinates to this picture's."""
        if step is None:
            return View(pixels, self.matrix)
        return View(pixels, step if self.matrix is None else self.matrix @ step)

    def _inverse(self) -> Matrix | None:
        if self.matrix is None:
            return None
        if "inverse" not in self._cache:
            self._cache["inverse"] = np.linalg.inv(self.matrix)
        inverse: Matrix = self._cache["inverse"]
        return inverse


@dataclass(frozen=True, slots=True, eq=False)
class View(Image):
    """A picture to analyse: the source frame, or one derived from it by an ``image.*`` stage."""

    def gray(self) -> Pixels:
        """(H, W) uint8 luminance, computed once per view however many stages ask."""
        if self.is_gray:
            return self.pixels
        if "gray" not in self._cache:
            import cv2

            gray = cv2.cvtColor(self.pixels, cv2.COLOR_BGR2GRAY)
            gray.flags.writeable = False
            self._cache["gray"] = gray
        found: Pixels = self._cache["gray"]
        return found

    def bgr(self) -> Pixels:
        """(H, W, 3) uint8 BGR, whatever the view holds."""
        if not self.is_gray:
            return self.pixels
        if "bgr" not in self._cache:
            bgr = np.repeat(self.pixels[:, :, None], 3, axis=2)
            bgr.flags.writeable = False
            self._cache["bgr"] = bgr
        found: Pixels = self._cache["bgr"]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Canvas(Image):
    """A picture drawn for people. Sinks and drawing stages take it; detectors never see it by default."""
