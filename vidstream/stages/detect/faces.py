"""Finding faces."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from detectors.faces.detect import FaceDetector, FaceParams, check, find_face_detector
from vidstream.errors import ParamError
from vidstream.graph.stage import stage
from vidstream.stages.detect.checks import problems_of
from vidstream.stages.detect.where import DetectorStage, WhereOption


@dataclass(frozen=True)
class DetectFacesParams(WhereOption, FaceParams):
    """Options of detect.faces."""


@stage("detect.faces", heavy=True, stateless=True, shared=True)
class DetectFaces(DetectorStage):
    """Find faces, with five landmarks where the detector gives them.

    ``yunet`` suits nearly everything; ``yunet-320`` is four times as fast and ``yunet-1280`` finds smaller
    faces; ``blazeface`` is the quickest, for one face near a camera; ``mtcnn`` has the best landmarks;
    ``ssd-face`` and ``dlib-hog`` give boxes only. SCRFD and RetinaFace load from ONNX files
    (``model: ./scrfd.onnx``). Cascades are in detect.haar. docs/faces.md compares them.

    Example::

        graph:
          faces: {use: detect.faces, model: yunet, confidence: 0.7}
    """

    Params = DetectFacesParams
    params: DetectFacesParams

    @classmethod
    def check(cls, params: DetectFacesParams) -> Iterable[ParamError]:
        """The model, what runs it, and the regions."""
        yield from problems_of("model", lambda: check(params))
        yield from super().check(params)

    def _new_detector(self) -> FaceDetector:
        detector = find_face_detector(self.params)
        for remark in detector.remarks:
            self.notify(remark.kind, remark.text)
        return detector
