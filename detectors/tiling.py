"""What several looks at one picture have found, made one: each object once, and whole.

Looking at tiles shows a network small objects larger; F. C. Akyon et al.: Slicing Aided Hyper Inference and
Fine-tuning for Small Object Detection, ICIP 2022. There, boxes are joined or dropped where they share
enough of the smaller one's area, which in a crowd also takes people for parts of each other. Here it
counts which boxes a tile's border has cut, and what two tiles make of the area that both have seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from detectors.parts import Parts, tiled
from vidstream import geometry
from vidstream.types import Boxes, Detections, Ids, MaskCrop, Scores, View
from vidstream.types.values import Positive, Range, Ratio, Unit

#: how near to a tile's border a box ends that was cut by it: share of the tile's side
_NEAR = 0.01
#: a cut box that lies so far inside an uncut one is a part of it
_INSIDE = 0.7

#: an object of at most this share of a tile's sides is found at least as well in the tile as in the whole
_SMALL = 0.5


@dataclass(frozen=True, slots=True)
class TileParams:
    """Which tiles to look at; each costs a look. docs/small_objects.md has what they gain."""

    grid: tuple[Positive, Positive] | None = None  #: so many columns and rows; goes before `size`
    size: Annotated[int, Unit("px"), Range(32)] = 640  #: width and height of a tile in source pixels
    overlap: Annotated[float, Range(0.0, 0.9)] = 0.2  #: share of a tile that its neighbour sees too
    whole: bool = True  #: look at the picture as a whole, too: finds what is larger than a tile
    iou: Ratio = 0.4  #: two tiles' boxes are of one object if they overlap by more

    def size_in(self, view: View) -> tuple[int, int]:
        """Width and height of a tile in the picture's pixels."""
        if self.grid is None:
            side = max(1, round(self.size / view.scale_to_source()))
            return side, side
        columns, rows = (1 + (n - 1) * (1 - self.overlap) for n in self.grid)
        return int(np.ceil(view.width / columns)), int(np.ceil(view.height / rows))

    def looks(self, part: Parts, size: tuple[int, int]) -> Parts:
        """The looks (K, 4) that a part (4,) takes, with tiles of this size."""
        tiles = tiled(part, size, self.overlap)
        return np.concatenate([part[None], tiles]) if self.whole and len(tiles) > 1 else tiles


def merge(view: View, parts: Parts, found: Sequence[Detections], iou: float) -> Detections:
    """What was found in each of the parts (K, 4) of a picture, each object once, best score first.

    Of two boxes that parts have of one object, the one that no inner border has cut stays, or else the one
    with the better score; two halves of an object larger than the overlap are joined, masks and
    keypoints as well. What a look at the whole finds and a tile has seen better is left to the tile.
    """
    if len(found) == 1:
        return found[0]
    rows, owners = Detections.concat(found), np.repeat(np.arange(len(found)), [len(f) for f in found])
    left = ~_seen_better(view.boxes_from_source(rows.boxes), parts[owners], parts)
    rows, owners = rows[left], owners[left]
    if not rows:
        return rows
    boxes, seen = view.boxes_from_source(rows.boxes), parts[owners].astype(np.float32)
    cut = _cut(boxes, seen, view)
    rivals = np.not_equal.outer(owners, owners) & np.equal.outer(rows.class_ids, rows.class_ids)
    same = _same(boxes, seen, cut, iou) & rivals
    merged = _joined(rows, _groups(same, cut, rows.scores))
    return merged[np.argsort(-merged.scores, kind="stable")]


def _seen_better(boxes: Boxes, seen: Parts, parts: Parts) -> npt.NDArray[np.bool_]:
    """(N,) whether a box, found in `seen` (N, 4), is small and lies in a part that is smaller than that.

    Leaving these to the tiles takes precision on PETS09-S2L1 from 0.74 to 0.86 (yolox-nano, 3x2 tiles).
    """
    size = (parts[:, 2:] - parts[:, :2]).astype(np.float32)
    smaller = geometry.area(parts) < geometry.area(seen)[:, None]
    small = (boxes[:, None, 2:] - boxes[:, None, :2] <= size * _SMALL).all(axis=2)
    inside = (boxes[:, None, :2] >= parts[:, :2]) & (boxes[:, None, 2:] <= parts[:, 2:])
    return np.asarray((smaller & small & inside.all(axis=2)).any(axis=1), np.bool_)


