"""From a picture to what a network wants to see, into one reused buffer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from detectors.catalogue import InputSpec
from detectors.dnn.engines.base import Blob
from vidstream import geometry
from vidstream.types import Pixels, View


class Preprocessor:
    """Resize, pad, normalise and reorder a picture into float32, as its `InputSpec` says.

    The buffer is the same at every call: use it up before the next. The padding is written only when the
    picture's shape changes. 1920x1080 to 640x640: 0.75 ms, against 1.8 ms for copyMakeBorder and
    blobFromImage (one core).
    """

    def __init__(self, spec: InputSpec) -> None:
        self.spec = spec
        self._channels = 1 if spec.colour == "gray" else 3
        mean, std = (np.array(v, np.float64).reshape(3, 1, 1) for v in (spec.mean, spec.std))
        self._planes = np.empty((self._channels, spec.height, spec.width), np.float32)
        self._padding = ((spec.pad - mean) / std).astype(np.float32)[: self._channels]
        self._factor = (1.0 / std).astype(np.float32)
        self._offset = (-mean / std).astype(np.float32)
        self._layout: tuple[int, int] | None = None

    def __call__(self, view: View) -> tuple[Blob, npt.NDArray[np.float64]]:
        """The network's input, a batch of one, and the 3x3 matrix from its pixels to the view's."""
        width, height, left, top, matrix = self._fit(view.width, view.height)
        if self._layout != (view.width, view.height):
            self._layout = (view.width, view.height)
            self._planes[:] = self._padding
        spec = self.spec
        # what sticks out of the input (fit: crop) is cut off
        x, y = max(left, 0), max(top, 0)
        small = cv2.resize(self._pixels(view), (width, height))[
            y - top : y - top + spec.height, x - left : x - left + spec.width
        ]
        for channel, plane in enumerate(self._split(np.asarray(small, np.uint8))):
            target = self._planes[channel, y : y + plane.shape[0], x : x + plane.shape[1]]
            np.multiply(plane, self._factor[channel], out=target)
            if self._offset[channel]:
                target += self._offset[channel]
        if spec.layout == "nhwc":
            return np.ascontiguousarray(self._planes.transpose(1, 2, 0))[None], matrix
        return self._planes[None], matrix

    def _pixels(self, view: View) -> Pixels:
        return view.gray() if self._channels == 1 else view.bgr()

    def _split(self, small: Pixels) -> Sequence[npt.NDArray[Any]]:
        if self._channels == 1:
            return (small,)
        planes = cv2.split(small)
        return planes if self.spec.colour == "bgr" else planes[::-1]

    def _fit(self, width: int, height: int) -> tuple[int, int, int, int, npt.NDArray[np.float64]]:
        """Size and place of the picture in the input, and the way back."""
        spec = self.spec
        if spec.fit == "stretch":
            back = geometry.scaling(width / spec.width, height / spec.height)
            return spec.width, spec.height, 0, 0, back
        if spec.fit == "crop":
            return _covering(width, height, spec.width, spec.height)
        new_width, new_height, left, top, back = geometry.letterbox(width, height, spec.width, spec.height)
        if spec.fit == "corner":
            left = top = 0
            back = geometry.scaling(width / new_width, height / new_height)
        return new_width, new_height, left, top, back


def _covering(
    width: int, height: int, to_width: int, to_height: int
) -> tuple[int, int, int, int, npt.NDArray[np.float64]]:
    """Size and place (left and top 0 or less) of a picture that covers the input, and the way back."""
    scale = max(to_width / width, to_height / height)
    new_width, new_height = max(to_width, round(width * scale)), max(to_height, round(height * scale))
    left, top = (to_width - new_width) // 2, (to_height - new_height) // 2
    sx, sy = width / new_width, height / new_height
    return new_width, new_height, left, top, geometry.scaling(sx, sy, -left * sx, -top * sy)
