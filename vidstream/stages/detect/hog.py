"""Finding people by histograms of oriented gradients."""

from __future__ import annotations

from collections.abc import Iterable

from detectors.hog import HogDetector, HogParams
from vidstream.errors import ParamError
from vidstream.graph.stage import Stage, stage
from vidstream.stages.detect.checks import problems_of
from vidstream.types import Detections, StreamInfo, View


@stage("detect.hog", heavy=True, stateless=True)
class DetectHog(Stage):
    """Find upright people by histograms of oriented gradients: no weights to fetch.

    Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection" (CVPR 2005). `run.py train hog`
    makes models of other things, or of people as one's own camera sees them. `pyramid: 1.2` takes half the
    time and finds a little less.

    Example::

        graph:
          people: {use: detect.hog, scale: 1.25, pyramid: 1.2}
    """

    Params = HogParams
    params: HogParams

    @classmethod
    def check(cls, params: HogParams) -> Iterable[ParamError]:
        """The model."""
        return problems_of("model", lambda: HogDetector(params))

    def open(self, stream: StreamInfo) -> None:
        """Load the model."""
        self._detector = HogDetector(self.params)

    def process(self, image: View) -> Detections:
        """People, best score first."""
        return self._detector.detect(image)
