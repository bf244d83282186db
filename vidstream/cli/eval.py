"""`eval`: how good tracks and boxes are, where they go wrong, which of two runs is better."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidstream.cli.options import add_command
from vidstream.errors import UsageError

if TYPE_CHECKING:
    from trackers.evaluation import Sequence
    from trackers.evaluation.comparison import Difference
    from trackers.evaluation.errors import TrackingError
    from trackers.motfile import MotRows
    from vidstream.cli.eval_runs import Run
    from vidstream.cli.eval_tables import Board


def add_commands(commands: Any) -> None:
    """Add `eval track` and `eval detect`."""
    from vidstream.cli.eval_detect import add_detect

    parser = add_command(commands, "eval", evaluate, "score results against ground truth")
    subjects = parser.add_subparsers(title="what", metavar="track, detect", required=True)
    add_detect(subjects)
    track = subjects.add_parser(
        "track",
        help="tracks, on MOTChallenge and KITTI sequences",
        description="Score tracks on MOTChallenge and KITTI sequences: HOTA, MOTA, IDF1 and their parts.",
    )
    add_sequences(track)
    what = track.add_argument_group("what is scored (one of them)").add_mutually_exclusive_group(
        required=True
    )
    what.add_argument("--tracker", metavar="NAME", help="run this tracker on the sequences' detections")
    what.add_argument(
        "--results", type=Path, metavar="DIR", help="score the MOT files NAME.txt in this folder"
    )
    what.add_argument("--config", type=Path, metavar="YAML", help="run this graph on the sequences' videos")
    track.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the tracker: max_age=2"
    )
    track.add_argument(
        "--refine", action="store_true", help="score the tracks as they look once their future is known"
    )
    track.add_argument(
        "--against", metavar="OTHER", help="compare with a tracker, a folder of results, or a YAML file"
    )
    track.add_argument(
        "--video", action="append", default=[], metavar="NAME=FILE", help="the video of a sequence"
    )
    track.add_argument("--clips", type=Path, metavar="DIR", help="write films of the worst errors there")
    track.add_argument("--worst", type=int, default=8, metavar="N", help="films per sequence (default: 8)")
    track.add_argument("--out", type=Path, metavar="DIR", help="write tracks, errors and tables there")
    track.add_argument("--json", type=Path, metavar="FILE", help="write all numbers to this JSON file")


def add_sequences(parser: argparse.ArgumentParser) -> None:
    """Which sequences, and which part of them: shared with `tune`."""
    parser.add_argument(
        "sequences", type=Path, nargs="+", metavar="SEQUENCE", help="folders of sequences, or of such folders"
    )
    parser.add_argument(
        "--frames", default="all", metavar="PART", help="all, val (the second half), or first-last: 100-250"
    )
    parser.add_argument(
        "--min-score", type=float, metavar="S", help="leave out detections that score less, in their units"
    )
    parser.add_argument(
        "--classes", metavar="A,B", help="KITTI: classes to score (default: car,pedestrian; also cyclist)"
    )


def read_all(options: argparse.Namespace) -> list[Sequence]:
    """The sequences that the options name; each name once."""
    from trackers.evaluation import find_sequences, read_sequence

    classes = tuple(options.classes.split(",")) if options.classes else None
    sequences = [read_sequence(path, classes) for path in find_sequences(options.sequences)]
    names = [sequence.name for sequence in sequences]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"there are {names.count(name)} sequences called {name}", fix="name each once")
    return sequences


def evaluate(options: argparse.Namespace) -> int:
    """Score, compare, and show where it goes wrong."""
    from vidstream.cli.eval_runs import chosen_run, other_run
    from vidstream.cli.eval_tables import as_text, error_rows

    run = chosen_run(options)
    other = other_run(options.against, options) if options.against else None
    sequences = _with_videos(read_all(options), options.video)
    board, reported = _score(run, sequences, options)
    print(f"{run.name}, frames: {options.frames}\n\n{as_text(board.rows())}")
    errors = _errors(sequences, reported, options)
    print("\n" + as_text(error_rows([error for each in errors.values() for error in each])))
    differences: list[Difference] = []
    if other:
        before, _ = _score(other, sequences, options)
        differences = _compare(before, board)
    if options.clips:
        _film(sequences, reported, errors, options)
    _write(options, board, reported, errors, differences)
    return 0


def _with_videos(sequences: list[Sequence], given: list[str]) -> list[Sequence]:
    videos = {}
    for text in given:
        name, equals, path = text.partition("=")
        known = [sequence.name for sequence in sequences]
        if not equals or name not in known:
            raise UsageError(f"--video {text}", fix=f"write NAME=FILE; names are {', '.join(known)}")
        if not Path(path).exists():
            raise UsageError(f"--video {text}: '{path}' does not exist", fix="check the path")
        videos[name] = Path(path)
    return [replace(s, video=videos.get(s.name, s.video)) for s in sequences]


def _score(
    run: Run, sequences: list[Sequence], options: argparse.Namespace
) -> tuple[Board, dict[str, MotRows]]:
    """The scores of a run, and what it reported."""
    from trackers.evaluation import frames_of, score_classes
    from vidstream.cli.eval_tables import Board

    scores, reported = {}, {}
    for sequence in sequences:
        frames = frames_of(options.frames, sequence.length)
        rows = run.report(sequence, frames)
        reported[sequence.name] = rows
        scores[sequence.name] = score_classes(sequence, rows, frames)
    return Board(run.name, scores), reported


def _errors(
    sequences: list[Sequence], reported: dict[str, MotRows], options: argparse.Namespace
) -> dict[str, list[TrackingError]]:
    from trackers.evaluation import frames_of
    from trackers.evaluation.errors import find_errors

    return {s.name: find_errors(s, reported[s.name], frames_of(options.frames, s.length)) for s in sequences}


def _compare(before: Board, board: Board) -> list[Difference]:
    from trackers.evaluation.comparison import compare_runs
    from vidstream.cli.eval_tables import as_text, comparison_rows, sequence_rows

    first, second = list(before.sequences.values()), list(board.sequences.values())
    differences = compare_runs(first, second)
    print(f"\n{board.name} against {before.name}, difference in each sequence\n")
    print(as_text(sequence_rows(before, board)))
    print(f"\n{as_text(comparison_rows(before.name, board.name, differences))}")
    print(
        "p: paired permutation test over sequences; interval: paired bootstrap over sequences"
        + (f" ({len(first)} are too few to show anything)" if len(first) < 6 else "")
    )
    return differences


def _film(
    sequences: list[Sequence],
    reported: dict[str, MotRows],
    errors: dict[str, list[TrackingError]],
    options: argparse.Namespace,
) -> None:
    from trackers.evaluation.errors import worst_errors
    from vidstream.cli.eval_clips import plan_clips, write_clips

    print("\nfilms of the worst errors:")
    for sequence in sequences:
        if sequence.video is None:
            print(f"  {sequence.name}: no video here; name it with --video {sequence.name}=FILE")
            continue
        clips = plan_clips(sequence, worst_errors(errors[sequence.name], options.worst), options.clips)
        write_clips(sequence, reported[sequence.name], clips)
        for clip in clips:
            print(f"  {clip.path}  {clip.error}")


def _write(
    options: argparse.Namespace,
    board: Board,
    reported: dict[str, MotRows],
    errors: dict[str, list[TrackingError]],
    differences: list[Difference],
) -> None:
    """Files for --json and --out."""
    from trackers.evaluation.tables import result_lines
    from vidstream.cli.eval_tables import as_markdown, comparison_rows, difference_json, error_json
    from vidstream.sinks.base import write_error, write_whole

    numbers = board.to_json() | {"frames": options.frames}
    numbers["differences"] = [difference_json(difference) for difference in differences]
    files = {options.json: json.dumps(numbers, indent=2) + "\n"} if options.json else {}
    if options.out:
        files |= {options.out / f"{name}.txt": result_lines(rows) for name, rows in reported.items()}
        records = [error_json(name, error) for name, each in errors.items() for error in each]
        files[options.out / "errors.jsonl"] = "".join(f"{json.dumps(record)}\n" for record in records)
        text = f"# {board.name}\n\n{as_markdown(board.rows())}"
        if differences:
            text += f"\n{as_markdown(comparison_rows(options.against, board.name, differences))}"
        files[options.out / "scores.md"] = text
        files[options.out / "scores.json"] = json.dumps(numbers, indent=2) + "\n"
    for path, content in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content.encode())
        except OSError as error:
            raise write_error(error, f"'{path}'") from error
