"""Detections and tracks: a struct of arrays, one row per object."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from vidstream.errors import ShapeError

Boxes: TypeAlias = npt.NDArray[np.float32]
Scores: TypeAlias = npt.NDArray[np.float32]
Ids: TypeAlias = npt.NDArray[np.int64]
Array: TypeAlias = npt.NDArray[Any]

_NO_EXTRA: Mapping[str, Array] = MappingProxyType({})
_NO_NAMES: Mapping[int, str] = MappingProxyType({})
#: column -> (dtype, shape behind N; a negative number is free)
_COLUMNS: dict[str, tuple[type, tuple[int, ...]]] = {
    "boxes": (np.float32, (4,)),
    "scores": (np.float32, ()),
    "class_ids": (np.int64, ()),
    "track_ids": (np.int64, ()),
    "keypoints": (np.float32, (-1, 3)),
    "features": (np.float32, (-1,)),
    "angles": (np.float32, ()),
}


@dataclass(frozen=True, slots=True, eq=False)
class MaskCrop:
    """One object's mask: bool pixels (h, w) whose top-left corner lies at source pixel (x, y)."""

    x: int
    y: int
    pixels: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """N objects in one picture, in source pixels. All arrays are read-only and stay aligned.

    boxes      float32 (N, 4)     x1 y1 x2 y2, end exclusive
    scores     float32 (N,)       in [0, 1]
    class_ids  int64 (N,)         keys of `names`
    track_ids  int64 (N,)         -1 where none
    masks      N crops with offsets, or None
    keypoints  float32 (N, K, 3)  x y score, or None
    features   float32 (N, D)     unit rows, or None
    angles     float32 (N,)       degrees, or None
    extra      named columns      (N, ...) arrays of any dtype

    >>> d = Detections.of([[0, 0, 10, 10], [5, 5, 9, 9]], scores=[0.9, 0.4], names={0: "person"})
    >>> len(d), d[d.scores > 0.5].boxes.tolist()
    (2, [[0.0, 0.0, 10.0, 10.0]])
    """

    boxes: Boxes
    scores: Scores
    class_ids: Ids
    track_ids: Ids
    masks: tuple[MaskCrop, ...] | None = None
    keypoints: npt.NDArray[np.float32] | None = None
    features: npt.NDArray[np.float32] | None = None
    angles: npt.NDArray[np.float32] | None = None
    extra: Mapping[str, Array] = field(default_factory=lambda: _NO_EXTRA)
    names: Mapping[int, str] = field(default_factory=lambda: _NO_NAMES)

    def __post_init__(self) -> None:
        rows = len(self.boxes)
        for name, (dtype, tail) in _COLUMNS.items():
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _checked(type(self).__name__, name, value, dtype, rows, tail))
        if self.masks is not None and len(self.masks) != rows:
            raise ShapeError(
                f"masks: expected {rows} crops, got {len(self.masks)}", where=type(self).__name__
            )
        if self.extra is not _NO_EXTRA:
            columns = {k: _row_aligned(type(self).__name__, k, v, rows) for k, v in self.extra.items()}
            object.__setattr__(self, "extra", MappingProxyType(columns))

    @classmethod
    def of(
        cls,
        boxes: npt.ArrayLike,
        scores: npt.ArrayLike | float = 1.0,
        class_ids: npt.ArrayLike | int = 0,
        track_ids: npt.ArrayLike | int = -1,
        **optional: Any,
    ) -> Self:
        """From anything array-like; single values are repeated, dtypes converted."""
        box_array = np.asarray(boxes, np.float32).reshape(-1, 4)
        rows = len(box_array)
        return cls(
            box_array,
            np.broadcast_to(np.asarray(scores, np.float32), (rows,)),
            np.broadcast_to(np.asarray(class_ids, np.int64), (rows,)),
            np.broadcast_to(np.asarray(track_ids, np.int64), (rows,)),
            **optional,
        )

    @classmethod
    def empty(cls, names: Mapping[int, str] | None = None) -> Self:
        """No objects."""
        return cls.of(np.zeros((0, 4), np.float32), names=_NO_NAMES if names is None else names)

    def __len__(self) -> int:
        return len(self.boxes)

    def __bool__(self) -> bool:
        return len(self.boxes) > 0

    def __getitem__(self, index: npt.ArrayLike | slice) -> Self:
        """The rows `index` names (slice, bool mask or integer array), every column alike."""
        rows: Any = index if isinstance(index, slice) else np.atleast_1d(np.asarray(index))
        if not isinstance(rows, slice):
            if rows.ndim != 1:
                raise ShapeError(f"index: expected rows, got shape {rows.shape}", where=type(self).__name__)
            rows = np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.int64, copy=False)
        # Rows of what has been checked need no check: this is done for every frame by every tracker.
        taken, put = object.__new__(type(self)), object.__setattr__
        for name in _COLUMNS:
            value = getattr(self, name)
            put(taken, name, None if value is None else _frozen(value[rows]))
        picked: Any = ()
        if self.masks is not None:
            picked = range(len(self))[rows] if isinstance(rows, slice) else rows.tolist()
        put(taken, "masks", None if self.masks is None else tuple(self.masks[i] for i in picked))
        extra = {k: _frozen(v[rows]) for k, v in self.extra.items()}
        put(taken, "extra", MappingProxyType(extra) if extra else _NO_EXTRA)
        put(taken, "names", self.names)
        return taken

    def replace(self, **changes: Any) -> Self:
        """A copy with these columns changed."""
        return dataclasses.replace(self, **changes)

    def with_extra(self, **columns: Array) -> Self:
        """A copy with these extra columns added."""
        return self.replace(extra={**self.extra, **columns})

    def name_of(self, row: int) -> str:
        """The class name of one row, or its number where no name is known."""
        class_id = int(self.class_ids[row])
        return self.names.get(class_id, str(class_id))

    def rows(self) -> Iterator[tuple[list[float], float, str, int]]:
        """(box, score, class name, track id) one by one, as plain Python values: for writers."""
        columns = (
            self.boxes.tolist(),
            self.scores.tolist(),
            self.class_ids.tolist(),
            self.track_ids.tolist(),
        )
        for box, score, class_id, track_id in zip(*columns, strict=True):
            yield box, score, self.names.get(class_id, str(class_id)), track_id

    @classmethod
    def concat(cls, parts: Sequence[Detections]) -> Self:
        """All rows of `parts`, in order. An optional column survives where every non-empty part has it."""
        full = [p for p in parts if len(p)] or list(parts[:1])
        if not full:
            return cls.empty()
        names = {k: v for p in parts for k, v in p.names.items()}
        merged: dict[str, Any] = {}
        for name in _COLUMNS:
            values = [getattr(p, name) for p in full]
            merged[name] = None if any(v is None for v in values) else np.concatenate(values)
        masks = [p.masks for p in full]
        merged["masks"] = None if None in masks else tuple(m for crops in masks if crops for m in crops)
        shared = set.intersection(*(set(p.extra) for p in full))
        merged["extra"] = {k: np.concatenate([p.extra[k] for p in full]) for k in sorted(shared)}
        return cls(**merged, names=names)


