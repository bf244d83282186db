"""Smaller or larger pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

import cv2
import numpy as np

from vidstream.errors import ParamError
from vidstream.geometry import scaling
from vidstream.graph.stage import Stage, stage
from vidstream.types import View
from vidstream.types.values import Range, Unit

Side: TypeAlias = Annotated[int, Unit("px"), Range(1, 16384)]

_METHODS = {
    "nearest": cv2.INTER_NEAREST,
    "linear": cv2.INTER_LINEAR,
    "area": cv2.INTER_AREA,
    "cubic": cv2.INTER_CUBIC,
    "lanczos": cv2.INTER_LANCZOS4,
}


@stage("image.resize", stateless=True)
class Resize(Stage):
    """Make the picture smaller or larger; results stay in source pixels.

    Give one side and the other follows; give both and the picture is stretched; or give a scale.
    Boxes are edges, not pixel centres: x of this picture is ``x * width / new width`` of the one before.

    Example::

        graph:
          small: {use: image.resize, width: 320}
          motion: {use: detect.motion}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """The new size."""

        width: Side | None = None  #: new width; the height follows where it is not given
        height: Side | None = None  #: new height; the width follows where it is not given
        #: factor for both sides, instead of width and height
        scale: Annotated[float, Range(0.0, 16.0, open_low=True)] | None = None
        #: how new pixels come about; auto: area when shrinking, linear when enlarging
        method: Literal["auto", "nearest", "linear", "area", "cubic", "lanczos"] = "auto"

        def __post_init__(self) -> None:
            """Raise ParamError unless there is exactly one way to a size."""
            by_side = self.width is not None or self.height is not None
            if by_side == (self.scale is not None):
                what = "both a size and a scale are given" if by_side else "no size is given"
                raise ParamError(what, fix="give width, height or both, or scale alone")

    params: Params

    def process(self, image: View) -> View:
        """The picture at its new size; the same one where that is its size already."""
        width, height = self._size(image.width, image.height)
        if (width, height) == (image.width, image.height):
            return image
        method = self._method(shrinks=width * height < image.width * image.height)
        pixels = np.asarray(cv2.resize(image.pixels, (width, height), interpolation=method), np.uint8)
        return image.derive(pixels, scaling(image.width / width, image.height / height))

    def _size(self, width: int, height: int) -> tuple[int, int]:
        """The new size for a picture of this size."""
        own = self.params
        if own.scale is not None:
            return max(1, round(width * own.scale)), max(1, round(height * own.scale))
        new_width = own.width or max(1, round(width * (own.height or height) / height))
        return new_width, own.height or max(1, round(height * new_width / width))

    def _method(self, *, shrinks: bool) -> int:
        if self.params.method == "auto":
            return cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        return _METHODS[self.params.method]
