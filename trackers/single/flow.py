"""Median flow: many points vote on where the object went (Kalal, Mikolajczyk and Matas 2010)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np
import numpy.typing as npt

from trackers.single.base import Found, SingleTracker, is_visible, to_gray
from vidstream.geometry import Float32
from vidstream.types import Pixels
from vidstream.types.values import Positive, Range, Ratio, Unit

#: side of the patches compared before and after, in pixels
_PATCH = 10


@dataclass(frozen=True, slots=True)
class FlowParams:
    """Settings of median flow."""

    grid: Positive = 10  #: points per side of the grid laid over the object
    #: a point followed forth and back may miss its start by this
    max_error: Annotated[float, Unit("px"), Range(0.0, open_low=True)] = 5.0
    min_score: Ratio = 0.3  #: least share of points that come back and look as before; below it is lost


class FlowTracker(SingleTracker):
    """Follows any textured object through motion and changes of size; needs no colour.

    A lost object is looked for from the last good picture on, so that a short occlusion is survived
    where the object reappears close by.

    >>> tracker = FlowTracker()
    >>> picture = np.random.default_rng(0).integers(0, 255, (60, 80), np.uint8)
    >>> picture = cv2.GaussianBlur(picture, (0, 0), 2)
    >>> tracker.init(picture, [20, 20, 50, 45])
    >>> tracker.update(np.roll(picture, 3, axis=1)).box.round().tolist()
    [23.0, 20.0, 53.0, 45.0]
    """

    def __init__(self, params: FlowParams | None = None) -> None:
        super().__init__()
        self.params = params or FlowParams()

    def _learn(self, image: Pixels, box: Float32) -> None:
        self._box, self._gray = box, to_gray(image)

    def _find(self, image: Pixels) -> Found:
        gray = to_gray(image)
        start = _grid(self._box, self.params.grid)
        end, error = _there_and_back(self._gray, gray, start, _reach(self._box))
        likeness = _likeness(self._gray, gray, start, end)
        good = (error <= self.params.max_error) & (likeness > 0.3)
        score = float(good.mean())
        if score < self.params.min_score:
            return Found(None, score)
        best = _better_half(good, error, likeness)
        box = _moved(self._box, start[best], end[best])
        if not is_visible(box, gray):
            return Found(None, 0.0)
        self._box, self._gray = box, gray
        return Found(box, score)


def _grid(box: Float32, count: int) -> Float32:
    """(count * count, 2) points spread evenly over the box."""
    share = (np.arange(count) + 1) / (count + 1)
    across, down = np.meshgrid(box[0] + share * (box[2] - box[0]), box[1] + share * (box[3] - box[1]))
    return np.stack([across.ravel(), down.ravel()], axis=1).astype(np.float32)


def _reach(box: Float32) -> int:
    """Side of the Lucas-Kanade window: 0.4 of the short side, to see the object and not its surroundings."""
    return int(np.clip(0.4 * min(box[2] - box[0], box[3] - box[1]), 7, 31)) | 1


def _there_and_back(before: Pixels, after: Pixels, start: Float32, window: int) -> tuple[Float32, Float32]:
    """(P, 2) where the points went; (P,) by how many pixels the way back misses their start (section 2)."""
    end, went = _lucas_kanade(before, after, start, window)
    back, came = _lucas_kanade(after, before, end, window)
    error = np.linalg.norm(back - start, axis=1).astype(np.float32)
    error[~(went & came)] = np.inf
    return end, error


def _lucas_kanade(
    before: Pixels, after: Pixels, points: Float32, window: int
) -> tuple[Float32, npt.NDArray[np.bool_]]:
    """(P, 2) where the points went, and (P,) whether there was anything to follow."""
    end, went, _ = cv2.calcOpticalFlowPyrLK(
        before,
        after,
        points,
        np.zeros_like(points),
        winSize=(window, window),
        maxLevel=4,
        minEigThreshold=1e-5,  # the usual 1e-4 refuses dark pictures altogether
    )
    return np.asarray(end, np.float32), np.asarray(went).ravel() == 1


def _likeness(before: Pixels, after: Pixels, start: Float32, end: Float32) -> Float32:
    """(P,) normalised correlation of the patches around the points, in [-1, 1]."""
    old, new = _patches(before, start), _patches(after, end)
    norm = np.sqrt((old**2).sum(axis=1) * (new**2).sum(axis=1))
    return np.asarray((old * new).sum(axis=1) / np.maximum(norm, 1e-6), np.float32)


def _patches(image: Pixels, points: Float32) -> Float32:
    """(P, side * side) pixels around each point, less their mean."""
    offset = np.arange(_PATCH, dtype=np.float32) - (_PATCH - 1) / 2
    across = points[:, 0, None, None] + offset + np.zeros((_PATCH, 1), np.float32)
    down = points[:, 1, None, None] + offset[:, None] + np.zeros(_PATCH, np.float32)
    maps = across.reshape(-1, _PATCH), down.reshape(-1, _PATCH)
    cut = cv2.remap(image, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    rows = np.asarray(cut, np.float32).reshape(len(points), -1)
    return np.asarray(rows - rows.mean(axis=1, keepdims=True), np.float32)


def _better_half(good: npt.NDArray[np.bool_], error: Float32, likeness: Float32) -> npt.NDArray[np.bool_]:
    """The good points with no more than the median error, and of these the more alike half (section 3)."""
    close = good & (error <= np.median(error[good]))
    return close & (likeness >= np.median(likeness[close]))


def _moved(box: Float32, start: Float32, end: Float32) -> Float32:
    """The box shifted by the median shift and scaled by the median change of the points' distances."""
    first, second = np.triu_indices(len(start), 1)
    before = np.linalg.norm(start[first] - start[second], axis=1)
    after = np.linalg.norm(end[first] - end[second], axis=1)
    scale = float(np.median(after / before)) if len(first) else 1.0
    centre = (box[:2] + box[2:]) / 2 + np.median(end - start, axis=0)
    half = (box[2:] - box[:2]) / 2 * scale
    return np.concatenate([centre - half, centre + half]).astype(np.float32)
