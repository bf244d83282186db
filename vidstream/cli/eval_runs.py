"""What `eval` scores: a tracker on given detections, result files, or a whole graph on the video."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import numpy as np

from trackers.base import Tracker
from trackers.catalogue import TRACKERS, Kind, find
from trackers.evaluation.follow import follow
from trackers.evaluation.reading import read_results
from trackers.evaluation.sequences import Frames, Sequence
from trackers.motfile import MotRows
from vidstream.errors import SourceError, UsageError, did_you_mean

Report: TypeAlias = Callable[[Sequence, Frames], MotRows]

#: the stage that a graph gets to write down its tracks
_SINK = "evaluated_tracks"


@dataclass(frozen=True, slots=True)
class Run:
    """Something to score: gives what it reports in a part of a sequence."""

    name: str
    report: Report


def make_tracker(name: str, settings: Mapping[str, Any]) -> Tracker:
    """A tracker as a graph would make it. Raises UsageError or ParamError for what it does not know."""
    from vidstream.graph.params import make_params

    kind: Kind = find(TRACKERS, name, "--tracker")
    tracker: Tracker = kind.tracker(make_params(kind.params, settings, name))
    return tracker


def tracker_run(name: str, settings: Mapping[str, Any], min_score: float | None) -> Run:
    """A tracker of the catalogue on the sequences' detections."""
    make_tracker(name, settings)  # what is wrong with it shows before any sequence is read

    def report(sequence: Sequence, frames: Frames) -> MotRows:
        if not len(sequence.detections):
            raise SourceError(
                f"{sequence.name} has no detections", where="--tracker", fix="put them into its folder det/"
            )
        return follow(make_tracker(name, settings), sequence, frames, min_score)

    return Run(name, report)


def results_run(folder: Path) -> Run:
    """Result files ``NAME.txt`` in a folder."""
    return Run(folder.name, lambda sequence, _: read_results(folder / f"{sequence.name}.txt", sequence))


def config_run(config: Path, plugins: list[Path]) -> Run:
    """A graph, run on the sequences' videos."""

    def report(sequence: Sequence, _: Frames) -> MotRows:
        with TemporaryDirectory() as out:
            _run_graph(config, plugins, sequence, Path(out))
            return read_results(Path(out) / f"{_SINK}.txt", sequence)

    return Run(config.stem, report)


def refined_run(run: Run, min_score: float | None) -> Run:
    """What a run reports, refined with the whole recording in view."""
    from trackers.offline import History, refine

    def report(sequence: Sequence, frames: Frames) -> MotRows:
        found = sequence.detections
        inside = (found.frames >= frames[0]) & (found.frames <= frames[1])
        if min_score is not None:
            inside &= found.scores >= min_score
        times = np.full(frames[1] + 1, np.nan)
        times[frames[0] :] = np.arange(frames[0], frames[1] + 1) / sequence.fps
        tracks = History.from_mot(run.report(sequence, frames), sequence.fps)
        detections = History.from_mot(found[inside], sequence.fps)
        return refine(tracks, detections=detections, frame_times=times).to_mot()

    return Run(f"{run.name}, refined", report)


def chosen_run(options: argparse.Namespace) -> Run:
    """The one that the command line asks for."""
    run = _named_run(options)
    if not options.refine:
        return run
    if options.config:
        raise UsageError("a graph refines its own tracks", where="--refine", fix="write refine: true in it")
    return refined_run(run, options.min_score)


def _named_run(options: argparse.Namespace) -> Run:
    if options.results:
        return results_run(options.results)
    if options.config:
        return config_run(options.config, options.plugin)
    return tracker_run(options.tracker, settings_of(options.set), options.min_score)


def other_run(text: str, options: argparse.Namespace) -> Run:
    """The one to compare with: a tracker's name, a folder of results, or a graph's YAML file."""
    if text in TRACKERS:
        return tracker_run(text, {}, options.min_score)
    path = Path(text)
    if path.is_dir():
        return results_run(path)
    if path.suffix in (".yaml", ".yml"):
        return config_run(path, options.plugin)
    hint = did_you_mean(text, list(TRACKERS)) or f"trackers are {', '.join(TRACKERS)}"
    raise UsageError(f"'{text}' is no tracker, folder or YAML file", where="--against", fix=hint)


def settings_of(given: list[str]) -> dict[str, Any]:
    """``key=value`` options, their values read as YAML scalars."""
    from vidstream.config.scalars import resolve

    settings: dict[str, Any] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise UsageError(f"--set {text}", fix="write KEY=VALUE")
        settings[key] = resolve(value)
    return settings


def _run_graph(config: Path, plugins: list[Path], sequence: Sequence, out: Path) -> None:
    """Run it with a sink of ours behind its tracker."""
    from vidstream import builtin
    from vidstream.cli.running import run_engine
    from vidstream.config import load
    from vidstream.graph.engine import Engine

    if sequence.video is None:
        raise SourceError(
            f"{sequence.name} has no video", where="--config", fix="name it: --video NAME=FILE", retry=False
        )
    registry = builtin.registry(plugins)
    # coasting: a graph that detects on every n-th frame is scored on all frames, as people see it
    sink = f"{{use: sink.mot, path: {_SINK}.txt, coasting: true}}"
    ours = {"run.out": str(out), f"graph.{_SINK}": sink}
    loaded = load(config, registry, source=f"{sequence.name}={sequence.video}", overrides=ours)
    _, code = run_engine(Engine(loaded.description, known=registry.stages.values()))
    if code:
        raise SourceError(
            f"the graph ended with {code} on {sequence.name}",
            where=str(config),
            fix=f"see what fails: run.py run {config} --source {sequence.video}",
            retry=False,
        )
