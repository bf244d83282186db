"""`run`: run a graph, show how far it is, stop it politely, report."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import FrameType
from typing import Any

from vidstream.cli.options import add_command, add_config, load_config
from vidstream.cli.progress import ProgressLine
from vidstream.graph.description import Description
from vidstream.graph.engine import Engine
from vidstream.graph.report import RunReport

#: seconds that the page waits for a change to be carried out
_PATIENCE = 20.0
#: command-line options that are nothing but entries of the `run:` section
_RUN_OPTIONS = {
    "mode": "live, offline or auto",
    "threads": "threads per source (auto; 1 = everything on one)",
    "duration": "stop after so much of each source (10s, 2m)",
    "frames": "stop after so many frames of each source",
    "out": "folder that all output goes under",
    "metrics": "write the report to this JSON file",
}


def add_commands(commands: Any) -> None:
    """Add `run`."""
    parser = add_command(commands, "run", run, "run a graph")
    add_config(parser)
    for name, meaning in _RUN_OPTIONS.items():
        parser.add_argument(f"--{name}", metavar=name.upper(), help=meaning)
    parser.add_argument(
        "--http", metavar="[HOST:]PORT", help="show the cameras, the graph and the events on a page there"
    )
    parser.add_argument(
        "--token",
        help="what the page asks visitors for; better in $VIDSTREAM_TOKEN, which no list of processes shows",
    )
    parser.add_argument(
        "--watch", action="store_true", help="change over to the file whenever it is saved (so does SIGHUP)"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress, no report; errors only")


def run(options: argparse.Namespace) -> int:
    """Run it; gives 0, 1 (failed), 3 (something failed on the way), or 128 + the signal that ended it."""
    from vidstream.cli.reloading import Reloader, refuse_recordings, say

    values = {f"run.{name}": getattr(options, name) for name in _RUN_OPTIONS}
    given = {key: value for key, value in values.items() if value is not None}
    loaded, registry = load_config(options, given)
    engine = Engine(loaded.description, known=registry.stages.values())
    refuse_recordings(engine, options.watch)

    def read() -> Description:
        description: Description = load_config(options, given, registry)[0].description
        return description

    beside: list[AbstractContextManager[Any]] = [
        Reloader(engine, options.config, read, say, watch=options.watch, quiet=options.quiet)
    ]
    if options.http is not None:
        beside.append(_page(engine, options, read))
    report, code = run_engine(engine, quiet=options.quiet, beside=beside)
    if not options.quiet:
        print(report.table())
    return code


def run_engine(
    engine: Engine, *, quiet: bool = False, beside: Sequence[AbstractContextManager[Any]] = ()
) -> tuple[RunReport, int]:
    """Run an engine as a program does: signals, progress, metrics file, exit code.

    `beside` is what is there as long as the engine runs: entered before it, in order, and left after it.
    """
    from vidstream.environment import tune_allocator

    tune_allocator()
    progress = ProgressLine(sys.stderr, enabled=not quiet)
    with ExitStack() as stack:
        signals = stack.enter_context(Signals())
        for companion in beside:
            stack.enter_context(companion)

        def tick() -> None:
            if signals.received:
                engine.stop()
            progress.show(engine.progress())

        report = engine.run(tick)
    progress.close()
    _write_metrics(engine, report)
    for source in report.sources:
        if source.error:
            print(source.error, file=sys.stderr)
    return report, 128 + signals.received if signals.received else report.exit_code


@contextmanager
def _page(engine: Engine, options: argparse.Namespace, read: Callable[[], Description]) -> Iterator[None]:
    """The page, as long as the engine runs."""
    from vidstream.web.address import Address
    from vidstream.web.page import Page

    def reload() -> str:
        change = engine.apply(read())
        change.wait(_PATIENCE)
        if change.error is not None:
            raise change.error
        return change.summary if change.settled else "under way"

    token = options.token or os.environ.get("VIDSTREAM_TOKEN") or None
    with Page(engine, Address.read(options.http), token, reload=reload) as page:
        print(f"page: {page.url}", file=sys.stderr, flush=True)
        yield


class Signals:
    """SIGINT and SIGTERM: the first asks for an orderly end, a second one ends the process at once.

    The handler only sets a number: it may interrupt code that holds a lock.
    """

    def __init__(self) -> None:
        self.received = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _: FrameType | None) -> None:
        if self.received:
            os._exit(128 + number)
        self.received = number


def _write_metrics(engine: Engine, report: RunReport) -> None:
    from vidstream.sinks.base import output_path, write_error, write_whole

    run = engine.description.run
    if run.metrics is None:
        return
    path = output_path(run.out, run.metrics)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, (json.dumps(report.to_json(), indent=2) + "\n").encode())
    except OSError as error:
        raise write_error(error, f"run.metrics '{path}'") from error
