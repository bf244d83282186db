"""What `${...}` stands for: variables, the environment, the source's name.

``${name}``                a variable of `vars:` or of the command line; alone, it keeps its type
``${env:NAME}``            an environment variable
``${env:NAME:-default}``   ... or a default where it is unset or empty
``${source}``              the name of the source that the graph is instantiated for
``$${``                    a plain ``${``

A text from the environment is a text; where a text does not fit, and it stands alone, it is read as a
number or a flag. It never appears in a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from vidstream.config.nodes import MAX_DEPTH, MAX_NODES, NOTHING, Fields, Items, Leaf, Node, Place
from vidstream.config.problems import Faults
from vidstream.config.scalars import resolve
from vidstream.errors import did_you_mean
from vidstream.graph.kinds import INVALID, ValuePath

#: characters that one scope may produce by joining texts
MAX_TEXT: Final = 1 << 20

_PART: Final = re.compile(r"\$\$\{|\$\{(?P<body>[^{}]*)\}|\$\{")
_NAME: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_ENV: Final = re.compile(r"env:(?P<name>[A-Za-z_]\w*)(:-(?P<default>.*))?", re.ASCII | re.DOTALL)


class Hidden(str):
    """A text with something of the environment in it: prints as it was written, not as it is."""

    label: str

    def __new__(cls, text: str, label: str = "***") -> Hidden:
        """`label` is shown instead of the text."""
        made = super().__new__(cls, text)
        made.label = label
        return made

    def __repr__(self) -> str:
        return repr(self.label)


@dataclass(frozen=True, slots=True)
class Names:
    """What can be referred to, the same for all sources."""

    variables: Fields
    environ: Mapping[str, str] = field(repr=False)


def names_used(node: Node) -> Iterator[str]:
    """The variables that a value refers to."""
    if isinstance(node, Leaf):
        if isinstance(node.value, str) and "${" in node.value:
            yield from (m["body"] for m in _PART.finditer(node.value) if m["body"])
        return
    for child in node.fields.values() if isinstance(node, Fields) else node.items:
        yield from names_used(child)


class Scope:
    """Fills values in for one source, or for what belongs to no source."""

    def __init__(self, names: Names, faults: Faults, source: str | None = None) -> None:
        self._names = names
        self._faults = faults
        self._source = source
        self._known: dict[str, Node] = {}
        self._open: list[str] = []
        self._depth = 0
        self._budget = MAX_TEXT

    def fill(self, node: Node, path: ValuePath) -> Node:
        """The value with everything filled in; what cannot be is INVALID, after noting why."""
        self._depth += 1
        filled = self._filled(node, path) if self._depth <= MAX_DEPTH + 1 else None
        self._depth -= 1
        return self._too_large(node, path) if filled is None else self.checked(filled, path)

    def checked(self, node: Node, path: ValuePath) -> Node:
        """The value itself, unless its variables made it too large."""
        fits = node.size <= MAX_NODES and node.depth <= MAX_DEPTH
        return node if fits else self._too_large(node, path)

    def _too_large(self, node: Node, path: ValuePath) -> Leaf:
        what = f"its variables expand to more than {MAX_NODES} values or {MAX_DEPTH} levels"
        return self._broken(what, node.place, path, "use fewer")

    def _filled(self, node: Node, path: ValuePath) -> Node:
        if isinstance(node, Leaf):
            return self._leaf(node, path)
        if isinstance(node, Items):
            return Items([self.fill(n, (*path, i)) for i, n in enumerate(node.items)], node.place)
        self._check_keys(node, path)
        fields = {key: self.fill(n, (*path, key)) for key, n in node.fields.items()}
        return Fields(fields, node.keys, node.place)

    def _check_keys(self, node: Fields, path: ValuePath) -> None:
        for key in node.fields:
            if isinstance(key, str) and "${" in key:
                self._faults.add(
                    "a name cannot hold ${...}", node.keys[key], (*path, key), fix="write it out"
                )

    def _broken(self, what: str, place: Place, path: ValuePath, fix: str = "") -> Leaf:
        self._faults.add(what, place, path, fix=fix)
        return Leaf(INVALID, place)

    def _leaf(self, leaf: Leaf, path: ValuePath) -> Node:
        if not isinstance(leaf.value, str) or "${" not in leaf.value:
            return leaf
        matches = list(_PART.finditer(leaf.value))
        if len(matches) == 1 and matches[0][0] == leaf.value:
            return self._part(matches[0], leaf, path)
        return self._joined(leaf, matches, path)

    def _part(self, match: re.Match[str], leaf: Leaf, path: ValuePath) -> Node:
        """What one ``${...}`` stands for, with its type."""
        body = match["body"]
        if match[0] == "$${":
            return replace(leaf, value="${")
        if body is not None and (env := _ENV.fullmatch(body)):
            return self._environment(env, leaf, path)
        if body is not None and _NAME.fullmatch(body):
            return self._variable(body, leaf, path)
        what = f"'{match[0]}' cannot be read"
        fix = "write ${name}, ${env:NAME} or ${env:NAME:-default}; $${ gives a plain ${"
        return self._broken(what, _within(leaf, match[0]), path, fix)

    def _environment(self, match: re.Match[str], leaf: Leaf, path: ValuePath) -> Leaf:
        name, default = match["name"], match["default"]
        text = self._names.environ.get(name)
        if default is not None and not text:
            via = f"the default in ${{{match[0]}}}"
            return replace(leaf, value=default, via=(via,), loose=_second(default))
        if text is None:
            what, fix = (
                f"environment variable {name} is not set",
                f"set it, or write ${{env:{name}:-default}}",
            )
            return self._broken(what, _within(leaf, f"${{{match[0]}}}"), path, fix)
        self._faults.secrets.add((name, text))
        via = f"environment variable {name}"
        return replace(
            leaf, value=Hidden(text, leaf.raw), via=(via,), env=((name, text),), loose=_second(text)
        )

    def _variable(self, name: str, leaf: Leaf, path: ValuePath) -> Node:
        place = _within(leaf, f"${{{name}}}")
        if name == "source":
            if self._source is None:
                fix = "it stands for a source's name in 'graph' and 'sources' only"
                return self._broken("there is no ${source} here", place, path, fix)
            return replace(leaf, value=self._source, via=("the source's name",))
        value = self._value(name, place, path)
        if value is None or (isinstance(value, Leaf) and value.value is INVALID):
            return Leaf(INVALID, leaf.place)
        origin = self._names.variables.keys[name]
        if not origin.line:  # the command line is to blame, not the place that asks for the variable
            return replace(value, place=origin)
        return replace(value, place=leaf.place, via=(f"vars.{name} at {origin}", *value.via))

    def _value(self, name: str, place: Place, path: ValuePath) -> Node | None:
        """A variable's value, filled in once; None after noting why there is none."""
        if name in self._known:
            return self._known[name]
        variables = self._names.variables
        if name not in variables.fields:
            known = [str(key) for key in variables.fields]
            fix = did_you_mean(name, known) or f"write it under vars:, or give --var {name}=..."
            self._faults.add(f"there is no variable '{name}'", place, path, fix=fix)
            return None
        if name in self._open:
            chain = " -> ".join([*self._open[self._open.index(name) :], name])
            self._faults.add(f"refers to itself: {chain}", variables.keys[name], ("vars", name))
            return None
        self._open.append(name)
        self._known[name] = self.fill(variables.fields[name], ("vars", name))
        self._open.pop()
        return self._known[name]

    def _joined(self, leaf: Leaf, matches: list[re.Match[str]], path: ValuePath) -> Leaf:
        """A text with parts filled in; it stays a text."""
        pieces: list[str] = []
        parts: list[Leaf] = []
        end = 0
        for match in matches:
            part = self._part(match, leaf, path)
            if not isinstance(part, Leaf):
                kind = "a mapping" if isinstance(part, Fields) else "a list"
                what, fix = f"{match[0]} is {kind}", "it can only stand alone"
                return self._broken(what, _within(leaf, match[0]), path, fix)
            if part.value is INVALID:
                return part
            pieces += [leaf.value[end : match.start()], _as_text(part)]
            parts.append(part)
            end = match.end()
        text = "".join([*pieces, leaf.value[end:]])
        return self._made(leaf, text, parts, path)

    def _made(self, leaf: Leaf, text: str, parts: list[Leaf], path: ValuePath) -> Leaf:
        self._budget -= len(text)
        if self._budget < 0:
            return self._broken(f"its variables expand to more than {MAX_TEXT} characters", leaf.place, path)
        env = tuple(pair for part in parts for pair in part.env)
        via = tuple(dict.fromkeys(v for part in parts for v in part.via))
        return replace(leaf, value=Hidden(text, leaf.raw) if env else text, via=via, env=env)


def _as_text(leaf: Leaf) -> str:
    """A scalar inside a text: as it was written, so that 1.50 stays 1.50."""
    return str(leaf.value) if isinstance(leaf.value, str) else leaf.raw


def _second(text: str) -> object:
    value = resolve(text)
    return NOTHING if isinstance(value, str) or value is None else value


def _within(leaf: Leaf, part: str) -> Place:
    """The place of a ``${...}`` inside a scalar."""
    place = leaf.place
    start = place.text.find(part, place.column - 1) if place.line else -1
    if start < 0 or start + len(part) > place.column - 1 + place.width:
        return place
    return replace(place, column=start + 1, width=len(part))
