"""Windows cut from scenes: around objects, beside them, and what a HOG descriptor makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from detectors.hog.detector import shrunk
from detectors.hog.model import descriptor
from detectors.training.scenes import Scene
from vidstream import geometry
from vidstream.errors import ParamError
from vidstream.types import Boxes, Pixels

#: float32 (N, D) descriptors, one row per window
Rows: TypeAlias = npt.NDArray[np.float32]

#: a window that overlaps an object by more is no counterexample (IoU, without margins)
FAR = 0.3
#: an object that is hidden by a nearer one by more is no example: it shows the other's look
_HIDDEN = 0.5
#: an object this much smaller than the window's is no example: enlarged, it has no edges
_SMALLEST = 0.4
#: px that annotators draw over the edge of the picture; more than that, and the object is cut
_EDGE = 2.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """How examples are cut."""

    #: width and height in px, multiples of the cell of 8
    window: tuple[int, int] = (64, 128)
    #: share of the window's height that the object takes: the rest is its surroundings, which help
    share: float = 0.75
    #: further copies of each example, moved and sized a little
    jitter: int = 1
    #: each example a second time, as in a mirror
    mirror: bool = True
    #: largest move of a copy, as a share of the window's height: half the detector's step
    shift: float = 0.02
    #: largest change of a copy's size: half the pyramid's step
    zoom: float = 0.06

    def __post_init__(self) -> None:
        if min(self.window) < 16 or max(self.window) > 1024 or any(side % 8 for side in self.window):
            raise ParamError(
                f"{self.window[0]}x{self.window[1]} is no window",
                path=("window",),
                fix="multiples of 8 from 16",
            )
        if not 0.2 <= self.share <= 1.0:
            raise ParamError(f"{self.share:g} is no share", path=("share",), fix="between 0.2 and 1")

    @property
    def descriptor(self) -> cv2.HOGDescriptor:
        """What describes a window."""
        return descriptor(self.window)

    def windows(self, boxes: Boxes) -> Boxes:
        """The windows (N, 4) around objects: as high as `share` says, as wide as the window's shape says."""
        height = (boxes[:, 3] - boxes[:, 1]) / self.share
        half = np.stack([height * self.window[0] / self.window[1], height], axis=1) / 2
        centre = geometry.centres(boxes)
        return np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)

    def scale(self, boxes: Boxes) -> float:
        """How much to enlarge a picture so that nine in ten of these objects fill a window."""
        if not len(boxes):
            return 1.0
        low = float(np.percentile(boxes[:, 3] - boxes[:, 1], 10))
        return float(np.clip(round(self.share * self.window[1] / max(low, 1.0), 2), 0.1, 4.0))


def cut_out(pixels: Pixels, recipe: Recipe) -> Scene:
    """A picture that is one window: an object in its middle, with surroundings as `share` says."""
    height, width = pixels.shape[:2]
    half = np.array([recipe.window[0] / recipe.window[1], 1.0]) * height * recipe.share / 2
    centre = np.array([width, height]) / 2
    box = np.concatenate([centre - half, centre + half])[None].astype(np.float32)
    return Scene(pixels, box, scanned=False)


def examples(scene: Scene, recipe: Recipe) -> Boxes:
    """The objects (N, 4) that can be learnt from: whole, in sight, and large enough."""
    boxes = scene.boxes
    if not scene.scanned or not len(boxes):
        return boxes
    height, width = scene.pixels.shape[:2]
    inside = (boxes[:, :2] >= -_EDGE).all(axis=1) & (boxes[:, 2:] <= [width + _EDGE, height + _EDGE]).all(
        axis=1
    )
    large = boxes[:, 3] - boxes[:, 1] >= _SMALLEST * recipe.share * recipe.window[1]
    others = np.concatenate([boxes, scene.ignored])
    # who stands on ground further down is nearer
    nearer = others[None, :, 3] > boxes[:, None, 3]
    covered = np.where(nearer, geometry.intersection(boxes, others), 0) / geometry.area(boxes)[:, None]
    kept: Boxes = boxes[inside & large & (covered.max(axis=1) <= _HIDDEN)]
    return kept


def positive_rows(scene: Scene, recipe: Recipe, rng: np.random.Generator) -> Rows:
    """Each example as it is, its moved copies, and all of them mirrored."""
    windows = recipe.windows(examples(scene, recipe))
    size = (windows[:, 2:] - windows[:, :2])[:, 1:]
    copies = [windows]
    for _ in range(recipe.jitter):
        half = (
            (windows[:, 2:] - windows[:, :2])
            / 2
            * rng.uniform(1 - recipe.zoom, 1 + recipe.zoom, (len(size), 1))
        )
        centre = geometry.centres(windows) + size * rng.uniform(-recipe.shift, recipe.shift, (len(size), 2))
        copies.append(np.concatenate([centre - half, centre + half], axis=1))
    cut = np.concatenate(copies)
    rows = [described(scene.pixels, cut, recipe)]
    if recipe.mirror:
        rows.append(described(scene.pixels, cut, recipe, mirrored=True))
    return np.concatenate(rows)


def random_rows(scene: Scene, recipe: Recipe, count: int, rng: np.random.Generator) -> Rows:
    """Up to `count` windows anywhere but on an object, of any size from half the window's on."""
    if not scene.scanned:
        return described(scene.pixels, scene.boxes[:0], recipe)
    height, width = scene.pixels.shape[:2]
    largest = min(width / recipe.window[0], height / recipe.window[1])
    zoom = np.exp(rng.uniform(np.log(min(0.5, largest)), np.log(largest), (count, 1)))
    size = zoom * np.array(recipe.window)
    corner = rng.uniform(0, 1, (count, 2)) * (np.array([width, height]) - size)
    windows = np.concatenate([corner, corner + size], axis=1).astype(np.float32)
    return described(scene.pixels, windows[is_far(windows, scene, recipe)], recipe)


def is_far(windows: Boxes, scene: Scene, recipe: Recipe) -> npt.NDArray[np.bool_]:
    """(N,) True where a window, its margin left out, shows too little of any object to be found."""
    known = recipe.windows(np.concatenate([scene.boxes, scene.ignored]))
    inner, objects = (shrunk(each, recipe.share, recipe.share) for each in (windows, known))
    far: npt.NDArray[np.bool_] = geometry.iou(inner, objects).max(axis=1, initial=0.0) < FAR
    return far


def described(pixels: Pixels, windows: Boxes, recipe: Recipe, *, mirrored: bool = False) -> Rows:
    """The descriptors of windows anywhere in (and over the edge of) a picture."""
    hog = recipe.descriptor
    rows = np.zeros((len(windows), hog.getDescriptorSize()), np.float32)
    for row, window in zip(rows, windows, strict=True):
        cut = _cut(pixels, window, recipe.window)
        row[:] = np.ravel(hog.compute(np.ascontiguousarray(cut[:, ::-1]) if mirrored else cut))
    return rows


def _cut(pixels: Pixels, window: Boxes, size: tuple[int, int]) -> Pixels:
    """One window at the size of the descriptor; beyond the picture its edge goes on.

    Sampled as OpenCV's pyramid samples, bilinear and without smoothing: training sees what detection sees.
    """
    zoom = np.array(size) / (window[2:] - window[:2])
    # corners of pixels are mapped, OpenCV counts their centres
    shift = (0.5 - window[:2]) * zoom - 0.5
    matrix = np.array([[zoom[0], 0, shift[0]], [0, zoom[1], shift[1]]], np.float64)
    flags = cv2.INTER_LINEAR
    return np.asarray(
        cv2.warpAffine(pixels, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )
