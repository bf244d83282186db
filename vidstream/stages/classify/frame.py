"""What a whole picture shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from detectors.vision.classify import Classifier, ClassifyParams, check
from vidstream.errors import ParamError
from vidstream.graph.stage import Stage, stage
from vidstream.stages.detect.checks import engine_problems, problems_of
from vidstream.types import Labels, StreamInfo, View


@stage("classify.frame", heavy=True, stateless=True, shared=True)
class ClassifyFrame(Stage):
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
    def check(cls, params: ClassifyParams) -> Iterable[ParamError]:
        """The model's file and the device."""
        yield from engine_problems(params.engine, params.device)
        yield from problems_of("model", lambda: check(params))

    def open(self, stream: StreamInfo) -> None:
        """Load the network, and say what it runs on where that was not asked for."""
        self._classifier = Classifier(self.params)
        self.batch_limit = self._classifier.batch_limit
        for remark in self._classifier.remarks:
            self.notify(remark.kind, remark.text)

    def process(self, image: View) -> Labels:
        """The best classes, best first."""
        return self._classifier.classify(image)

    def process_batch(self, batch: Sequence[tuple[View]]) -> list[Labels]:
        """The same for the pictures of several cameras."""
        return self._classifier.classify_batch([image for (image,) in batch])
