"""Parts of a picture: rectangles to look at one by one, and a coarse grid to choose them on.

A part is four whole numbers x1 y1 x2 y2, end exclusive, in pixels of the picture looked at.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from vidstream import geometry
from vidstream.types import Boxes, View

#: int64 (K, 4) x1 y1 x2 y2
Parts: TypeAlias = npt.NDArray[np.int64]
#: bool (h, w), at most 160 columns: which cells of a picture
Grid: TypeAlias = npt.NDArray[np.bool_]

#: columns of the grid; fine enough for what is a hundredth of the picture, and 0.1 ms to fill
_COLUMNS = 160


def whole(view: View) -> Parts:
    """The picture as its only part."""
    return np.array([[0, 0, view.width, view.height]], np.int64)


def crop(view: View, part: Parts) -> View:
    """A part (4,) as a picture of its own that knows where it lies; no pixel is copied."""
    x1, y1, x2, y2 = (int(v) for v in part)
    if (x1, y1, x2, y2) == (0, 0, view.width, view.height):
        return view  # with the gray picture it may hold already
    return view.derive(view.pixels[y1:y2, x1:x2], geometry.scaling(1, 1, x1, y1))


def tiled(part: Parts, size: tuple[int, int], overlap: float) -> Parts:
    """Tiles (K, 4) of at most `size` (width, height) that cover a part (4,), row by row.

    As few as overlap by `overlap` of their size or more; they are spread evenly.

    >>> tiled(np.array([0, 0, 1280, 720]), (640, 640), 0.2)[:, :2].tolist()
    [[0, 0], [320, 0], [640, 0], [0, 80], [320, 80], [640, 80]]
    """
    x1, y1, x2, y2 = (int(v) for v in part)
    columns, rows = _starts(x1, x2, size[0], overlap), _starts(y1, y2, size[1], overlap)
    return np.array(
        [[x, y, min(x + size[0], x2), min(y + size[1], y2)] for y in rows for x in columns], np.int64
    )


def _starts(low: int, high: int, size: int, overlap: float) -> list[int]:
    rest = high - low - size
    if rest <= 0:
        return [low]
    count = math.ceil(rest / max(size * (1 - overlap), 1)) + 1
    return [low + round(rest * i / (count - 1)) for i in range(count)]


def enclosing(parts: Boxes | Parts) -> Parts:
    """The smallest part (4,) that holds all of (K, 4), K > 0."""
    low, high = np.floor(parts[:, :2].min(axis=0)), np.ceil(parts[:, 2:].max(axis=0))
    return np.concatenate([low, high]).astype(np.int64)


def grown(boxes: Boxes | Parts, by: float, view: View) -> Parts:
    """Boxes (N, 4) made larger by so many pixels on each side, as parts inside the picture."""
    larger = np.asarray(boxes, np.float64) + np.array([-by, -by, by, by])
    inside = geometry.clip(larger, view.width, view.height)
    return np.concatenate([np.floor(inside[:, :2]), np.ceil(inside[:, 2:])], axis=1).astype(np.int64)


def grid_size(view: View) -> tuple[int, int]:
    """Columns and rows of the picture's grid."""
    scale = max(1.0, view.width / _COLUMNS)
    return max(1, round(view.width / scale)), max(1, round(view.height / scale))


def cell_centres(view: View) -> npt.NDArray[np.float64]:
    """(rows * columns, 2) middle of each cell in the picture's pixels, row by row."""
    columns, rows = grid_size(view)
    x = (np.arange(columns) + 0.5) * view.width / columns
    y = (np.arange(rows) + 0.5) * view.height / rows
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def islands(grid: Grid, least: float, view: View) -> Boxes:
    """Boxes (N, 4), in the picture's pixels, of connected areas of at least so many cells."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(grid.astype(np.uint8), connectivity=8)
    large = stats[1:][stats[1:, cv2.CC_STAT_AREA] >= least]
    return geometry.from_xywh(large[:, :4].astype(np.float32)) * _pixels_per_cell(grid, view)


def any_in(grid: Grid, parts: Parts, view: View) -> npt.NDArray[np.bool_]:
    """(K,) whether a cell inside each part is set."""
    cells = parts / _pixels_per_cell(grid, view)
    low, high = np.floor(cells[:, :2]).astype(int), np.ceil(cells[:, 2:]).astype(int)
    return np.array(
        [grid[y1:y2, x1:x2].any() for (x1, y1), (x2, y2) in zip(low, high, strict=True)], np.bool_
    )


def _pixels_per_cell(grid: Grid, view: View) -> npt.NDArray[np.float32]:
    rows, columns = grid.shape
    return np.array([view.width / columns, view.height / rows] * 2, np.float32)
