"""Pictures that a network makes."""

from __future__ import annotations

from collections.abc import Iterable

from detectors.vision.picture import PictureNetwork, PictureParams, check
from vidstream.errors import ParamError
from vidstream.graph.stage import Stage, stage
from vidstream.stages.detect.checks import engine_problems, problems_of
from vidstream.types import StreamInfo, View


@stage("effect.network", heavy=True, stateless=True, shared=True)
class EffectNetwork(Stage):
    """Paint the picture anew by a network: fast neural style, more detail, colours for grey pictures.

    `model` is one that the catalogue knows for this task, or an ONNX file: three channels in and out
    (style, noise, blur ...), one in and out (luminance: ESPCN, FSRCNN), or lightness in and colours out
    (Zhang et al. 2016). Enlarged pictures keep source coordinates. Stages that find things belong before
    it, unless they are to look at its picture.

    Example::

        graph:
          paint: {use: effect.network, model: style-26-free, every: 4}
    """

    Params = PictureParams
    params: PictureParams

    @classmethod
    def check(cls, params: PictureParams) -> Iterable[ParamError]:
        """The model's file and the device."""
        yield from engine_problems(params.engine, params.device)
        yield from problems_of("model", lambda: check(params))

    def open(self, stream: StreamInfo) -> None:
        """Load the network, and say what it runs on where that was not asked for."""
        self._network = PictureNetwork(self.params)
        for remark in self._network.remarks:
            self.notify(remark.kind, remark.text)

    def process(self, image: View) -> View:
        """The network's picture."""
        return self._network.transform(image)
