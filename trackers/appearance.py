"""What objects look like: a descriptor that needs no weights, an embedding network, a memory per track."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from trackers.assignment import Allowed, pairs_of
from vidstream.errors import ModelError, ShapeError
from vidstream.geometry import Float32, Float64
from vidstream.types import Boxes, Ids, Pixels


class Embedder(Protocol):
    """Anything that turns the contents of boxes into comparable vectors."""

    def __call__(self, pixels: Pixels, boxes: Boxes) -> Float32:
        """(N, D) unit rows for (N, 4) boxes in these BGR pixels."""


#: width and height that crops are brought to
_CROP = (32, 64)
#: the crop is looked at in this many bands from top to bottom: shirt and trousers stay apart
_BANDS = 4
#: hue, saturation and value levels of the colour histogram
_LEVELS = (8, 3, 4)
_HOG = cv2.HOGDescriptor(_CROP, (16, 16), (16, 16), (8, 8), 9)
_HISTOGRAM = int(np.prod(_LEVELS))
_SIZE = _BANDS * _HISTOGRAM + _HOG.getDescriptorSize()


def describe(pixels: Pixels, boxes: Boxes) -> Float32:
    """Colour and shape of the boxes' contents: (N, 672) unit rows, no network needed.

    Square roots of HSV histograms in horizontal bands (so that the product of two rows is their
    Bhattacharyya coefficient) beside a histogram of oriented gradients (Dalal and Triggs 2005), both
    of length one, weighted three to one.
    """
    if not len(boxes):
        return np.zeros((0, _SIZE), np.float32)
    crops = np.zeros((len(boxes), _CROP[1], _CROP[0], 3), np.uint8)
    for row, crop in zip(crops, cut(pixels, boxes), strict=True):
        cv2.resize(crop, _CROP, dst=row, interpolation=cv2.INTER_AREA)
    colour, shape = _colour(crops), _shape(crops)
    return unit_rows(np.concatenate([np.sqrt(0.75) * colour, np.sqrt(0.25) * shape], axis=1))


class NetworkEmbedder:
    """A re-identification network such as OSNet (Zhou et al. 2019), run by OpenCV on the CPU.

    The network takes (1, 3, 256, 128) RGB, normalised with ImageNet's means and deviations, and gives
    (1, D). Crops go in one by one: re-identification exports often have a batch of one built in, and on
    a CPU a batch is no faster. Raises ModelError where the file is no such network.

    >>> embed = NetworkEmbedder("osnet_x0_25_msmt17.onnx")         # doctest: +SKIP
    >>> tracker = DeepSortTracker(DeepSortParams(), embed)         # doctest: +SKIP
    """

    _MEAN = np.array([0.485, 0.456, 0.406], np.float32)
    _STD = np.array([0.229, 0.224, 0.225], np.float32)

    def __init__(self, path: Path | str, size: tuple[int, int] = (128, 256)) -> None:
        self._path, self._size = str(path), size
        try:
            self._network = cv2.dnn.readNetFromONNX(self._path)
            self._empty = np.zeros((0, self._forward(np.zeros((8, 4, 3), np.uint8)).size), np.float32)
        except cv2.error as error:
            raise ModelError(
                f"is no network that OpenCV can run on one {size[0]}x{size[1]} picture: {error}",
                where=self._path,
            ) from error

    def __call__(self, pixels: Pixels, boxes: Boxes) -> Float32:
        """(N, D) unit rows for (N, 4) boxes in these BGR pixels."""
        rows = [self._forward(crop) for crop in cut(pixels, boxes)]
        return unit_rows(np.stack(rows)) if rows else self._empty

    def _forward(self, crop: Pixels) -> Float32:
        resized = np.asarray(cv2.resize(crop, self._size), np.float32)
        normalised = (resized[:, :, ::-1] / 255 - self._MEAN) / self._STD
        self._network.setInput(np.ascontiguousarray(normalised.transpose(2, 0, 1)[None]))
        return np.asarray(self._network.forward(), np.float32).ravel()


class Gallery:
    """The last `budget` descriptors of each track (Wojke 2017, 2.2), one array ring per track.

    All rings lie in one (slots, budget, D) array that grows as needed; a track's slot is reused when the
    track is gone.
    """

    def __init__(self, budget: int = 100) -> None:
        self._rings = np.zeros((0, budget, 0), np.float32)
        self._added = np.zeros(0, np.int64)
        self._slots: dict[int, int] = {}
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._slots)

    def add(self, keys: Ids, features: Float32) -> None:
        """One more descriptor, a row of (N, D), for each of these tracks; new keys open a ring."""
        self._open(keys, features.shape[1])
        slots = self._slots_of(keys)
        self._rings[slots, self._added[slots] % self._rings.shape[1]] = features
        self._added[slots] += 1

    def keep(self, keys: Ids) -> None:
        """Let go of all tracks but these."""
        for gone in self._slots.keys() - set(keys.tolist()):
            self._free.append(self._slots.pop(gone))

    def distances(self, keys: Ids, features: Float32, wanted: Allowed) -> Float64:
        """(T, N) least cosine distance from any descriptor of a track (Wojke 2017, eq. 3).

        Worked out for the `wanted` pairs (T, N) alone, infinite elsewhere and for unknown tracks: with
        500 tracks of 100 descriptors all pairs would be a hundred times the work of those in reach.
        """
        distances = np.full(wanted.shape, np.inf)
        rows, cols = pairs_of(wanted)
        starts = np.searchsorted(rows, np.arange(len(keys) + 1)).tolist()
        for row, key in enumerate(keys.tolist()):
            near = cols[starts[row] : starts[row + 1]]
            slot = self._slots.get(key)
            if slot is not None and len(near):
                ring = self._rings[slot, : self._added[slot]]
                distances[row, near] = 1 - (ring @ features[near].T).max(axis=0)
        return distances

    def _slots_of(self, keys: Ids) -> Ids:
        return np.array([self._slots[i] for i in keys.tolist()], np.int64)

    def _open(self, keys: Ids, size: int) -> None:
        """Rings for the keys that have none."""
        if not self._slots:
            self._rings = np.zeros((0, self._rings.shape[1], size), np.float32)
            self._added, self._free = np.zeros(0, np.int64), []
        if size != self._rings.shape[2]:
            raise ShapeError(
                f"features: expected (N, {self._rings.shape[2]}) as before, got (N, {size})", where="Gallery"
            )
        new = [i for i in keys.tolist() if i not in self._slots]
        self._grow(len(new) - len(self._free))
        for key in new:
            self._slots[key] = self._free.pop()
        self._added[self._slots_of(np.array(new, np.int64))] = 0

    def _grow(self, missing: int) -> None:
        """At least `missing` more slots; doubling, so that growth costs little in the long run."""
        if missing <= 0:
            return
        count = len(self._rings)
        more = max(missing, count, 8)
        self._rings = np.concatenate([self._rings, np.zeros((more, *self._rings.shape[1:]), np.float32)])
        self._added = np.concatenate([self._added, np.zeros(more, np.int64)])
        self._free.extend(range(count, count + more))


def cut(pixels: Pixels, boxes: Boxes) -> Sequence[Pixels]:
    """The boxes' contents, one (h, w, 3) view each; a box outside the picture gives its nearest pixel."""
    height, width = pixels.shape[:2]
    first = np.clip(np.floor(boxes[:, :2]), 0, (width - 1, height - 1)).astype(int)
    last = np.clip(np.ceil(boxes[:, 2:]), 1, (width, height)).astype(int)
    last = np.maximum(last, first + 1)
    corners = np.column_stack([first, last]).tolist()
    return [pixels[y1:y2, x1:x2] for x1, y1, x2, y2 in corners]


