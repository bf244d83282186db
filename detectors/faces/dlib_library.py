"""dlib: the library, loaded where it is first used, and its model files.

dlib reads models from paths only. A file's hash is checked before its path is handed over.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from detectors import catalogue
from detectors.catalogue import Card
from vidstream.errors import MissingDependency

_INSTALL = "pip install dlib-bin==20.0.1.post1 (or dlib, which has to be compiled)"


def dlib() -> Any:
    """The library. MissingDependency names the install line."""
    try:
        return importlib.import_module("dlib")
    except ImportError as error:
        raise MissingDependency("dlib is not installed", fix=f"run: {_INSTALL}") from error


def verified_files(name: str, models: Path | None = None) -> tuple[Card, Mapping[str, str]]:
    """A dlib model's card, and its files' paths by role, each size and hash checked. ModelError."""
    card, paths = catalogue.find(name, models)
    for role, path in paths.items():
        card.files[role].read(path, name)
    return card, {role: str(path) for role, path in paths.items()}
