"""Sequences and results from files, in the formats of the tracking benchmarks.

MOTChallenge (Leal-Taixé et al. 2015, Milan et al. 2016, Dendorfer et al. 2020) and KITTI tracking (Geiger et
al. 2012). What counts follows TrackEval's MotChallenge2DBox and Kitti2DBox.
"""

from __future__ import annotations

from configparser import ConfigParser
from configparser import Error as IniError
from pathlib import Path
from typing import NamedTuple

import numpy as np

from trackers.evaluation import kitti
from trackers.evaluation.sequences import Annotations, Mask, Sequence, Target
from trackers.evaluation.tables import mot_rows, read_table
from trackers.motfile import MotRows
from vidstream.errors import SourceError
from vidstream.geometry import Float64
from vidstream.types import Ids

Classes = tuple[str, ...]

#: MOT16 and later: pedestrians count; what lies on one of these is neither right nor wrong
_PEDESTRIAN, _DISTRACTORS, _VEHICLE = 1, (2, 7, 8, 12), 6
#: of the pictures of KITTI: frames per second, width, height
_KITTI_CAMERA = (10.0, 1242, 375)
_VIDEOS = (".mp4", ".avi", ".mkv", ".webm", ".mov")


def find_sequences(paths: list[Path]) -> list[Path]:
    """The sequences among `paths` and inside them, by name. Raises SourceError where there is none.

    A sequence is a folder with ``gt/gt.txt``, or a file of KITTI's folder ``label_02``.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_file() or (path / "gt").is_dir():
            inside = [path]
        else:
            folders = [p.parent for p in path.glob("*/gt")]
            inside = sorted([*folders, *path.glob("label_02/*.txt")])
        if not inside:
            raise SourceError(
                "no sequence is here" if path.exists() else "does not exist",
                where=str(path),
                fix="name a folder with seqinfo.ini, det/ and gt/, or a folder of such folders",
                retry=False,
            )
        found += inside
    return found


def read_sequence(path: Path, classes: Classes | None = None) -> Sequence:
    """Read a sequence that `find_sequences` names. Raises SourceError where that cannot be.

    A folder has ``seqinfo.ini``, ``det/*.txt`` and ``gt/gt.txt``. The ground truth tells the benchmark: ten
    columns are MOT15 (a flag, no classes), nine are MOT16 and later (flag and class), or KITTI turned into
    MOT text where the name begins with KITTI. A file is KITTI's own text. `classes` are those of KITTI to
    score (car, pedestrian, cyclist; default: the first two, as the benchmark does).
    """
    return _read_kitti(path, classes) if path.is_file() else _read_folder(path, classes)


def read_rows(path: Path) -> MotRows:
    """Detections or results, as MOT text or KITTI's. Raises SourceError where it is something else."""
    if not kitti.is_kitti(path):
        return mot_rows(read_table(path))
    labels = kitti.read_labels(path)
    boxes, scores = labels.boxes.astype(np.float32), labels.scores.astype(np.float32)
    return MotRows(labels.frames, labels.ids, boxes, scores, labels.class_ids)


def read_results(path: Path, sequence: Sequence) -> MotRows:
    """What a tracker reported. Raises SourceError where that cannot belong to the sequence."""
    rows = read_rows(path)
    if len(rows) and rows.frames.max() > sequence.length:
        what = f"reports frame {rows.frames.max()}, but {sequence.name} has {sequence.length} frames"
        fix = "check that the results belong to this sequence"
        raise SourceError(what, where=str(path), fix=fix, retry=False)
    order = np.lexsort((rows.ids, rows.frames))
    frames, ids = rows.frames[order], rows.ids[order]
    twice = (frames[1:] == frames[:-1]) & (ids[1:] == ids[:-1])
    if twice.any():
        what = f"id {ids[twice.argmax()]} is there more than once in frame {frames[twice.argmax()]}"
        raise SourceError(what, where=str(path), fix="a track has one box in a frame", retry=False)
    return rows


def _read_folder(folder: Path, classes: Classes | None) -> Sequence:
    facts, file = _read_info(folder / "seqinfo.ini"), folder / "gt" / "gt.txt"
    table = read_table(file)
    annotations = _annotations(table)
    _check_length(annotations.frames, facts.length, file, "seqinfo.ini")
    return Sequence(
        *facts,
        detections=_read_detections(folder / "det"),
        annotations=annotations,
        targets=_targets(facts.name, table, annotations.class_ids, classes),
        regions=Annotations.none(),
        video=_video(folder, facts.name),
    )


class _Facts(NamedTuple):
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


def _check_length(frames: Ids, length: int, file: Path, said_by: str) -> None:
    if len(frames) and frames.max() > length:
        raise SourceError(
            f"has frame {frames.max()}, but the sequence has {length}",
            where=str(file),
            fix=f"correct the length in {said_by}",
            retry=False,
        )


def _read_detections(folder: Path) -> MotRows:
    """Those of the only file in a folder; none where there is none."""
    files = sorted(folder.glob("*.txt"))
    if len(files) > 1:
        what = f"has several files: {', '.join(file.name for file in files)}"
        raise SourceError(what, where=str(folder), fix="leave only one of them there", retry=False)
    return read_rows(files[0]) if files else MotRows.concat([])


def _annotations(table: Float64) -> Annotations:
    corners = np.concatenate([table[:, 2:4], table[:, 2:4] + table[:, 4:6]], axis=1)
    frames, ids = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    classes = table[:, 7] if table.shape[1] > 7 else np.full(len(table), -1.0)
    return Annotations(frames, ids, corners, classes.astype(np.int64))


def _targets(name: str, table: Float64, class_ids: Ids, classes: Classes | None) -> tuple[Target, ...]:
    """Who counts, by the rules of the benchmark that a MOT text comes from."""
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
        Target(word, class_id, flagged & (class_ids == class_id), ~flagged, nobody, kitti.MIN_HEIGHT)
        for word, class_id in kitti.chosen_classes(classes).items()
    )


def _read_kitti(file: Path, classes: Classes | None) -> Sequence:
    """``label_02/NAME.txt``, with detections in ``det_02/NAME.txt`` and pictures in ``image_02/NAME``."""
    labels, root, name = kitti.read_labels(file), file.parents[1], file.stem
    length = kitti.listed_length(file.parent, name) or kitti.listed_length(root, name)
    length = length or int(labels.frames.max(initial=1))
    _check_length(labels.frames, length, file, "evaluate_tracking.seqmap")
    areas = kitti.dont_care(labels)
    objects = ~areas & (labels.ids >= 0)
    annotations = Annotations(labels.frames, labels.ids, labels.boxes, labels.class_ids)
    detections, pictures = root / "det_02" / f"{name}.txt", root / "image_02" / name
    return Sequence(
        *(name, _KITTI_CAMERA[0], length, *_KITTI_CAMERA[1:]),
        detections=read_rows(detections) if detections.is_file() else MotRows.concat([]),
        annotations=annotations[objects],
        targets=_kitti_targets(annotations.class_ids[objects], labels.hard[objects], classes),
        regions=annotations[areas],
        video=pictures if pictures.is_dir() else None,
    )


def _kitti_targets(class_ids: Ids, hard: Mask, classes: Classes | None) -> tuple[Target, ...]:
    targets = []
    for name, number in kitti.chosen_classes(classes).items():
        of_class, alike = class_ids == number, class_ids == kitti.alike(name)
        neutral = alike | (of_class & hard)
        nobody = np.zeros(len(class_ids), bool)
        targets.append(Target(name, number, of_class & ~hard, neutral, nobody, kitti.MIN_HEIGHT))
    return tuple(targets)


def _video(folder: Path, name: str) -> Path | None:
    """A film of the sequence in its folder or in a folder ``video`` near it, or its folder of pictures."""
    places = [folder, folder.parent / "video", folder.parent.parent / "video"]
    films = (place / f"{name}{suffix}" for place in places for suffix in _VIDEOS)
    pictures = folder / "img1"
    return next((film for film in films if film.is_file()), pictures if pictures.is_dir() else None)
