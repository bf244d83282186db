"""The cells that anchor-free networks predict on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

#: cells of the usual three grids, in input pixels
STRIDES = (8, 16, 32)


def grid_sizes(width: int, height: int, strides: Sequence[int] = STRIDES) -> list[tuple[int, int]]:
    """Columns and rows of each grid over an input of this size; a cell that is cut off counts."""
    return [(-(-width // s), -(-height // s)) for s in strides]


def cell_count(width: int, height: int, strides: Sequence[int] = STRIDES) -> int:
    """Cells of all grids over an input of this size.

    >>> cell_count(640, 640), cell_count(416, 416), cell_count(416, 416, (8, 16, 32, 64))
    (8400, 3549, 3598)
    """
    return sum(columns * rows for columns, rows in grid_sizes(width, height, strides))


@cache
def cells(
    width: int, height: int, strides: tuple[int, ...] = STRIDES
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Column and row of every cell (N, 2), and its stride (N, 1), grid by grid, row by row."""
    places, sizes = [], []
    for stride, (columns, rows) in zip(strides, grid_sizes(width, height, strides), strict=True):
        x, y = np.meshgrid(np.arange(columns), np.arange(rows))
        places.append(np.stack([x.ravel(), y.ravel()], axis=1))
        sizes.append(np.full((x.size, 1), stride))
    return np.concatenate(places).astype(np.float32), np.concatenate(sizes).astype(np.float32)
