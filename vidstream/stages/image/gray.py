"""Gray pictures."""

from __future__ import annotations

from vidstream.graph.stage import Stage, stage
from vidstream.types import View


@stage("image.gray", stateless=True)
class Gray(Stage):
    """Turn the picture gray.

    Stages that look at brightness alone (motion, flow, codes) do this by themselves, once per picture;
    put it in a graph for networks and sinks that are to see a gray picture.

    Example::

        graph:
          gray: {use: image.gray}
          motion: {use: detect.motion}
    """

    def process(self, image: View) -> View:
        """The luminance (ITU-R BT.601 weights), uint8 (H, W)."""
        return image.derive(image.gray())
