"""Parts of pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vidstream.errors import StageError
from vidstream.geometry import scaling
from vidstream.graph.stage import Stage, stage
from vidstream.types import FrameInfo, View
from vidstream.types.values import Box


@stage("image.crop", stateless=True)
class Crop(Stage):
    """Look at a part of the picture only; results stay in pixels of the whole source picture.

    The box is a part of the source picture, also behind another crop or a resize; where it does not
    fall on whole pixels, they are included. Nothing is copied.

    Example::

        graph:
          road: {use: image.crop, box: [0.0, 0.4, 1.0, 1.0]}
          motion: {use: detect.motion}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """The part to keep."""

        box: Box  #: x1, y1, x2, y2 as fractions of the source picture

    params: Params

    def process(self, image: View, frame: FrameInfo) -> View:
        """The part; StageError where it lies outside the picture."""
        source = np.array([self.params.box.at(frame.width, frame.height)])
        box = image.boxes_from_source(source)[0].astype(np.float64)
        # a hair inwards first: 0.1 * 640 is 64.00000000000001, which is not to cost a pixel
        x1, y1 = np.maximum(np.floor(box[:2] + 1e-3), 0).astype(int).tolist()
        x2, y2 = np.minimum(np.ceil(box[2:] - 1e-3), (image.width, image.height)).astype(int).tolist()
        if x2 <= x1 or y2 <= y1:
            raise StageError("the box lies outside the picture", where=self.stage_id, fix="give another box")
        return image.derive(image.pixels[y1:y2, x1:x2], scaling(1, 1, x1, y1))
