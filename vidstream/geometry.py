"""Boxes, polygons and picture transforms, on NumPy arrays.

Boxes are (N, 4) x1 y1 x2 y2, end exclusive. Nothing here writes into its arguments.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Float32: TypeAlias = npt.NDArray[np.float32]
Float64: TypeAlias = npt.NDArray[np.float64]


def area(boxes: Array) -> Array:
    """(N,) areas; an inside-out box has area 0."""
    size = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    product: Array = size[:, 0] * size[:, 1]
    return product


def iou(a: Array, b: Array) -> Array:
    """Intersection over union of every pair, (N, M); 0 where both boxes are empty.

    >>> iou(np.array([[0., 0, 2, 2]]), np.array([[1., 0, 3, 2], [5, 5, 6, 6]])).round(3).tolist()
    [[0.333, 0.0]]
    """
    inter = intersection(a, b)
    union = area(a)[:, None] + area(b)[None, :] - inter
    ratio: Array = np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)
    return ratio


def intersection(a: Array, b: Array) -> Array:
    """Area shared by every pair, (N, M)."""
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    bottom_right = np.minimum(a[:, None, 2:], b[None, :, 2:])
    size = np.maximum(bottom_right - top_left, 0)
    shared: Array = size[..., 0] * size[..., 1]
    return shared


def aligned_iou(a: Array, b: Array) -> Array:
    """(...) intersection over union of boxes (..., 4) that broadcast against each other: row by row.

    Like its relatives below 1 for equal boxes, symmetric, and blind to moving or scaling both boxes alike.
    ``aligned_giou(a[:, None], b[None])`` is the (N, M) table of every pair.
    """
    shared, union = shared_and_union(a, b)
    ratio: Array = shared / np.maximum(union, 1e-12)
    return ratio


def aligned_giou(a: Array, b: Array) -> Array:
    """Generalised IoU, -1 to 1: less the empty share of the box around both (Rezatofighi 2019, alg. 1)."""
    shared, union = shared_and_union(a, b)
    width, height = _hull(a, b)
    return _ratio(shared, union) - _ratio(width * height - union, width * height)


def aligned_diou(a: Array, b: Array) -> Array:
    """Distance IoU, -1 to 1: less the squared distance of the centres (Zheng 2020, eq. 7).

    In units of the diagonal of the box around both.
    """
    width, height = _hull(a, b)
    apart = ((a[..., 0] + a[..., 2] - b[..., 0] - b[..., 2]) / 2) ** 2
    apart += ((a[..., 1] + a[..., 3] - b[..., 1] - b[..., 3]) / 2) ** 2
    return aligned_iou(a, b) - _ratio(apart, width**2 + height**2)


def aligned_ciou(a: Array, b: Array) -> Array:
    """Complete IoU, -2 to 1: DIoU less a penalty for another aspect (Zheng 2020, eq. 8 to 11)."""
    (a_width, a_height), (b_width, b_height) = _sides(a), _sides(b)
    angles = np.arctan2(a_width, a_height) - np.arctan2(b_width, b_height)
    other = 4 / np.pi**2 * angles**2
    return aligned_diou(a, b) - other * _ratio(other, 1 - aligned_iou(a, b) + other)


def shared_and_union(a: Array, b: Array) -> tuple[Array, Array]:
    """(...) areas that boxes (..., 4) have in common, and cover together; an inside-out box has none."""
    left, right = (boxes.transpose(-1, *range(boxes.ndim - 1)) for boxes in (a, b))
    across, down = np.minimum(left[2:], right[2:]) - np.maximum(left[:2], right[:2])
    shared = np.maximum(across, 0) * np.maximum(down, 0)
    return shared, _product(left) + _product(right) - shared


def _product(boxes: Array) -> Array:
    """Areas of boxes (4, ...); none where one is inside out."""
    width, height = boxes[2:] - boxes[:2]
    product: Array = np.maximum(width, 0) * np.maximum(height, 0)
    return product


def _hull(a: Array, b: Array) -> tuple[Array, Array]:
    """Width and height of the smallest box around both."""
    width: Array = np.maximum(a[..., 2], b[..., 2]) - np.minimum(a[..., 0], b[..., 0])
    height: Array = np.maximum(a[..., 3], b[..., 3]) - np.minimum(a[..., 1], b[..., 1])
    return width, height


def _sides(boxes: Array) -> tuple[Array, Array]:
    """Width and height; none where one is inside out."""
    size = np.maximum(boxes[..., 2:] - boxes[..., :2], 0)
    return size[..., 0], size[..., 1]


def _ratio(part: Array, whole: Array) -> Array:
    """part / whole; 0 where there is nothing. The limit keeps quotients finite, and changes nothing else."""
    ratio: Array = np.divide(part, whole, out=np.zeros_like(whole), where=whole > 1e-12)
    return ratio


def nms(
    boxes: Array, scores: Array, threshold: float, class_ids: Array | None = None
) -> npt.NDArray[np.int64]:
    """Greedy non-maximum suppression: indices kept, best score first; ties keep the lower index.

    With `class_ids`, boxes of different classes never suppress each other.
    """
    order = np.argsort(-scores, kind="stable")
    overlap = iou(boxes, boxes) > threshold
    if class_ids is not None:
        overlap &= class_ids[:, None] == class_ids[None, :]
    alive = np.ones(len(boxes), bool)
    keep = []
    for i in order.tolist():
        if alive[i]:
            keep.append(i)
            alive &= ~overlap[i]
    return np.asarray(keep, np.int64)


def clip(boxes: Array, width: float, height: float) -> Array:
    """Boxes cut to the picture."""
    limits = np.array([width, height, width, height], boxes.dtype)
    return np.clip(boxes, 0, limits)


def centres(boxes: Array) -> Array:
    """(N, 2) middle points."""
    middle: Array = (boxes[:, :2] + boxes[:, 2:]) / 2
    return middle


def feet(boxes: Array) -> Array:
    """(N, 2) middle of the bottom edge: where a standing object touches the ground."""
    return np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=1)


def to_xywh(boxes: Array) -> Array:
    """x1 y1 x2 y2 to x y width height (top left)."""
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def from_xywh(boxes: Array) -> Array:
    """x y width height (top left) to x1 y1 x2 y2."""
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def from_cxcywh(boxes: Array) -> Array:
    """Centre, width, height to x1 y1 x2 y2."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def transform_points(points: Array, matrix: Float64 | None) -> Float32:
    """(N, 2) points through a 3x3 homography; None is the identity."""
    if matrix is None:
        return np.asarray(points, np.float32)
    homogeneous = np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]
    return (homogeneous[:, :2] / homogeneous[:, 2:]).astype(np.float32)


