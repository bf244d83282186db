"""Faces as vectors."""

from __future__ import annotations

from collections.abc import Iterable

from detectors.faces.embed import EmbedParams, check, find_embedder
from vidstream.errors import ParamError
from vidstream.graph.stage import Stage, stage
from vidstream.stages.detect.checks import problems_of
from vidstream.types import Detections, StreamInfo, Tracks, View


@stage("face.embed", heavy=True, stateless=True, shared=True)
class FaceEmbed(Stage):
    """Describe each face by a vector that tells people apart: SFace, dlib's ResNet, ArcFace, FaceNet.

    Put it between a detector with landmarks and face.identify where several cameras share one network, or
    before a tracker that goes by looks. On its own, face.identify looks at each track now and then only.

    Example::

        graph:
          faces: {use: detect.faces, model: yunet}
          looks: {use: face.embed, model: sface}
    """

    Params = EmbedParams
    params: EmbedParams

    @classmethod
    def check(cls, params: EmbedParams) -> Iterable[ParamError]:
        """The model, and what runs it."""
        return problems_of("model", lambda: check(params))

    def open(self, stream: StreamInfo) -> None:
        """Load the network."""
        self._embedder = find_embedder(self.params)
        for remark in self._embedder.remarks:
            self.notify(remark.kind, remark.text)

    def process(self, image: View, faces: Detections) -> Detections:
        """The faces with `features` (N, D); without, where some are only predicted by a tracker."""
        guessed = isinstance(faces, Tracks) and not faces.seen_now().all()
        if not faces or (guessed and faces.keypoints is None):
            return faces
        return faces.replace(features=self._embedder.embed(image, faces))
