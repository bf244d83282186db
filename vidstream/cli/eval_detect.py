"""`eval detect`: how good boxes are on annotated pictures, where they go wrong, which run is better."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidstream.errors import ParamError

if TYPE_CHECKING:
    from detectors.evaluation import Dataset, Rules
    from detectors.evaluation.resampling import Interval
    from vidstream.cli.eval_detect_runs import DetectRun
    from vidstream.cli.eval_detect_tables import Scorecard


def add_detect(subjects: Any) -> None:
    """Add `eval detect`."""
    parser = subjects.add_parser(
        "detect",
        help="boxes, on annotated pictures or a video with ground truth",
        description="Score boxes as COCO does, show where they go wrong, compare two runs.",
    )
    parser.set_defaults(act=evaluate_boxes)
    _add_what(parser)
    _add_data(parser)
    parser.add_argument(
        "--confidence", type=float, metavar="C", help="count at this score (default: where F1 is best)"
    )
    parser.add_argument("--against", metavar="OTHER", help="compare with a network, results, or a YAML file")
    parser.add_argument("--errors", type=Path, metavar="DIR", help="write pictures of the worst errors there")
    parser.add_argument("--worst", type=int, default=12, metavar="N", help="errors per kind (default: 12)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write boxes, tables and plots there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers to this JSON file")


def _add_what(parser: argparse.ArgumentParser) -> None:
    what = parser.add_argument_group("what is scored (one of them)").add_mutually_exclusive_group(
        required=True
    )
    what.add_argument("--model", metavar="NAME", help="run this network: a name of the catalogue, or a file")
    what.add_argument("--config", type=Path, metavar="YAML", help="run this graph on the pictures")
    what.add_argument(
        "--results", type=Path, metavar="FILE", help="score boxes in a file: COCO's JSON, or MOT text"
    )
    parser.add_argument(
        "--stage", metavar="ID", help="score what this stage of the graph gives (default: its last detector)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting of the network (iou=0.6) or of the graph (graph.det.scale=1.5)",
    )


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "data",
        type=Path,
        metavar="DATA",
        help="COCO's JSON, a folder or data.yaml of YOLO, or a sequence of MOTChallenge",
    )
    parser.add_argument("--images", type=Path, metavar="DIR", help="where the pictures are")
    parser.add_argument("--names", metavar="NAMES", help="YOLO: a file of class names, or coco")
    parser.add_argument("--classes", metavar="A,B", help="score these classes only")
    parser.add_argument(
        "--min-size", type=float, metavar="PX", help="boxes less high are neither right nor wrong"
    )
    parser.add_argument("--video", type=Path, metavar="FILE", help="the video of a sequence")
    parser.add_argument(
        "--frames", default="all", metavar="PART", help="of a sequence: all, val, or first-last: 100-250"
    )
    parser.add_argument(
        "--every", type=int, default=1, metavar="N", help="of a sequence: each n-th frame (default: 1)"
    )


def evaluate_boxes(options: argparse.Namespace) -> int:
    """Score, compare, and show where it goes wrong."""
    from detectors.evaluation import Rules
    from detectors.evaluation.resampling import compare
    from vidstream.cli.eval_detect_data import open_dataset
    from vidstream.cli.eval_detect_runs import chosen_run, other_run

    _check(options)
    dataset, least = open_dataset(options)
    run = chosen_run(options)
    other = other_run(options.against, options) if options.against else None
    rules = Rules(min_height=least)
    card = _score(run, dataset, rules, options.confidence)
    print("\n".join(_shown(card)))
    before = _score(other, dataset, rules, options.confidence) if other else None
    intervals = compare(before.evaluation, card.evaluation) if before else {}
    if before:
        print("\n" + "\n".join(_compared(before, card, intervals)))
    if options.errors:
        _show_errors(card, options)
    _write(options, card, before, intervals)
    return 0


def _check(options: argparse.Namespace) -> None:
    for name in ("every", "worst"):
        if getattr(options, name) < 1:
            raise ParamError("expected a whole number of 1 or more", path=(f"--{name}",))
    if options.confidence is not None and not 0 <= options.confidence <= 1:
        raise ParamError("expected a number between 0 and 1", path=("--confidence",))


def _score(run: DetectRun, dataset: Dataset, rules: Rules, confidence: float | None) -> Scorecard:
    from detectors.evaluation import evaluate
    from vidstream.cli.eval_detect_tables import Scorecard

    found, remarks = run.report(dataset)
    for remark in remarks:
        print(f"{run.name}: {remark}")
    return Scorecard.of(run.name, evaluate(dataset, found, rules), confidence)


def _shown(card: Scorecard) -> list[str]:
    """What the terminal shows."""
    from vidstream.cli.eval_tables import as_text

    chosen = f"precision, recall and F1 count boxes that score at least {card.confidence:.2f}, at IoU 0.5"
    parts = [card.title(), "", as_text(card.size_rows()), "", as_text(card.class_rows()), chosen, ""]
    parts += [as_text(card.error_rows()), ""]
    confused = card.confusion_rows()
    return [
        *parts,
        as_text(confused) if len(confused) > 1 else "no missed object was taken for one of another class",
    ]


def _compared(before: Scorecard, card: Scorecard, intervals: Mapping[str, Interval]) -> list[str]:
    """The same for two runs side by side."""
    from detectors.evaluation.resampling import STRETCHES
    from vidstream.cli.eval_detect_tables import difference_rows, interval_rows
    from vidstream.cli.eval_tables import as_text

    how = f"in {STRETCHES} stretches of the video" if card.evaluation.dataset.video else "one by one"
    lines = [f"{card.name} against {before.name}", "", as_text(difference_rows(before, card)), ""]
    return [
        *lines,
        as_text(interval_rows(intervals)),
        f"interval: paired bootstrap over pictures, drawn {how}",
    ]


def _show_errors(card: Scorecard, options: argparse.Namespace) -> None:
    from vidstream.cli.eval_detect_gallery import write_gallery

    print("\npictures of the worst errors:")
    for path in write_gallery(card, options.errors, options.worst):
        print(f"  {path}")


def _write(
    options: argparse.Namespace,
    card: Scorecard,
    before: Scorecard | None,
    intervals: Mapping[str, Interval],
) -> None:
    """Files for --json and --out."""
    from vidstream.cli.eval_detect_plots import confusion_png, curves_png
    from vidstream.cli.eval_detect_tables import difference_rows, error_json, interval_rows, plain
    from vidstream.cli.eval_tables import as_markdown
    from vidstream.sinks.base import write_error, write_whole

    numbers = card.to_json() | {"against": before.to_json() if before else None}
    numbers["differences"] = {name: plain(each._asdict()) for name, each in intervals.items()}
    document = (json.dumps(numbers, indent=2) + "\n").encode()
    files: dict[Path, bytes] = {options.json: document} if options.json else {}
    if options.out:
        tables = [card.size_rows(), card.class_rows(), card.error_rows(), card.confusion_rows(None)]
        tables += [difference_rows(before, card), interval_rows(intervals)] if before else []
        text = "\n".join([f"# {card.title()}\n", *map(as_markdown, tables)])
        files[options.out / "scores.json"] = document
        files[options.out / "scores.md"] = text.encode()
        errors = "".join(f"{json.dumps(error_json(card, fault))}\n" for fault in card.faults)
        files[options.out / "errors.jsonl"] = errors.encode()
        files[options.out / "boxes.json"] = _boxes(card).encode()
        files[options.out / "confusion.png"] = confusion_png(card)
        files[options.out / "curves.png"] = curves_png(card)
    for path, content in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content)
        except OSError as error:
            raise write_error(error, f"'{path}'") from error


def _boxes(card: Scorecard) -> str:
    from detectors.evaluation.coco import results_json

    return results_json(card.evaluation.dataset, card.evaluation.found)
