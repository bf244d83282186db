"""Options that several commands share, and what they load."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vidstream.errors import UsageError

Act = Callable[[argparse.Namespace], int]


def add_command(commands: Any, name: str, act: Act, purpose: str) -> argparse.ArgumentParser:
    """A sub-command, its one-line purpose shown in the list and on its own page."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=purpose, description=purpose)
    parser.set_defaults(act=act, command=name)
    return parser


def add_config(parser: argparse.ArgumentParser) -> None:
    """The YAML file, and everything that changes it from outside."""
    parser.add_argument("config", type=Path, help="the YAML file")
    parser.add_argument(
        "--source",
        metavar="[NAME=]URI",
        help="read this instead of the file's sources (a path, address, index)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change one value: graph.det.scale=1.5",
    )
    parser.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="set a variable")


def load_config(
    options: argparse.Namespace, extra: dict[str, str] | None = None, registry: Any = None
) -> tuple[Any, Any]:
    """(loaded configuration, registry) as the options say; `extra` are overrides of the command's own.

    With a `registry` it is read again, with the stages that are known already.
    """
    from vidstream import builtin
    from vidstream.config import load

    registry = registry or builtin.registry(options.plugin)
    overrides = {**_pairs("--set", options.set), **(extra or {})}
    loaded = load(
        options.config,
        registry,
        source=options.source,
        variables=_pairs("--var", options.var),
        overrides=overrides,
    )
    return loaded, registry


def _pairs(option: str, given: list[str]) -> dict[str, str]:
    pairs = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise UsageError(f"{option} {text}", fix="write KEY=VALUE")
        pairs[key] = value
    return pairs
