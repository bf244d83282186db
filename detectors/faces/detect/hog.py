"""dlib's frontal faces: five linear filters over histograms of oriented gradients.

D. King: Max-Margin Object Detection, 2015, arXiv 1502.00046. Finds faces of about 80 pixels and more that
look at the camera; no file to fetch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from detectors.dnn.engines.base import Remark
from detectors.faces.detect.params import DLIB_HOG, FaceParams
from detectors.faces.dlib_library import dlib
from detectors.suppression import logistic
from vidstream import geometry
from vidstream.types import Detections, View


class HogFaceDetector:
    """`dlib.get_frontal_face_detector` behind the detectors' contract. MissingDependency without dlib.

    The score of a face is ``logistic(m)``, m = dlib's margin: 0.5 is where dlib itself draws the line. dlib
    suppresses overlapping boxes itself, so `iou` is not used.
    """

    remarks: Sequence[Remark] = ()

    def __init__(self, params: FaceParams | None = None) -> None:
        self.params = params or FaceParams()
        self.names: Mapping[int, str] = {0: "face"}
        self._detector = dlib().get_frontal_face_detector()
        share = min(max(self.params.least(DLIB_HOG), 1e-6), 1 - 1e-6)
        self._margin = math.log(share / (1 - share))

    def detect(self, view: View) -> Detections:
        """Faces in `view`, boxes in source pixels, best score first."""
        found, margins, _ = self._detector.run(view.gray(), self.params.upsample, self._margin)
        # dlib's corners are pixels that belong to the box
        corners = [[r.left(), r.top(), r.right() + 1, r.bottom() + 1] for r in found]
        boxes = geometry.clip(np.array(corners, np.float32).reshape(-1, 4), view.width, view.height)
        kept = ((boxes[:, 2:] - boxes[:, :2]) >= max(1, self.params.min_size)).all(axis=1)
        scores = logistic(np.array(margins))[kept]
        order = np.argsort(-scores, kind="stable")
        return Detections.of(view.boxes_to_source(boxes[kept][order]), scores[order], names=self.names)

    def detect_batch(self, views: Sequence[View]) -> list[Detections]:
        """`detect` for each view."""
        return [self.detect(view) for view in views]
