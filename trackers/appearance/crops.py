"""From boxes in a picture to rows of numbers: the contract, the crops, the length of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from vidstream.geometry import Float32
from vidstream.types import Boxes, Pixels


class Embedder(Protocol):
    """Anything that turns the contents of boxes into comparable vectors."""

    def __call__(self, pixels: Pixels, boxes: Boxes) -> Float32:
        """(N, D) unit rows for (N, 4) boxes in these BGR pixels."""


def cut(pixels: Pixels, boxes: Boxes) -> Sequence[Pixels]:
    """The boxes' contents, one (h, w, 3) view each; a box outside the picture gives its nearest pixel."""
    height, width = pixels.shape[:2]
    first = np.clip(np.floor(boxes[:, :2]), 0, (width - 1, height - 1)).astype(int)
    last = np.clip(np.ceil(boxes[:, 2:]), 1, (width, height)).astype(int)
    last = np.maximum(last, first + 1)
    corners = np.column_stack([first, last]).tolist()
    return [pixels[y1:y2, x1:x2] for x1, y1, x2, y2 in corners]


def unit_rows(rows: Float32) -> Float32:
    """(N, D) rows scaled to length one; a row of zeros stays."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(length, 1e-12), np.float32)
