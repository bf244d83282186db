"""What a whole picture shows."""

from __future__ import annotations

from collections.abc import Sequence

from detectors.vision.classify import Classifier, ClassifyParams, check
from vidstream.graph.stage import stage
from vidstream.stages.network import NetworkStage
from vidstream.types import Labels, View


@stage("classify.frame", heavy=True, stateless=True, shared=True)
class ClassifyFrame(NetworkStage[Classifier]):
    """Say what the whole picture shows: the best classes of an ImageNet-style network, with their scores.

    `model` is one that the catalogue knows for this task, or an ONNX file that gives a row of class scores
    (ResNet, MobileNet, EfficientNet, ViT ...), whether its softmax is inside or not. Scores that jump from
    frame to frame are steadied by classify.smooth.

    Example::

        graph:
          what: {use: classify.frame, model: squeezenet, top: 3}
          draw: draw.overlay
    """

    Params = ClassifyParams
    params: ClassifyParams

    @classmethod
    def _find(cls, params: ClassifyParams) -> object:
        return check(params)

    def _new_network(self) -> Classifier:
        network = Classifier(self.params)
        self.batch_limit = network.batch_limit
        return network

    def process(self, image: View) -> Labels:
        """The best classes, best first."""
        return self._network.classify(image)

    def process_batch(self, batch: Sequence[tuple[View]]) -> list[Labels]:
        """The same for the pictures of several cameras."""
        return self._network.classify_batch([image for (image,) in batch])
