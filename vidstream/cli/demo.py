"""`demo`: the main job on a real clip of people walking, from nothing to a finished video."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

from vidstream.cli.options import add_command
from vidstream.cli.running import run_engine

_ROOT = Path(__file__).resolve().parents[2]
_CONFIG = _ROOT / "configs" / "people.yaml"
#: crossings of x = W/2 in the ground truth of PETS09-S2L1 (MOTChallenge 2015): leftwards, rightwards
_TRUTH = (18, 14)


def add_commands(commands: Any) -> None:
    """Add `demo`."""
    parser = add_command(
        commands, "demo", demo, "analyse a real clip of people walking, and show what came out"
    )
    parser.add_argument(
        "--out", default="out/demo", metavar="DIR", help="where results go (default: out/demo)"
    )


def demo(options: argparse.Namespace) -> int:
    """Run configs/people.yaml on the demo clip."""
    from vidstream import builtin
    from vidstream.config import load
    from vidstream.demo_clip import demo_clip
    from vidstream.graph.engine import Engine

    clip = demo_clip(print)
    registry = builtin.registry()
    overrides = {"run.out": options.out, "run.metrics": "report.json"}
    loaded = load(_CONFIG, registry, source=f"people={clip}", overrides=overrides)
    print(f"analysing {clip} with {_CONFIG.relative_to(_ROOT)}")
    report, code = run_engine(Engine(loaded.description, known=registry.stages.values()))
    print(report.table())
    out = Path(options.out)
    for line in _findings(out / "people.jsonl"):
        print(line)
    print("look at:")
    for name, what in (
        ("people.mp4", "the annotated video"),
        ("people.png", "the busiest moment"),
        ("people.jsonl", "every track, frame by frame, and every crossing"),
        ("report.json", "what each stage did and cost"),
    ):
        print(f"  {out / name}  {what}")
    return code


def _findings(path: Path) -> list[str]:
    """What a person can check by eye, read back from the results."""
    frames, most, moment = 0, 0, 0.0
    tracks: set[int] = set()
    crossings: Counter[str] = Counter()
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record["type"] == "event":
            crossings[record["data"]["direction"]] += 1
        elif record["type"] == "frame":
            frames += 1
            ids = [o["id"] for o in record.get("objects", ())]
            tracks.update(ids)
            if len(ids) > most:
                most, moment = len(ids), record["pts"]
    return [
        f"{frames} frames: {len(tracks)} people (tracks), at most {most} at a time (at {moment:.1f} s)",
        f"crossed the middle line: {crossings['in']} to the left, {crossings['out']} to the right "
        f"(people who annotated the clip by hand counted {_TRUTH[0]} and {_TRUTH[1]})",
    ]
