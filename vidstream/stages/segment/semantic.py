"""A class for every pixel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from detectors.vision.semantic import SemanticParams, SemanticSegmenter, area_shares, check
from vidstream.errors import ParamError
from vidstream.graph.stage import Stage, stage
from vidstream.stages.detect.checks import engine_problems, problems_of
from vidstream.types import Counts, Masks, StreamInfo, View

#: the place that shares stand under
_PLACE = "area %"


@dataclass(frozen=True)
class SegmentSemanticParams(SemanticParams):
    """Options of segment.semantic."""

    shares: bool = False  #: also give, as counts, how many percent of the picture each class covers


@stage("segment.semantic", heavy=True, stateless=True, shared=True)
class SegmentSemantic(Stage):
    """Tell the class of every pixel (DeepLabV3, U-Net, FCN, SegNet ...): roads, people, sky.

    `model` is one that the catalogue knows for this task, or an ONNX file with a class map. Label 0 is what
    belongs to no class, or to none of `classes`. With `sharp`, class scores are brought to the picture's
    resolution before the best is taken; without, labels come at the network's, a little faster.

    Example::

        graph:
          what: {use: segment.semantic, model: deeplabv3-voc, classes: [person], shares: true, every: 4}
          draw: {use: draw.overlay, opacity: 0.5}
    """

    Params = SegmentSemanticParams
    params: SegmentSemanticParams

    @classmethod
    def check(cls, params: SegmentSemanticParams) -> Iterable[ParamError]:
        """The model's file, the classes and the device."""
        yield from engine_problems(params.engine, params.device)
        yield from problems_of("model", lambda: check(params))

    def open(self, stream: StreamInfo) -> None:
        """Load the network, and say what it runs on where that was not asked for."""
        self._segmenter = SemanticSegmenter(self.params)
        self.batch_limit = self._segmenter.batch_limit
        for remark in self._segmenter.remarks:
            self.notify(remark.kind, remark.text)
        #: classes asked for are counted where they are absent, too
        self._none = dict.fromkeys(self.params.classes, 0.0)

    def process(self, image: View) -> tuple[Masks, Counts | None]:
        """Labels of the picture, and the share of each class."""
        return self._with_shares(self._segmenter.segment(image))

    def process_batch(self, batch: Sequence[tuple[View]]) -> list[tuple[Masks, Counts | None]]:
        """The same for the pictures of several cameras."""
        return [self._with_shares(m) for m in self._segmenter.segment_batch([image for (image,) in batch])]

    def _with_shares(self, masks: Masks) -> tuple[Masks, Counts | None]:
        if not self.params.shares:
            return masks, None
        shares = {name: round(100 * share, 1) for name, share in area_shares(masks).items()}
        return masks, Counts({_PLACE: self._none | shares})
