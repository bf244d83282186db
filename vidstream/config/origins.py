"""Where values come from: file and line, include, variable, environment, `set:`, command line, default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from vidstream.config.builder import Loaded, Origins
from vidstream.config.keys import STAGE_KEYS
from vidstream.config.nodes import Fields, Found, Items, Leaf, Node, locate
from vidstream.config.problems import masked, visible
from vidstream.errors import UsageError, did_you_mean
from vidstream.graph.description import Plan, RunOptions
from vidstream.graph.kinds import ValuePath
from vidstream.graph.params import Parameter, inner_parameters, parameters
from vidstream.types.values import redact


def explain(loaded: Loaded, key: str) -> str:
    """One line for the value at a dotted key, or for each value below it.

    Where sources differ there is a line for each of them. UsageError names the nearest key that exists.
    """
    answers: dict[str, dict[str, str]] = {}
    for plan in loaded.description.plans:
        for path, answer in _answers(plan, loaded.origins, _steps(key)):
            answers.setdefault(path, {})[plan.source.name] = answer
    if not answers:
        known = {path for plan in loaded.description.plans for path, _ in _answers(plan, loaded.origins, ())}
        hint = did_you_mean(key, sorted(known)) or "give a key such as graph.det.confidence or run.mode"
        raise UsageError(f"there is no value '{key}'", fix=hint)
    return "\n".join(line for path, by_source in answers.items() for line in _lines(path, by_source))


def _steps(key: str) -> ValuePath:
    return tuple(int(step) if step.isdecimal() and len(step) < 9 else step for step in key.split("."))


def _lines(path: str, by_source: Mapping[str, str]) -> Iterator[str]:
    if len(set(by_source.values())) == 1:
        yield f"{path} = {next(iter(by_source.values()))}"
    else:
        yield from (f"[{source}] {path} = {answer}" for source, answer in by_source.items())


def _answers(plan: Plan, origins: Origins, key: ValuePath) -> Iterator[tuple[str, str]]:
    """(dotted path, value and origin) of everything at or below a key."""
    tree = origins.trees[plan.source.name]
    for path, parameter, default in _options(plan, origins):
        deeper = key[: len(path)] == path
        if not (deeper or path[: len(key)] == key):
            continue
        at = key if deeper else path
        found = locate(tree, at)
        if found.whole:
            yield ".".join(map(str, at)), f"{visible(_text(found.node))}: {_origin(found, at, plan, origins)}"
        elif at == path and parameter is not None:
            yield ".".join(map(str, at)), f"{_plain(parameter.default)}: {default}"


def _options(plan: Plan, origins: Origins) -> Iterator[tuple[ValuePath, Parameter | None, str]]:
    """Every option there is for a source: its path, and what is known of its default."""
    tree, at = origins.trees[plan.source.name], origins.paths[plan.source.name]
    for parameter in parameters(RunOptions):
        yield ("run", parameter.name), parameter, "the default"
    if not isinstance(locate(tree, at).node, Fields):
        yield at, None, ""
    else:
        for parameter in parameters(plan.source.spec.params):
            yield (*at, parameter.name), parameter, f"the default of {plan.source.spec.name}"
    for entry in plan.stages:
        path = ("graph", entry.id)
        if isinstance(locate(tree, path).node, Leaf):
            yield path, None, ""
        for name in STAGE_KEYS:
            yield (*path, name), None, ""
        for parameter in parameters(entry.spec.params):
            at = (*path, parameter.name)
            yield at, parameter, f"the default of {entry.spec.name}"
            if isinstance(locate(tree, at).node, Fields):
                for inner in inner_parameters(parameter.kind):
                    yield (*at, inner.name), inner, f"the default of {parameter.name}"


def _origin(found: Found, path: ValuePath, plan: Plan, origins: Origins) -> str:
    place = found.node.place
    parts = [str(place)]
    if place.line and place.file != origins.main:
        parts.append("included")
    if place.line and _is_set(path, plan, origins):
        parts.append(f"set for the source '{plan.source.name}'")
    return ", ".join([*parts, *found.node.via])


def _is_set(path: ValuePath, plan: Plan, origins: Origins) -> bool:
    """Whether a source's `set:` gave the value."""
    tree = origins.trees[plan.source.name]
    options = locate(tree, (*origins.paths[plan.source.name], "set"))
    if not options.whole or not isinstance(options.node, Fields):
        return False
    below = ".".join(map(str, path[1:]))
    return any(below == key or below.startswith(f"{key}.") for key in options.node.fields)


def _text(node: Node) -> str:
    """A value on one line; what holds something of the environment stays as it is written."""
    if isinstance(node, Fields):
        return "{" + ", ".join(f"{key}: {_text(child)}" for key, child in node.fields.items()) + "}"
    if isinstance(node, Items):
        return "[" + ", ".join(_text(child) for child in node.items) + "]"
    return masked(node.raw) if node.env else _plain(node.value)


def _plain(value: Any) -> str:
    """A value as YAML would have it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_plain, value)) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_plain(v)}" for key, v in value.items()) + "}"
    if is_dataclass(value) and not hasattr(value, "reveal"):
        return _plain({f.name: getattr(value, f.name) for f in fields(value)})
    return redact(str(value))
