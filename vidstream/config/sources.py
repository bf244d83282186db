"""The sources of a description: their names, kinds and parameters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final

from vidstream.config.keys import SOURCE_KEYS, SOURCE_NAME
from vidstream.config.nodes import Fields, Leaf, Node, Place, plain
from vidstream.config.overrides import value_of
from vidstream.config.problems import Faults, masked
from vidstream.config.reader import Reader
from vidstream.config.structure import section
from vidstream.errors import did_you_mean
from vidstream.graph.description import SourceEntry
from vidstream.graph.kinds import INVALID, ValuePath, shown
from vidstream.graph.params import parameters
from vidstream.graph.registry import Registry
from vidstream.graph.source import SourceSpec

#: the name of a source that has none and whose address suggests none
DEFAULT_NAME: Final = "source"
_OVERRIDE: Final = re.compile(rf"({SOURCE_NAME.pattern})=(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Named:
    """A source as described: where it stands, and the folder its relative paths start from."""

    name: str
    path: ValuePath
    node: Node
    base: Path


def named_sources(tree: Fields, override: str | None, base: Path, faults: Faults) -> list[Named]:
    """The sources of a file, or the one that the command line puts in their place."""
    if override is not None:
        return _overriding(tree, override, faults)
    if "source" in tree.fields:
        node = tree.fields["source"]
        return [Named(_name(node), ("source",), node, base)]
    return [
        Named(str(name), ("sources", name), node, base)
        for name, node in section(tree, "sources").fields.items()
    ]


def _overriding(tree: Fields, override: str, faults: Faults) -> list[Named]:
    """``--source uri`` or ``--source name=uri``; one named like a source of the file keeps its `set:`."""
    place = Place("--source")
    match = _OVERRIDE.fullmatch(override)
    node = value_of(match[2] if match else override, place, faults)
    if node is None:
        return []
    name = match[1] if match else _name(node)
    before = section(tree, "sources").fields.get(name)
    if isinstance(before, Fields) and "set" in before.fields:
        fields = Fields({"uri": node}, {"uri": place}, place)
        node = fields.put("set", before.fields["set"], before.keys["set"])
    # a path on a command line is relative to where the command is given
    return [Named(name, ("source",), node, Path())]


def _name(node: Node) -> str:
    """A name for an only source: that of its file, so that results of several runs can be told apart."""
    uri = node.fields.get("uri") if isinstance(node, Fields) else node
    text = uri.raw if isinstance(uri, Leaf) else ""
    if "${" in text or "://" in text:
        return DEFAULT_NAME
    stem = PurePath(text.rpartition(":")[2]).stem
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")
    return name if SOURCE_NAME.fullmatch(name) else DEFAULT_NAME


def source_entry(source: Named, registry: Registry, reader: Reader) -> SourceEntry | None:
    """The source typed, or None after noting its faults. `source.node` is filled in already."""
    node = source.node
    if isinstance(node, Leaf):
        node = Fields({"uri": node}, {"uri": node.place}, node.place)
    if not isinstance(node, Fields):
        fix = "write a path, an address, or {uri: ..., option: ...}"
        reader.add("a source cannot be a list", node, source.path, fix=fix)
        return None
    spec = _spec(node, source.path, registry, reader)
    if spec is None:
        return None
    known = [p.name for p in parameters(spec.params)]
    unknown = [key for key in node.fields if key not in known and key not in SOURCE_KEYS]
    for key in unknown:
        words = [*known, *map(str, SOURCE_KEYS)]
        hint = did_you_mean(key, words) or f"it has {', '.join(words)}"
        reader.at_key(f"unknown option of {spec.name}", (*source.path, key), fix=hint)
    params = reader.params(spec.params, node.without(*SOURCE_KEYS, *unknown), source.path)
    return None if unknown or params is INVALID else SourceEntry(source.name, spec, params)


def _spec(node: Fields, path: ValuePath, registry: Registry, reader: Reader) -> SourceSpec | None:
    kinds = list(registry.sources.values())
    if "use" in node.fields:
        name = reader.kind(SOURCE_KEYS["use"].kind, node.fields["use"], (*path, "use"))
        if name is INVALID or name in registry.sources:
            return None if name is INVALID else registry.sources[name]
        hint = did_you_mean(name, list(registry.sources)) or _listed(kinds)
        reader.add(f"unknown kind of source '{name}'", node.fields["use"], (*path, "use"), fix=hint)
        return None
    uri = node.fields.get("uri")
    if uri is None:
        reader.at_key("'uri' is missing", path, fix="give a path or an address")
        return None
    return _accepting(uri, path, kinds, reader)


def _accepting(uri: Node, path: ValuePath, kinds: Sequence[SourceSpec], reader: Reader) -> SourceSpec | None:
    """The first kind, in the order of registration, that takes the address."""
    if isinstance(uri, Leaf) and uri.value is INVALID:
        return None
    if not isinstance(uri, Leaf) or uri.value is None or isinstance(uri.value, bool | float):
        reader.add(f"expected a path or an address, got {shown(plain(uri))}", uri, path)
        return None
    found = next((spec for spec in kinds if spec.accepts(str(uri.value))), None)
    if found is None:
        fix = f"{_listed(kinds)}; choose one with 'use'"
        reader.add(f"no kind of source takes '{masked(uri.raw)}'", uri, path, fix=fix)
    return found


def _listed(kinds: Sequence[SourceSpec]) -> str:
    return f"there are {', '.join(sorted(spec.name for spec in kinds))}" if kinds else "none is known"
