"""Finding faces and the like with cascades."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from detectors.haar import HaarDetector, HaarParams, load_cascade
from vidstream.errors import ParamError
from vidstream.graph.stage import stage
from vidstream.stages.detect.checks import problems_of
from vidstream.stages.detect.where import DetectorStage, WhereOption


@dataclass(frozen=True, slots=True)
class DetectHaarParams(WhereOption, HaarParams):
    """Options of detect.haar."""


@stage("detect.haar", heavy=True, stateless=True)
class DetectHaar(DetectorStage):
    """Find faces, eyes, bodies or plates with a Haar or LBP cascade: no weights to fetch.

    Viola and Jones, "Rapid Object Detection using a Boosted Cascade of Simple Features" (CVPR 2001).

    Example::

        graph:
          faces: {use: detect.haar, cascade: frontalface_alt2, scale_factor: 1.2}
    """

    Params = DetectHaarParams
    params: DetectHaarParams

    @classmethod
    def check(cls, params: DetectHaarParams) -> Iterable[ParamError]:
        """The cascade, and the regions."""
        yield from problems_of("cascade", lambda: load_cascade(params.cascade))
        yield from super().check(params)

    def _new_detector(self) -> HaarDetector:
        return HaarDetector(self.params)
