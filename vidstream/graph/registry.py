"""The registry: names to specifications of stages and sources. Filled by whoever composes a program."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from vidstream.errors import UsageError, did_you_mean
from vidstream.graph.source import SourceSpec
from vidstream.graph.stage import StageSpec

#: installed packages offer stages under this entry-point group: each names a module
ENTRY_POINTS = "vidstream.stages"


class Registry:
    """Stages and sources by name. A plain object: tests make their own."""

    def __init__(self, modules: Iterable[ModuleType] = ()) -> None:
        self.stages: dict[str, StageSpec] = {}
        self.sources: dict[str, SourceSpec] = {}
        for module in modules:
            self.add_module(module)

    def add(self, item: Any) -> None:
        """Add a class or function marked by ``@stage`` or ``@source``; a second of a name is an error."""
        spec = item.spec
        shelf: dict[str, Any] = self.stages if isinstance(spec, StageSpec) else self.sources
        first = shelf.setdefault(spec.name, spec)
        if first is not spec:
            raise UsageError(
                f"'{spec.name}' is defined twice, in {first.cls.__module__} and {spec.cls.__module__}",
                fix="give one of them another name",
            )

    def add_module(self, module: ModuleType) -> int:
        """Add all that a module defines itself; gives how many."""
        found = [item for item in vars(module).values() if _defined_in(item, module)]
        for item in found:
            self.add(item)
        return len(found)

    def add_plugin(self, path: Path) -> None:
        """Add the stages of a user's Python file. Its code runs with the user's rights."""
        if not path.is_file():
            raise UsageError(f"plugin '{path}' does not exist", fix="check the path")
        name = f"vidstream_plugin_{path.stem}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise UsageError(f"plugin '{path}' is not a Python file", fix="name a .py file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # annotations and source comments are looked up through it
        try:
            spec.loader.exec_module(module)
        except Exception as error:  # anything may happen in a user's file
            raise UsageError(
                f"cannot be loaded: {type(error).__name__}: {error}", where=f"plugin '{path}'"
            ) from error
        if not self.add_module(module):
            raise UsageError(
                "defines no stage", where=f"plugin '{path}'", fix="mark a class with @stage('name')"
            )

    def add_entry_points(self) -> None:
        """Add the stages of installed packages."""
        for entry in entry_points(group=ENTRY_POINTS):
            self.add_module(entry.load())

    def stage(self, name: str) -> StageSpec:
        """The stage of this name; UsageError with the nearest known name."""
        if name not in self.stages:
            raise UsageError(f"unknown stage '{name}'", fix=self.hint(name))
        return self.stages[name]

    def hint(self, name: str) -> str:
        """What was perhaps meant by an unknown stage name."""
        family = [n for n in self.stages if n.partition(".")[2] == name or n.startswith(f"{name}.")]
        if len(family) == 1:
            return f"did you mean '{family[0]}'?"
        return did_you_mean(name, list(self.stages)) or "'stages' lists all"

    def __iter__(self) -> Iterator[StageSpec]:
        return iter(sorted(self.stages.values(), key=lambda s: s.name))


def _defined_in(item: Any, module: ModuleType) -> bool:
    spec = vars(item).get("spec") if hasattr(item, "__dict__") else None
    return isinstance(spec, StageSpec | SourceSpec) and getattr(item, "__module__", "") == module.__name__
