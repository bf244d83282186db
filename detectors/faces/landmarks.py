"""Landmarks within boxes of faces: dlib's 68 and 5 points, and OpenCV's LBF where its file is there.

V. Kazemi, J. Sullivan: One Millisecond Face Alignment with an Ensemble of Regression Trees, 2014 (dlib);
S. Ren et al.: Face Alignment at 3000 FPS via Regressing Local Binary Features, 2014 (LBF)::

    finder = LandmarkFinder(LandmarkParams(model="dlib-68"))
    faces = finder.find(view, faces)  # with key points
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from detectors import catalogue
from detectors.catalogue import Card
from detectors.faces.dlib_library import dlib, verified_files
from detectors.faces.points import five
from vidstream import geometry
from vidstream.errors import MissingDependency, ModelError
from vidstream.types import Boxes, Detections, View
from vidstream.types.values import ModelName

_DEFAULT = ModelName("dlib-68")
#: gray picture and boxes as dlib's detector draws them -> points (N, K, 2)
_Fit: TypeAlias = Callable[[npt.NDArray[np.uint8], Boxes], npt.NDArray[np.float32]]
#: dlib's 5 points are the outer and inner corner of the left eye, of the right eye, and the base of the nose
_DLIB_5 = (2, 3, 1, 0, 4)
#: boxes higher than so many widths are drawn from forehead to chin, as networks do, not from brows to chin
_TALL = 1.1
#: a box of YuNet, SSD-face or MTCNN against dlib's square of the same face, the median of 43: its width in
#: sides of the square, and how far its middle lies higher
_WIDTH, _HIGHER = 0.9, 0.06
#: the square's side, in distances between the eyes or from the eyes to the mouth, whichever is longer
_SIDE = 2.35
#: so many bytes at the start of an LBF model name its parts
_HEAD = 4096


@dataclass(frozen=True)
class LandmarkParams:
    """Which landmarks."""

    model: ModelName = _DEFAULT  #: dlib-68, dlib-5, or the file of an LBF model (lbfmodel.yaml)


class LandmarkFinder:
    """Finds landmarks in boxes of faces. Use it from one thread.

    ModelError: no such model, a file that is missing or damaged. MissingDependency: dlib is not installed.
    """

    def __init__(self, params: LandmarkParams | None = None, *, models: Path | None = None) -> None:
        self.params = params or LandmarkParams()
        self._fit = (
            _lbf(self.params.model) if _is_lbf(self.params.model) else _dlib(self.params.model, models)
        )

    def find(self, view: View, faces: Detections) -> Detections:
        """The faces with key points (N, K, 3) in source pixels; their scores are the faces'.

        68 points are the iBUG scheme. dlib-5 gives 7, so that they are not taken for the five of a detector:
        outer and inner corner of the person's own right eye, inner and outer of the left one, the base of
        the nose, and the middles of both eyes.
        """
        if not faces:
            return faces.replace(keypoints=None)
        boxes = frontal_squares(view, faces)
        points = self._fit(np.ascontiguousarray(view.gray()), boxes)
        # both libraries count from the middle of the first pixel
        placed = view.points_to_source(points.reshape(-1, 2) + 0.5).reshape(points.shape)
        sure = np.broadcast_to(faces.scores[:, None, None], (*points.shape[:2], 1))
        return faces.replace(keypoints=np.concatenate([placed, sure], axis=2).astype(np.float32))


def check(params: LandmarkParams, models: Path | None = None) -> None:
    """Whether the finder can be made; nothing is hashed or loaded. ModelError, MissingDependency."""
    if _is_lbf(params.model):
        _lbf_file(params.model)
    else:
        _dlib_points(catalogue.find(params.model, models)[0])
        dlib()


def frontal_squares(view: View, faces: Detections) -> Boxes:
    """(N, 4) boxes of faces in `view` as dlib's detector would draw them: squares from brows to chin.

    By five landmarks where there are some, else by the boxes. On 43 faces found by YuNet the mean error of
    dlib's 68 points was 0.019 eye distances by landmarks, and 0.052 by boxes.
    """
    marks = None if faces.keypoints is None else five(faces.keypoints)
    if marks is not None:
        placed = view.points_from_source(marks.reshape(-1, 2)).reshape(-1, 5, 2)
        eyes, mouth = (placed[:, [a, b]].mean(axis=1) for a, b in ((0, 1), (3, 4)))
        spans = (placed[:, 1] - placed[:, 0], mouth - eyes)
        side = _SIDE * np.maximum(*(np.linalg.norm(span, axis=1) for span in spans))[:, None]
        centres = placed.mean(axis=1)
    else:
        boxes = view.boxes_from_source(faces.boxes)
        width, height = (boxes[:, 2:] - boxes[:, :2]).T
        tall = height > _TALL * width
        side = np.where(tall, width / _WIDTH, (width + height) / 2)[:, None]
        centres = geometry.centres(boxes) + np.where(tall, _HIGHER, 0)[:, None] * side * (0, 1)
    return np.concatenate([centres - side / 2, centres + side / 2], axis=1).astype(np.float32)


def _dlib_points(card: Card) -> int:
    """How many points the predictor of a card gives. ModelError where it is none."""
    if card.family != "dlib-shape":
        raise ModelError(
            f"is for another task: {card.task}, not landmarks",
            where=f"model '{card.name}'",
            fix="choose dlib-68 or dlib-5",
        )
    return int(card.options["points"])


def _dlib(name: str, models: Path | None) -> _Fit:
    count = _dlib_points(catalogue.find(name, models)[0])
    library = dlib()
    predictor = library.shape_predictor(verified_files(name, models)[1]["model"])
    order = list(_DLIB_5) if count == len(_DLIB_5) else list(range(count))

    def fit(gray: npt.NDArray[np.uint8], boxes: Boxes) -> npt.NDArray[np.float32]:
        found = []
        for x1, y1, x2, y2 in np.rint(boxes).astype(int).tolist():
            parts = predictor(gray, library.rectangle(x1, y1, x2 - 1, y2 - 1)).parts()
            found.append([(point.x, point.y) for point in parts])
        points = np.array(found, np.float32)[:, order]
        if count == len(_DLIB_5):
            middles = [points[:, pair].mean(axis=1) for pair in ((0, 1), (2, 3))]
            points = np.concatenate([points, np.stack(middles, axis=1)], axis=1)
        return points

    return fit


def _is_lbf(model: str) -> bool:
    return model.endswith((".yaml", ".yml"))


def _lbf_file(model: str) -> str:
    if not hasattr(cv2, "face"):
        raise MissingDependency("this OpenCV has no face module", fix="pip install opencv-contrib-python")
    if not Path(model).is_file():
        raise ModelError(
            "no such file",
            where=f"model '{model}'",
            fix="get lbfmodel.yaml of OpenCV's facemark module, or use dlib-68",
        )
    with Path(model).open("rb") as file:
        # OpenCV loads anything, and fails at the first face
        if b"stages_n" not in file.read(_HEAD):
            fix = "give the lbfmodel.yaml of OpenCV's facemark"
            raise ModelError("is no LBF model", where=f"model '{model}'", fix=fix)
    return model


def _lbf(model: str) -> _Fit:
    facemark = cv2.face.createFacemarkLBF()
    facemark.loadModel(_lbf_file(model))

    def fit(gray: npt.NDArray[np.uint8], boxes: Boxes) -> npt.NDArray[np.float32]:
        regions = np.rint(geometry.to_xywh(boxes)).astype(np.int32)
        _, found = facemark.fit(gray, regions)
        return np.concatenate(found).astype(np.float32)

    return fit
