"""The detector that the options name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from detectors.catalogue import Task
from detectors.dnn.detector import DnnDetector, DnnParams
from detectors.dnn.engines.base import Remark
from detectors.dnn.engines.choose import check_engine
from detectors.dnn.families import family
from detectors.dnn.network import find_card
from detectors.faces.detect.hog import HogFaceDetector
from detectors.faces.detect.mtcnn import MtcnnDetector
from detectors.faces.detect.params import DLIB_HOG, FaceParams
from detectors.faces.dlib_library import dlib
from vidstream.types import Detections, View

#: what networks must be for to find faces
FACE_TASKS: tuple[Task, ...] = ("face",)


class FaceDetector(Protocol):
    """Finds faces: a `detectors.base.Detector` that may take several pictures and has remarks."""

    @property
    def names(self) -> Mapping[int, str]:
        """Class id -> class name."""

    @property
    def remarks(self) -> Sequence[Remark]:
        """What a user should know of how it came to run as it does."""

    def detect(self, view: View) -> Detections:
        """Faces in `view`, boxes in source pixels, best score first; key points where it gives landmarks."""

    def detect_batch(self, views: Sequence[View]) -> list[Detections]:
        """`detect` for each view."""


def find_face_detector(params: FaceParams | None = None, *, models: Path | None = None) -> FaceDetector:
    """The detector these options name; `models` is a folder searched first.

    ModelError: unknown or missing model, a damaged file, a device that is not there. MissingDependency.
    """
    params = params or FaceParams()
    if params.model == DLIB_HOG:
        return HogFaceDetector(params)
    card = find_card(params, FACE_TASKS, models)
    if card.family == "mtcnn":
        return MtcnnDetector(params, models=models)
    return _OnePass(params, card.family, models)


def check(params: FaceParams, models: Path | None = None) -> None:
    """Whether the detector can be made; nothing is hashed or loaded. ModelError, MissingDependency."""
    if params.model == DLIB_HOG:
        dlib()
        return
    check_engine(params.engine, params.device)
    card = find_card(params, FACE_TASKS, models)
    if card.family != "mtcnn":
        family(card.family, f"model '{params.model}'")


class _OnePass(DnnDetector):
    """A network that finds faces in one pass; small ones are left out on request."""

    def __init__(self, params: FaceParams, family_name: str, models: Path | None) -> None:
        self._least = params.min_size
        option = DnnParams(
            params.model, params.device, params.engine, params.family, params.names, iou=params.iou,
            confidence=params.least(family_name),
        )  # fmt: skip
        super().__init__(option, models=models, tasks=FACE_TASKS)

    def detect(self, view: View) -> Detections:
        return large(super().detect(view), self._least * view.scale_to_source())

    def detect_batch(self, views: Sequence[View]) -> list[Detections]:
        found = super().detect_batch(views)
        return [large(f, self._least * v.scale_to_source()) for f, v in zip(found, views, strict=True)]


def large(found: Detections, side: float) -> Detections:
    """Those at least so wide and high, in source pixels."""
    return found[((found.boxes[:, 2:] - found.boxes[:, :2]) >= side).all(axis=1)]
