"""`tune`: search the settings of a tracker on benchmark sequences, and tell how far to believe in them."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidstream.cli.eval import add_sequences, read_all
from vidstream.cli.options import add_command
from vidstream.errors import UsageError

if TYPE_CHECKING:
    from trackers.evaluation.scores import Measure, Scores
    from trackers.evaluation.space import Axis, Settings
    from trackers.evaluation.trials import Course, Key, Trials
    from trackers.evaluation.tuning import Tuned

#: what an interrupt by the keyboard gives
_INTERRUPTED = 130


def add_commands(commands: Any) -> None:
    """Add `tune track`."""
    parser = add_command(commands, "tune", tune_track, "search the settings that score best")
    subjects = parser.add_subparsers(title="what", metavar="track", required=True)
    track = subjects.add_parser(
        "track",
        help="a tracker, on MOTChallenge and KITTI sequences",
        description="Search a tracker's settings on sequences with ground truth, cross-validated.",
    )
    add_sequences(track)
    track.add_argument("--tracker", required=True, metavar="NAME", help="the tracker")
    track.add_argument("--params", metavar="A,B", help="the settings to search (default: all with a range)")
    track.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a setting to keep: n_init=1"
    )
    track.add_argument("--trials", type=int, default=100, metavar="N", help="settings tried (default: 100)")
    track.add_argument("--folds", type=int, metavar="K", help="cross-validation (default: 4; 1 = none)")
    track.add_argument(
        "--metric", default="HOTA", help="what to raise: HOTA, IDF1, MOTA, ... (default: HOTA)"
    )
    track.add_argument("--seed", type=int, default=0, help="the same seed finds the same (default: 0)")
    track.add_argument("--jobs", type=int, default=2, metavar="N", help="processes (default: 2)")
    track.add_argument("--out", type=Path, default=Path("tuned.yaml"), help="YAML (default: tuned.yaml)")
    track.add_argument("--resume", action="store_true", help="go on where the same search was interrupted")


def tune_track(options: argparse.Namespace) -> int:
    """Search; an interrupt ends it with what has been found so far."""
    from trackers.evaluation.trials import Trials
    from trackers.evaluation.tuning import measure_called, tune
    from vidstream.cli import eval_tables  # noqa: F401 - needed hours later: what is missing shows now

    measure, axes, course = measure_called(options.metric), _axes(options), _course(options)
    folds = _folds(options, len(course.sequences))
    journal = _Journal(options, course)
    known = journal.read() if options.resume else {}
    print(f"{options.tracker}: {', '.join(axis.name for axis in axes)}")
    clock = time.monotonic()
    with Trials(course, options.jobs, known=known) as trials, journal:
        trials.seen = lambda *result: _heard(journal, len(trials.known), *result)
        try:
            tuned = tune(
                axes,
                trials,
                len(course.sequences),
                measure=measure,
                trials=options.trials,
                folds=folds,
                seed=options.seed,
                say=lambda text: print(f"{time.monotonic() - clock:6.0f} s  {text}"),
            )
        except KeyboardInterrupt:
            tuned = _so_far(axes, trials, measure)
            print("interrupted: this is the best so far; --resume goes on", file=sys.stderr)
    interrupted = not tuned.folds and folds > 1
    _save(options.out, yaml_of(options, axes, tuned, measure))
    print(f"\n{_told(tuned, measure)}\nwritten: {options.out}")
    return _INTERRUPTED if interrupted else 0


def yaml_of(options: argparse.Namespace, axes: list[Axis], tuned: Tuned, measure: Measure) -> str:
    """A graph's entry for the tracker, the scores in comments; to be pasted, or named under `include:`."""
    given = {key: value for key, value in vars(options).items() if key in ("frames", "min_score", "classes")}
    facts = ", ".join(f"{key} {value}" for key, value in given.items() if value is not None)
    head = [f"run.py tune track: {options.tracker}, {options.trials} trials, seed {options.seed}, {facts}"]
    comments = [f"# {line}" for line in head + _told(tuned, measure).splitlines()]
    lines = [*comments, "graph:", "  track:", f"    use: track.{options.tracker}"]
    lines += [f"    {text.replace('=', ': ', 1)}" for text in options.set]
    for axis in axes:
        value = tuned.settings[axis.name]
        if value != axis.default:
            lines.append(f"    {axis.name}: {_scalar(value)}  # default: {_scalar(axis.default)}")
    return "\n".join(lines) + "\n"


def _heard(journal: _Journal, done: int, settings: Settings, number: int, scores: Scores) -> None:
    journal.write(settings, number, scores)
    if sys.stderr.isatty():
        print(f"\r{done} runs", end="\r", file=sys.stderr)


def _axes(options: argparse.Namespace) -> list[Axis]:
    from trackers.catalogue import TRACKERS
    from trackers.evaluation.space import search_space
    from vidstream.cli.eval_runs import make_tracker, settings_of

    fixed = settings_of(options.set)
    make_tracker(options.tracker, fixed)
    names = tuple(options.params.split(",")) if options.params else None
    axes = [a for a in search_space(TRACKERS[options.tracker].params, names) if a.name not in fixed]
    if not axes or options.trials < 1 or options.jobs < 1:
        raise UsageError("there is nothing to try", where="tune", fix="check --params, --trials and --jobs")
    return axes


