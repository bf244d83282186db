"""What the command line puts over the files: ``--set``, ``--var``, ``--source``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from vidstream.config.compose import compose
from vidstream.config.merge import put_at
from vidstream.config.nodes import Fields, Leaf, Node, Place
from vidstream.config.problems import Faults
from vidstream.errors import ConfigError, ParamError, did_you_mean
from vidstream.graph.kinds import ValuePath

_SECTIONS: Final = ("graph", "run", "source", "sources", "vars")


@dataclass(frozen=True, slots=True)
class Given:
    """What was given beside the file."""

    overrides: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    source: str | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)


@dataclass(frozen=True, slots=True)
class Override:
    """One ``--set path=value``."""

    path: tuple[str, ...]
    value: Node
    place: Place


def overrides_of(given: Mapping[str, str], faults: Faults) -> list[Override]:
    """The ``--set`` options, their values read as YAML."""
    made = []
    for key, text in given.items():
        place, path = Place(f"--set {key}"), tuple(key.split("."))
        if path[0] not in _SECTIONS:
            hint = did_you_mean(path[0], _SECTIONS) or f"it begins with {', '.join(_SECTIONS)}"
            faults.add(f"there is no section '{path[0]}'", place, fix=hint)
        elif len(path) < 2 or "" in path:
            faults.add("leads to no option", place, fix="write --set graph.stage.option=value")
        elif (value := value_of(text, place, faults)) is not None:
            made.append(Override(path, value, place))
    return made


def value_of(text: str, place: Place, faults: Faults) -> Node | None:
    """A value of the command line, read as YAML; None after noting a fault."""
    own = Faults()
    try:
        node = compose(text, place.file, own) or Leaf(None, place)
        own.stop()
    except ConfigError as error:
        for problem in error.problems:
            faults.add(problem.what, place, fix=problem.fix)
        return None
    return _standing(node, place)


def _standing(node: Node, place: Place) -> Node:
    """The same value, every part of it at `place`."""
    if isinstance(node, Leaf):
        return Leaf(node.value, place, node.raw)
    if isinstance(node, Fields):
        fields = {key: _standing(child, place) for key, child in node.fields.items()}
        return Fields(fields, dict.fromkeys(fields, place), place)
    return type(node)([_standing(child, place) for child in node.items], place)


def put_over(tree: Fields, overrides: Sequence[Override], faults: Faults) -> Fields:
    """The tree with values put in; stages and sources must be there already."""
    for override in overrides:
        fault = missing(tree, override.path)
        if fault:
            faults.add(fault[0], override.place, fix=fault[1])
            continue
        try:
            tree = _placed(tree, override.path, override.value, override.place)
        except ParamError as error:
            faults.add(error.what, override.place, error.path, fix=error.fix)
    return tree


def _placed(tree: Fields, path: ValuePath, value: Node, place: Place) -> Fields:
    placed = put_at(tree, path, value, place)
    assert isinstance(placed, Fields)
    return placed


def missing(tree: Fields, path: Sequence[str]) -> tuple[str, str] | None:
    """What is wrong with an option of a stage or source that is not there."""
    nouns = {"graph": "stage", "sources": "source"}
    if path[0] not in nouns or len(path) < 3:
        return None
    section = tree.fields.get(path[0])
    known = [str(key) for key in section.fields] if isinstance(section, Fields) else []
    if path[1] in known:
        return None
    hint = did_you_mean(path[1], known) or f"there are {', '.join(known) or 'none'}"
    return f"there is no {nouns[path[0]]} '{path[1]}'", hint
