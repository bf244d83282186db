"""Sequences of the tracking benchmarks: detections, ground truth, and what their rules leave out of scoring.

MOTChallenge (Leal-Taixé et al. 2015, Milan et al. 2016, Dendorfer et al. 2020) and KITTI tracking (Geiger et
al. 2012). The rules are those of TrackEval's MotChallenge2DBox and Kitti2DBox.
"""

from __future__ import annotations

import re
from configparser import ConfigParser
from configparser import Error as IniError
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

from trackers.evaluation.tables import mot_rows, read_table
from trackers.motfile import MotRows
from vidstream.errors import SourceError, UsageError
from vidstream.geometry import Float64
from vidstream.types import Ids

Mask: TypeAlias = npt.NDArray[np.bool_]
#: the first and the last frame of a part, from 1
Frames: TypeAlias = tuple[int, int]

#: MOT16 and later: pedestrians count; what lies on one of these is neither right nor wrong
_PEDESTRIAN, _DISTRACTORS, _VEHICLE = 1, (2, 7, 8, 12), 6
#: KITTI: boxes up to this height that lie on nothing are left out
_KITTI_HEIGHT = 25.0
_KITTI_CLASSES = {"car": 1, "pedestrian": 2, "cyclist": 3}
_VIDEOS = (".mp4", ".avi", ".mkv", ".webm", ".mov")


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


def read_sequence(folder: Path, classes: tuple[str, ...] | None = None) -> Sequence:
    """Read ``seqinfo.ini``, ``det/*.txt`` and ``gt/gt.txt``. Raises SourceError where that cannot be.

    The ground truth tells the benchmark: ten columns are MOT15 (a flag, no classes), nine are MOT16 and
    later (flag and class), or KITTI turned into MOT text where the name begins with KITTI. `classes` are
    those of KITTI to score (car, pedestrian, cyclist; default: the first two, as the benchmark does).
    """
    facts = _read_info(folder / "seqinfo.ini")
    table = read_table(folder / "gt" / "gt.txt")
    annotations = _annotations(table)
    if len(table) and table[:, 0].max() > facts.length:
        raise SourceError(
            f"has frame {table[:, 0].max():g}, but the sequence has {facts.length}",
            where=str(folder / "gt" / "gt.txt"),
            fix="correct seqLength in seqinfo.ini",
            retry=False,
        )
    return Sequence(
        *(facts.name, facts.fps, facts.length, facts.width, facts.height),
        detections=_read_detections(folder / "det"),
        annotations=annotations,
        targets=_targets(facts.name, table, annotations.class_ids, classes),
        regions=Annotations.none(),
        video=_video(folder, facts.name),
    )


def find_sequences(paths: list[Path]) -> list[Path]:
    """The sequence folders among `paths` and inside them, by name. Raises SourceError where there is none."""
    found = []
    for path in paths:
        inside = [path] if (path / "gt").is_dir() else sorted(p.parent for p in path.glob("*/gt"))
        if not inside:
            raise SourceError(
                "no sequence is here" if path.exists() else "does not exist",
                where=str(path),
                fix="name a folder with seqinfo.ini, det/ and gt/, or a folder of such folders",
                retry=False,
            )
        found += inside
    return found


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


@dataclass(frozen=True, slots=True)
class _Facts:
    name: str
    fps: float
    length: int
    width: int
    height: int


def _read_info(path: Path) -> _Facts:
    """``seqinfo.ini``."""
    info = ConfigParser(interpolation=None)
    try:
        info.read_string(path.read_text(encoding="utf-8"))
        facts = info["Sequence"]
        fps, length = float(facts["frameRate"]), int(facts["seqLength"])
        size = int(facts.get("imWidth", "0")), int(facts.get("imHeight", "0"))
    except (OSError, UnicodeDecodeError, IniError, KeyError, ValueError) as error:
        raise SourceError(
            f"cannot be read: {error}",
            where=str(path),
            fix="it needs a section [Sequence] with name, frameRate, seqLength, imWidth, imHeight",
            retry=False,
        ) from error
    if not (0 < fps < float("inf") and length > 0):
        raise SourceError("frameRate and seqLength must be above 0", where=str(path), retry=False)
    return _Facts(facts.get("name", path.parent.name), fps, length, *size)


def _read_detections(folder: Path) -> MotRows:
    files = sorted(folder.glob("*.txt"))
    if len(files) > 1:
        names = ", ".join(file.name for file in files)
        raise SourceError(
            f"has several files: {names}", where=str(folder), fix="leave only one of them there", retry=False
        )
    return mot_rows(read_table(files[0])) if files else mot_rows(np.zeros((0, 10)))


def _annotations(table: Float64) -> Annotations:
    corners = np.concatenate([table[:, 2:4], table[:, 2:4] + table[:, 4:6]], axis=1)
    frames, ids = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    classes = table[:, 7] if table.shape[1] > 7 else np.full(len(table), -1.0)
    return Annotations(frames, ids, corners, classes.astype(np.int64))


def _targets(
    name: str, table: Float64, class_ids: Ids, classes: tuple[str, ...] | None
) -> tuple[Target, ...]:
    """Who counts, by the rules of the benchmark that `table` comes from."""
    flagged = table[:, 6] != 0 if table.shape[1] > 6 else np.ones(len(table), bool)
    nobody = np.zeros(len(table), bool)
    if table.shape[1] != 9:  # MOT15: behind the flag come places on the ground, no class
        return (Target("pedestrian", None, flagged, nobody, nobody),)
    if not name.upper().startswith("KITTI"):
        counted = flagged & (class_ids == _PEDESTRIAN)
        distractors = _DISTRACTORS + ((_VEHICLE,) if name.upper().startswith("MOT20") else ())
        neutral = np.isin(class_ids, distractors)
        return (Target("pedestrian", None, counted, neutral, ~counted & ~neutral),)
    return tuple(
        Target(word, class_id, flagged & (class_ids == class_id), ~flagged, nobody, _KITTI_HEIGHT)
        for word, class_id in kitti_classes(classes).items()
    )


def kitti_classes(names: tuple[str, ...] | None) -> dict[str, int]:
    """Name and number of the classes asked for. Raises UsageError where KITTI has no such class."""
    unknown = [name for name in names or () if name not in _KITTI_CLASSES]
    if unknown:
        raise UsageError(
            f"KITTI has no class '{unknown[0]}'", where="classes", fix=f"known: {', '.join(_KITTI_CLASSES)}"
        )
    return {name: _KITTI_CLASSES[name] for name in names or ("car", "pedestrian")}


def _video(folder: Path, name: str) -> Path | None:
    """A film of the sequence beside its texts, or its folder of pictures."""
    for suffix in _VIDEOS:
        if (file := folder / f"{name}{suffix}").is_file():
            return file
    return folder / "img1" if (folder / "img1").is_dir() else None
