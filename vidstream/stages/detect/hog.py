"""Finding people by histograms of oriented gradients."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from detectors.hog import HogDetector, HogParams
from vidstream.errors import ParamError
from vidstream.graph.stage import stage
from vidstream.stages.detect.checks import problems_of
from vidstream.stages.detect.where import DetectorStage, WhereOption


@dataclass(frozen=True, slots=True)
class DetectHogParams(WhereOption, HogParams):
    """Options of detect.hog."""


@stage("detect.hog", heavy=True, stateless=True)
class DetectHog(DetectorStage):
    """Find upright people by histograms of oriented gradients: no weights to fetch.

    Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection" (CVPR 2005). `run.py train hog`
    makes models of other things, or of people as one's own camera sees them. `pyramid: 1.2` takes half the
    time and finds a little less.

    Example::

        graph:
          people: {use: detect.hog, scale: 1.25, pyramid: 1.2}
    """

    Params = DetectHogParams
    params: DetectHogParams

    @classmethod
    def check(cls, params: DetectHogParams) -> Iterable[ParamError]:
        """The model, and the regions."""
        yield from problems_of("model", lambda: HogDetector(params))
        yield from super().check(params)

    def _new_detector(self) -> HogDetector:
        return HogDetector(self.params)
