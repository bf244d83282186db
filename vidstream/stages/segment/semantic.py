"""A class for every pixel."""

from __future__ import annotations

from collections.abc import Sequence

from detectors.vision.semantic import SemanticParams, SemanticSegmenter, check
from vidstream.graph.stage import stage
from vidstream.stages.network import NetworkStage
from vidstream.types import Masks, View


@stage("segment.semantic", heavy=True, stateless=True, shared=True)
class SegmentSemantic(NetworkStage[SemanticSegmenter]):
    """Tell the class of every pixel (DeepLabV3, U-Net, FCN, SegNet ...): roads, people, sky.

    `model` is one that the catalogue knows for this task, or an ONNX file with a class map. Label 0 is what
    belongs to no class, or to none of `classes`. With `sharp`, class scores are brought to the picture's
    resolution before the best is taken; without, labels come at the network's, a little faster. segment.area
    measures how much of the picture each class covers.

    Example::

        graph:
          what: {use: segment.semantic, model: deeplabv3-voc-tflite, classes: [person], every: 4}
          draw: {use: draw.overlay, opacity: 0.5}
    """

    Params = SemanticParams
    params: SemanticParams

    @classmethod
    def _find(cls, params: SemanticParams) -> object:
        return check(params)

    def _new_network(self) -> SemanticSegmenter:
        network = SemanticSegmenter(self.params)
        self.batch_limit = network.batch_limit
        return network

    def process(self, image: View) -> Masks:
        """Labels of the picture."""
        return self._network.segment(image)

    def process_batch(self, batch: Sequence[tuple[View]]) -> list[Masks]:
        """The same for the pictures of several cameras."""
        return self._network.segment_batch([image for (image,) in batch])
