"""Straightened pictures: a slanted plane seen from the front."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np

from vidstream.errors import ParamError
from vidstream.geometry import scaling
from vidstream.graph.stage import Stage, stage
from vidstream.types import FrameInfo, View
from vidstream.types.values import Polygon, Range, Unit


@stage("image.warp", stateless=True)
class Warp(Stage):
    """See a slanted plane (a road, a table, a sign) as if from above; results stay in source pixels.

    The four corners, clockwise from the one that becomes the top left, are spread over a new picture.

    Example::

        graph:
          road:
            use: image.warp
            corners: [[0.4, 0.3], [0.6, 0.3], [1.0, 1.0], [0.0, 1.0]]
            width: 200
            height: 400
          motion: {use: detect.motion}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """From where, and how large."""

        corners: Polygon  #: four corners in the source picture, clockwise from the new top left
        width: Annotated[int, Unit("px"), Range(1, 16384)]  #: width of the new picture
        height: Annotated[int, Unit("px"), Range(1, 16384)]  #: height of the new picture

        def __post_init__(self) -> None:
            """Raise ParamError unless there are four corners."""
            if len(self.corners.points) != 4:
                raise ParamError(f"expected four corners, got {len(self.corners.points)}", path=("corners",))

    params: Params

    def process(self, image: View, frame: FrameInfo) -> View:
        """The straightened part."""
        width, height = self.params.width, self.params.height
        source = np.array([p.at(frame.width, frame.height) for p in self.params.corners.points])
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        back = cv2.getPerspectiveTransform(corners, image.points_from_source(source))
        # OpenCV counts from pixel centres, our matrices from pixel edges: half a pixel between them
        centred = scaling(1, 1, -0.5, -0.5) @ back @ scaling(1, 1, 0.5, 0.5)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        pixels = cv2.warpPerspective(image.pixels, centred, (width, height), flags=flags)
        return image.derive(np.asarray(pixels, np.uint8), np.asarray(back, np.float64))
