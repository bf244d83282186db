"""Foreground and background."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from detectors.vision.matte import MatteNetwork, MatteParams, check
from vidstream.errors import ParamError
from vidstream.graph.stage import Stage, stage
from vidstream.stages.detect.checks import engine_problems, problems_of
from vidstream.types import Masks, StreamInfo, View


@stage("segment.matte", heavy=True, stateless=True, shared=True)
class SegmentMatte(Stage):
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
    def check(cls, params: MatteParams) -> Iterable[ParamError]:
        """The model's file and the device."""
        yield from engine_problems(params.engine, params.device)
        yield from problems_of("model", lambda: check(params))

    def open(self, stream: StreamInfo) -> None:
        """Load the network, and say what it runs on where that was not asked for."""
        self._network = MatteNetwork(self.params)
        self.batch_limit = self._network.batch_limit
        for remark in self._network.remarks:
            self.notify(remark.kind, remark.text)

    def process(self, image: View) -> Masks:
        """Label 1 where there is foreground, and its alpha."""
        return self._network.matte(image)

    def process_batch(self, batch: Sequence[tuple[View]]) -> list[Masks]:
        """The same for the pictures of several cameras."""
        return self._network.matte_batch([image for (image,) in batch])
