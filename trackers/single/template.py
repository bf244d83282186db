"""Template matching by normalised correlation, over sizes, with a template that keeps up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from trackers.single.base import Found, SingleTracker, crop, is_visible, window_of
from vidstream.geometry import Array, Float32
from vidstream.types import Pixels
from vidstream.types.values import Ratio

#: the template's longer side, in pixels, after shrinking
_SIDE = 32
#: sizes tried while the object is followed, and while it is looked for
_SIZES, _MORE_SIZES = (0.96, 1.0, 1.04), (0.72, 0.8, 0.9, 1.0, 1.1, 1.23, 1.36)
#: share of the newest picture that goes into the second template while the match is this good
_RATE, _SURE = 0.1, 0.7


@dataclass(frozen=True, slots=True)
class TemplateParams:
    """Settings of template matching."""

    reach: Ratio = 0.6  #: how far the object may jump between two pictures, as a share of its size
    min_score: Ratio = 0.5  #: least correlation with the object's first or recent looks; below it is lost


class TemplateTracker(SingleTracker):
    """Slides the object's picture over the place where it was; a lost object is sought ever farther away.

    >>> picture = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (90, 120), np.uint8), (0, 0), 2)
    >>> tracker = TemplateTracker()
    >>> tracker.init(picture, [40, 30, 72, 62])
    >>> tracker.update(np.roll(picture, (4, 7), axis=(0, 1))).box.round().tolist()
    [47.0, 34.0, 79.0, 66.0]
    """

    def __init__(self, params: TemplateParams | None = None) -> None:
        super().__init__()
        self.params = params or TemplateParams()

    def _learn(self, image: Pixels, box: Float32) -> None:
        self._return(image, box)
        size = box[2:] - box[:2]
        shrunk = np.maximum((size * min(1.0, _SIDE / float(size.max()))).round(), 2).astype(int)
        self._size: tuple[int, int] = (int(shrunk[0]), int(shrunk[1]))
        self._first = self._recent = self._cut(image, box)

    def _return(self, image: Pixels, box: Float32) -> None:
        self._box, self._reach = box, self.params.reach

    def _find(self, image: Pixels) -> Found:
        lost = self._reach > self.params.reach
        score, box = self._best(image, _MORE_SIZES if lost else _SIZES)
        # what is far away must look the more like it to be believed
        if score < (max(_SURE, self.params.min_score) if lost else self.params.min_score):
            self._reach = min(2 * self._reach, 64.0)
            return Found(None, score)
        self._return(image, box)
        if score >= _SURE:
            self._recent = (1 - _RATE) * self._recent + _RATE * self._cut(image, box)
        return Found(box, score)

    def _best(self, image: Pixels, sizes: Sequence[float]) -> tuple[float, Float32]:
        """The best correlation within reach, and where it is."""
        found = [self._match(image, size) for size in sizes]
        score, box = max(found, key=lambda pair: pair[0])
        return min(1.0, max(0.0, score)), box

    def _match(self, image: Pixels, size: float) -> tuple[float, Float32]:
        """The best place for an object `size` times as big as it was."""
        height, width = image.shape[:2]
        centre, half = (self._box[:2] + self._box[2:]) / 2, (self._box[2:] - self._box[:2]) / 2 * size
        room = half + 2 * half * self._reach
        # half of the object may be outside
        low = np.maximum(centre - room, -half).round().astype(int)
        high = np.minimum(centre + room, np.array((width, height)) + half).round().astype(int)
        x1, y1, across, down = (int(v) for v in (*low, *(high - low)))
        target = tuple(int(v) for v in ((high - low) * self._size / (2 * half)).round())
        if target[0] < self._size[0] or target[1] < self._size[1]:
            return -1.0, self._box
        region = crop(image, (x1, y1, across, down))
        shrunk = cv2.resize(region, target, interpolation=cv2.INTER_AREA).astype(np.float32)
        answer = np.maximum(_correlation(shrunk, self._first), _correlation(shrunk, self._recent))
        _, score, _, (col, row) = cv2.minMaxLoc(answer)
        step = (high - low) / np.array(target)
        corner = (np.array([col, row]) + _between(answer, row, col)) * step + low
        box = np.concatenate([corner, corner + 2 * half]).astype(np.float32)
        return (score, box) if is_visible(box, image) else (-1.0, self._box)

    def _cut(self, image: Pixels, box: Float32) -> Float32:
        x, y, width, height = window_of(box)
        part = crop(image, (x, y, max(1, width), max(1, height)))
        return np.asarray(cv2.resize(part, self._size, interpolation=cv2.INTER_AREA), np.float32)


def _correlation(image: Array, template: Array) -> Array:
    """Normalised correlation at every place; 0 where the picture or the template is of one colour."""
    if float(template.std()) < 1:
        return np.zeros(
            (image.shape[0] - template.shape[0] + 1, image.shape[1] - template.shape[1] + 1), np.float32
        )
    answer = np.asarray(cv2.matchTemplate(image, template, cv2.TM_CCOEFF_NORMED))
    return np.where(np.abs(answer) <= 1.001, answer, 0.0)


def _between(answer: Array, row: int, col: int) -> Array:
    """(2,) where the peak lies between the pixels, by a parabola through its neighbours."""
    offset = np.zeros(2)
    for axis, (place, last) in enumerate(((col, answer.shape[1] - 1), (row, answer.shape[0] - 1))):
        if 0 < place < last:
            line = answer[row, col - 1 : col + 2] if axis == 0 else answer[row - 1 : row + 2, col]
            bend = float(line[0] - 2 * line[1] + line[2])
            offset[axis] = 0.0 if bend >= 0 else 0.5 * float(line[0] - line[2]) / bend
    return offset
