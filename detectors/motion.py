"""Whatever moves before a steady camera, by background subtraction.

Z. Zivkovic: Improved Adaptive Gaussian Mixture Model for Background Subtraction, ICPR 2004 (MOG2);
Z. Zivkovic, F. van der Heijden: Efficient Adaptive Density Estimation per Image Pixel, 2006 (KNN).

    >>> from vidstream.types import View
    >>> detector = MotionDetector(MotionParams(warm_up=0.0))
    >>> still = View(np.zeros((120, 160, 3), np.uint8))
    >>> [len(detector.detect(still, dt=0.04)) for _ in range(3)]
    [0, 0, 0]
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Literal, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from vidstream import geometry
from vidstream.types import Boxes, Detections, Masks, Pixels, View
from vidstream.types.values import Pixels as PixelCount
from vidstream.types.values import Range, Ratio, Seconds

Background: TypeAlias = cv2.BackgroundSubtractorMOG2 | cv2.BackgroundSubtractorKNN

#: label 0 is background, so that detections and masks share their class ids
NAMES: Mapping[int, str] = MappingProxyType({1: "motion"})
#: what the models write for foreground; shadows are darker
_FOREGROUND = 255


@dataclass(frozen=True, slots=True)
class MotionParams:
    """How to tell motion from background.

    One core, 1280x720: mog2 17 ms, knn 30 ms; at scale 0.5 a quarter of that.
    """

    algorithm: Literal["mog2", "knn"] = "mog2"  #: model of a background pixel
    history: Seconds = 30.0  #: time the model looks back; a tenth of it (knn: a fifth) at rest is background
    #: squared distance from the background (left out: mog2 16 variances, knn 400 square grey levels)
    threshold: Annotated[float, Range(0.0, open_low=True)] | None = None
    remove_shadows: bool = True  #: leave out what is background, only darker
    scale: Annotated[float, Range(0.0, 1.0, open_low=True)] = 1.0  #: shrink the picture first, for speed
    open: PixelCount = 3  #: diameter of the specks that are wiped out, in the shrunk picture
    close: PixelCount = 7  #: width of the gaps that are filled, in the shrunk picture
    min_area: Ratio = 0.0005  #: smallest moving area, as a share of the picture
    min_area_px: PixelCount = 0  #: smallest moving area in square pixels of the picture looked at, if more
    merge: PixelCount = 0  #: boxes this near to each other become one, in the picture looked at
    warm_up: Seconds = 1.0  #: time at the start without detections, while the background is learnt


class MotionDetector:
    """Finds connected areas that differ from a background learnt on the way. One instance per camera.

    It holds the model of one steady camera: give it that camera's pictures in order, each with the time
    since the one before, and call `reset` where the picture jumps. Learning follows time, not frames: a
    picture that stands for `dt` seconds gets the weight ``1 - exp(-dt / history)``, so a thinned or
    uneven stream learns as fast as a full one; at the start `history` is twice the time seen so far.
    The score of a box is the share of it that moves.
    """

    def __init__(self, params: MotionParams | None = None) -> None:
        self.params = params or MotionParams()
        self.names = NAMES
        self.reset()

    def reset(self) -> None:
        """Forget the background: the camera was moved, or another scene begins."""
        self._model = _background(self.params)
        self._elapsed = 0.0
        self._seen = 0
        self._shape: tuple[int, ...] = ()

    def detect(self, view: View, dt: float = 0.04) -> Detections:
        """What moves in `view`, boxes in source pixels, best score first; `dt` seconds after the last one."""
        return self.segment(view, dt)[0]

    def segment(self, view: View, dt: float = 0.04) -> tuple[Detections, Masks]:
        """What moves, as boxes and as uint8 labels (h, w) of the shrunk picture: 1 = moves, 0 = does not."""
        work = _shrunk(view, self.params.scale)
        if work.pixels.shape != self._shape:
            self.reset()
            self._shape = work.pixels.shape
        labels = self._foreground(work.pixels, dt)
        if self._seen == 1 or self._elapsed <= self.params.warm_up:
            labels = np.zeros_like(labels)
        zoom = view.width / work.width
        boxes, moving = _areas(labels, self._min_area(work, zoom), self.params.merge / zoom)
        scores = np.minimum(moving / np.maximum(geometry.area(boxes), 1.0), 1.0)
        order = np.argsort(-scores, kind="stable")
        labels.flags.writeable = False
        found = Detections.of(work.boxes_to_source(boxes[order]), scores[order], 1, names=NAMES)
        return found, Masks(labels, NAMES, work.matrix)

    def _min_area(self, work: View, zoom: float) -> float:
        """In square pixels of the shrunk picture."""
        return max(self.params.min_area * work.width * work.height, self.params.min_area_px / zoom**2)

    def _foreground(self, pixels: Pixels, dt: float) -> Pixels:
        """uint8 (h, w): 1 where the picture differs from the background, cleaned; the model learns it."""
        self._elapsed += dt
        self._seen += 1
        rate = 1.0 - math.exp(-dt / max(min(2.0 * self._elapsed, self.params.history), 1e-9))
        if self.params.algorithm == "knn":
            cv2.setRNGSeed(self._seen)  # it learns by chance: equal input shall give equal output
        # 0 would divide by zero in KNN, 1 would wipe out the model
        raw = self._model.apply(pixels, learningRate=min(max(rate, 1e-6), 0.999))
        _, labels = cv2.threshold(
            raw, _FOREGROUND - 1 if self.params.remove_shadows else 0, 1, cv2.THRESH_BINARY
        )
        for operation, size in ((cv2.MORPH_OPEN, self.params.open), (cv2.MORPH_CLOSE, self.params.close)):
            if size > 1:
                kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
                labels = cv2.morphologyEx(labels, operation, kernel)
        return np.asarray(labels, np.uint8)


def _background(params: MotionParams) -> Background:
    if params.algorithm == "knn":
        return cv2.createBackgroundSubtractorKNN(
            dist2Threshold=params.threshold or 400.0, detectShadows=params.remove_shadows
        )
    return cv2.createBackgroundSubtractorMOG2(
        varThreshold=params.threshold or 16.0, detectShadows=params.remove_shadows
    )


def _shrunk(view: View, scale: float) -> View:
    if scale == 1.0:
        return view
    size = (max(1, round(view.width * scale)), max(1, round(view.height * scale)))
    small = np.asarray(cv2.resize(view.pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return view.derive(small, geometry.scaling(view.width / size[0], view.height / size[1]))


def _areas(labels: Pixels, min_area: float, reach: float) -> tuple[Boxes, npt.NDArray[np.float32]]:
    """Boxes (N, 4) of connected areas, near ones merged, and how many pixels move in each (N,)."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(labels, connectivity=8)
    boxes = geometry.from_xywh(stats[1:, :4].astype(np.float32))
    moving = stats[1:, cv2.CC_STAT_AREA].astype(np.float32)
    if reach > 0:
        boxes, moving = _merged(boxes, moving, reach)
    large = moving >= min_area
    return boxes[large], moving[large]


def _merged(
    boxes: Boxes, moving: npt.NDArray[np.float32], reach: float
) -> tuple[Boxes, npt.NDArray[np.float32]]:
    """Boxes whose gap is at most `reach` along both axes become one, until none are left."""
    while len(boxes):
        gaps = np.maximum(boxes[:, None, :2] - boxes[None, :, 2:], boxes[None, :, :2] - boxes[:, None, 2:])
        from scipy.sparse.csgraph import connected_components  # a third of a second to import

        count, group = connected_components(gaps.max(axis=2) <= reach)
        if count == len(boxes):
            break
        members = [group == g for g in range(count)]
        boxes = np.array(
            [[*boxes[m, :2].min(axis=0), *boxes[m, 2:].max(axis=0)] for m in members], np.float32
        )
        moving = np.array([moving[m].sum() for m in members], np.float32)
    return boxes, moving
