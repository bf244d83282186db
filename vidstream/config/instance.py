"""One source's own tree: the graph with the source's `set:` and the command line over it, filled in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vidstream.config.keys import SOURCE_KEYS
from vidstream.config.merge import put_at
from vidstream.config.nodes import Fields, Leaf, Node
from vidstream.config.overrides import Override, missing, put_over
from vidstream.config.problems import Faults
from vidstream.config.reader import Reader
from vidstream.config.sources import Named
from vidstream.config.structure import section
from vidstream.config.substitute import Scope
from vidstream.errors import ParamError
from vidstream.graph.kinds import INVALID, ValuePath


def instance(
    tree: Fields, source: Named, scope: Scope, overrides: Sequence[Override], faults: Faults
) -> tuple[Fields, Named]:
    """The tree for one source, and the source, with everything filled in."""
    source = replace(source, node=_filled_source(source, scope))
    tree = _with_source(tree, source)
    tree = _with_options(tree, source, faults)
    tree = put_over(tree, [o for o in overrides if o.path[0] == "graph"], faults)
    graph = section(tree, "graph")
    entries = {key: _filled(entry, ("graph", key), scope) for key, entry in graph.fields.items()}
    filled = scope.checked(Fields(entries, graph.keys, graph.place), ("graph",))
    return tree.put("graph", filled, tree.keys.get("graph")), source


def _filled_source(source: Named, scope: Scope) -> Node:
    """Its `set:` stays as it is: it is filled in once it stands in the graph, and must not be twice."""
    node = source.node
    if not isinstance(node, Fields) or "set" not in node.fields:
        return scope.fill(node, source.path)
    filled = _fields(scope.fill(node.without("set"), source.path))
    return filled.put("set", node.fields["set"])


def _with_source(tree: Fields, source: Named) -> Fields:
    name = source.path[-1]
    if len(source.path) == 1:
        return tree.put(name, source.node)
    return tree.put("sources", section(tree, "sources").put(name, source.node))


def _filled(entry: Node, path: ValuePath, scope: Scope) -> Node:
    """An entry filled in; one that is switched off may refer to what does not exist."""
    if isinstance(entry, Fields) and "enabled" in entry.fields:
        enabled = scope.fill(entry.fields["enabled"], (*path, "enabled"))
        if isinstance(enabled, Leaf) and (enabled.value is False or enabled.loose is False):
            return entry.put("enabled", enabled)
    return scope.fill(entry, path)


def _with_options(tree: Fields, source: Named, faults: Faults) -> Fields:
    """The tree with the source's `set:` put over the graph."""
    options = source.node.fields.get("set") if isinstance(source.node, Fields) else None
    if options is None:
        return tree
    reader, path = Reader(tree, Path(), faults), (*source.path, "set")
    read = reader.kind(SOURCE_KEYS["set"].kind, options, path)
    if read is INVALID or not isinstance(options, Fields):
        return tree
    for key, value in options.fields.items():
        to = ("graph", *str(key).split("."))
        fault = missing(tree, to)
        if fault:
            reader.at_key(fault[0], (*path, key), fix=fault[1])
            continue
        try:
            tree = _fields(put_at(tree, to, value, options.keys[key]))
        except ParamError as error:
            reader.at_key(f"{'.'.join(map(str, error.path))} {error.what}", (*path, key), fix=error.fix)
    return tree


def _fields(node: Node) -> Fields:
    """A tree stays a mapping, whatever is put into it."""
    assert isinstance(node, Fields)
    return node
