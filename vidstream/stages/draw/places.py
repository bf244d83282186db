"""Where source coordinates lie on the picture that is drawn on."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from vidstream.types import Image

#: drawing with sub-pixel bits needs numbers that fit 16 bits and a few; what is farther out is not seen
_FAR_LEFT, _FAR_RIGHT = -4000.0, 20000.0


def on_picture(image: Image, points: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """(N, 2) source points in pixels of `image`; those that are no numbers lie far outside it."""
    placed = np.nan_to_num(image.points_from_source(points).astype(np.float64), nan=_FAR_LEFT)
    return np.clip(placed, _FAR_LEFT, _FAR_RIGHT)
