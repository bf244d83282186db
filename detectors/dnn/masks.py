"""From a network's patches of mask values to masks in source pixels."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from detectors.dnn.families.base import Patch
from vidstream.types import Boxes, MaskCrop


def to_crops(
    patches: Sequence[Patch], boxes: Boxes, to_source: npt.NDArray[np.float64]
) -> tuple[MaskCrop, ...]:
    """Each object's mask inside its box (N, 4) in source pixels.

    `to_source` leads from the network's input pixels to source pixels. Values are interpolated at each source
    pixel's centre, then cut at the patch's threshold.
    """
    return tuple(_crop(patch, box, to_source) for patch, box in zip(patches, boxes, strict=True))


def _crop(patch: Patch, box: npt.NDArray[np.float32], to_source: npt.NDArray[np.float64]) -> MaskCrop:
    x, y = (int(v) for v in np.floor(box[:2]))
    width, height = (max(1, int(np.ceil(e)) - s) for e, s in zip(box[2:], (x, y), strict=True))
    # OpenCV counts from pixel centres, boxes from pixel edges: half a pixel on both sides
    matrix = _shift(-x - 0.5, -y - 0.5) @ to_source @ patch.matrix @ _shift(0.5, 0.5)
    # the outermost half pixel of a patch has no neighbour to be mixed with: it goes on as it is
    values = cv2.warpPerspective(
        patch.values, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return MaskCrop(x, y, np.asarray(values > patch.threshold))


def _shift(dx: float, dy: float) -> npt.NDArray[np.float64]:
    return np.array([[1.0, 0.0, dx], [0.0, 1.0, dy], [0.0, 0.0, 1.0]])
