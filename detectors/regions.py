"""Regions of interest: where to look, and which of the things found there count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from detectors.parts import Grid, cell_centres, grid_size
from vidstream import geometry
from vidstream.errors import UsageError
from vidstream.geometry import Array
from vidstream.types import Detections, Pixels, View
from vidstream.types.values import Box, InputFile, Polygon, Ratio

#: points along each side of a box that tell how much of it lies in a region
_SAMPLES = 8
#: kinds of views that a region's grid is kept for
_KEPT = 8


@dataclass(frozen=True, slots=True)
class RegionParams:
    """Where to look. Coordinates are fractions of the source's picture."""

    look: Mapping[str, Polygon | Box] = field(default_factory=dict)  #: look in these only (empty: everywhere)
    ignore: Mapping[str, Polygon | Box] = field(default_factory=dict)  #: never report what is in one of these
    mask: InputFile | None = None  #: a picture that is white where to look and black elsewhere
    anchor: Literal["feet", "centre", "box"] = (
        "feet"  #: what has to lie in a region: a point of the box, or it
    )
    share: Ratio = 0.5  #: with `anchor: box`, how much of it
    margin: Ratio = 0.15  #: look so far around, as a share of the picture: things reach out of their region


class Regions:
    """Tells where in a picture to look, and keeps what is found in the right places.

    UsageError: the mask is no picture.
    """

    def __init__(self, params: RegionParams) -> None:
        self.params = params
        self._mask = None if params.mask is None else _read_mask(params.mask)
        self._grids: dict[object, Grid] = {}

    def hold(self, points: Array, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
        """(N,) whether points (N, 2) lie in a region of the source's picture of this width and height."""
        # Who is cut off by the picture's edge stands on it, but regions end just before it.
        points = np.clip(points, 0, np.array(size) - 0.5)
        look, ignore = self.params.look, self.params.ignore
        found = _in_any(look, points, size) if look else np.ones(len(points), np.bool_)
        if self._mask is not None:
            height, width = self._mask.shape
            at = (points / size * (width, height)).astype(int)
            found &= self._mask[at[:, 1], at[:, 0]]
        return found & ~_in_any(ignore, points, size)

    def keep(self, found: Detections, size: tuple[int, int]) -> Detections:
        """The detections that lie in a region, all columns kept."""
        boxes = found.boxes
        if not len(boxes):
            return found
        if self.params.anchor != "box":
            points = geometry.feet(boxes) if self.params.anchor == "feet" else geometry.centres(boxes)
            return found[self.hold(points, size)]
        steps = (np.arange(_SAMPLES) + 0.5) / _SAMPLES
        shares = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(1, -1, 2)
        points = boxes[:, None, :2] + shares * (boxes[:, None, 2:] - boxes[:, None, :2])
        inside = self.hold(points.reshape(-1, 2), size).reshape(len(boxes), -1)
        return found[inside.mean(axis=1) >= self.params.share]

    def grid(self, view: View, size: tuple[int, int]) -> Grid:
        """Which cells of a picture are worth looking at: those of the regions, and a margin around them."""
        matrix = None if view.matrix is None else view.matrix.tobytes()
        key = (view.width, view.height, matrix, size)
        if key not in self._grids:
            if len(self._grids) == _KEPT:  # behind a view that moves, each would be kept for ever
                self._grids.clear()
            self._grids[key] = self._new_grid(view, size)
        return self._grids[key]

    def _new_grid(self, view: View, size: tuple[int, int]) -> Grid:
        columns, rows = grid_size(view)
        inside = self.hold(view.points_to_source(cell_centres(view)), size).reshape(rows, columns)
        reach = 2 * round(self.params.margin * max(columns, rows)) + 1
        kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (reach, reach))
        return np.asarray(cv2.dilate(inside.astype(np.uint8), kernel), np.bool_)


def _in_any(
    regions: Mapping[str, Polygon | Box], points: Array, size: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    found = np.zeros(len(points), np.bool_)
    for region in regions.values():
        if isinstance(region, Box):
            x1, y1, x2, y2 = region.at(*size)
            corners = [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]
        else:
            corners = [point.at(*size) for point in region.points]
        found |= geometry.contains(np.array(corners), points)
    return found


def _read_mask(path: Path) -> npt.NDArray[np.bool_]:
    mask: Pixels | None = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)  # type: ignore[assignment]  # None: no picture
    if mask is None:
        raise UsageError("is no picture", where=f"mask '{path}'", fix="give a PNG, white where to look")
    if not mask.any():
        raise UsageError("is black all over", where=f"mask '{path}'", fix="paint white where to look")
    return np.asarray(mask > 127, np.bool_)
