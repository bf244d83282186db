"""Pictures of edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np

from vidstream.errors import ParamError
from vidstream.graph.stage import Stage, stage
from vidstream.types import View
from vidstream.types.values import Range


@stage("image.edges", heavy=True, stateless=True)
class Edges(Stage):
    """Keep edges only, white on black (Canny, 1986).

    Edges stronger than `high` start a line, those above `low` continue it.

    Example::

        graph:
          edges: {use: image.edges, low: 60, high: 180}
          motion: {use: detect.motion}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """Which edges count."""

        low: Annotated[float, Range(0.0)] = 50.0  #: weakest gradient that continues a line
        high: Annotated[float, Range(0.0)] = 150.0  #: gradient that starts a line

        def __post_init__(self) -> None:
            """Raise ParamError where the thresholds are the wrong way round."""
            if self.low > self.high:
                raise ParamError(
                    f"{self.low:g} is above high ({self.high:g})", path=("low",), fix="swap them"
                )

    params: Params

    def process(self, image: View) -> View:
        """The edges, uint8 (H, W), 0 or 255."""
        return image.derive(np.asarray(cv2.Canny(image.gray(), self.params.low, self.params.high), np.uint8))
