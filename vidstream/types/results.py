"""What stages give besides boxes: texts, flow, masks, counts, events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from vidstream.errors import ShapeError


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """N pieces of text. `polygons` float32 (N, 4, 2) source pixels, clockwise from the text's top left."""

    polygons: npt.NDArray[np.float32]
    strings: tuple[str, ...]
    scores: npt.NDArray[np.float32]
    #: track id (or -1) of the box each text was read in
    track_ids: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        n = len(self.strings)
        for name, shape in (("polygons", (n, 4, 2)), ("scores", (n,)), ("track_ids", (n,))):
            if getattr(self, name).shape != shape:
                raise ShapeError(f"{name}: expected {shape}, got {getattr(self, name).shape}", where="Texts")

    @classmethod
    def empty(cls) -> Texts:
        """No text."""
        return cls(np.zeros((0, 4, 2), np.float32), (), np.zeros(0, np.float32), np.zeros(0, np.int64))

    @property
    def boxes(self) -> npt.NDArray[np.float32]:
        """float32 (N, 4): the upright hull of each polygon."""
        return np.concatenate([self.polygons.min(axis=1), self.polygons.max(axis=1)], axis=1)

    def __len__(self) -> int:
        return len(self.strings)


@dataclass(frozen=True, slots=True, eq=False)
class Flow:
    """Dense motion. `vectors` float32 (h, w, 2): displacement in source pixels over `dt` seconds.

    `matrix` leads from a vector's grid position to source pixels (None = same grid).
    """

    vectors: npt.NDArray[np.float32]
    dt: float
    matrix: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Masks:
    """A label for every pixel. `labels` uint8 or int32 (h, w), 0 = background, keys of `names`.

    `matrix` leads from label pixels to source pixels (None = same grid). `alpha` float32 (h, w), 0 to 1, is
    there where it is known how much of each pixel belongs to something: hair, leaves, blurred edges.
    """

    labels: npt.NDArray[Any]
    names: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    matrix: npt.NDArray[np.float64] | None = None
    alpha: npt.NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if self.alpha is not None and self.alpha.shape != self.labels.shape:
            raise ShapeError(
                f"alpha: expected {self.labels.shape}, as labels has, got {self.alpha.shape}", where="Masks"
            )

    def __bool__(self) -> bool:
        return bool(self.labels.any())


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """What a whole picture shows: K classes, best first.

    `class_ids` int64 (K,) are keys of `names`; `scores` float32 (K,) in [0, 1].

    >>> labels = Labels(np.array([3, 7]), np.array([0.8, 0.1], np.float32), {3: "cat"})
    >>> [name for name, score in labels.rows()]
    ['cat', '7']
    """

    class_ids: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    names: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if self.class_ids.ndim != 1 or self.class_ids.shape != self.scores.shape:
            raise ShapeError(
                f"expected (K,) and (K,), got {self.class_ids.shape} and {self.scores.shape}",
                where="Labels (class_ids, scores)",
            )

    def __len__(self) -> int:
        return len(self.class_ids)

    def rows(self) -> Iterator[tuple[str, float]]:
        """(class name, score) one by one, best first."""
        for class_id, score in zip(self.class_ids.tolist(), self.scores.tolist(), strict=True):
            yield self.names.get(class_id, str(class_id)), score


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A line or zone, `points` float32 (K, 2) in source pixels, so that an overlay can show it."""

    name: str
    kind: Literal["line", "zone"]
    points: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Running numbers: place -> label -> value, such as ``{"door": {"in": 3, "out": 1}}``."""

    values: Mapping[str, Mapping[str, float]]
    shapes: tuple[Shape, ...] = ()

    def __bool__(self) -> bool:
        return any(v for labels in self.values.values() for v in labels.values())


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """Something happened: what, when, where, which track, with which evidence."""

    kind: str
    source: str
    seq: int
    pts: float
    wall: float | None = None
    #: the line, zone or rule it concerns
    name: str = ""
    track_id: int = -1
    class_name: str = ""
    #: x1 y1 x2 y2 in source pixels
    box: tuple[float, float, float, float] | None = None
    data: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """What happened on one frame; mostly empty."""

    items: tuple[Event, ...] = ()

    def __iter__(self) -> Iterator[Event]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)
