"""Foreground and background."""

from __future__ import annotations

from collections.abc import Sequence

from detectors.vision.matte import MatteNetwork, MatteParams, check
from vidstream.graph.stage import stage
from vidstream.stages.network import NetworkStage
from vidstream.types import Masks, View


@stage("segment.matte", heavy=True, stateless=True, shared=True)
class SegmentMatte(NetworkStage[MatteNetwork]):
    """Tell the foreground, softly at its edges (U2-Net, selfie segmentation), for effect.background.

    ``selfie`` finds people near the camera and is fast (8 ms on a CPU); ``u2netp`` finds whatever stands
    out. The masks carry `alpha`: how much of each pixel is foreground.

    Example::

        graph:
          me: {use: segment.matte, model: selfie}
          back: {use: effect.background, mode: blur}
    """

    Params = MatteParams
    params: MatteParams

    @classmethod
    def _find(cls, params: MatteParams) -> object:
        return check(params)

    def _new_network(self) -> MatteNetwork:
        network = MatteNetwork(self.params)
        self.batch_limit = network.batch_limit
        return network

    def process(self, image: View) -> Masks:
        """Label 1 where there is foreground, and its alpha."""
        return self._network.matte(image)

    def process_batch(self, batch: Sequence[tuple[View]]) -> list[Masks]:
        """The same for the pictures of several cameras."""
        return self._network.matte_batch([image for (image,) in batch])
