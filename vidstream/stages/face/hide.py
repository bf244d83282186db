"""Faces made unrecognisable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import cv2
import numpy as np

from vidstream.graph.stage import Stage, stage
from vidstream.types import Canvas, Detections, Image, Pixels
from vidstream.types.values import Colour, Positive, Range

_BLACK = Colour(0, 0, 0)


@stage("face.hide", stateless=True)
class FaceHide(Stage):
    """Blur, pixelate or cover faces (or whatever else an earlier stage finds) in the picture that is shown.

    What is hidden cannot be brought back from the picture. A face that the detector misses is not hidden: put
    a tracker before it, whose tracks coast over such gaps, and take a low `confidence`.

    Example::

        graph:
          faces: {use: detect.haar, cascade: frontalface_alt2}
          hidden: {use: face.hide, method: pixelate}
          shot: {use: sink.images, path: "hidden_{seq}.jpg", every: 5}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """How to hide them."""

        method: Literal["pixelate", "blur", "fill"] = "pixelate"  #: what is done to them
        grow: Annotated[float, Range(0.0, 2.0)] = 0.2  #: hide so much more on all sides, in shares of the box
        cells: Positive = 6  #: squares across a pixelated face
        colour: Colour = _BLACK  #: what faces are filled with
        keep: tuple[str, ...] = ()  #: names of people (as face.identify gives them) whose faces stay visible

    params: Params

    def process(self, image: Image, faces: Detections) -> Canvas:
        """The picture with faces hidden, as ellipses."""
        pixels = image.pixels if image.pixels.ndim == 3 else cv2.cvtColor(image.pixels, cv2.COLOR_GRAY2BGR)
        drawn = np.array(pixels, np.uint8)
        names = faces.extra.get("name")
        kept = np.zeros(len(faces), bool) if names is None else np.isin(names, self.params.keep)
        for x1, y1, x2, y2 in image.boxes_from_source(faces.boxes[~kept]).astype(np.float64):
            more_x, more_y = self.params.grow * (x2 - x1), self.params.grow * (y2 - y1)
            left, top = max(0, int(x1 - more_x)), max(0, int(y1 - more_y))
            part = drawn[top : int(np.ceil(y2 + more_y)), left : int(np.ceil(x2 + more_x))]
            if part.size:
                self._hide(part)
        return Canvas(drawn, image.matrix)

    def _hide(self, part: Pixels) -> None:
        """Write over this part of the picture, within the ellipse that fills it."""
        height, width = part.shape[:2]
        inside = np.zeros((height, width), np.uint8)
        cv2.ellipse(inside, ((width / 2, height / 2), (width, height), 0), 255, cv2.FILLED)
        if self.params.method == "fill":
            part[inside > 0] = self.params.colour.bgr
            return
        cells = self.params.cells
        small = cv2.resize(part, (cells, max(1, round(cells * height / width))), interpolation=cv2.INTER_AREA)
        way = cv2.INTER_NEAREST if self.params.method == "pixelate" else cv2.INTER_CUBIC
        hidden = cv2.resize(small, (width, height), interpolation=way)
        part[inside > 0] = hidden[inside > 0]
