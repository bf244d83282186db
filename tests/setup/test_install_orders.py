"""Whatever is installed before or after ours, in whatever order: cv2 stays one whole OpenCV with contrib."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("-r", "requirements/core.txt")
#: A package in wide use that requires opencv-python (and nothing large).
WANTS_OPENCV = "supervision==0.31.2"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


class Environment:
    """A fresh virtual environment."""

    def __init__(self, folder: Path) -> None:
        self.python = folder / "bin" / "python"
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)

    def pip(self, *arguments: str) -> None:
        command = [str(self.python), "-m", "pip", "--quiet", *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def install(self, *what: str) -> None:
        self.pip("install", "--no-compile", *what)

    def check(self) -> subprocess.CompletedProcess[str]:
        command = [str(self.python), "tools/setup_check.py"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    index = [sys.executable, "-m", "pip", "--timeout=10", "--retries=1", "index", "versions", "opencv-python"]
    if subprocess.run(index, capture_output=True, check=False).returncode:
        reason = "the package index cannot be reached"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return Environment(tmp_path / "venv")


def test_ours_first_then_another_that_wants_opencv(environment: Environment) -> None:
    environment.install(*OURS)
    environment.install(WANTS_OPENCV)
    assert environment.check().returncode == 0, environment.check().stderr
    environment.pip("uninstall", "-y", "opencv-python", "opencv-python-headless")
    assert environment.check().returncode == 0, "removing what stands in for opencv-python took files of ours"


def test_another_opencv_first_then_ours(environment: Environment) -> None:
    environment.install(WANTS_OPENCV)
    assert "OpenCV: " in environment.check().stderr
    environment.install(*OURS)
    assert environment.check().returncode == 0, environment.check().stderr


def test_both_in_one_command(environment: Environment) -> None:
    environment.install(WANTS_OPENCV, *OURS)
    assert environment.check().returncode == 0, environment.check().stderr


def test_repair_command_repairs(environment: Environment) -> None:
    """The one order that no packaging can save: ours without its stand-ins, then the other over it."""
    environment.install("opencv-contrib-python==4.14.0.94")
    environment.install("opencv-python==4.14.0.94")
    message = environment.check().stderr
    assert "TrackerCSRT_create is missing" in message
    subprocess.run(message.partition("repair: ")[2], shell=True, check=True, capture_output=True)
    assert environment.check().returncode == 0, environment.check().stderr
