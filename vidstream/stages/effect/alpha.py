"""Foreground on the picture's grid: where it comes from, and edges that follow the picture's own."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from vidstream import geometry
from vidstream.types import Detections, Masks, View

Alpha: TypeAlias = npt.NDArray[np.float32]

#: longest side of the grid on which edges are looked for; the result has the picture's own size
_GRID = 512
#: differences of brightness (0 to 1) whose square is well above this are edges
_EPSILON = 4e-4
#: an edge that is moved leaves a trace so faint on its old side, and lacks as much on its new one
_HAZE = 0.1


def grid(view: View) -> tuple[int, int]:
    """Width and height of the working grid of a picture."""
    scale = min(1.0, _GRID / max(view.width, view.height))
    return max(1, round(view.width * scale)), max(1, round(view.height * scale))


def of_masks(masks: Masks, wanted: Collection[int] | None, view: View, size: tuple[int, int]) -> Alpha:
    """float32 (h, w) on the grid: how much belongs to the labels wanted (None: to any)."""
    chosen = masks.labels > 0 if wanted is None else np.isin(masks.labels, list(wanted))
    values = chosen.astype(np.float32)
    if masks.alpha is not None:
        values = masks.alpha if wanted is None else masks.alpha * chosen
    return _placed(values, masks.matrix, view, size)


def of_objects(objects: Detections, view: View, size: tuple[int, int]) -> Alpha:
    """float32 (h, w) on the grid: what the objects' own masks cover, together."""
    together = np.zeros((size[1], size[0]), np.float32)
    for crop in objects.masks or ():
        place = geometry.scaling(1, 1, crop.x, crop.y)
        np.maximum(together, _placed(crop.pixels.astype(np.float32), place, view, size), out=together)
    return together


def _placed(
    values: npt.NDArray[Any], to_source: npt.NDArray[np.float64] | None, view: View, size: tuple[int, int]
) -> Alpha:
    """A map brought to the grid, averaged where it is finer than that; 0 beyond its edges."""
    from_source = np.eye(3) if view.matrix is None else np.linalg.inv(view.matrix)
    to_grid = geometry.scaling(size[0] / view.width, size[1] / view.height)
    step = to_grid @ from_source @ (np.eye(3) if to_source is None else to_source)
    shrink = 1 / max(float(np.hypot(step[0, 0], step[1, 0])), 1e-6)
    if shrink > 1.5:
        values = cv2.blur(values, (round(shrink), round(shrink)), borderType=cv2.BORDER_REPLICATE)
    warp = geometry.scaling(1, 1, -0.5, -0.5) @ step @ geometry.scaling(1, 1, 0.5, 0.5)
    # what reaches the picture's edge must not fade there, so the last value goes on, and is cut off after
    border = cv2.BORDER_REPLICATE
    placed = cv2.warpPerspective(values, warp, size, flags=cv2.INTER_LINEAR, borderMode=border)
    there = cv2.warpPerspective(np.ones(values.shape, np.uint8), warp, size, flags=cv2.INTER_NEAREST)
    return np.asarray(placed * there, np.float32)


def along_edges(alpha: Alpha, view: View, radius: int) -> Alpha:
    """`alpha` (on the grid) at the picture's size, its edges moved onto the picture's.

    Fast guided filter: K. He, J. Sun, "Fast Guided Filter" (2015), algorithm 2, guided by luminance. It
    looks `radius` cells of the grid around; 0 only enlarges.
    """
    full = (view.width, view.height)
    if radius == 0:
        return np.asarray(cv2.resize(alpha, full, interpolation=cv2.INTER_LINEAR), np.float32)
    guide = np.asarray(view.gray(), np.float32) * np.float32(1 / 255)
    small = cv2.resize(guide, (alpha.shape[1], alpha.shape[0]), interpolation=cv2.INTER_AREA)
    window = (2 * radius + 1, 2 * radius + 1)
    mean_guide, mean_alpha = cv2.blur(small, window), cv2.blur(alpha, window)
    covariance = cv2.blur(small * alpha, window) - mean_guide * mean_alpha
    variance = cv2.blur(small * small, window) - mean_guide * mean_guide
    slope = covariance / (variance + _EPSILON)
    offset = mean_alpha - slope * mean_guide
    wide_slope, wide_offset = (cv2.resize(cv2.blur(part, window), full) for part in (slope, offset))
    moved = (wide_slope * guide + wide_offset - _HAZE) / (1 - 2 * _HAZE)
    return np.asarray(np.clip(moved, 0, 1), np.float32)
