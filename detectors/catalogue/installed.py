"""Model files that came with installed packages: found by their path, none of the package is imported."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from detectors.catalogue.card import ModelFile
from detectors.catalogue.places import InPackage


def installed(entry: ModelFile) -> Path | None:
    """What the places of a file have, in an installed package of any release; its hash decides later."""
    for place in entry.places:
        package = InPackage.read(place)
        if package is None or package.registry != "pypi":
            continue
        path = package.path.partition("/")[2] if package.in_source_archive else package.path
        try:
            found = Path(str(distribution(package.name).locate_file(path)))
        except PackageNotFoundError:
            continue
        if found.is_file() and found.stat().st_size == entry.source.size:
            return found
    return None
