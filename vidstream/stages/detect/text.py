"""Finding text with a neural network."""

from __future__ import annotations

from detectors.text.finder import FinderParams, TextFinder
from detectors.text.models import find_text_model
from vidstream.graph.stage import stage
from vidstream.stages.network import NetworkStage
from vidstream.types import Detections, View


@stage("detect.text", heavy=True, stateless=True, shared=True)
class DetectText(NetworkStage[TextFinder]):
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
    def _find(cls, params: FinderParams) -> object:
        return find_text_model(params, "text-detect")

    def _new_network(self) -> TextFinder:
        return TextFinder(self.params)

    def process(self, image: View) -> Detections:
        """Pieces of text in reading order."""
        return self._network.detect(image)
