"""`stages`: what there is to build graphs from."""

from __future__ import annotations

import argparse
import dataclasses
import re
import textwrap
from typing import Any

from vidstream.cli.options import add_command
from vidstream.graph.kinds import Table
from vidstream.graph.params import Parameter, inner_parameters, parameters
from vidstream.graph.registry import Registry
from vidstream.graph.source import SourceSpec
from vidstream.graph.stage import StageSpec

_EXAMPLE = re.compile(r"^Example::\n\n((?:    .*\n|\n)+)", re.MULTILINE)


def add_commands(commands: Any) -> None:
    """Add `stages`."""
    parser = add_command(commands, "stages", stages, "list all stages, sources and sinks, or show one's page")
    parser.add_argument("name", nargs="?", help="a stage's name")


def stages(options: argparse.Namespace) -> int:
    """List them, or show one."""
    from vidstream import builtin

    registry = builtin.registry(options.plugin)
    if options.name:
        spec = registry.sources.get(options.name) or registry.stage(options.name)
        print(page(spec))
    else:
        print(listing(registry))
    return 0


def listing(registry: Registry) -> str:
    """One line each, by family."""
    specs = [*sorted(registry.sources.values(), key=lambda s: s.name), *registry]
    width = max(len(s.name) for s in specs)
    lines, family = ["sources"], ""
    for spec in specs:
        part = spec.name.partition(".")[0]
        if isinstance(spec, StageSpec) and part != family:
            lines += ["", part]
            family = part
        lines.append(f"  {spec.name:{width}}  {spec.summary}")
    return "\n".join(lines)


def page(spec: StageSpec | SourceSpec) -> str:
    """Purpose, ports, parameters, example."""
    doc = spec.doc
    match = _EXAMPLE.search(doc + "\n")
    prose = doc.replace(match[0].rstrip(), "").strip() if match else doc.strip()
    parts = [spec.name, textwrap.indent(prose or spec.summary, "  ")]
    if isinstance(spec, StageSpec):
        parts += ["takes", _ports_in(spec), "gives", _ports_out(spec)]
    parts += ["options", _options(spec.params)]
    if match:
        parts += ["example", textwrap.indent(textwrap.dedent(match[1]).strip(), "  ")]
    return "\n".join(parts)


def example(spec: StageSpec) -> str:
    """The YAML of the page's example, or an empty text."""
    match = _EXAMPLE.search(spec.doc + "\n")
    return textwrap.dedent(match[1]).strip() + "\n" if match else ""


def _ports_in(spec: StageSpec) -> str:
    lines = [f"  {p.name}: {p.describe()}" for p in spec.signature.inputs]
    return "\n".join(lines) or "  nothing"


def _ports_out(spec: StageSpec) -> str:
    lines = [f"  {p.name}: {p.type.__name__}" for p in spec.signature.outputs]
    return "\n".join(lines) or "  nothing: it is a sink"


def _options(params: type) -> str:
    found = [row for p in parameters(params) for row in [(p.name, p), *_inner(p)]]
    if not found:
        return "  none"
    names = max(len(name) for name, _ in found)
    defaults = max(len(_default(p)) for _, p in found)
    lines = []
    for name, p in found:
        unit = f" [{p.unit}]" if p.unit and p.unit != "s" else ""
        meaning = p.meaning or p.kind.describe()
        lines.append(f"  {name:{names}}  {_default(p):{defaults}}  {meaning} ({p.kind.describe()}){unit}")
    return "\n".join(lines)


def _inner(parameter: Parameter) -> list[tuple[str, Parameter]]:
    """What the mapping that an option may be has for options."""
    kind, place = parameter.kind, parameter.name
    if isinstance(kind, Table):
        kind, place = kind.item, f"{place}.NAME"
    found = [(f"{place}.{p.name}", p) for p in inner_parameters(kind)]
    return [row for name, p in found for row in [(name, p), *((f"{place}.{n}", q) for n, q in _inner(p))]]


def _default(parameter: Parameter) -> str:
    if parameter.required:
        return "required"
    value = parameter.default
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or value in ((), {}):
        return "-"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(str, value)) + "]"
    if dataclasses.is_dataclass(value):
        return "..."
    return str(value)
