"""Pictures that a network makes."""

from __future__ import annotations

from detectors.vision.picture import PictureNetwork, PictureParams, check
from vidstream.graph.stage import stage
from vidstream.stages.network import NetworkStage
from vidstream.types import View


@stage("effect.network", heavy=True, stateless=True, shared=True)
class EffectNetwork(NetworkStage[PictureNetwork]):
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
    def _find(cls, params: PictureParams) -> object:
        return check(params)

    def _new_network(self) -> PictureNetwork:
        return PictureNetwork(self.params)

    def process(self, image: View) -> View:
        """The network's picture."""
        return self._network.transform(image)