@dataclass(frozen=True, slots=True, eq=False)
class Tracks(Detections):
    """Objects followed over time: `track_ids` are >= 0 and keep their meaning until the source ends.

    A tracker fills the extra column ``since_update`` (float32 seconds since a detection last
    confirmed the row; 0 = seen on this very frame).
    """

    def seen_now(self) -> npt.NDArray[np.bool_]:
        """True for the rows that a detection confirms on this frame, False for coasting ones."""
        since = self.extra.get("since_update")
        return np.ones(len(self), bool) if since is None else np.asarray(since <= 0.0)


def _checked(owner: str, name: str, value: Array, dtype: type, rows: int, tail: tuple[int, ...]) -> Array:
    """The column as a read-only array, or a ShapeError that says what was expected and what came."""
    shape = value.shape
    fits = shape == (rows, *tail)  # nearly always, and the quickest to see
    if not fits and len(shape) == 1 + len(tail) and shape[0] == rows:
        fits = all(want in (-1, have) for want, have in zip(tail, shape[1:], strict=True))
    if not fits or value.dtype != dtype:
        wanted = ", ".join(["N", *("K" if t < 0 else str(t) for t in tail)])
        raise ShapeError(
            f"{name}: expected {np.dtype(dtype).name} ({wanted}) with N = {rows}, got {value.dtype} {shape}",
            where=owner,
        )
    return _frozen(value)


def _row_aligned(owner: str, name: str, value: Array, rows: int) -> Array:
    array = np.asarray(value)
    if array.ndim < 1 or len(array) != rows:
        raise ShapeError(f"extra['{name}']: expected {rows} rows, got shape {array.shape}", where=owner)
    return _frozen(array)


def _frozen(value: Array) -> Array:
    if not value.flags.writeable:
        return value
    view = value.view()
    view.flags.writeable = False
    return view
