"""`events`: what happened, asked of the database that sink.events writes."""

from __future__ import annotations

import argparse
import io
import sys
import threading
from argparse import Namespace
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from vidstream.cli.events_output import CsvOutput, JsonOutput, Row, TableOutput
from vidstream.cli.events_times import moment
from vidstream.cli.options import add_command, load_config
from vidstream.errors import SinkError, UsageError
from vidstream.graph.clock import SystemClock
from vidstream.sinks.events.query import Query, Reader, Topic

#: rows that a table shows where nothing else is asked for
_SCREENFUL = 200
#: seconds between looks for what is new
_FOLLOW = 0.5
_TOPICS: dict[Topic, str] = {
    "counts": "numbers over time instead of events",
    "tracks": "objects that were followed instead of events",
    "states": "what became of the sources instead of events",
}


class Output(Protocol):
    """A way to print rows."""

    def write(self, rows: list[Row]) -> None:
        """Print rows."""

    def end(self) -> None:
        """There are no more."""


def add_commands(commands: Any) -> None:
    """Add `events`."""
    parser = add_command(commands, "events", events, "ask the database of sink.events what happened")
    parser.add_argument(
        "database", type=Path, help="the database, or the YAML file of the run that writes it"
    )
    for topic, meaning in _TOPICS.items():
        parser.add_argument(f"--{topic}", dest="topic", action="store_const", const=topic, help=meaning)
    _add_filters(parser)
    parser.add_argument(
        "--since", metavar="TIME", help="from then on: 2h, 1d ago, today, 22:30, 2026-05-01 ..."
    )
    parser.add_argument("--until", metavar="TIME", help="before then; a day is meant to its end")
    parser.add_argument("--limit", type=int, metavar="N", help="the newest N (a table: 200; 0 = all)")
    parser.add_argument("--format", choices=("table", "json", "csv"), default="table", help="default: table")
    parser.add_argument("--follow", action="store_true", help="go on, and print what happens, until Ctrl-C")
    parser.add_argument("--out", metavar="DIR", help="with a YAML file: the folder that the run writes under")
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="set a variable")


def _add_filters(parser: argparse.ArgumentParser) -> None:
    filters = {
        "source": (("--source",), "NAME", str, "of this source"),
        "class": (("--class",), "NAME", str, "of objects of this class"),
        "kind": (("--kind",), "KIND", str, "of this kind (numbers: of this label; states: this state)"),
        "name": (("--name", "--zone"), "NAME", str, "of this zone, line or rule"),
        "track": (("--track",), "ID", int, "of this track"),
    }
    for name, (flags, metavar, kind, meaning) in filters.items():
        text = f"only {meaning}; may be given again"
        parser.add_argument(
            *flags, dest=f"only_{name}", action="append", type=kind, default=[], metavar=metavar, help=text
        )
    parser.set_defaults(topic="events", filters=tuple(filters))


def events(options: Namespace) -> int:
    """Print what is asked for."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names may hold what a terminal cannot show
    query = _query(options)
    with Reader(_database(options)) as reader:
        output = _output(options, query.topic)
        rows = reader.rows(query)
        output.write(rows)
        if options.follow:
            with suppress(KeyboardInterrupt):
                _follow(reader, query, rows, output)
        output.end()
        if options.limit is None and options.format == "table" and len(rows) == query.limit:
            print(f"the newest {len(rows)}; --limit 0 shows all", file=sys.stderr)
    return 0


def _query(options: Namespace) -> Query:
    now = SystemClock().time()
    if options.limit is not None and options.limit < 0:
        raise UsageError(f"--limit {options.limit}", fix="give 0 (all) or more")
    if options.follow and options.topic == "tracks":
        raise UsageError(
            "--tracks cannot be followed: their rows change", fix="follow events, counts or states"
        )
    limit = options.limit
    if limit is None:
        limit = _SCREENFUL if options.format == "table" else 0
    given = {name: tuple(getattr(options, f"only_{name}")) for name in options.filters}
    return Query(
        options.topic,
        {name: values for name, values in given.items() if values},
        None if options.since is None else moment(options.since, "--since", now),
        None if options.until is None else moment(options.until, "--until", now, end=True),
        limit or None,
    )


def _database(options: Namespace) -> Path:
    """The database itself, or the one that a configuration writes."""
    path: Path = options.database
    if path.suffix.lower() not in (".yaml", ".yml"):
        return path
    given = Namespace(config=path, source=None, set=[], var=options.var, plugin=options.plugin)
    description = load_config(given, {"run.out": options.out} if options.out else None)[0].description
    found: dict[Path, None] = {
        Path(description.run.out) / entry.params.path: None
        for plan in description.plans
        for entry in plan.stages
        if entry.spec.name == "sink.events"
    }
    if not found:
        raise UsageError(f"'{path}' writes no events", fix="add a stage sink.events, or name a database")
    if len(found) > 1:
        names = ", ".join(map(str, found))
        raise UsageError(f"'{path}' writes several databases: {names}", fix="name one of them")
    return next(iter(found))


def _output(options: Namespace, topic: Topic) -> Output:
    if options.format == "json":
        return JsonOutput(lines=options.follow)
    return CsvOutput(topic) if options.format == "csv" else TableOutput(topic)


def _follow(reader: Reader, query: Query, rows: list[Row], output: Output) -> None:
    """Print what is new, for ever."""
    last, never = _last(rows), threading.Event()
    while True:
        never.wait(_FOLLOW)
        if reader.replaced:
            with suppress(SinkError):  # perhaps it is being begun anew
                reader.reopen()
                last = 0
        rows = reader.rows(replace(query, after=last, limit=None))
        output.write(rows)
        last = max(last, _last(rows))


def _last(rows: list[Row]) -> int:
    return rows[-1]["id"] if rows else 0
