"""Putting values over each other: deep merge of files, single values from the command line or `set:`."""

from __future__ import annotations

from collections.abc import Sequence

from vidstream.config.nodes import Fields, Items, Key, Leaf, Node, Place
from vidstream.errors import ParamError
from vidstream.graph.kinds import ValuePath


def merge(base: Node, over: Node, path: ValuePath = ()) -> Node:
    """`over` laid on `base`: mappings key by key, everything else replaced."""
    if isinstance(over, Fields):
        base = widened(base, path)
    if not (isinstance(base, Fields) and isinstance(over, Fields)):
        return over
    merged: dict[Key, Node] = {}
    for key in merged_order(list(base.fields), list(over.fields)):
        below, above = base.fields.get(key), over.fields.get(key)
        if below is not None and above is not None:
            merged[key] = merge(below, above, (*path, key))
        elif (only := below or above) is not None:
            merged[key] = only
    return Fields(merged, {**base.keys, **over.keys}, over.place)


def merged_order(base: Sequence[Key], over: Sequence[Key]) -> list[Key]:
    """Both orders in one: that of `over`, with what only `base` has as early as its own order allows.

    >>> merged_order(["det", "track", "cross"], ["track", "draw"])
    ['det', 'track', 'cross', 'draw']
    >>> merged_order(["cross"], ["det", "track", "cross", "draw"])
    ['det', 'track', 'cross', 'draw']
    """
    shared = set(base) & set(over)
    index = {key: i for i, key in enumerate(base)}
    order: dict[Key, None] = {}
    done = 0
    for key in over:
        end = index.get(key, done)
        if key not in shared:  # up to the next key that has its place in `over`
            while end < len(base) and (base[end] not in shared or base[end] in order):
                end += 1
        order.update(dict.fromkeys(k for k in base[done:end] if k not in shared))
        order[key] = None
        done = max(done, end)
    order.update(dict.fromkeys(base[done:]))
    return list(order)


def widened(node: Node, path: ValuePath) -> Node:
    """The long form of a stage or source written as a bare word, so that options can join it."""
    key = _short_form(path)
    if key and isinstance(node, Leaf) and node.raw:
        return Fields({key: node}, {key: node.place}, node.place)
    return node


def _short_form(path: ValuePath) -> str:
    if len(path) == 2 and path[0] == "graph":
        return "use"
    return "uri" if path == ("source",) or (len(path) == 2 and path[0] == "sources") else ""


def put_at(node: Node, path: ValuePath, value: Node, place: Place, at: ValuePath = ()) -> Node:
    """A copy of `node` with `value` at `path`; mappings on the way are made where missing.

    ParamError where something on the way is not a mapping, or a list is too short.
    """
    if not path:
        return value
    node, step = widened(node, at), path[0]
    if isinstance(node, Items):
        index = int(step) if isinstance(step, str) and step.isdecimal() and len(step) < 9 else -1
        if not 0 <= index < len(node.items):
            counted = f"it has {len(node.items)}, counted from 0"
            raise ParamError(f"there is no entry '{step}'", path=at, fix=counted)
        items = list(node.items)
        items[index] = put_at(items[index], path[1:], value, place, (*at, index))
        return Items(items, node.place)
    if not isinstance(node, Fields):
        raise ParamError(f"is not a mapping, and has no '{step}'", path=at)
    below = node.fields.get(step, Fields({}, {}, place))
    known = node.keys.get(step) if len(path) > 1 else None
    return node.put(step, put_at(below, path[1:], value, place, (*at, step)), known or place)
