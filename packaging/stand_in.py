"""A build backend for distributions without files: it packs a name and a version into a wheel.

Each folder beside this file is a stand-in for a distribution of OpenCV that other packages require, while
this project's own, opencv-contrib-python, brings the same `cv2` and more. Without stand-ins the installer
would put a second OpenCV over the first, and removing either would take files of both.

A stand-in requires nothing, not even opencv-contrib-python: so the installer puts it in place (and takes a
real opencv-python out) before it writes opencv-contrib-python's files, not after. requirements/core.txt
names both.

Only the standard library is used and nothing is required to build: a second, without a network.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile

METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: {description}\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: stand_in\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
RECORD = "{folder}/METADATA,,\n{folder}/WHEEL,,\n{folder}/RECORD,,\n"


def build_wheel(
    wheel_directory: str,
    config_settings: Mapping[str, str] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Write the wheel of the project in the current folder (PEP 517) and return its file name."""
    del config_settings, metadata_directory  # PEP 517 hands them over; there is nothing to configure
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    stem = f"{project['name'].replace('-', '_')}-{project['version']}"
    wheel, folder = f"{stem}-py3-none-any.whl", f"{stem}.dist-info"
    with ZipFile(Path(wheel_directory, wheel), "w") as archive:
        archive.writestr(f"{folder}/METADATA", METADATA.format_map(project))
        archive.writestr(f"{folder}/WHEEL", WHEEL)
        archive.writestr(f"{folder}/RECORD", RECORD.format(folder=folder))
    return wheel
