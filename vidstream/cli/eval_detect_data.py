"""The pictures and the truth that `eval detect` scores against, from whatever form they have."""

from __future__ import annotations

import argparse
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from detectors.evaluation import Dataset, Picture, Truth
from detectors.evaluation.coco import read_coco
from detectors.evaluation.yolo import YAML, described_folder, names_file, read_names, read_yolo
from trackers.evaluation.sequences import Sequence, frames_of
from vidstream import geometry
from vidstream.errors import SourceError, UsageError
from vidstream.types import Pixels

#: what detectors call what the tracking benchmarks call otherwise
_WORDS = {"pedestrian": "person", "cyclist": "bicycle"}


def open_dataset(options: argparse.Namespace) -> tuple[Dataset, float]:
    """The set that the command line names, and the height below which boxes do not count."""
    path: Path = options.data
    if not path.exists():
        raise SourceError("does not exist", where=str(path), fix="check the path", retry=False)
    least = options.min_size or 0.0
    if (path / "gt").is_dir():
        dataset, smallest = _sequence(path, options)
        least = smallest if options.min_size is None else least
    else:
        if options.video or options.frames != "all" or options.every != 1:
            raise UsageError(f"'{path}' holds single pictures", where="--video, --frames or --every")
        dataset = _pictures(path, options)
    return (dataset.only(options.classes.split(",")) if options.classes else dataset), least


def _pictures(path: Path, options: argparse.Namespace) -> Dataset:
    if path.suffix == ".json":
        return read_coco(path, options.images)
    if path.suffix in YAML:
        return read_yolo(described_folder(path), read_names(path), options.images)
    return read_yolo(path, class_names(options.names, path), options.images)


def class_names(given: str | None, folder: Path) -> tuple[str, ...]:
    """The class names of a folder in YOLO's format: a list of the catalogue, a file, or what lies there."""
    from detectors.catalogue.card import class_list

    if given and not Path(given).exists():
        return class_list(given)
    file = Path(given) if given else names_file(folder)
    if file is None:
        fix = "name a file with one class per line, a data.yaml, or coco"
        raise UsageError(f"nothing in '{folder}' says what its classes are called", where="--names", fix=fix)
    return read_names(file)


def _sequence(path: Path, options: argparse.Namespace) -> tuple[Dataset, float]:
    """A sequence of a tracking benchmark: its frames are the pictures, identities do not matter."""
    from trackers.evaluation import read_sequence

    sequence = read_sequence(path)
    if options.video:
        sequence = replace(sequence, video=options.video)
    first, last = frames_of(options.frames, sequence.length)
    # those that a stage with `every` sees: it counts from the first frame of the video
    frames = range(first + (1 - first) % options.every, last + 1, options.every)
    if not frames:
        raise UsageError(f"there is no frame in {options.frames}", where="--every", fix="take more of them")
    size = sequence.width, sequence.height
    pictures = tuple(Picture(f"frame {n}", *size, frame=n - 1, id=n) for n in frames)
    names = {k: _WORDS.get(target.name, target.name) for k, target in enumerate(sequence.targets, 1)}
    truth = _truth(sequence, {n: index for index, n in enumerate(frames)})
    dataset = Dataset(sequence.name, pictures, names, truth, sequence.video, sequence.fps)
    return dataset, max((target.min_height for target in sequence.targets), default=0.0)


def _truth(sequence: Sequence, index: dict[int, int]) -> Truth:
    """What counts by the rules of the benchmark; what excuses is ignored, what was not annotated a crowd."""
    numbers, boxes, classes, ignored, crowds = [], [], [], [], []
    for class_id, target in enumerate(sequence.targets, 1):
        taking_part = target.counted | target.neutral
        for rows, out, crowd in (
            (sequence.annotations[taking_part], target.neutral[taking_part], False),
            (sequence.regions, np.ones(len(sequence.regions), bool), True),
        ):
            shown = np.isin(rows.frames, list(index))
            numbers += [index[frame] for frame in rows.frames[shown].tolist()]
            boxes.append(geometry.to_xywh(rows.boxes[shown]))
            classes += [class_id] * int(shown.sum())
            ignored += out[shown].tolist()
            crowds += [crowd] * int(shown.sum())
    return Truth.of(numbers, np.concatenate(boxes), classes, ignored=ignored, crowds=crowds)


def pixels_of(dataset: Dataset, wanted: Iterable[int]) -> Iterator[tuple[int, Pixels]]:
    """The pixels of these pictures (by index, rising), a video read through once."""
    numbers = list(wanted)
    if all(dataset.pictures[number].path for number in numbers):
        yield from ((number, _read(dataset.pictures[number])) for number in numbers)
        return
    places = {dataset.pictures[number].frame: number for number in numbers}
    with closing(frames(dataset)) as film:
        for frame, pixels in film:
            if frame in places:
                yield places.pop(frame), pixels
            if not places:
                return
    what = f"ends before frame {min(places) + 1} of {dataset.name}"
    raise SourceError(what, where=str(dataset.video), fix="name the right video with --video", retry=False)


def _read(picture: Picture) -> Pixels:
    from vidstream.sources.picture import UnreadableError, read_picture

    path = picture.path or Path()
    try:
        pixels = read_picture(path)
    except UnreadableError as error:
        raise SourceError(str(error), where=str(path), fix="check --images", retry=False) from error
    _check_size(pixels, picture, path)
    return pixels


def frames(dataset: Dataset) -> Generator[tuple[int, Pixels], None, None]:
    """All frames of the set's video, counted from 0."""
    from vidstream.sources.file import VideoFile
    from vidstream.sources.images import ImageFiles
    from vidstream.types.values import InputFile, InputPattern

    path = video_of(dataset)
    source: VideoFile | ImageFiles
    if path.is_dir():
        source = ImageFiles(ImageFiles.Params(InputPattern(path), fps=dataset.fps))
    else:
        source = VideoFile(VideoFile.Params(InputFile(path)))
    source.name = dataset.name
    try:
        source.open()
        number = -1
        while (frame := source.read()) is not None:
            number += 1 + frame.skipped
            if number == 0 and dataset.pictures:
                _check_size(frame.pixels, dataset.pictures[0], path)
            yield number, frame.pixels
    finally:
        source.close()


def video_of(dataset: Dataset) -> Path:
    """The video of the set. SourceError where there is none."""
    if dataset.video is None or not dataset.video.exists():
        what = f"'{dataset.video}' does not exist" if dataset.video else f"{dataset.name} has no video here"
        raise SourceError(what, where="--video", fix="name it: --video FILE", retry=False)
    return dataset.video


def _check_size(pixels: Pixels, picture: Picture, path: Path) -> None:
    height, width = pixels.shape[:2]
    if picture.width and (picture.width, picture.height) != (width, height):
        what = f"is {width}x{height}, but its annotations are for {picture.width}x{picture.height}"
        raise SourceError(what, where=str(path), fix="name the pictures that were annotated", retry=False)
