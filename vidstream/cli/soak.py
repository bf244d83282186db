"""`soak`: run a graph for a long time, and find out whether anything grows."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import Any

from vidstream.cli.options import add_command, add_config, load_config
from vidstream.cli.soak_samples import Sample, cameras, look
from vidstream.cli.soak_verdict import LIMIT, Verdict
from vidstream.errors import UsageError
from vidstream.graph.description import Description
from vidstream.graph.engine import Engine

#: samples are taken so often in all, but not more often than this many seconds
_SAMPLES, _PERIOD = 1200, 0.2
#: what is drawn and has no end of its own lasts so long
_FOR_EVER = 30 * 24 * 3600.0


def add_commands(commands: Any) -> None:
    """Add `soak`."""
    parser = add_command(
        commands, "soak", soak, "run a graph for hours, and report whether memory, files or threads grow"
    )
    add_config(parser)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--hours", type=float, metavar="H", help="how long")
    length.add_argument("--minutes", type=float, metavar="M", help="how long (10 minutes)")
    parser.add_argument(
        "--accelerate",
        action="store_true",
        help="drawn sources and recordings as fast as they can: minutes stand for hours, by number of frames",
    )
    parser.add_argument(
        "--out",
        default="out",
        metavar="DIR",
        help="folder of all output, and of soak.json, soak.txt and soak.svg (out)",
    )


def soak(options: argparse.Namespace) -> int:
    """Run it; gives 0, or 3 where memory grows by more than 1 MB per hour and camera, or the like."""
    seconds = _length(options)
    mode = "offline" if options.accelerate else "live"
    loaded, registry = load_config(options, {"run.out": options.out, "run.mode": mode})
    description = _endless(loaded.description, hurried=options.accelerate)
    engine = Engine(description, known=registry.stages.values())
    verdict = _run(engine, seconds, accelerated=options.accelerate)
    print("\n".join(verdict.lines()))
    _write(verdict, Path(options.out))
    return verdict.code


def _length(options: argparse.Namespace) -> float:
    minutes = 10.0 if options.minutes is None else options.minutes
    seconds = 60 * minutes if options.hours is None else 3600 * options.hours
    if not 1 <= seconds < _FOR_EVER:
        raise UsageError("soak", fix="let it run for a second at least, and less than 30 days")
    return float(seconds)


def _endless(description: Description, *, hurried: bool) -> Description:
    """The same, without an end. Raises UsageError where cameras are to hurry."""
    plans = []
    for plan in description.plans:
        source, params = plan.source, plan.source.params
        if hurried and source.spec.cls.live:
            raise UsageError(
                f"--accelerate: source '{source.name}' is a camera, which gives no more frames than it does",
                fix="leave --accelerate out, or read synthetic: or recorded pictures",
            )
        names = {field.name for field in dataclasses.fields(params)}
        if "duration" in names:
            params = dataclasses.replace(params, duration=_FOR_EVER)
        if "loop" in names:
            params = dataclasses.replace(params, loop=True)
        plans.append(dataclasses.replace(plan, source=dataclasses.replace(source, params=params)))
    # all at the same time: recordings take turns otherwise, and those that never end would leave no turn
    run = dataclasses.replace(description.run, parallel=len(plans), duration=None, frames=None)
    return dataclasses.replace(description, plans=tuple(plans), run=run)


def _run(engine: Engine, seconds: float, *, accelerated: bool) -> Verdict:
    """Run the engine for so long, looking at it now and then."""
    from vidstream.cli.running import Signals
    from vidstream.environment import tune_allocator

    tune_allocator()
    period = max(_PERIOD, seconds / _SAMPLES)
    samples: list[Sample] = []
    began = time.monotonic()
    with Signals() as signals:

        def tick() -> None:
            at = time.monotonic() - began
            if signals.received or at >= seconds:
                engine.stop()
            elif not samples or at >= samples[-1].at + period:
                samples.append(look(engine, at))
                _show(samples, seconds)

        report = engine.run(tick)
    lasted = samples[-1].at
    found = cameras(engine, samples)
    rates = [source.pts / max(source.elapsed, 1e-9) for source in report.sources]
    pace = sum(rates) / len(rates)
    return Verdict(samples, found, lasted, lasted * pace, accelerated, report.exit_code)


def _show(samples: list[Sample], seconds: float) -> None:
    """A line every twentieth of the way."""
    mark = seconds / 20
    if len(samples) < 2 or samples[-1].at // mark != samples[-2].at // mark:
        last = samples[-1]
        print(
            f"{last.at / 60:.1f} min: {last.private / 1e6:.1f} MB, {last.descriptors} files, "
            f"{last.threads} threads, {sum(last.frames.values())} frames",
            file=sys.stderr,
            flush=True,
        )


def _write(verdict: Verdict, folder: Path) -> None:
    from vidstream.cli.soak_chart import svg
    from vidstream.sinks.base import write_error, write_whole

    files = {
        "soak.json": json.dumps(verdict.to_json(), indent=1),
        "soak.txt": "\n".join(verdict.lines()) + "\n",
        "soak.svg": svg(verdict),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            write_whole(folder / name, text.encode())
    except OSError as error:
        raise write_error(error, f"--out '{folder}'") from error
    print(f"{folder}/soak.json, soak.txt and soak.svg say this at length (limit {LIMIT:g} MB/h)")
