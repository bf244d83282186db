"""Looking for a lost object: where in the picture is anything that matches one of its patches?"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from trackers.single.looks import SIDE, ObjectModel, patches
from vidstream.geometry import Array, Float32, nms
from vidstream.types import Boxes, Pixels

#: sizes tried, as multiples of the last known one
SIZES = tuple(float(1.15**k) for k in (-3, -2, -1, 1, 2, 3))
#: so many of the object's patches are slid over the picture, and so many places are looked at closely
_TEMPLATES, _PLACES = 6, 6


def search(
    image: Pixels, model: ObjectModel, box: Float32, region: Float32, sizes: Sequence[float] = SIZES
) -> tuple[Boxes, Float32]:
    """Places in `region` like the object, best first: (N, 4) boxes and (N,) relative similarities.

    `box` gives the object's size. The picture is shrunk so that an object of the size tried becomes as
    small as a patch: then one normalised correlation per patch looks at every place of it at once.
    """
    templates = _chosen(model.seen, 1 if image.ndim == 2 else image.shape[2])
    places = np.concatenate([_places(image, templates, (box[2:] - box[:2]) * size, region) for size in sizes])
    scores = model.similarity(patches(image, places))
    kept = nms(places, scores, 0.5)
    return places[kept], scores[kept]


def _places(image: Pixels, templates: Array, size: Float32, region: Float32) -> Boxes:
    """(P, 4) the best places for an object of this size (w, h)."""
    x1, y1, x2, y2 = region.round().astype(int).tolist()
    width, height = round((x2 - x1) * SIDE / float(size[0])), round((y2 - y1) * SIDE / float(size[1]))
    if min(width, height) <= SIDE:
        return np.zeros((0, 4), np.float32)
    small = cv2.resize(image[y1:y2, x1:x2], (width, height), interpolation=cv2.INTER_AREA)
    small = np.asarray(small if small.ndim == 2 else small.mean(axis=2), np.float32)
    match = np.max([cv2.matchTemplate(small, t, cv2.TM_CCOEFF_NORMED) for t in templates], axis=0)
    peaks = np.array(_peaks(match), np.float32)
    top_left = peaks * ((x2 - x1) / width, (y2 - y1) / height) + (x1, y1)
    return np.concatenate([top_left, top_left + size], axis=1).astype(np.float32)


def _peaks(match: Array) -> list[tuple[int, int]]:
    """(x, y) of the highest places, no two within half an object of each other."""
    match = np.nan_to_num(match, nan=-1.0, posinf=-1.0)
    found: list[tuple[int, int]] = []
    for _ in range(_PLACES):
        _, value, _, (x, y) = cv2.minMaxLoc(match)
        if found and value <= 0.3:
            break
        found.append((x, y))
        half = SIDE // 2
        match[max(0, y - half) : y + half + 1, max(0, x - half) : x + half + 1] = -1.0
    return found


def _chosen(seen: Float32, channels: int) -> Array:
    """(T, 15, 15) the first patch, the last, and some from between, without their colour."""
    rows = np.unique(np.linspace(0, len(seen) - 1, _TEMPLATES).round().astype(int))
    mean: Array = seen[rows].reshape(-1, SIDE, SIDE, channels).mean(axis=3)
    return mean
