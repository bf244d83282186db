"""A class for every pixel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from detectors.vision.semantic import SemanticParams, SemanticSegmenter, check
from vidstream.errors import ParamError
from vidstream.graph.stage import Stage, stage
from vidstream.stages.detect.checks import engine_problems, problems_of
from vidstream.types import Masks, StreamInfo, View


@stage("segment.semantic", heavy=True, stateless=True, shared=True)
class SegmentSemantic(Stage):
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
    def check(cls, params: SemanticParams) -> Iterable[ParamError]:
        """The model's file, the classes and the device."""
        yield from engine_problems(params.engine, params.device)
        yield from problems_of("model", lambda: check(params))

    def open(self, stream: StreamInfo) -> None:
        """Load the network, and say what it runs on where that was not asked for."""
        self._segmenter = SemanticSegmenter(self.params)
        self.batch_limit = self._segmenter.batch_limit
        for remark in self._segmenter.remarks:
            self.notify(remark.kind, remark.text)

    def process(self, image: View) -> Masks:
        """Labels of the picture."""
        return self._segmenter.segment(image)

    def process_batch(self, batch: Sequence[tuple[View]]) -> list[Masks]:
        """The same for the pictures of several cameras."""
        return self._segmenter.segment_batch([image for (image,) in batch])
