"""Reading nodes through kinds: values come out typed, faults go back to their place in the files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from vidstream.config.nodes import NOTHING, Fields, Found, Leaf, Node, Place, leaves, locate, plain
from vidstream.config.problems import Faults, veil
from vidstream.errors import ParamError
from vidstream.graph.kinds import INVALID, Kind, Reading, ValuePath
from vidstream.graph.params import read_params


class Reader:
    """Reads parts of one tree; `root` is what paths start from, `base` the folder of relative inputs."""

    def __init__(self, root: Fields, base: Path, faults: Faults) -> None:
        self.root = root
        self.base = base
        self.faults = faults

    def params(self, cls: type, node: Node, path: ValuePath) -> Any:
        """An instance of a parameter class, or INVALID."""
        return self._read(lambda value, reading: read_params(cls, value, path, reading), node)

    def kind(self, kind: Kind, node: Node, path: ValuePath) -> Any:
        """A value of a kind, or INVALID."""
        return self._read(lambda value, reading: kind.read(value, path, reading), node)

    def note(self, problems: Iterable[ParamError]) -> None:
        """Put faults that others found where they belong."""
        for problem in problems:
            found = locate(self.root, problem.path)
            if _follows_another(found, problem.at_key):
                continue
            exact = found.whole and not problem.at_key
            shorter = ParamError(problem.what, path=found.path, fix=problem.fix)
            self._add(shorter, found.node, _place(found, problem.at_key), exact)

    def add(self, what: str, node: Node, path: ValuePath, *, fix: str = "") -> None:
        """Note a fault of one node."""
        self._add(ParamError(what, path=path, fix=fix), node, node.place, exact=True)

    def at_key(self, what: str, path: ValuePath, *, fix: str = "") -> None:
        """Note a fault of a key, or that something is missing behind it."""
        self.note([ParamError(what, path=path, fix=fix, at_key=True)])

    def _read(self, how: Callable[[Any, Reading], Any], node: Node) -> Any:
        """Texts from the environment are tried as texts first, then, where those do not fit, as numbers."""
        reading = Reading(self.base)
        made = how(plain(node), reading)
        second = frozenset(
            id(leaf)
            for problem in reading.problems
            for leaf in leaves(locate(self.root, problem.path).node)
            if leaf.loose is not NOTHING
        )
        if second:
            reading = Reading(self.base)
            made = how(plain(node, second), reading)
        self.note(reading.problems)
        return INVALID if reading.problems else made

    def _add(self, problem: ParamError, node: Node, place: Place, exact: bool) -> None:
        secrets = {pair for leaf in leaves(node) for pair in leaf.env}
        what = veil(problem.what, secrets)
        if exact and node.via:
            what = f"{what} (from {', '.join(node.via)})"
        self.faults.add(what, place, problem.path, fix=veil(problem.fix, secrets))


def _place(found: Found, at_key: bool) -> Place:
    """The key, where the key is at fault or something is missing behind it; else the value."""
    if at_key or not (found.whole or isinstance(found.node, Leaf)):
        return found.key
    return found.node.place


def _follows_another(found: Found, at_key: bool) -> bool:
    """True where the fault is only that a variable could not be filled in, which is noted already."""
    if at_key and not isinstance(found.node, Leaf):
        return False
    return any(leaf.value is INVALID for leaf in leaves(found.node))
