"""A detector whose right answers are known: each connected bright area is an object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import cv2
import numpy as np

from vidstream import geometry
from vidstream.types import Detections, MaskCrop, View


class BlobDetector:
    """Finds bright areas in a dark picture; class 0 where they are white, 1 where they are gray.

    Each has its pixels as mask, and its four corners as keypoints, those inside the picture's border being
    surer than those on it. `views` are the pictures it was shown.
    """

    names: Mapping[int, str] = MappingProxyType({0: "white", 1: "gray"})

    def __init__(self) -> None:
        self.views: list[View] = []

    def detect(self, view: View) -> Detections:
        self.views.append(view)
        gray = view.gray()
        _, labels, stats, _ = cv2.connectedComponentsWithStats((gray > 60).astype(np.uint8))
        xywh = stats[1:, :4].astype(np.float32)
        boxes = geometry.from_xywh(xywh)
        white = [gray[labels == i].mean() > 200 for i in range(1, len(stats))]
        scores = np.minimum(0.5 + stats[1:, cv2.CC_STAT_AREA] / 1e5, 1)
        found = Detections.of(view.boxes_to_source(boxes), scores, np.where(white, 0, 1), names=self.names)
        return found.replace(masks=self._masks(view, labels, xywh), keypoints=self._corners(view, boxes))

    def _masks(self, view: View, labels: np.ndarray, xywh: np.ndarray) -> tuple[MaskCrop, ...]:
        """Right where the view has the source's scale."""
        masks = []
        for i, (x, y, w, h) in enumerate(xywh.astype(int), start=1):
            at = view.points_to_source(np.array([[x, y]]))[0]
            masks.append(MaskCrop(int(at[0]), int(at[1]), labels[y : y + h, x : x + w] == i))
        return tuple(masks)

    def _corners(self, view: View, boxes: np.ndarray) -> np.ndarray:
        points = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2)
        inside = ((points > 0) & (points < (view.width, view.height))).all(axis=1)
        columns = [view.points_to_source(points), np.where(inside, 0.9, 0.2)[:, None]]
        return np.concatenate(columns, axis=1).astype(np.float32).reshape(-1, 4, 3)


class BatchBlobDetector(BlobDetector):
    """The same for many pictures at once; `batches` are how many each time."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    def detect_batch(self, views: Sequence[View]) -> list[Detections]:
        self.batches.append(len(views))
        return [self.detect(view) for view in views]


def scene(*boxes: tuple[int, int, int, int], size: tuple[int, int] = (400, 300), value: int = 255) -> View:
    """A dark picture with bright boxes x1 y1 x2 y2."""
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    for x1, y1, x2, y2 in boxes:
        pixels[y1:y2, x1:x2] = value
    return View(pixels)
