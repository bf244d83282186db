"""A main file and what it includes, merged into one tree whose nodes know the file each came from."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from vidstream.config.compose import compose
from vidstream.config.merge import merge
from vidstream.config.nodes import Fields, Items, Leaf, Node, Place
from vidstream.config.problems import Faults
from vidstream.config.text import read_text
from vidstream.errors import ConfigError
from vidstream.graph.kinds import ValuePath, shown

_MAX_FILES: Final = 64
_MAX_LEVELS: Final = 16
#: stands for a file of which nothing can be said
NOTHING_READ: Final = Fields({}, {}, Place(""))


class Files:
    """Reads files; each is read once, and faults in one do not hide those in another."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._read: dict[Path, Fields] = {}
        self._open: list[Path] = []
        self._missing: list[Path] = []

    def file(self, path: Path) -> Fields:
        """A file with its includes under it."""
        known = _identity(path)
        if known not in self._read:
            self._open.append(known)
            self._read[known] = self._content(path)
            self._open.pop()
        return self._read[known]

    @property
    def paths(self) -> list[Path]:
        """All files that were read, or could not be."""
        return [*self._read, *self._missing]

    def _content(self, path: Path) -> Fields:
        try:
            text = read_text(path)
        except ConfigError as error:
            self._faults.extend(error.problems)
            return NOTHING_READ
        return self.text(text, str(path), path.parent)

    def text(self, text: str, name: str, folder: Path) -> Fields:
        """A text with its includes, which are relative to `folder`."""
        try:
            node = compose(text, name, self._faults)
        except ConfigError as error:
            self._faults.extend(error.problems)
            return NOTHING_READ
        return self.tree(node, name, folder)

    def tree(self, node: Node | None, name: str, folder: Path) -> Fields:
        """A value with its includes."""
        if not isinstance(node, Fields):
            empty = node is None or (isinstance(node, Leaf) and node.value is None)
            what = "the file is empty" if empty else "the file is not a mapping"
            place = Place(name) if node is None else node.place
            self._faults.add(what, place, fix="begin with 'source:' and 'graph:', each on a line of its own")
            return NOTHING_READ
        tree: Node = NOTHING_READ
        for path, entry in self._includes(node):
            tree = merge(tree, self._included(entry, path, folder))
        tree = merge(tree, node.without("include"))
        assert isinstance(tree, Fields)
        return tree

    def _includes(self, node: Fields) -> list[tuple[ValuePath, Leaf]]:
        """The entries of `include:` that can be followed."""
        given = node.fields.get("include")
        entries = given.items if isinstance(given, Items) else [] if given is None else [given]
        good = []
        for i, entry in enumerate(entries):
            path: ValuePath = ("include", i) if isinstance(given, Items) else ("include",)
            if not isinstance(entry, Leaf) or not isinstance(entry.value, str) or not entry.value:
                what = "a list" if isinstance(entry, Items) else "a mapping"
                got = shown(entry.value) if isinstance(entry, Leaf) else what
                self._faults.add(f"expected a file to include, got {got}", entry.place, path)
            elif "${" in entry.value:
                fix = "write the file's name out"
                self._faults.add("a file to include cannot hold ${...}", entry.place, path, fix=fix)
            else:
                good.append((path, entry))
        return good

    def _included(self, entry: Leaf, path: ValuePath, folder: Path) -> Fields:
        file = folder / entry.value
        known = _identity(file)
        fault = ""
        if known in self._open:
            chain = [p.name for p in self._open[self._open.index(known) :]]
            fault = f"includes itself: {' -> '.join([*chain, known.name])}"
        elif len(self._open) > _MAX_LEVELS or len(self._read) >= _MAX_FILES:
            fault = f"more than {_MAX_FILES} files, or {_MAX_LEVELS} inside each other"
        elif not _is_file(file):
            fault = f"file '{file}' does not exist, or is not a regular file"
            self._missing.append(known)
        if fault:
            self._faults.add(fault, entry.place, path)
            return NOTHING_READ
        return self.file(file)


def _identity(path: Path) -> Path:
    """The same for all names of a file."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # links in a circle, a null character: told when it is opened
        return path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long
        return False
