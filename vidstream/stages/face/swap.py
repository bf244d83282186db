"""One face in the place of others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from detectors.faces.landmarks import LandmarkFinder, LandmarkParams, check
from detectors.faces.swapping import Donor
from vidstream.errors import ParamError
from vidstream.graph.stage import Stage, stage
from vidstream.stages.detect.checks import problems_of
from vidstream.types import Canvas, Detections, Image, StreamInfo
from vidstream.types.values import InputFile


@dataclass(frozen=True)
class SwapParams:
    """Options of face.swap."""

    face: InputFile  #: a picture of the one face that takes the others' place


@stage("face.swap", heavy=True)
class FaceSwap(Stage):
    """Put the face of a picture in the place of every face: triangle by triangle, blended seamlessly.

    Takes faces with 68 landmarks (face.landmarks). The face that is put in keeps its expression but for the
    shape of eyes and mouth, which follow the landmarks. Best on faces that look at the camera: along the far
    cheek of one that looks aside, the blend takes up colours of what is behind it. Only with the consent of
    those who are shown.

    Example::

        graph:  # needs weights: [yunet, dlib-68], and a picture of a face
          faces: {use: detect.faces, model: yunet}
          points: {use: face.landmarks, model: dlib-68}
          swapped: {use: face.swap, face: somebody.jpg}
          video: {use: sink.video, path: swapped.mp4}
    """

    Params = SwapParams
    params: SwapParams

    @classmethod
    def check(cls, params: SwapParams) -> Iterable[ParamError]:
        """The landmarks of the picture."""
        return problems_of("face", lambda: check(LandmarkParams()))

    def open(self, stream: StreamInfo) -> None:
        """Find the face in the picture."""
        self._donor = Donor.of(self.params.face, LandmarkFinder())

    def process(self, image: Image, faces: Detections) -> Canvas:
        """The picture with all faces swapped."""
        points = faces.keypoints
        placed = [] if points is None else [image.points_from_source(p[:, :2]) for p in points]
        return Canvas(self._donor.onto(image.pixels, placed), image.matrix)
