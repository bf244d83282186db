"""Finding text with a neural network."""

from __future__ import annotations

from collections.abc import Iterable

from detectors.text.finder import FinderParams, TextFinder
from detectors.text.models import find_text_model
from vidstream.errors import ParamError
from vidstream.graph.stage import Stage, stage
from vidstream.stages.detect.checks import engine_problems, problems_of
from vidstream.types import Detections, StreamInfo, View


@stage("detect.text", heavy=True, stateless=True, shared=True)
class DetectText(Stage):
    """Find text with a neural network (DB, EAST): signs, plates, screens, pages, at any angle.

    Gives a box for every piece, with its angle and its corners; `ocr.network` and `ocr.tesseract` read
    them, also when a tracker has followed them from frame to frame.

    Example::

        graph:
          signs: {use: detect.text, side: 640}
          track: {use: track.sort}
          read: {use: ocr.network}
    """

    Params = FinderParams
    params: FinderParams

    @classmethod
    def check(cls, params: FinderParams) -> Iterable[ParamError]:
        """The model's files and the device."""
        yield from engine_problems(params.engine, params.device)
        yield from problems_of("model", lambda: find_text_model(params, "text-detect"))

    def open(self, stream: StreamInfo) -> None:
        """Load the network, and say what it runs on where that was not asked for."""
        self._finder = TextFinder(self.params)
        for remark in self._finder.remarks:
            self.notify(remark.kind, remark.text)

    def process(self, image: View) -> Detections:
        """Pieces of text in reading order."""
        return self._finder.detect(image)
