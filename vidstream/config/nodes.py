"""What YAML text is read into: values that remember where they stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple, TypeAlias

from vidstream.graph.kinds import ValuePath

#: nodes that one value may expand to (aliases and variables counted as often as they are used)
MAX_NODES: Final = 20_000
#: mappings and lists that may stand inside each other
MAX_DEPTH: Final = 32

Key: TypeAlias = str | int
#: marks a leaf that has no second reading
NOTHING: Final = object()


@dataclass(frozen=True, slots=True)
class Place:
    """A span of one line of a file, from 1; line 0 is the file as a whole or a command-line option."""

    file: str
    line: int = 0
    column: int = 0
    width: int = 1
    text: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """A scalar. `raw` is the text as written, which may be shown; `value` may hold a secret.

    `via` says in words what was put in for ``${...}``; `env` holds the (name, value) pairs of the
    environment variables inside; `loose` is the second reading of a text from the environment, as a
    number or a flag, for places where a text does not fit.
    """

    value: Any
    place: Place
    raw: str = ""
    via: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    loose: Any = field(default=NOTHING, repr=False)
    size: int = field(default=1, init=False)
    depth: int = field(default=0, init=False)


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """A list."""

    items: Sequence[Node]
    place: Place
    via: tuple[str, ...] = ()
    size: int = field(init=False)
    depth: int = field(init=False)

    def __post_init__(self) -> None:
        _measure(self, self.items)


@dataclass(frozen=True, slots=True, eq=False)
class Fields:
    """A mapping; `keys` are the places of the keys themselves."""

    fields: Mapping[Key, Node]
    keys: Mapping[Key, Place]
    place: Place
    via: tuple[str, ...] = ()
    size: int = field(init=False)
    depth: int = field(init=False)

    def __post_init__(self) -> None:
        _measure(self, list(self.fields.values()))

    def put(self, key: Key, node: Node, place: Place | None = None) -> Fields:
        """A copy in which `key` has another value; a new key comes last."""
        at = place or self.keys.get(key, node.place)
        return replace(self, fields={**self.fields, key: node}, keys={**self.keys, key: at})

    def without(self, *keys: Key) -> Fields:
        """A copy that lacks some keys."""
        return replace(self, fields={k: n for k, n in self.fields.items() if k not in keys})


Node: TypeAlias = Leaf | Items | Fields


def _measure(node: Items | Fields, children: Sequence[Node]) -> None:
    """Sizes are of the expanded value, so that shared parts count as often as they are used."""
    object.__setattr__(node, "size", 1 + sum(c.size for c in children))
    object.__setattr__(node, "depth", 1 + max((c.depth for c in children), default=0))


def moved(node: Node, place: Place) -> Node:
    """The same value, standing elsewhere (its parts stay where they are)."""
    return replace(node, place=place)


def plain(node: Node, second: frozenset[int] = frozenset()) -> Any:
    """The bare value; leaves whose id is in `second` give their second reading."""
    if isinstance(node, Fields):
        return {key: plain(child, second) for key, child in node.fields.items()}
    if isinstance(node, Items):
        return [plain(child, second) for child in node.items]
    return node.loose if id(node) in second else node.value


def leaves(node: Node) -> Iterator[Leaf]:
    """Every scalar in it."""
    if isinstance(node, Leaf):
        yield node
        return
    for child in node.fields.values() if isinstance(node, Fields) else node.items:
        yield from leaves(child)


def from_value(value: Any, place: Place) -> Node:
    """Nodes for a value of Python; what is not a mapping, a list or a tuple is kept as it is."""
    if isinstance(value, Mapping):
        fields = {key: from_value(child, place) for key, child in value.items()}
        return Fields(fields, dict.fromkeys(fields, place), place)
    if isinstance(value, list | tuple):
        return Items([from_value(child, place) for child in value], place)
    return Leaf(value, place, str(value))


class Found(NamedTuple):
    """Where a path leads: the last node that exists, its key's place, its path, and whether that is all."""

    node: Node
    key: Place
    path: ValuePath
    whole: bool


def locate(root: Node, path: ValuePath) -> Found:
    """Follow a path as far as it goes."""
    node, key = root, root.place
    for i, step in enumerate(path):
        if isinstance(node, Fields) and step in node.fields:
            key, node = node.keys[step], node.fields[step]
        elif isinstance(node, Items) and isinstance(step, int) and 0 <= step < len(node.items):
            node = node.items[step]
            key = node.place
        else:
            return Found(node, key, path[:i], whole=False)
    return Found(node, key, path, whole=True)
