"""What `train` learns from: clips and pictures with boxes, and folders of pictures of one kind."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detectors.evaluation import Dataset, Picture, Truth
from detectors.training import Pictures, Recipe, Scene, Scenes, cut_out
from trackers.motfile import read_mot
from vidstream import geometry
from vidstream.cli.eval_detect_data import open_dataset, pixels_of
from vidstream.errors import SourceError, UsageError
from vidstream.types import Pixels

#: frames of a clip that are used unless told otherwise, at most; near ones teach little
_FRAMES = 200
_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


@dataclass(frozen=True, slots=True)
class Annotated:
    """Scenes from a dataset: pictures, or frames of a video."""

    dataset: Dataset

    def __len__(self) -> int:
        return len(self.dataset.pictures)

    def read(self, indices: Sequence[int]) -> Iterator[Scene]:
        """Their pixels and their objects."""
        truth = self.dataset.truth
        for index, pixels in pixels_of(self.dataset, indices):
            rows = truth[truth.pictures == index]
            boxes = rows.boxes.astype(np.float32)
            yield Scene(pixels, boxes[~rows.ignored], boxes[rows.ignored])


def scenes_of(options: argparse.Namespace, recipe: Recipe) -> list[Scenes]:
    """Everything that the command line names. Raises UsageError and SourceError for what cannot be used."""
    if len(options.video) != len(options.boxes):
        raise UsageError("each clip needs its boxes", where="--video and --boxes", fix="give both as often")
    if options.every is not None and options.every < 1:
        raise UsageError(f"{options.every} is no step", where="--every", fix="1 or more")
    sources: list[Scenes] = [
        Annotated(clip(video, boxes, options.every))
        for video, boxes in zip(options.video, options.boxes, strict=True)
    ]
    sources += [Annotated(_dataset(path, options)) for path in options.data]
    sources += [
        Pictures(files(folder), picture, lambda pixels: cut_out(pixels, recipe))
        for folder in options.positives
    ]
    sources += [Pictures(files(folder), picture, Scene) for folder in options.negatives]
    if not sources:
        fix = "give --video and --boxes, --data, or --positives and --negatives"
        raise UsageError("there is nothing to learn from", where="train hog", fix=fix)
    return sources


def clip(video: Path, boxes: Path, every: int | None) -> Dataset:
    """A video with its boxes as MOT text; rows whose score is 0 are neither object nor background.

    Only frames with a row are used, each `every`-th of them: nobody may have looked at the others.
    """
    rows = read_mot(boxes)
    known = np.unique(rows.frames)
    if not len(known) or known[0] < 1:
        raise SourceError("names no frames from 1 on", where=str(boxes), fix="check the file", retry=False)
    frames = known[:: every or -(-len(known) // _FRAMES)].tolist()
    index = {frame: number for number, frame in enumerate(frames)}
    used = rows[np.isin(rows.frames, list(index))]
    truth = Truth.of(
        [index[frame] for frame in used.frames.tolist()],
        geometry.to_xywh(used.boxes - 1.0),  # MOT counts pixels from 1
        np.ones(len(used)),
        ignored=used.scores == 0,
    )
    pictures = tuple(Picture(f"frame {n}", 0, 0, frame=n - 1) for n in frames)
    return Dataset(video.stem, pictures, {1: "object"}, truth, video)


def _dataset(path: Path, options: argparse.Namespace) -> Dataset:
    """COCO's JSON, a folder in YOLO's format, or a sequence of MOTChallenge."""
    every = options.every or 1
    given = {"images": None, "video": None, "frames": "all", "min_size": None, "every": every}
    given |= {"names": options.names, "classes": options.classes}
    dataset, _ = open_dataset(argparse.Namespace(data=path, **given))
    if len(dataset.names) > 1:
        fix = f"choose some with --classes; there are {', '.join(dataset.names.values())}"
        raise UsageError(f"{dataset.name} has several classes", where="--data", fix=fix)
    return dataset


def files(folder: Path) -> tuple[Path, ...]:
    """The pictures in a folder and in those inside it, by name."""
    if not folder.is_dir():
        raise SourceError("is no folder", where=str(folder), fix="check the path", retry=False)
    found = tuple(sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES))
    if not found:
        raise SourceError("has no pictures", where=str(folder), fix="check the path", retry=False)
    return found


def picture(path: Path) -> Pixels:
    """A picture's pixels."""
    from vidstream.sources.picture import UnreadableError, read_picture

    try:
        return read_picture(path)
    except UnreadableError as error:
        raise SourceError(str(error), where=str(path), fix="remove or mend it", retry=False) from error
