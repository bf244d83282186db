"""`train`: make a detector of one's own, and tell how far to believe in it."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidstream.cli.options import add_command
from vidstream.errors import UsageError

if TYPE_CHECKING:
    from detectors.training import Evidence, Plan, Report, Trained

#: seconds between two lines of progress on a terminal
_OFTEN = 0.2


def add_commands(commands: Any) -> None:
    """Add `train hog`."""
    parser = add_command(commands, "train", train_hog, "train a detector on pictures or a clip with boxes")
    subjects = parser.add_subparsers(title="what", metavar="hog", required=True)
    hog = subjects.add_parser(
        "hog",
        help="histograms of oriented gradients with a linear SVM, for detect.hog",
        description="Train a HOG detector: examples, hard negatives, cross-validation, one file out.",
    )
    _add_data(hog)
    _add_recipe(hog)
    hog.add_argument("--out", type=Path, required=True, metavar="FILE", help="the model: people.hog.xml")
    hog.add_argument("--report", type=Path, metavar="FILE", help="write all numbers to this JSON file")


def _add_data(parser: argparse.ArgumentParser) -> None:
    data = parser.add_argument_group("what it learns from (each may be given several times)")
    several: dict[str, Any] = {"type": Path, "action": "append", "default": []}
    data.add_argument("--video", metavar="FILE", **several, help="a clip; goes with --boxes")
    data.add_argument(
        "--boxes", metavar="FILE", **several, help="all objects on some or all frames of it, as MOT text"
    )
    data.add_argument(
        "--data",
        metavar="PATH",
        **several,
        help="annotated pictures: COCO's JSON, a YOLO folder (images/, labels/), a MOTChallenge sequence",
    )
    data.add_argument(
        "--positives", metavar="DIR", **several, help="pictures of one object each, with some surroundings"
    )
    data.add_argument("--negatives", metavar="DIR", **several, help="pictures without any such object")
    parser.add_argument("--classes", metavar="NAME", help="of annotated pictures: learn this class only")
    parser.add_argument("--names", metavar="NAMES", help="of YOLO folders: a file of class names, or coco")
    parser.add_argument(
        "--every",
        type=int,
        metavar="N",
        help="each n-th frame that has boxes (default: so many that a clip gives 200)",
    )


def _add_recipe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--label", default="object", help="class name of what is found (default: object)")
    parser.add_argument(
        "--window", type=_size, default=(64, 128), metavar="WxH", help="window in pixels (default: 64x128)"
    )
    parser.add_argument(
        "--share", type=float, default=0.75, help="of the window's height that is object (default: 0.75)"
    )
    parser.add_argument(
        "--jitter", type=int, default=1, metavar="N", help="moved copies of each example (default: 1)"
    )
    parser.add_argument("--no-mirror", action="store_true", help="the object never looks the other way")
    parser.add_argument("--folds", type=int, default=4, metavar="K", help="of cross-validation (default: 4)")
    parser.add_argument(
        "--rounds", type=int, default=4, metavar="N", help="searches for hard negatives (default: at most 4)"
    )
    parser.add_argument("--costs", metavar="C,C", help="to choose from (default: 0.001,0.003,0.01,0.03)")
    parser.add_argument(
        "--held-out", type=float, default=0.2, metavar="SHARE", help="kept for the last test (default: 0.2)"
    )
    parser.add_argument("--seed", type=int, default=0, help="the same seed trains the same (default: 0)")


def train_hog(options: argparse.Namespace) -> int:
    """Train, write the model, and show what came out."""
    from detectors.hog.model import check_suffix
    from detectors.training import train_hog as train
    from vidstream.cli.train_data import scenes_of

    check_suffix(options.out)
    plan = _plan(options)
    sources = scenes_of(options, plan.recipe)
    show = _Progress()
    trained = train(sources, plan, show)
    show.close()
    print("\n".join(told(trained)))
    _save(trained, options)
    print(f"time: {sum(trained.report.seconds.values()):.0f} s; --report FILE tells it by phase")
    print(f"written: {options.out}; use it as detect.hog: {{model: {options.out.name}}}")
    return 0


def _plan(options: argparse.Namespace) -> Plan:
    from detectors.training import Plan, Recipe

    given = {}
    if options.costs:
        try:
            given["costs"] = tuple(float(cost) for cost in options.costs.split(","))
        except ValueError:
            raise UsageError(f"'{options.costs}' are no costs", where="--costs", fix="0.003,0.01") from None
    named = [*options.video, *options.data, *options.positives, *options.negatives]
    return Plan(
        Recipe(options.window, options.share, jitter=options.jitter, mirror=not options.no_mirror),
        label=options.label,
        trained_on=", ".join(path.name for path in named),
        folds=options.folds,
        rounds=options.rounds,
        held_out=options.held_out,
        seed=options.seed,
        **given,
    )


def told(trained: Trained) -> list[str]:
    """What the terminal shows."""
    from vidstream.cli.eval_tables import as_text

    report, usage = trained.report, trained.model.usage
    width, height = trained.model.window
    rows = [["", "AP", "miss rate", "at 0.1 FPPI", "at 1 FPPI", "precision", "recall"]]
    rows += [_row(f"fold {number}", part) for number, part in enumerate(report.folds, 1)]
    rows.append(_row("all folds", report.validated))
    if report.held_out is not None:
        rows.append(_row("held out", report.held_out))
    return [
        f"{report.objects} objects, window {width}x{height}, pictures enlarged by {usage.scale:g}",
        f"false alarms per picture, round by round: {', '.join(f'{r:.2f}' for r in report.rounds)}",
        as_text(
            [["C", *(f"{c:g}" for c, _ in report.costs)], ["AP", *(f"{a:.3f}" for _, a in report.costs)]]
        ),
        f"chosen: C = {report.cost:g}",
        "",
        as_text(rows),
        "miss rate: mean over 0.01 to 1 false positives per picture (FPPI); precision, recall: at best F1",
    ]


def _row(name: str, part: Evidence) -> list[str]:
    best = part.curve.best()
    misses = (part.log_average_miss_rate, part.miss_rate(0.1), part.miss_rate(1.0))
    numbers = (part.average_precision, *misses, best.precision, best.recall)
    return [name, *(f"{number:.3f}" for number in numbers)]


def as_json(report: Report) -> str:
    """Every number and curve."""

    def part(evidence: Evidence) -> dict[str, Any]:
        curve = evidence.curve
        return {
            "average_precision": evidence.average_precision,
            "log_average_miss_rate": evidence.log_average_miss_rate,
            "objects": evidence.wanted,
            "pictures": evidence.pictures,
            "margins": curve.scores.round(4).tolist(),
            "right": curve.right.tolist(),
            "wrong": curve.wrong.tolist(),
        }

    document = {
        "objects": report.objects,
        "false_alarms_per_picture": report.rounds,
        "costs": report.costs,
        "cost": report.cost,
        "folds": [part(fold) for fold in report.folds],
        "held_out": part(report.held_out) if report.held_out else None,
        "seconds": report.seconds,
    }
    return json.dumps(document, indent=1) + "\n"


def _save(trained: Trained, options: argparse.Namespace) -> None:
    from vidstream.sinks.base import write_error, write_whole

    path = options.out
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        trained.model.save(path)
        if options.report:
            path = options.report
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, as_json(trained.report).encode())
    except OSError as error:
        raise write_error(error, f"'{path}'") from error


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


class _Progress:
    """One line that rewrites itself on a terminal; elsewhere the name of each phase."""

    def __init__(self) -> None:
        self._phase, self._next = "", 0.0
        self._terminal = sys.stderr.isatty()

    def __call__(self, phase: str, done: int, total: int) -> None:
        now = time.monotonic()
        if phase != self._phase or (self._terminal and now >= self._next):
            text = f"\r\x1b[K{phase} {done} of {total}" if self._terminal else f"{phase} ...\n"
            print(text, end="", file=sys.stderr, flush=True)
            self._phase, self._next = phase, now + _OFTEN

    def close(self) -> None:
        """Leave a clean line."""
        if self._terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
