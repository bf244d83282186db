"""Finding faces and the like with cascades."""

from __future__ import annotations

from collections.abc import Iterable

from detectors.haar import HaarDetector, HaarParams, load_cascade
from vidstream.errors import ParamError
from vidstream.graph.stage import Stage, stage
from vidstream.stages.detect.checks import problems_of
from vidstream.types import Detections, StreamInfo, View


@stage("detect.haar", heavy=True, stateless=True)
class DetectHaar(Stage):
    """Find faces, eyes, bodies or plates with a Haar or LBP cascade: no weights to fetch.

    Viola and Jones, "Rapid Object Detection using a Boosted Cascade of Simple Features" (CVPR 2001).

    Example::

        graph:
          faces: {use: detect.haar, cascade: frontalface_alt2, scale_factor: 1.2}
    """

    Params = HaarParams
    params: HaarParams

    @classmethod
    def check(cls, params: HaarParams) -> Iterable[ParamError]:
        """The cascade."""
        return problems_of("cascade", lambda: load_cascade(params.cascade))

    def open(self, stream: StreamInfo) -> None:
        """Load the cascade."""
        self._detector = HaarDetector(self.params)

    def process(self, image: View) -> Detections:
        """What is found, best score first."""
        return self._detector.detect(image)
