"""Two stages must not write one file: the second would destroy what the first wrote."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

from vidstream.config.reader import Reader
from vidstream.errors import ParamError
from vidstream.graph.description import StageEntry
from vidstream.graph.kinds import FilePath, Kind, Listing, OneOf, Table, ValuePath
from vidstream.graph.params import Nested, parameters


class OutputFiles:
    """All files that the stages seen so far will write."""

    def __init__(self) -> None:
        self._writers: dict[PurePath, tuple[str, str]] = {}

    def add(self, source: str, stages: Iterable[StageEntry], reader: Reader) -> None:
        """Take the files of one source's stages; a file that already has a writer is noted."""
        for entry in stages:
            for path, file, shared in _written(Nested(entry.spec.params), entry.params, ("graph", entry.id)):
                if "{source}" in str(file):  # a field that the sink itself fills in
                    continue
                writer = ("", entry.spec.name) if shared else (source, entry.id)
                first = self._writers.setdefault(file, writer)
                if first != writer:
                    reader.note([_clash(first, writer, path, file)])


def _clash(first: tuple[str, str], second: tuple[str, str], path: ValuePath, file: PurePath) -> ParamError:
    if first[0] == second[0] or "" in (first[0], second[0]):
        what = f"'{first[1]}' already writes '{file}'"
        return ParamError(what, path=path, fix="give it a file of its own")
    example = file.with_name(f"{file.stem}-${{source}}{file.suffix}")
    what = f"the sources '{first[0]}' and '{second[0]}' would write the same file '{file}'"
    return ParamError(what, path=path, fix=f"put ${{source}} into its path: '{example}'")


def _written(kind: Kind | None, value: Any, path: ValuePath) -> Iterator[tuple[ValuePath, PurePath, bool]]:
    """Every path to write to inside a parameter's value, and whether stages of one kind may share it."""
    if isinstance(kind, FilePath) and kind.role in ("output", "shared") and isinstance(value, Path):
        yield path, PurePath(os.path.normpath(value)), kind.role == "shared"
    elif isinstance(kind, OneOf):
        for inner in kind.kinds:
            yield from _written(inner, value, path)
    elif isinstance(kind, Listing) and isinstance(value, tuple):
        for i, item in enumerate(value):
            yield from _written(kind.item, item, (*path, i))
    elif isinstance(kind, Table) and isinstance(value, Mapping):
        for key, item in value.items():
            yield from _written(kind.item, item, (*path, key))
    elif isinstance(kind, Nested) and isinstance(value, kind.cls):
        for parameter in parameters(kind.cls):
            yield from _written(parameter.kind, getattr(value, parameter.field), (*path, parameter.name))
