"""`check`, `explain`, `graph`, `schema`: everything about a configuration that needs no camera."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from vidstream.cli.options import add_command, add_config, load_config
from vidstream.errors import UsageError


def add_commands(commands: Any) -> None:
    """Add the four."""
    parser = add_command(commands, "check", check, "say whether a configuration is right, and what is wrong")
    add_config(parser)
    parser = add_command(commands, "explain", explain, "say where a value comes from")
    add_config(parser)
    parser.add_argument("key", help="a dotted key, such as graph.det.confidence")
    parser = add_command(commands, "graph", graph, "draw the graph of a configuration")
    add_config(parser)
    parser.add_argument("--format", choices=("text", "mermaid", "svg"), help="default: by the file's ending")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write here (.svg, .mmd, .txt)")
    parser = add_command(commands, "schema", schema, "print the JSON Schema of configurations, for editors")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write here")


def check(options: argparse.Namespace) -> int:
    """Only read and wire it: nothing is opened."""
    loaded, _ = load_config(options)
    for warning in loaded.warnings:
        print(warning, file=sys.stderr)
    plans = loaded.description.plans
    stages = sum(len(plan.stages) for plan in plans)
    print(f"{options.config}: ok ({_many(len(plans), 'source')}, {_many(stages, 'stage')})")
    return 0


def explain(options: argparse.Namespace) -> int:
    """Print where a value comes from."""
    from vidstream.config import explain as explanation

    loaded, _ = load_config(options)
    print(explanation(loaded, options.key))
    return 0


def graph(options: argparse.Namespace) -> int:
    """Draw it."""
    from vidstream.cli.drawing import DRAWINGS
    from vidstream.graph.layout import layout

    loaded, _ = load_config(options)
    endings = {".svg": "svg", ".mmd": "mermaid", ".md": "mermaid"}
    form = options.format or (endings.get(options.output.suffix, "text") if options.output else "text")
    _write(DRAWINGS[form](layout(loaded.description)), options.output)
    return 0


def schema(options: argparse.Namespace) -> int:
    """Print the JSON Schema."""
    from vidstream import builtin
    from vidstream.config import schema as schema_of

    _write(json.dumps(schema_of(builtin.registry(options.plugin)), indent=1), options.output)
    return 0


def _write(text: str, path: Path | None) -> None:
    if path is None:
        print(text)
        return
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write '{path}': {error.strerror}", fix="choose another file") from None
    print(path)


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
