"""`models`: list, fetch and verify the networks of the catalogue."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vidstream.cli.options import add_command
from vidstream.errors import VidstreamError


def add_commands(commands: Any) -> None:
    """Add `models`."""
    parser = add_command(commands, "models", models, "list, fetch and verify the models of the catalogue")
    parser.add_argument("action", choices=tuple(_ACTIONS), nargs="?", default="list")
    parser.add_argument("names", nargs="*", metavar="NAME", help="models (default: all)")


def models(options: argparse.Namespace) -> int:
    """List, fetch or verify; gives 1 where one of them failed."""
    from detectors import catalogue

    names = options.names or [entry.card.name for entry in catalogue.entries()]
    return _ACTIONS[options.action](names)


def _list(names: Sequence[str]) -> int:
    from detectors import catalogue

    rows = [("model", "family", "size", "licence", "file")]
    for card, paths in catalogue.entries():
        if card.name in names:
            size = f"{sum(file.size for file in card.files.values()) / 1e6:.1f} MB"
            place = str(paths["model"]) if paths else "not here: models fetch"
            rows.append((card.name, card.family, size, card.licence, place))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    for row in rows:
        print("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _fetch(names: Sequence[str]) -> int:
    from detectors import catalogue

    return _each(names, lambda name: f"fetched {', '.join(map(str, catalogue.fetch(name)))}")


def _verify(names: Sequence[str]) -> int:
    from detectors import catalogue

    return _each(names, lambda name: f"whole: {catalogue.verify(name)}")


def _each(names: Sequence[str], act: Callable[[str], str]) -> int:
    failed = 0
    for name in names:
        try:
            print(f"{name}: {act(name)}")
        except VidstreamError as error:
            failed = 1
            print(error)
    return failed


_ACTIONS: Mapping[str, Callable[[Sequence[str]], int]] = {"list": _list, "fetch": _fetch, "verify": _verify}
