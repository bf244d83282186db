"""Dense flow: every pixel of the object votes (DIS flow, Kroeger et al., ECCV 2016)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from trackers.single.base import Found, SingleTracker, is_visible, to_gray
from trackers.single.looks import Likeness
from vidstream.geometry import Array, Float32, clip
from vidstream.types import Pixels
from vidstream.types.values import Ratio

#: the object is shrunk to this many pixels along its longer side, and enlarged where it is smaller than half
_SIDE = 64
#: the picture around it that flow is computed on, in sizes of the object
_ROOM = 1.0
#: pixels are trusted that come back to within this share of the object
_RETURN = 0.04


@dataclass(frozen=True, slots=True)
class DenseFlowParams:
    """Settings of dense-flow tracking."""

    min_score: Ratio = 0.35  #: least share of pixels that come back, times their likeness; below it is lost


class DenseFlowTracker(SingleTracker):
    """Moves the box by the median motion of the object's pixels and scales it by their spread."""

    def __init__(self, params: DenseFlowParams | None = None) -> None:
        super().__init__()
        self.params = params or DenseFlowParams()
        self._flow: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def _learn(self, image: Pixels, box: Float32) -> None:
        self._box, self._gray = box, to_gray(image)
        self._looks = Likeness(image, box)

    def _find(self, image: Pixels) -> Found:
        gray = to_gray(image)
        box, share = self._moved(gray)
        if not is_visible(box, image):
            return Found(None, 0.0)
        score = min(1.0, share * (0.5 + 0.5 * self._looks.of(image, box)))
        if score < self.params.min_score:
            return Found(None, score)
        self._box, self._gray = box, gray
        self._looks.refresh(image, box)
        return Found(box, score)

    def _moved(self, gray: Pixels) -> tuple[Float32, float]:
        """Where the pixels say the box went, and the share of them that come back from there."""
        size = self._box[2:] - self._box[:2]
        scale = float(np.clip(_SIDE / size.max(), 0.05, 4.0))
        room = np.maximum(size * _ROOM, 12)
        grown = np.concatenate([self._box[:2] - room, self._box[2:] + room])[None]
        x1, y1, x2, y2 = clip(grown, gray.shape[1], gray.shape[0])[0].round().astype(int).tolist()
        target = max(16, round((x2 - x1) * scale)), max(16, round((y2 - y1) * scale))
        step = np.array([(x2 - x1) / target[0], (y2 - y1) / target[1]], np.float32)
        before, after = (_shrunk(picture[y1:y2, x1:x2], target) for picture in (self._gray, gray))
        forth = self._flow.calc(before, after, None)
        back = self._flow.calc(after, before, None)
        points = _inside((self._box - (x1, y1, x1, y1)) / np.tile(step, 2), target)
        went = forth[points[:, 1], points[:, 0]]
        ends = (points + went).astype(np.float32)
        came = cv2.remap(back, ends[None, :, 0], ends[None, :, 1], cv2.INTER_LINEAR)[0]
        off = np.linalg.norm(went + came, axis=1)
        good = off <= max(0.5, _RETURN * float((size / step).max()))
        share = float(good.mean())
        if good.sum() < 8:
            return self._box, share
        return _carried(self._box, points[good] * step, went[good] * step), share


def _shrunk(picture: Pixels, size: tuple[int, int]) -> Pixels:
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _inside(box: Array, size: tuple[int, int]) -> Array:
    """(P, 2) pixels of the ellipse in the box: its corners are mostly background."""
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    y, x = np.mgrid[: size[1], : size[0]]
    far = ((x + 0.5 - centre[0]) / half[0]) ** 2 + ((y + 0.5 - centre[1]) / half[1]) ** 2
    rows, cols = np.nonzero(far <= 1)
    points: Array = np.stack([cols, rows], axis=1)
    return points


def _carried(box: Float32, points: Array, went: Array) -> Float32:
    """The box after the median shift of its pixels, scaled by how the shift grows across it."""
    shift = np.median(went, axis=0)
    near = np.linalg.norm(went - shift, axis=1)
    alike = near <= max(1.0, 2 * float(np.median(near)))  # what moves otherwise is background
    own, ways = points[alike] - points[alike].mean(axis=0), went[alike] - went[alike].mean(axis=0)
    growth = float((own * ways).sum() / max(float((own**2).sum()), 1e-6))
    middle = (box[:2] + box[2:]) / 2 + shift
    half = (box[2:] - box[:2]) / 2 * float(np.clip(1 + growth, 0.9, 1.1))
    return np.concatenate([middle - half, middle + half]).astype(np.float32)
