"""A sequence of a benchmark: detections, annotations, and what its rules leave out of scoring."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

from trackers.motfile import MotRows
from vidstream.errors import UsageError
from vidstream.geometry import Float64
from vidstream.types import Ids

Mask: TypeAlias = npt.NDArray[np.bool_]
#: the first and the last frame of a part, from 1
Frames: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Annotations:
    """R annotated boxes of a whole sequence, those that do not count included."""

    #: int64 (R,) from 1
    frames: Ids
    #: int64 (R,)
    ids: Ids
    #: float64 (R, 4) x1 y1 x2 y2, as exact as the file has them
    boxes: Float64
    #: int64 (R,)
    class_ids: Ids

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, rows: Mask | Ids) -> Self:
        """The rows a mask or index names."""
        return type(self)(*(getattr(self, f.name)[rows] for f in fields(self)))

    @classmethod
    def none(cls) -> Self:
        """No boxes."""
        nothing = np.zeros(0, np.int64)
        return cls(nothing, nothing, np.zeros((0, 4)), nothing)


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """One class to score, and the part each annotation (R,) has in it."""

    name: str
    #: what detections and reported boxes of this class carry; none = all are of this class
    class_id: int | None
    #: these are to be found
    counted: Mask
    #: these excuse: reported boxes assigned to them are taken out
    neutral: Mask
    #: these only take part in that assignment; what lies on them stays, and is wrong
    bystander: Mask
    #: reported boxes assigned to nothing are taken out up to this height, in pixels
    min_height: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """A sequence of a benchmark."""

    name: str
    #: frames per second
    fps: float
    #: number of frames
    length: int
    #: of the pictures, in pixels
    width: int
    height: int
    #: what a detector found; ids are -1
    detections: MotRows
    annotations: Annotations
    targets: tuple[Target, ...]
    #: areas in which nothing was annotated: what lies in one and on no object is taken out
    regions: Annotations
    video: Path | None = None

    @property
    def truth(self) -> MotRows:
        """What is to be found, of all classes."""
        counted = np.zeros(len(self.annotations), bool)
        for target in self.targets:
            counted |= target.counted
        rows = self.annotations[counted]
        ones = np.ones(len(rows), np.float32)
        return MotRows(rows.frames, rows.ids, rows.boxes.astype(np.float32), ones, rows.class_ids)

    def pts(self, frame: int) -> float:
        """The time of a frame (from 1), in seconds."""
        return (frame - 1) / self.fps


def frames_of(part: str, length: int) -> Frames:
    """The frames that ``all``, ``val`` (the second half, as papers on MOT17 validate) or ``A-B`` means.

    >>> frames_of("val", 525)
    (264, 525)
    """
    if part == "all":
        return 1, length
    if part == "val":
        return length // 2 + 2, length
    if numbers := re.fullmatch(r"(\d+)-(\d+)", part):
        first, last = int(numbers[1]), int(numbers[2])
        if 1 <= first <= last:
            return first, min(last, length)
    raise UsageError(
        f"'{part}' names no frames", where="--frames", fix="write all, val, or the first and last: 100-250"
    )
