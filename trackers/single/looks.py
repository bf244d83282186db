"""What one object looks like, and what it must not be taken for.

Kalal, Mikolajczyk and Matas, "Tracking-Learning-Detection" (PAMI 2012), section 5.2: an object is a set of
small patches of it beside a set of patches of its surroundings; a patch is the object's as far as it is
nearer to the former.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np

from trackers.single.base import crop, window_of
from vidstream.geometry import Array, Float32
from vidstream.types import Boxes, Pixels

#: objects are brought to this side, whatever their shape
SIDE = 15
#: patches kept of the object and of what is not the object; the first of the object is never let go
_KEPT, _KEPT_NOT = 60, 120
#: the object's patch (1, D) and those around it (N, D)
Lesson: TypeAlias = tuple[Float32, Float32]
#: less similar patches of the object are new and kept, more similar ones of others are kept against it
_NEW, _MISTAKEN = 0.75, 0.4


def patch(image: Pixels, box: Float32) -> Float32:
    """(D,) the box's contents at 15x15 pixels, mean 0 per channel and length 1: a product is an NCC."""
    x, y, width, height = window_of(box)
    inside = crop(image, (x, y, max(1, width), max(1, height)))
    return unit(np.asarray(cv2.resize(inside, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32))


def patches(image: Pixels, boxes: Boxes) -> Float32:
    """(N, D) one `patch` per box."""
    rows = [patch(image, box) for box in boxes]
    return np.stack(rows) if rows else np.zeros((0, SIDE * SIDE * _channels(image)), np.float32)


def unit(pixels: Float32) -> Float32:
    """(D,) pixels (h, w) or (h, w, 3) less the mean of each channel, of length 1; 0 where all are alike."""
    centred = pixels - pixels.mean(axis=(0, 1))
    length = float(np.linalg.norm(centred))
    # below a gray level or so per pixel there is noise alone
    return np.asarray(
        centred.ravel() / length if length > centred.size**0.5 else 0 * centred.ravel(), np.float32
    )


class Likeness:
    """How much a box's contents look as the object did first, and of late."""

    def __init__(self, image: Pixels, box: Float32) -> None:
        self._first = self._recent = patch(image, box)

    def of(self, image: Pixels, box: Float32) -> float:
        """The better correlation of the two, in [0, 1]."""
        seen = patch(image, box)
        return max(0.0, float(self._first @ seen), float(self._recent @ seen))

    def refresh(self, image: Pixels, box: Float32, rate: float = 0.1) -> None:
        """Let the recent looks follow those in `box`."""
        mixed = (1 - rate) * self._recent + rate * patch(image, box)
        self._recent = np.asarray(mixed / max(float(np.linalg.norm(mixed)), 1e-6), np.float32)


class ObjectModel:
    """Patches of the object and of what it is not, which grow as it is followed (P-N learning)."""

    def __init__(self, image: Pixels, box: Float32) -> None:
        self.seen = patches(image, _about(box))
        self.unlike = patches(image, _around(box, image))

    def similarity(self, rows: Float32) -> Float32:
        """(N,) in [0, 1] for (N, D) patches: the relative similarity; above 0.5 is nearer to the object.

        Less where the correlation with every patch of the object is below a half: what is like nothing
        known is not the object either.
        """
        return self._relative(rows, self.seen)

    def surely(self, rows: Float32) -> Float32:
        """(N,) the conservative similarity: to the earlier half of the object's patches alone."""
        return self._relative(rows, self.seen[: (len(self.seen) + 1) // 2])

    def _relative(self, rows: Float32, seen: Float32) -> Float32:
        alike = _nearest(rows, seen)
        away, beside = 1 - alike, 1 - _nearest(rows, self.unlike)
        relative = beside / np.maximum(away + beside, 1e-6)
        return np.asarray(relative * np.clip(2 * alike, 0, 1), np.float32)

    def lesson(self, image: Pixels, box: Float32) -> Lesson:
        """What `learn` takes: the object's patch (1, D) and those around it (N, D)."""
        return patch(image, box)[None], patches(image, _around(box, image))

    def learn(self, lesson: Lesson) -> None:
        """Keep what is new about the object, and what else could be mistaken for it."""
        own, others = lesson
        if self.similarity(own)[0] < _NEW:
            self.seen = np.concatenate([self.seen, own])
            if len(self.seen) > _KEPT:  # the early half stays for good, of the later one the oldest goes
                self.seen = np.delete(self.seen, _KEPT // 2, axis=0)
        self.reject(others)

    def reject(self, rows: Float32) -> None:
        """These patches (N, D) are not the object's: keep those that could be mistaken for it."""
        wrong = rows[self.similarity(rows) > _MISTAKEN]
        self.unlike = np.concatenate([self.unlike, wrong])[-_KEPT_NOT:]


def _channels(image: Pixels) -> int:
    return 1 if image.ndim == 2 else int(image.shape[2])


def _nearest(rows: Float32, known: Float32) -> Array:
    """(N,) the best correlation of each row with any known one; 0 where nothing is known."""
    best: Array = (rows @ known.T).max(axis=1, initial=-1.0) if len(known) else np.zeros(len(rows))
    return best


def beside(box: Float32) -> Boxes:
    """(75, 4) boxes up to a fifth of its size beside it, as large, smaller and larger."""
    steps, sizes = np.linspace(-0.16, 0.16, 5), (0.9, 1.0, 1.11)
    across, down, size = (a.ravel() for a in np.meshgrid(steps, steps, sizes))
    sides, middle = box[2:] - box[:2], (box[:2] + box[2:]) / 2
    middles = middle + np.stack([across, down], axis=1) * sides
    half = size[:, None] * sides / 2
    return np.concatenate([middles - half, middles + half], axis=1).astype(np.float32)


def _about(box: Float32) -> Boxes:
    """(9, 4) the box, and what it might as well have been: a little beside, smaller or larger."""
    width, height = 0.06 * (box[2:] - box[:2])
    moves = [(0, 0), (width, 0), (-width, 0), (0, height), (0, -height)]
    sizes = [(width, height), (-width, -height)]
    moved = [box + np.array([x, y, x, y], np.float32) for x, y in moves]
    return np.stack([*moved, *(box + np.array([-x, -y, x, y], np.float32) for x, y in sizes)]).astype(
        np.float32
    )


def _around(box: Float32, image: Pixels) -> Boxes:
    """(N, 4) boxes of the same size beside and across the object, overlapping it by a fifth at most."""
    size = np.tile(box[2:] - box[:2], 2)
    steps = np.array(
        [
            (x, y)
            for x in (-2.0, -1.4, -0.7, 0.0, 0.7, 1.4, 2.0)
            for y in (-1.4, -0.7, 0.0, 0.7, 1.4)
            if max(abs(x), abs(y)) >= 0.7
        ],
        np.float32,
    )
    boxes = box + np.tile(steps, 2) * size
    height, width = image.shape[:2]
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = (middle > 0).all(axis=1) & (middle < (width, height)).all(axis=1)
    return np.asarray(boxes[inside], np.float32)
