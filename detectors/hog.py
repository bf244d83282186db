"""Upright people (or whatever a linear SVM was trained on) by histograms of oriented gradients.

N. Dalal, B. Triggs: Histograms of Oriented Gradients for Human Detection, CVPR 2005. The slow and
classic detector: no weights to fetch, 75 ms of one core per 768x576 picture as set below.

    >>> from vidstream.types import View
    >>> detector = HogDetector(HogParams(scale=1.0))
    >>> len(detector.detect(View(np.zeros((480, 640, 3), np.uint8))))
    0
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np

from detectors.suppression import in_fixed_order, logistic, nms, without_nested
from vidstream import geometry
from vidstream.errors import ModelError, did_you_mean
from vidstream.types import Boxes, Detections, Pixels, Scores, View
from vidstream.types.values import Pixels as PixelCount
from vidstream.types.values import Range, Ratio, Unit

#: SVM files as `cv2.HOGDescriptor.save` writes them: plain text, no code inside
_SUFFIXES = (".xml", ".yml", ".yaml", ".json")


@dataclass(frozen=True, slots=True)
class HogParams:
    """How to look for people.

    On PETS09-S2L1 (5.6 people per 768x576 frame, IoU 0.5, every 10th frame; one core):

    =======  =====  ======  =======  =============  =========  ======  ============
    model    scale  stride  pyramid  hit_threshold  precision  recall  ms per frame
    =======  =====  ======  =======  =============  =========  ======  ============
    default  1.0    8       1.2      0.2            0.76       0.46    45
    default  1.25   8       1.2      0.2            0.91       0.76    75
    default  1.25   8       1.05     0.2            0.89       0.78    250
    default  1.25   4       1.2      0.6            0.93       0.80    240
    default  1.4    8       1.2      0.6            0.94       0.79    97
    default  1.5    8       1.1      0.2            0.72       0.86    205
    daimler  1.0    8       1.2      1.2            0.90       0.79    40
    =======  =====  ======  =======  =============  =========  ======  ============
    """

    model: str = "default"  #: default (64x128 window), daimler (48x96), or a file of HOGDescriptor.save
    label: str = "person"  #: class name of what the model finds
    scale: Annotated[float, Range(0.1, 8.0)] = 1.25  #: enlarge the picture first: finds smaller people
    stride: Annotated[int, Unit("px"), Range(1)] = 8  #: step of the window; 4 finds more, thrice as slow
    padding: PixelCount = 8  #: margin around the picture, to find people at its edge
    pyramid: Annotated[float, Range(1.01, 2.0)] = 1.2  #: step between two sizes of window; nearer 1 is slower
    hit_threshold: float = 0.2  #: smallest SVM margin; daimler wants about 1.2
    shrink_width: Ratio = 0.6  #: window width that is person: the training windows have a margin
    shrink_height: Ratio = 0.8  #: window height that is person
    nms: Ratio = 0.3  #: drop a box that overlaps a better one by more (IoU)
    nested: Ratio = 0.7  #: drop a box that shares more of the smaller area with a better one


class HogDetector:
    """Dalal and Triggs' detector over an image pyramid.

    The score is ``logistic(2 margin - 1.2)`` of the SVM margin, fitted on PETS09-S2L1 (Platt, 1999:
    0.5 = every other box is a person) with the default model. ModelError: no such model, or not an SVM file.
    `detect` leaves Python's lock free, so several detectors run side by side in threads.
    """

    def __init__(self, params: HogParams | None = None) -> None:
        self.params = params or HogParams()
        self.names: Mapping[int, str] = {0: self.params.label}
        self._hog = _descriptor(self.params.model)

    def detect(self, view: View) -> Detections:
        """People in `view`, boxes in source pixels, best score first."""
        boxes, margins = self._windows(view)
        boxes = _shrunk(boxes, self.params.shrink_width, self.params.shrink_height)
        scores = logistic(2.0 * margins - 1.2)
        rows = nms(boxes, scores, self.params.nms)
        rows = rows[without_nested(boxes[rows], self.params.nested)]
        return Detections.of(view.boxes_to_source(boxes[rows]), scores[rows], names=self.names)

    def _windows(self, view: View) -> tuple[Boxes, Scores]:
        """Every window (N, 4) above the threshold in the view's pixels, and its SVM margin (N,)."""
        pixels = _scaled(view.pixels, self.params.scale)
        height, width = pixels.shape[:2]
        if width < self._hog.winSize[0] or height < self._hog.winSize[1]:
            # OpenCV 4.14 writes past its memory on pictures smaller than the window
            return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
        found, margins = self._hog.detectMultiScale(
            pixels,
            hitThreshold=self.params.hit_threshold,
            winStride=(self.params.stride, self.params.stride),
            padding=(self.params.padding, self.params.padding),
            scale=self.params.pyramid,
            groupThreshold=0,
        )
        boxes = geometry.from_xywh(np.asarray(found, np.float32).reshape(-1, 4))
        back = np.array([view.width / width, view.height / height] * 2, np.float32)
        return in_fixed_order(boxes * back, np.asarray(margins, np.float32).reshape(-1))


def _scaled(pixels: Pixels, scale: float) -> Pixels:
    if scale == 1.0:
        return pixels
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return np.asarray(cv2.resize(pixels, size), np.uint8)


def _shrunk(boxes: Boxes, width: float, height: float) -> Boxes:
    """Boxes cut to this share of their size, about their centres."""
    centre = geometry.centres(boxes)
    half = (boxes[:, 2:] - boxes[:, :2]) * np.array([width, height], np.float32) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def _descriptor(model: str) -> cv2.HOGDescriptor:
    if model == "default":
        hog = cv2.HOGDescriptor()
        hog.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector()))
        return hog
    if model == "daimler":
        hog = cv2.HOGDescriptor((48, 96), (16, 16), (8, 8), (8, 8), 9)
        hog.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDaimlerPeopleDetector()))
        return hog
    return _trained(Path(model))


def _trained(path: Path) -> cv2.HOGDescriptor:
    """A descriptor with its own SVM, from a file of `cv2.HOGDescriptor.save`."""
    where = f"HOG model '{path}'"
    if path.suffix not in _SUFFIXES:
        hint = did_you_mean(path, ["default", "daimler"])
        raise ModelError(
            "is not a known model",
            where=where,
            fix=hint or "use default, daimler or a file of HOGDescriptor.save",
        )
    if not path.is_file():
        raise ModelError("no such file", where=where, fix="check the path")
    hog = cv2.HOGDescriptor()
    try:
        complete = hog.load(str(path)) and hog.checkDetectorSize() and len(hog.svmDetector) > 0
    except cv2.error:
        complete = False
    if not complete:
        raise ModelError(
            "does not hold a HOG descriptor with its SVM",
            where=where,
            fix="write it with cv2.HOGDescriptor.save after setSVMDetector",
        )
    return hog