def transform_boxes(boxes: Array, matrix: Float64 | None) -> Float32:
    """(N, 4) boxes through a 3x3 homography: the upright hull of the four moved corners."""
    if matrix is None:
        return np.asarray(boxes, np.float32)
    corners = np.asarray(boxes)[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2)
    moved = transform_points(corners, matrix).reshape(-1, 4, 2)
    return np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=1)


def scaling(sx: float, sy: float, dx: float = 0.0, dy: float = 0.0) -> Float64:
    """3x3 matrix of ``x' = sx x + dx, y' = sy y + dy``."""
    return np.array([[sx, 0, dx], [0, sy, dy], [0, 0, 1]], np.float64)


def letterbox(width: int, height: int, to_width: int, to_height: int) -> tuple[int, int, int, int, Float64]:
    """Fit a picture into another size, keeping its shape, padding evenly.

    Returns the resized width and height, the left and top padding, and the 3x3 matrix from padded
    pixels back to the picture's. The matrix uses the sizes as rounded, so boxes go back exactly.

    >>> w, h, left, top, back = letterbox(1280, 720, 640, 640)
    >>> (w, h, left, top), transform_points(np.array([[320., 320.]]), back).tolist()
    ((640, 360, 0, 140), [[640.0, 360.0]])
    """
    scale = min(to_width / width, to_height / height)
    new_width = max(1, min(to_width, round(width * scale)))
    new_height = max(1, min(to_height, round(height * scale)))
    left, top = (to_width - new_width) // 2, (to_height - new_height) // 2
    sx, sy = width / new_width, height / new_height
    return new_width, new_height, left, top, scaling(sx, sy, -left * sx, -top * sy)


def contains(polygon: Array, points: Array) -> npt.NDArray[np.bool_]:
    """(N,) True where a point lies inside the (K, 2) polygon, by the even-odd rule.

    Edges are half open (bottom and right excluded), so touching zones never count a point twice.
    """
    x, y = points[:, 0, None], points[:, 1, None]
    x1, y1 = polygon[:, 0], polygon[:, 1]
    x2, y2 = np.roll(x1, -1), np.roll(y1, -1)
    spans = (y1 <= y) != (y2 <= y)
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = x1 + (y - y1) * (x2 - x1) / (y2 - y1)
    inside: npt.NDArray[np.bool_] = (spans & (x < crossing)).sum(axis=1) % 2 == 1
    return inside


def side_of_line(a: Array, b: Array, points: Array) -> Array:
    """(N,) signed distance in pixels from the line a-b; positive on the right of walking from a to b.

    In a picture y points down: walking right, the positive side is below.
    """
    direction = np.asarray(b, np.float64) - a
    length = float(np.hypot(*direction)) or 1.0
    offset = np.asarray(points, np.float64) - a
    signed: Array = (direction[0] * offset[:, 1] - direction[1] * offset[:, 0]) / length
    return signed


def segments_cross(a: Array, b: Array, start: Array, end: Array) -> npt.NDArray[np.bool_]:
    """(N,) True where the path start-end (each (N, 2)) crosses the segment a-b."""
    before, after = side_of_line(a, b, start), side_of_line(a, b, end)
    travelled = before - after
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(travelled != 0, before / travelled, 0.0)
    where = start + (end - start) * share[:, None]
    direction = np.asarray(b, np.float64) - a
    along = (where - a) @ direction / max(float(direction @ direction), 1e-12)
    crossed: npt.NDArray[np.bool_] = ((before < 0) != (after < 0)) & (along >= 0) & (along <= 1)
    return crossed