def unit_rows(rows: Float32) -> Float32:
    """(N, D) rows scaled to length one; a row of zeros stays."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(length, 1e-12), np.float32)


def _colour(crops: Pixels) -> Float32:
    """(N, D) unit rows: square roots of HSV histograms per band, all crops (N, H, W, 3) in one count."""
    count, height, width = crops.shape[:3]
    hsv = cv2.cvtColor(crops.reshape(count * height, width, 3), cv2.COLOR_BGR2HSV)
    levels = hsv.astype(np.int64) * _LEVELS // (180, 256, 256)
    bins = np.ravel_multi_index(tuple(levels.reshape(-1, 3).T), _LEVELS)
    band = np.arange(count * height) * _BANDS // height
    places = bins + np.repeat(band, width) * _HISTOGRAM
    counts = np.bincount(places, minlength=count * _BANDS * _HISTOGRAM)
    return unit_rows(np.sqrt(counts.reshape(count, -1)))


def _shape(crops: Pixels) -> Float32:
    """(N, D) unit rows: gradient histograms of the crops (N, H, W, 3), all in one call."""
    count, height, width = crops.shape[:3]
    # one below the other, eight rows apart: the gap's edge rows mirror each crop (as at a picture's border),
    # so that no gradient reaches over from a neighbour
    column = np.zeros((count, height + 8, width, 3), np.uint8)
    column[:, :height] = crops
    column[:, height] = crops[:, -2]
    column[:-1, -1] = crops[1:, 1]
    places = [(0, k * (height + 8)) for k in range(count)]
    gradients = np.asarray(_HOG.compute(column.reshape(-1, width, 3), _CROP, (0, 0), places), np.float32)
    return unit_rows(gradients.reshape(count, -1))