def _cut(boxes: Boxes, seen: Boxes, view: View) -> npt.NDArray[np.bool_]:
    """(N,) whether a box ends where its part ends and the picture does not."""
    near = np.tile((seen[:, 2:] - seen[:, :2]) * _NEAR, 2)
    picture = np.array([0, 0, view.width, view.height], np.float32)
    at_border = np.concatenate(
        [(boxes - seen)[:, :2] <= near[:, :2], (seen - boxes)[:, 2:] <= near[:, 2:]], axis=1
    )
    found: npt.NDArray[np.bool_] = (at_border & (seen != picture)).any(axis=1)
    return found


def _same(boxes: Boxes, seen: Boxes, cut: npt.NDArray[np.bool_], iou: float) -> npt.NDArray[np.bool_]:
    """(N, N) whether two boxes are of one object.

    Both are whole: if they overlap enough. One is cut: if they do in what both parts have seen, or if the
    cut one lies inside the whole one. Both are cut: if they do in what both have seen.
    """
    whole = geometry.iou(boxes, boxes)
    low = np.maximum(seen[:, None, :2], seen[None, :, :2])
    high = np.maximum(np.minimum(seen[:, None, 2:], seen[None, :, 2:]), low)
    mine = np.clip(boxes[:, None], np.tile(low, 2), np.tile(high, 2))
    in_both = _paired_iou(mine, mine.swapaxes(0, 1))
    size = np.maximum(geometry.area(boxes), np.finfo(np.float32).tiny)
    inside = (geometry.intersection(boxes, boxes) / size[:, None] > _INSIDE) & cut[:, None] & ~cut
    any_cut = cut[:, None] | cut
    found: npt.NDArray[np.bool_] = np.where(any_cut, in_both, whole) > iou
    return found | inside | inside.T


def _paired_iou(a: Boxes, b: Boxes) -> npt.NDArray[np.float32]:
    """(N, N) of boxes (N, N, 4), pair by pair."""
    flat_a, flat_b = a.reshape(-1, 4), b.reshape(-1, 4)
    sides = np.minimum(flat_a[:, 2:], flat_b[:, 2:]) - np.maximum(flat_a[:, :2], flat_b[:, :2])
    shared = np.maximum(sides, 0).prod(axis=1)
    union = geometry.area(flat_a) + geometry.area(flat_b) - shared
    ratio = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return np.asarray(ratio, np.float32).reshape(a.shape[:2])


def _groups(same: npt.NDArray[np.bool_], cut: npt.NDArray[np.bool_], scores: Scores) -> list[Ids]:
    """The rows of each object, best score first: one that is whole, or all pieces of one that never is."""
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    for row in order[~cut[order]].tolist():
        if not same[row, kept].any():
            kept.append(row)
    groups = [np.array([row]) for row in kept]
    pieces = cut & ~same[:, kept].any(axis=1)
    for row in order[pieces[order]].tolist():
        if pieces[row]:
            members = np.arange(len(cut)) == row
            while (reached := members | (pieces & same[members].any(axis=0))).sum() > members.sum():
                members = reached
            pieces &= ~members
            groups.append(order[members[order]])
    return groups


def _joined(rows: Detections, groups: Sequence[Ids]) -> Detections:
    """A row for each group: its first; boxes, masks and keypoints are put together."""
    first = rows[[int(members[0]) for members in groups]]
    if all(len(members) == 1 for members in groups):
        return first
    changes: dict[str, Any] = {"boxes": np.array([_hull(rows.boxes[m]) for m in groups], np.float32)}
    if (masks := rows.masks) is not None:
        changes["masks"] = tuple(_united([masks[i] for i in members]) for members in groups)
    if (points := rows.keypoints) is not None:
        changes["keypoints"] = np.stack([_clearest(points[members]) for members in groups])
    return first.replace(**changes)


def _hull(boxes: Boxes) -> Boxes:
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


def _clearest(points: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(K, 3) of (M, K, 3) keypoints: each as it was seen best."""
    best = points[:, :, 2].argmax(axis=0)
    return np.asarray(points[best, np.arange(points.shape[1])], np.float32)


def _united(crops: Sequence[MaskCrop]) -> MaskCrop:
    """One mask that covers what any of them covers."""
    if len(crops) == 1:
        return crops[0]
    x, y = min(c.x for c in crops), min(c.y for c in crops)
    right = max(c.x + c.pixels.shape[1] for c in crops)
    bottom = max(c.y + c.pixels.shape[0] for c in crops)
    pixels = np.zeros((bottom - y, right - x), np.bool_)
    for c in crops:
        height, width = c.pixels.shape
        pixels[c.y - y : c.y - y + height, c.x - x : c.x - x + width] |= c.pixels
    return MaskCrop(x, y, pixels)
