"""Everything that comes with the project, found by walking its rooms: a new stage is one new file."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from pathlib import Path

from vidstream import sinks, sources, stages
from vidstream.graph.registry import Registry


def registry(plugins: Iterable[Path] = ()) -> Registry:
    """All built-in stages and sources, those of installed packages, and those of plugin files."""
    found = Registry()
    for room in (sources, stages, sinks):
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            found.add_module(importlib.import_module(module.name))
    found.add_entry_points()
    for plugin in plugins:
        found.add_plugin(plugin)
    return found
