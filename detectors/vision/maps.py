"""From a network's map to the picture it was made of: the padding cut off, every pixel at its place."""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from detectors.catalogue import InputSpec
from detectors.dnn.network import Matrix
from vidstream import geometry
from vidstream.types import View

Map: TypeAlias = npt.NDArray[Any]


def to_view(spec: InputSpec, height: int, width: int, back: Matrix) -> Matrix:
    """From the pixels of a map of this size, which covers the network's input, to the view's."""
    return np.asarray(back @ geometry.scaling(spec.width / width, spec.height / height), np.float64)


def cut(values: Map, matrix: Matrix, view: View) -> tuple[Map, Matrix]:
    """The part of a map (..., h, w) that shows the picture, and the matrix from it to source pixels.

    `matrix` leads from the map to the view. What belongs to padding is left out, but for pixels that the
    picture's edge runs through.
    """
    height, width = values.shape[-2:]
    edges = np.array([[0, 0, view.width, view.height]], np.float64)
    # the matrices are exact to 1e-12: a rounding error must not add a row of padding
    hull = geometry.transform_boxes(edges, np.asarray(np.linalg.inv(matrix), np.float64))[0].round(4)
    left, top = np.clip(np.floor(hull[:2]), 0, (width - 1, height - 1)).astype(int).tolist()
    right, bottom = np.clip(np.ceil(hull[2:]), 1, (width, height)).astype(int).tolist()
    moved = matrix @ geometry.scaling(1, 1, left, top)
    to_source = moved if view.matrix is None else view.matrix @ moved
    return values[..., top:bottom, left:right], np.asarray(to_source, np.float64)


def seen(spec: InputSpec, back: Matrix, view: View) -> tuple[int, int, int, int]:
    """The part of the view that the network saw, x1 y1 x2 y2 in whole pixels: all but for ``fit: crop``."""
    hull = geometry.transform_boxes(np.array([[0, 0, spec.width, spec.height]]), back)[0].round(3)
    left, top = np.clip(np.ceil(hull[:2]), 0, (view.width - 1, view.height - 1)).astype(int).tolist()
    right, bottom = np.clip(np.floor(hull[2:]), 1, (view.width, view.height)).astype(int).tolist()
    return left, top, max(right, left + 1), max(bottom, top + 1)


def sampled(
    values: Map, matrix: Matrix, left: int, top: int, size: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """A map (h, w) at the pixels of a window of the view: interpolated at each one's centre.

    `matrix` leads from the map to the view; beyond the map's edge its last value goes on.
    """
    # OpenCV counts from pixel centres, our matrices from pixel edges: half a pixel on both sides
    warp = geometry.scaling(1, 1, -left - 0.5, -top - 0.5) @ matrix @ geometry.scaling(1, 1, 0.5, 0.5)
    values = np.ascontiguousarray(values, np.float32)
    border = cv2.BORDER_REPLICATE
    out = cv2.warpAffine(values, warp[:2], size, flags=cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(out, np.float32)


def channels_first(output: Map, count: int, layout: str) -> Map:
    """One picture's map (C, H, W), of an output (1, C, H, W), (1, H, W, C) or (1, H, W).

    Told by the number of classes where that is known and fits one axis alone, else by the `layout` of
    the input; a single channel stands on either side.
    """
    if output.ndim == 3:
        return output
    first, last = output.shape[1], output.shape[3]
    behind = layout == "nhwc"
    for size in (count, 1):
        if size in (first, last) and first != last:
            behind = last == size
            break
    return np.moveaxis(output[0], -1, 0) if behind else output[0]
