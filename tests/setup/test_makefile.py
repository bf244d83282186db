"""The make targets: each does its own set-up first, and none a second time."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What set-up needs of this project, without a virtual environment."""
    for name in ("Makefile", "requirements", "packaging", "tools"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, tmp_path / name)
    return tmp_path


def plan(folder: Path, target: str) -> list[str]:
    """The commands that `make target` would run there."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }
    make = ["make", "--dry-run", target]
    return subprocess.check_output(make, cwd=folder, text=True, env=environment).splitlines()


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("demo", ["tools/setup.sh core", "run.py demo"]),
        ("test-fast", ["tools/setup.sh core", "tools/setup.sh test", '-m "not slow"']),
        ("lint", ["tools/setup.sh core", "tools/setup.sh test", "ruff check", "ruff format --check", "mypy"]),
        ("bench", ["tools/setup.sh core", "tools/setup.sh bench", "python -m benchmarks"]),
        ("deep", ["tools/setup.sh core", "tools/setup.sh deep"]),
        (
            "test",
            [
                "setup.sh core",
                "setup.sh test",
                "ruff check",
                "ruff format",
                "mypy",
                '-m "not slow"',
                '-m "slow and not faults"',
                "-m tests.faults",
            ],
        ),
    ],
)
def test_target_sets_up_first(target: str, expected: list[str], checkout: Path) -> None:
    commands = [line for line in plan(checkout, target) if not re.match("touch|echo", line)]
    assert len(commands) == len(expected)
    for command, part in zip(commands, expected, strict=True):
        assert part in command


def test_set_up_is_not_repeated(checkout: Path) -> None:
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / ".core-ready").touch()
    assert not [line for line in plan(checkout, "demo") if "setup" in line]
    os.utime(checkout / "requirements" / "core.txt", (4e9, 4e9))
    assert [line for line in plan(checkout, "demo") if "setup.sh core" in line]


@pytest.mark.parametrize("target", ["demo", "test", "bench", "deep"])
def test_last_line_says_what_was_done(target: str, checkout: Path) -> None:
    assert re.match(f'echo "make {target}: .+', plan(checkout, target)[-1])


def test_help_lists_every_target() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    listed = subprocess.check_output(["make", "--silent"], cwd=ROOT, text=True)
    assert re.findall(r"^make (\S+)", listed, re.MULTILINE) == phony.split()


def test_continuous_integration_runs_the_same_command() -> None:
    assert re.search(r"^exec make --keep-going test$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
