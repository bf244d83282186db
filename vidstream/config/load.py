"""The way in: a file, a text or values to a checked description."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vidstream.config.builder import Builder, Loaded
from vidstream.config.files import NOTHING_READ, Files
from vidstream.config.nodes import Place, from_value
from vidstream.config.overrides import Given
from vidstream.config.problems import Faults
from vidstream.config.structure import VERSION
from vidstream.errors import ConfigError
from vidstream.graph.registry import Registry


def load(
    path: Path,
    registry: Registry,
    *,
    overrides: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
    source: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Loaded:
    """Read a YAML file and everything it includes.

    `overrides` are values by dotted path (``graph.det.confidence``), `variables` values for ``${name}``;
    both are read as YAML. `source`, an address or ``name=address``, stands in for all sources. Relative
    paths start from the file's folder; that of `source` from the current one. `environ` is the
    environment if not given. Raises ConfigError with everything that is wrong.
    """
    faults = Faults()
    tree = Files(faults).file(path)
    if tree is NOTHING_READ:
        raise ConfigError(faults.found)
    given = Given(overrides or {}, variables or {}, source, os.environ if environ is None else environ)
    return Builder(str(path), path.parent, registry, given, faults).build(tree)


def files_of(path: Path) -> list[Path]:
    """A YAML file and all that it includes, as far as they can be found; faults are not looked at."""
    files = Files(Faults())
    files.file(path)
    return files.paths


def loads(
    text: str,
    registry: Registry,
    *,
    base: Path | None = None,
    name: str = "<text>",
    overrides: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
    source: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Loaded:
    """Read a text as `load` reads a file; `name` stands for it in messages, `base` for its folder."""
    faults = Faults()
    folder = base or Path()
    tree = Files(faults).text(text, name, folder)
    if tree is NOTHING_READ:
        raise ConfigError(faults.found)
    given = Given(overrides or {}, variables or {}, source, os.environ if environ is None else environ)
    return Builder(name, folder, registry, given, faults).build(tree)


def build(content: Mapping[str, Any], registry: Registry, base: Path | None = None) -> Loaded:
    """The same from values of Python, written as in YAML; typed ones (`Path`, `Line` ...) are taken too.

    Relative paths start from `base`. Faults are named by their dotted paths.
    """
    faults = Faults()
    folder = base or Path()
    tree = Files(faults).tree(from_value({"version": VERSION, **content}, Place("")), "", folder)
    return Builder("", folder, registry, Given(), faults).build(tree)
