"""What `eval detect` scores: a network, a whole graph, or results in a file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from detectors.evaluation import Dataset, Found, gather
from detectors.evaluation.coco import picture_index, read_results
from vidstream import geometry
from vidstream.cli.eval_detect_data import pixels_of, video_of
from vidstream.errors import SourceError, UsageError, did_you_mean
from vidstream.types import Detections, Image, Tracks, View

if TYPE_CHECKING:
    from vidstream.pipeline import Pipeline

#: what was found on the pictures of a set, and remarks for the person who asked
Reported: TypeAlias = tuple[Found, list[str]]

#: AP wants what a detector is unsure of, too
_LEAST_SCORE = 0.001


@dataclass(frozen=True, slots=True)
class DetectRun:
    """Something to score."""

    name: str
    report: Callable[[Dataset], Reported]


def chosen_run(options: argparse.Namespace) -> DetectRun:
    """The one that the command line asks for."""
    if options.results:
        return results_run(options.results)
    if options.config:
        return config_run(options.config, options)
    return model_run(options.model, options.set)


def other_run(text: str, options: argparse.Namespace) -> DetectRun:
    """The one to compare with: results in a file, a graph's YAML file, or a network."""
    path = Path(text)
    if path.suffix in (".json", ".txt"):
        return results_run(path)
    if path.suffix in (".yaml", ".yml"):
        return config_run(path, options, plain=True)
    return model_run(text, [])


def results_run(path: Path) -> DetectRun:
    """COCO's JSON of results, or MOT text of detections."""

    def report(dataset: Dataset) -> Reported:
        read = _mot_results if path.suffix == ".txt" else read_results
        found, left_out = read(path, dataset)
        return found, [f"left out {left_out} results of classes that are not looked for"] * bool(left_out)

    # what --out has written is told apart by its folder
    return DetectRun(path.resolve().parent.name if path.name == "boxes.json" else path.stem, report)


def _mot_results(path: Path, dataset: Dataset) -> tuple[Found, int]:
    """Lines ``frame, id, left, top, width, height, score``: of a sequence's only class, or by number.

    And how many were left out: of classes that are not looked for.
    """
    from trackers.evaluation.reading import read_rows

    rows, index = read_rows(path), picture_index(dataset)
    shown = np.array([str(frame) in index for frame in rows.frames.tolist()], bool)
    rows = rows[shown]
    only = next(iter(dataset.names))
    classes = np.full(len(rows), only) if len(dataset.names) == 1 else rows.class_ids
    numbers = [index[str(frame)] for frame in rows.frames.tolist()]
    found = Found.of(numbers, geometry.to_xywh(rows.boxes.astype(np.float64)), classes, rows.scores)
    known = np.isin(found.class_ids, list(dataset.names))
    return found[known], int((~known).sum())


def model_run(name: str, given: list[str]) -> DetectRun:
    """A network of the catalogue, or a model file, with all that it finds however unsure."""
    from detectors.dnn.detector import DnnDetector, DnnParams
    from vidstream.cli.eval_runs import settings_of
    from vidstream.graph.params import make_params

    settings = {"model": name, "confidence": _LEAST_SCORE} | settings_of(given)
    params: DnnParams = make_params(DnnParams, settings, name)
    detector = DnnDetector(params)

    def report(dataset: Dataset) -> Reported:
        found = {}
        for index, pixels in pixels_of(dataset, range(len(dataset.pictures))):
            found[index] = detector.detect(View(pixels))
            _show(len(found), len(dataset.pictures))
        together, remarks = _gathered(dataset, found)
        return together, [*(remark.text for remark in detector.remarks), *remarks]

    return DetectRun(name, report)


def config_run(config: Path, options: argparse.Namespace, *, plain: bool = False) -> DetectRun:
    """A graph, run on the pictures in the place of its sources; `plain`: without the changes of ``--set``."""

    def report(dataset: Dataset) -> Reported:
        changes = {} if plain else _changes(options.set)
        with TemporaryDirectory() as folder, _as_source(dataset, Path(folder)) as source:
            changes["run.out"] = str(Path(folder) / "out")
            found = _run_graph(config, source, changes, dataset, options)
        everywhere = Detections.empty()
        missing = [index for index in range(len(dataset.pictures)) if index not in found]
        gathered, remarks = _gathered(dataset, found | dict.fromkeys(missing, everywhere))
        if missing:
            remarks.append(f"nothing was looked for on {len(missing)} of {len(dataset.pictures)} pictures")
        return gathered, remarks

    return DetectRun(config.stem, report)


