"""What one may choose about finding faces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from detectors.dnn.network import NetworkOption
from vidstream.types.values import ModelName, Pixels, Range, Ratio

#: the name of dlib's detector, which has no file of its own
DLIB_HOG = "dlib-hog"
#: smallest score where none is asked for: all 43 faces of nine photographs, at most two more (docs/faces.md)
_CONFIDENCE = {
    "yunet": 0.7,
    "ssd-face": 0.5,
    "blazeface": 0.5,
    "mtcnn": 0.7,
    DLIB_HOG: 0.5,
}
_ELSEWHERE = 0.5
_DEFAULT = ModelName("yunet")


@dataclass(frozen=True)
class FaceParams(NetworkOption):
    """Which detector of faces, and what to keep of what it finds."""

    model: ModelName = _DEFAULT  #: a face network of the catalogue, a network's file, or dlib-hog
    names: tuple[str, ...] = ("face",)  #: the class name of what is found
    confidence: Ratio | None = None  #: smallest score (left out: what suits the model)
    iou: Ratio = 0.3  #: drop a box that overlaps a better one by more
    min_size: Pixels = 0  #: smallest width and height of a face in the picture looked at
    upsample: Annotated[int, Range(0, 3)] = 0  #: dlib-hog sees faces of 80 pixels; each step halves that

    def least(self, family: str) -> float:
        """The smallest score for a model of this family."""
        return _CONFIDENCE.get(family, _ELSEWHERE) if self.confidence is None else self.confidence
