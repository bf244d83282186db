"""Start-up checks: a wrong or damaged OpenCV is named with its repair, and the allocator keeps memory."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from vidstream.environment import check_opencv, versions

ROOT = Path(__file__).resolve().parents[2]
WHOLE = """
__version__ = "4.14.0"
class CascadeClassifier: ...
class HOGDescriptor: ...
def TrackerCSRT_create(): ...
"""
CHECK = "from vidstream.environment import check_opencv; check_opencv()"


def run_python(code: str, *, first_on_path: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """In a process of its own: this one has the real cv2 loaded."""
    paths = f"import sys; sys.path[:0] = [{str(first_on_path)!r}, {str(ROOT)!r}]\n"
    return subprocess.run([sys.executable, "-c", paths + code], capture_output=True, text=True, check=False)


def owner(site: Path, name: str, *, files: str) -> None:
    """Leave the trace that an installer leaves: the list of a distribution's files."""
    record = site / f"{name}-4.14.0.94.dist-info" / "RECORD"
    record.parent.mkdir(parents=True)
    record.write_text(files)


def opencv(site: Path, code: str) -> None:
    (site / "cv2").mkdir(parents=True)
    (site / "cv2" / "__init__.py").write_text(code)


def test_installed_opencv_passes() -> None:
    check_opencv()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        pytest.param(
            WHOLE.replace("4.14.0", "4.13.9"), "found version 4.13.9", id="older than the pinned one"
        ),
        pytest.param(WHOLE.replace("4.14.0", "5.0.0"), "found version 5.0.0", id="the next major version"),
        pytest.param("", "found version unknown", id="an empty package"),
        pytest.param(WHOLE.replace("TrackerCSRT", "X"), "cv2.TrackerCSRT_create is missing", id="no contrib"),
        pytest.param(
            WHOLE.replace("class Cascade", "class X"), "cv2.CascadeClassifier is missing", id="no cascades"
        ),
        pytest.param("raise ImportError('broken')", "cv2 cannot be imported (broken)", id="not importable"),
    ],
)
def test_damaged_opencv_is_named_with_the_repair(code: str, words: str, tmp_path: Path) -> None:
    opencv(tmp_path, code)
    done = run_python(CHECK, first_on_path=tmp_path)
    assert f"MissingDependency: OpenCV: {words}" in done.stderr
    assert f"repair: cd {ROOT} && {sys.executable} -m pip uninstall -y opencv-python" in done.stderr
    assert "-m pip install -r requirements/core.txt" in done.stderr


def test_two_owners_of_cv2_are_named(tmp_path: Path) -> None:
    opencv(tmp_path, WHOLE)
    owner(tmp_path, "opencv_contrib_python", files="cv2/__init__.py,sha256=x,1\n")
    owner(tmp_path, "opencv_python", files="bin/x,,\ncv2/cv2.abi3.so,,\n")
    done = run_python(CHECK, first_on_path=tmp_path)
    assert "opencv-contrib-python and opencv-python write over each other" in done.stderr


def test_stand_in_without_files_is_no_second_owner(tmp_path: Path) -> None:
    opencv(tmp_path, WHOLE)
    owner(tmp_path, "opencv_contrib_python", files="cv2/__init__.py,sha256=x,1\n")
    owner(tmp_path, "opencv_python", files="opencv_python-4.14.0.94.dist-info/RECORD,,\n")
    assert run_python(CHECK, first_on_path=tmp_path).returncode == 0


def test_missing_system_library_names_its_package(tmp_path: Path) -> None:
    opencv(tmp_path, "raise ImportError('libGL.so.1: cannot open shared object file')")
    assert "apt-get install libgl1 libglib2.0-0" in run_python(CHECK, first_on_path=tmp_path).stderr


def test_versions_say_none_for_what_is_not_installed() -> None:
    found = versions()
    assert found["opencv-contrib-python"] == importlib.metadata.version("opencv-contrib-python")
    assert found["dlib"] is None or found["dlib-bin"] is None, "two packages with the same module"
    assert found["python"] == sys.version.split()[0]


@pytest.mark.skipif(sys.platform != "linux", reason="the settings are glibc's")
def test_tuned_allocator_takes_no_page_faults_for_frames_it_has_had() -> None:
    measure = """
import resource
from vidstream.environment import tune_allocator
import numpy as np

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        frames = [np.ones((1080, 1920, 3), np.uint8) for _ in range(10)]
        del frames
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

plain = faults()
assert tune_allocator()
faults()
print(plain, faults())
"""
    done = run_python(measure)
    plain, tuned = map(int, done.stdout.split())
    assert plain > 150, done
    assert tuned < plain / 5