def _run_graph(
    config: Path, source: str, changes: dict[str, str], dataset: Dataset, options: argparse.Namespace
) -> dict[int, Detections]:
    """What the scored stage found, by the picture's index."""
    from vidstream.pipeline import Pipeline

    pictures = enumerate(dataset.pictures)
    index = {number if picture.path else picture.frame: number for number, picture in pictures}
    changes["run.frames"] = str(max(index) + 1)

    def load() -> Pipeline:
        return Pipeline.from_yaml(config, source=source, overrides=changes, plugins=options.plugin)

    pipeline = load()
    stage, port = _scored_stage(pipeline, options.stage)
    if options.every > 1 and (thinned := _detectors(pipeline)):
        changes |= {f"graph.{each}.every": str(options.every) for each in thinned}
        pipeline = load()
    found: dict[int, Detections] = {}
    for packet in pipeline:
        value = packet.results.get(f"{stage}.{port}")
        if packet.seq in index and isinstance(value, Detections):
            found[index[packet.seq]] = value
            _show(len(found), len(index))
    if code := pipeline.report.exit_code:
        what = f"the graph ended with {code} on {dataset.name}"
        raise SourceError(what, where=str(config), fix="see what fails with run.py run", retry=False)
    return found


def _scored_stage(pipeline: Pipeline, asked: str | None) -> tuple[str, str]:
    """Id and port of the last detector, or of the stage asked for."""
    entries = pipeline.engine.description.plans[0].stages
    ports = {
        entry.id: port
        for entry in entries
        for port in entry.spec.signature.outputs
        if issubclass(port.type, Detections)
    }
    if asked and asked not in ports:
        hint = did_you_mean(asked, list(ports)) or f"stages that give boxes: {', '.join(ports) or 'none'}"
        raise UsageError(f"no stage '{asked}' gives boxes", where="--stage", fix=hint)
    detectors = [stage for stage, port in ports.items() if not issubclass(port.type, Tracks)]
    if not asked and not detectors:
        raise UsageError("the graph has no detector", where="--config", fix="name a stage with --stage")
    stage = asked or detectors[-1]
    return stage, ports[stage].name


def _detectors(pipeline: Pipeline) -> list[str]:
    """Stages that look at each picture by itself: they need not see those that are not scored."""
    return [
        entry.id
        for entry in pipeline.engine.description.plans[0].stages
        if entry.spec.traits.stateless and entry.every == 1 and not entry.period
        if any(issubclass(port.type, Image) for port in entry.spec.signature.inputs)
        if any(issubclass(port.type, Detections) for port in entry.spec.signature.outputs)
    ]


def _gathered(dataset: Dataset, found: Mapping[int, Detections]) -> Reported:
    together, unknown = gather(dataset, found)
    shown = ", ".join(unknown[:8]) + (f" and {len(unknown) - 8} more" if len(unknown) > 8 else "")
    return together, [f"left out boxes of classes that {dataset.name} does not have: {shown}"] * bool(unknown)


def _changes(given: list[str]) -> dict[str, str]:
    """``key=value`` options as they are written."""
    changes = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise UsageError(f"--set {text}", fix="write KEY=VALUE")
        changes[key] = value
    return changes


@contextmanager
def _as_source(dataset: Dataset, folder: Path) -> Iterator[str]:
    """The pictures as one source, in their order: a folder of links, or the video."""
    if not dataset.pictures or not dataset.pictures[0].path:
        yield f"eval={video_of(dataset)}"
        return
    pictures = folder / "pictures"
    pictures.mkdir()
    for number, picture in enumerate(dataset.pictures):
        path = (picture.path or Path()).resolve()
        if not path.is_file():
            raise SourceError(
                "no such picture", where=str(path), fix="name its folder: --images DIR", retry=False
            )
        link = pictures / f"{number:08d}{path.suffix}"
        try:
            link.symlink_to(path)
        except OSError:  # Windows lets only some people make links
            copyfile(path, link)
    yield f"eval={pictures}"


def _show(done: int, total: int) -> None:
    """Progress, on a terminal."""
    if sys.stderr.isatty():
        print(
            f"\r{done} of {total} pictures",
            end="" if done < total else "\r\x1b[K",
            file=sys.stderr,
            flush=True,
        )