def _course(options: argparse.Namespace) -> Course:
    from trackers.evaluation import frames_of
    from trackers.evaluation.trials import Course
    from vidstream.cli.eval_runs import settings_of

    sequences = tuple(read_all(options))
    for sequence in sequences:
        if not len(sequence.detections):
            raise UsageError(f"{sequence.name} has no detections", fix="put them into its folder det/")
    frames = tuple(frames_of(options.frames, sequence.length) for sequence in sequences)
    return Course(options.tracker, settings_of(options.set), sequences, frames, options.min_score)


def _folds(options: argparse.Namespace, count: int) -> int:
    folds = min(4, count) if options.folds is None else options.folds
    if not 1 <= folds <= count:
        raise UsageError(f"{count} sequences make no {folds} folds", where="--folds", fix=f"1 to {count}")
    return int(folds)


def _so_far(axes: list[Axis], trials: Trials, measure: Measure) -> Tuned:
    """The best of what was tried on all sequences."""
    from trackers.evaluation.scores import combine
    from trackers.evaluation.tuning import Tuned

    count = len(trials.course.sequences)
    default = {axis.name: axis.default for axis in axes}
    by_settings: dict[Any, list[Scores]] = {}
    for (settings, _), scores in trials.known.items():
        by_settings.setdefault(settings, []).append(scores)
    whole = {s: measure.of(combine(parts)) for s, parts in by_settings.items() if len(parts) == count}
    if not whole:
        raise UsageError("interrupted before anything was tried on all sequences", fix="use --resume")
    best = max(whole, key=lambda settings: whole[settings] * (1 if measure.good else -1))
    first = whole.get(tuple(sorted(default.items())), float("nan"))
    return Tuned(dict(best), whole[best], first, (), None, None)


def _told(tuned: Tuned, measure: Measure) -> str:
    """Default against found, on sequences seen and unseen."""
    from vidstream.cli.eval_tables import as_text, shown

    def row(name: str, default: float, found: float) -> list[str]:
        return [name, *(shown(measure, v) for v in (default, found)), shown(measure, found - default, "+")]

    rows = [[measure.name, "default", "tuned", "gain"], row("all sequences", tuned.default, tuned.score)]
    for number, fold in enumerate(tuned.folds, 1):
        rows.append(row(f"fold {number}: searched", fold.train_default, fold.train))
        rows.append(row(f"fold {number}: held out", fold.held_out_default, fold.held_out))
    if tuned.held_out is None or tuned.held_out_default is None:
        return as_text(rows) + "\nnot cross-validated: the gain on other sequences may be none"
    rows.append(row("held out, all folds", tuned.held_out_default, tuned.held_out))
    gain = (tuned.held_out - tuned.held_out_default) * (1 if measure.good else -1)
    verdict = "what tuning is worth on sequences not seen: the last line"
    return as_text(rows) + f"\n{verdict if gain > 0 else 'no gain on sequences not seen: keep the defaults'}"


class _Journal:
    """All results of a search, line by line in a file, from which it can go on."""

    def __init__(self, options: argparse.Namespace, course: Course) -> None:
        self._path = options.out.with_suffix(".trials.jsonl")
        self._lines: list[str] = []
        self._names = [sequence.name for sequence in course.sequences]
        parts = [list(part) for part in course.frames]
        fixed, least = sorted(course.fixed.items()), course.min_score
        head = [course.tracker, fixed, self._names, parts, least, options.classes]
        self._head: Any = json.loads(json.dumps(head))

    def __enter__(self) -> None:
        from vidstream.sinks.base import write_error

        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("w", encoding="utf-8")
        except OSError as error:
            raise write_error(error, f"'{self._path}'") from error
        for line in self._lines or [json.dumps(self._head)]:
            self._file.write(line + "\n")

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, settings: Settings, number: int, scores: Scores) -> None:
        """Remember one result."""
        numbers = [v.tolist() if hasattr(v, "tolist") else v for v in astuple(scores)]
        self._file.write(json.dumps([settings, number, numbers]) + "\n")
        self._file.flush()

    def read(self) -> dict[Key, Scores]:
        """What is known already. Raises UsageError where that was another search."""
        from trackers.evaluation.trials import key_of

        try:
            lines = self._path.read_text(encoding="utf-8").split("\n")[:-1]  # not one that was cut off
            head, *results = [json.loads(line) for line in lines]
        except (OSError, ValueError) as error:
            raise UsageError(f"'{self._path}' cannot be read: {error}", where="--resume") from error
        if head != self._head:
            fix = "leave out --resume, or give the same tracker, sequences and options"
            raise UsageError(f"'{self._path}' is of another search", where="--resume", fix=fix)
        self._lines = lines
        return {key_of(settings, number): _scores(row) for settings, number, row in results}


def _scores(row: list[Any]) -> Scores:
    import numpy as np

    from trackers.evaluation.scores import Scores

    values: Any = (np.array(value) if isinstance(value, list) else value for value in row)
    return Scores(*values)


def _scalar(value: Any) -> str:
    return json.dumps(value)


def _save(path: Path, text: str) -> None:
    from vidstream.sinks.base import write_error, write_whole

    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise write_error(error, f"'{path}'") from error
