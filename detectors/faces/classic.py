"""The classic ways to tell faces apart, before networks: LBPH, Eigenfaces and Fisherfaces, by OpenCV.

T. Ahonen et al.: Face Description with Local Binary Patterns, 2006; M. Turk, A. Pentland: Eigenfaces for
Recognition, 1991; P. Belhumeur et al.: Eigenfaces vs. Fisherfaces, 1997.

They are trained on the faces of the gallery when it is loaded (milliseconds per face), so there is no file of
theirs that could go out of step with it. A face's "vector" is its upright gray picture itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import cv2
import numpy as np

from detectors.dnn.engines.base import Remark
from detectors.faces.align import crops_by_landmarks
from detectors.faces.gallery import Features, Identity
from vidstream.errors import MissingDependency, ModelError
from vidstream.types import Detections, Pixels, View

#: the side of the pictures compared
SIDE: Final = 64
#: method -> its constructor in cv2.face, and the distance that counts as a similarity of one half
_METHODS: Final[dict[str, tuple[str, float]]] = {
    "lbph": ("LBPHFaceRecognizer_create", 110.0),
    "eigen": ("EigenFaceRecognizer_create", 2700.0),
    "fisher": ("FisherFaceRecognizer_create", 600.0),
}
METHODS: Final = tuple(_METHODS)


class ClassicEmbedder:
    """Cuts faces out, upright, gray and equalised; what `ClassicScore` compares."""

    remarks: Sequence[Remark] = ()

    def __init__(self, method: str) -> None:
        self.identity = Identity(method, "")

    def embed(self, view: View, faces: Detections) -> Features:
        """(N, SIDE * SIDE) unit rows. ShapeError: faces without landmarks."""
        if not faces:
            return np.zeros((0, 0), np.float32)
        crops = [_gray(crop) for crop in crops_by_landmarks(view, faces, SIDE)]
        rows = np.stack(crops).reshape(len(crops), -1).astype(np.float32)
        return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6), np.float32)


class ClassicScore:
    """How like each known face is to others, by a method trained on the known ones."""

    def __init__(self, method: str, names: Sequence[str], rows: Features) -> None:
        if not hasattr(cv2, "face"):
            raise MissingDependency("this OpenCV has no face module", fix="pip install opencv-contrib-python")
        people = sorted(set(names))
        if method == "fisher" and not 2 <= len(people) <= (len(names) + 1) // 2:
            raise ModelError(
                f"'fisher' cannot be trained on {len(names)} faces of {len(people)} people",
                fix="enrol two or more people with several faces each, or use lbph",
            )
        maker, self._half = _METHODS[method]
        self._recogniser: Any = _constructor(maker)()
        self._known = len(names)
        if names:
            labels = np.array([people.index(name) for name in names], np.int32)
            self._recogniser.train([_picture(row) for row in rows], labels)

    def __call__(self, probes: Features) -> Features:
        """(N, faces known) similarities in 0..1: 1 / (1 + distance / half)."""
        scores = np.zeros((len(probes), self._known), np.float32)
        for row, probe in zip(scores, probes, strict=True):
            collector: Any = cv2.face.StandardCollector.create()
            self._recogniser.predict_collect(_picture(probe), collector)
            # unsorted: in the order of training
            distances = np.array([distance for _, distance in collector.getResults(False)])
            row[:] = 1.0 / (1.0 + distances / self._half)
        return scores


def _constructor(name: str) -> Callable[[], Any]:
    found: Callable[[], Any] = getattr(cv2.face, name)
    return found


def _gray(crop: Pixels) -> Pixels:
    return np.asarray(cv2.equalizeHist(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)), np.uint8)


def _picture(row: Features) -> Pixels:
    """A row back as the picture it was: equalised ones reach 255."""
    brightest = max(float(row.max()), 1e-9)
    return np.asarray(np.rint(row * (255.0 / brightest)), np.uint8).reshape(SIDE, SIDE)
