"""What is scored: pictures, what is truly on them, and what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from vidstream import geometry
from vidstream.errors import UsageError, did_you_mean
from vidstream.geometry import Float64
from vidstream.types import Detections, Ids

Mask: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: a file, or a frame of the set's video (counted from 0)."""

    name: str
    width: int
    height: int
    path: Path | None = None
    frame: int = -1
    #: what results call it, where that is not its name
    id: int | str = ""


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """R objects on all pictures together, a struct of arrays."""

    #: int64 (R,) index of the picture
    pictures: Ids
    #: float64 (R, 4) left, top, width, height, as exact as the file has them
    xywh: Float64
    #: int64 (R,)
    class_ids: Ids

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, rows: Mask | Ids) -> Self:
        """The rows a mask or index names."""
        return type(self)(*(getattr(self, f.name)[rows] for f in fields(self)))

    @property
    def boxes(self) -> Float64:
        """float64 (R, 4) x1 y1 x2 y2."""
        return geometry.from_xywh(self.xywh)


@dataclass(frozen=True, slots=True, eq=False)
class Truth(_Rows):
    """R annotated objects."""

    #: float64 (R,) of the object, which may be less than its box's
    areas: Float64
    #: True (R,) where finding it is neither right nor wrong
    ignored: Mask
    #: True (R,) where a box stands for many objects: any number may be found in it, neither right nor wrong
    crowds: Mask

    @classmethod
    def of(
        cls,
        pictures: npt.ArrayLike,
        xywh: npt.ArrayLike,
        class_ids: npt.ArrayLike,
        areas: npt.ArrayLike | None = None,
        ignored: npt.ArrayLike = False,
        crowds: npt.ArrayLike = False,
    ) -> Self:
        """From anything array-like; areas are those of the boxes unless given."""
        boxes = np.asarray(xywh, np.float64).reshape(-1, 4)
        rows = (len(boxes),)
        many = np.broadcast_to(np.asarray(crowds, bool), rows)
        return cls(
            np.asarray(pictures, np.int64).reshape(rows),
            boxes,
            np.asarray(class_ids, np.int64).reshape(rows),
            boxes[:, 2] * boxes[:, 3] if areas is None else np.asarray(areas, np.float64).reshape(rows),
            np.broadcast_to(np.asarray(ignored, bool), rows) | many,
            many,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Found(_Rows):
    """R objects that a detector reported."""

    #: float64 (R,)
    scores: Float64

    @classmethod
    def of(
        cls, pictures: npt.ArrayLike, xywh: npt.ArrayLike, class_ids: npt.ArrayLike, scores: npt.ArrayLike
    ) -> Self:
        """From anything array-like."""
        boxes = np.asarray(xywh, np.float64).reshape(-1, 4)
        rows = (len(boxes),)
        ids = (np.asarray(each, np.int64).reshape(rows) for each in (pictures, class_ids))
        number, class_id = ids
        return cls(number, boxes, class_id, np.asarray(scores, np.float64).reshape(rows))


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Pictures with everything on them annotated; `names` are the classes that are looked for."""

    name: str
    pictures: tuple[Picture, ...]
    names: Mapping[int, str]
    truth: Truth
    #: where frames are, for pictures that have no file
    video: Path | None = None
    fps: float = 25.0

    def only(self, wanted: Sequence[str]) -> Dataset:
        """The same with these classes alone. UsageError: it has no such class."""
        known = {name: number for number, name in self.names.items()}
        for name in wanted:
            if name not in known:
                hint = did_you_mean(name, list(known)) or f"it has {', '.join(known)}"
                raise UsageError(f"{self.name} has no class '{name}'", where="--classes", fix=hint)
        names = {known[name]: name for name in wanted}
        truth = self.truth[np.isin(self.truth.class_ids, list(names))]
        return Dataset(self.name, self.pictures, names, truth, self.video, self.fps)


def gather(dataset: Dataset, reported: Mapping[int, Detections]) -> tuple[Found, tuple[str, ...]]:
    """What was found on the pictures (by index), in the dataset's classes; and class names it does not have.

    Classes are matched by name; what is of a class that the dataset does not know is left out.
    """
    numbers = {name: number for number, name in dataset.names.items()}
    parts: list[tuple[Any, ...]] = []
    unknown: dict[str, None] = {}
    for index, found in sorted(reported.items()):
        names = {
            number: found.names.get(number, str(number)) for number in np.unique(found.class_ids).tolist()
        }
        unknown |= dict.fromkeys(name for name in names.values() if name not in numbers)
        ids = np.array([numbers.get(names[number], -1) for number in found.class_ids.tolist()], np.int64)
        boxes = geometry.to_xywh(found.boxes.astype(np.float64))
        parts.append((np.full(len(found), index), boxes, ids, found.scores))
    columns: list[Any] = [np.concatenate(column) for column in zip(*parts, strict=True)]
    together = Found.of(*columns) if columns else Found.of([], [], [], [])
    known = np.isin(together.class_ids, list(dataset.names))
    return together[known], tuple(unknown)
