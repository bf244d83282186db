"""A linear SVM on histograms of oriented gradients, slid over a pyramid of the picture.

N. Dalal, B. Triggs: Histograms of Oriented Gradients for Human Detection, CVPR 2005. The slow and
classic detector: no weights to fetch, about 160 ms of one core per 768x576 picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import cv2
import numpy as np

from detectors.hog.model import HogModel, load_model
from detectors.suppression import in_fixed_order, logistic, nms, without_nested
from vidstream import geometry
from vidstream.types import Boxes, Detections, Pixels, Scores, View
from vidstream.types.values import FileOrName, Range, Ratio, Unit
from vidstream.types.values import Pixels as PixelCount

#: the name of the model used unless one is named
_DEFAULT = FileOrName("default")


@dataclass(frozen=True, slots=True)
class HogParams:
    """How to look for people, or for what a model was trained on.

    On the second half of PETS09-S2L1 (5.7 people per 768x576 frame, IoU 0.5, each 4th frame, one core;
    precision and recall at the threshold of the best F1; docs/hog.md has more):

    =======  =====  =======  =====  =====  =========  ======  ============
    model    scale  pyramid  AP     F1     precision  recall  ms per frame
    =======  =====  =======  =====  =====  =========  ======  ============
    default  1.0    1.2      0.48   0.62   0.75       0.52    44
    default  1.25   1.2      0.81   0.87   0.91       0.83    74
    default  1.4    1.2      0.83   0.86   0.92       0.80    93
    default  1.4    1.1      0.85   0.88   0.94       0.84    160
    daimler  1.0    1.2      0.81   0.86   0.92       0.80    37
    daimler  1.25   1.1      0.87   0.90   0.91       0.88    107
    =======  =====  =======  =====  =====  =========  ======  ============

    `daimler` is the quicker and, here, the better one; on TUD-Stadtmitte `default` finds more.
    """

    model: FileOrName = _DEFAULT  #: default (64x128 window), daimler (48x96), or a file of `run.py train hog`
    label: str | None = None  #: class name of what it finds (left out: the model's own)
    #: enlarge the picture first: finds smaller objects (left out: the model's own)
    scale: Annotated[float, Range(0.1, 8.0)] | None = None
    stride: Annotated[int, Unit("px"), Range(1)] = 8  #: step of the window; 4 finds more, thrice as slow
    padding: PixelCount = 8  #: margin around the picture, to find objects at its edge
    pyramid: Annotated[float, Range(1.01, 2.0)] = 1.1  #: step between two sizes of window; nearer 1 is slower
    hit_threshold: float | None = None  #: smallest SVM margin (left out: the model's own)
    shrink_width: Ratio | None = (
        None  #: window width that is object, as windows have a margin (else the model's)
    )
    shrink_height: Ratio | None = None  #: window height that is object (left out: the model's own)
    nms: Ratio = 0.3  #: drop a box that overlaps a better one by more (IoU)
    nested: Ratio = 0.7  #: drop a box that shares more of the smaller area with a better one


class Windows(NamedTuple):
    """Places of the window in a picture."""

    #: float32 (N, 4) in the picture's pixels, margin around the object included
    boxes: Boxes
    #: float32 (N,) of the SVM
    margins: Scores


class HogDetector:
    """Dalal and Triggs' detector over an image pyramid.

    The score is ``logistic(slope * margin + offset)`` of the SVM margin, as it was fitted for the model
    (Platt, 1999): 0.5 = every other box is an object. ModelError: no such model, or not an SVM file. `model`
    is used instead of the one that the parameters name.
    `detect` leaves Python's lock free, so several detectors run side by side in threads.
    """

    def __init__(self, params: HogParams | None = None, model: HogModel | None = None) -> None:
        self.params = params or HogParams()
        self._model = model or load_model(self.params.model)
        usage = self._model.usage
        self.names: Mapping[int, str] = {0: self.params.label or usage.label}
        self._scale = _given(self.params.scale, usage.scale)
        self._least = _given(self.params.hit_threshold, usage.hit_threshold)
        self._shrink = (
            _given(self.params.shrink_width, usage.shrink_width),
            _given(self.params.shrink_height, usage.shrink_height),
        )

    def detect(self, view: View) -> Detections:
        """Objects in `view`, boxes in source pixels, best score first."""
        boxes, margins = self.objects(self.windows(view.pixels))
        usage = self._model.usage
        scores = logistic(usage.slope * margins + usage.offset)
        return Detections.of(view.boxes_to_source(boxes), scores, names=self.names)

    def objects(self, windows: Windows) -> Windows:
        """One box per object, without its margin, best first."""
        boxes, margins = shrunk(windows.boxes, *self._shrink), windows.margins
        rows = nms(boxes, logistic(margins), self.params.nms)
        rows = rows[without_nested(boxes[rows], self.params.nested)]
        return Windows(boxes[rows], margins[rows])

    def windows(self, pixels: Pixels) -> Windows:
        """Every window above the threshold, in a fixed order."""
        scaled = _scaled(pixels, self._scale)
        height, width = scaled.shape[:2]
        if width < self._model.window[0] or height < self._model.window[1]:
            # OpenCV 4.14 writes past its memory on pictures smaller than the window
            return Windows(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))
        found, margins = self._model.descriptor.detectMultiScale(
            scaled,
            hitThreshold=self._least,
            winStride=(self.params.stride, self.params.stride),
            padding=(self.params.padding, self.params.padding),
            scale=self.params.pyramid,
            groupThreshold=0,
        )
        boxes = geometry.from_xywh(np.asarray(found, np.float32).reshape(-1, 4))
        back = np.array([pixels.shape[1] / width, pixels.shape[0] / height] * 2, np.float32)
        return Windows(*in_fixed_order(boxes * back, np.asarray(margins, np.float32).reshape(-1)))


def _given(wish: float | None, otherwise: float) -> float:
    return otherwise if wish is None else wish


def _scaled(pixels: Pixels, scale: float) -> Pixels:
    if scale == 1.0:
        return pixels
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return np.asarray(cv2.resize(pixels, size), np.uint8)


def shrunk(boxes: Boxes, width: float, height: float) -> Boxes:
    """Boxes cut to this share of their size, about their centres."""
    centre = geometry.centres(boxes)
    half = (boxes[:, 2:] - boxes[:, :2]) * np.array([width, height], np.float32) / 2
    return np.concatenate([centre - half, centre + half], axis=1)
