"""Print the Debian packages that this machine lacks; it runs before set-up, so Python is all it needs."""

from __future__ import annotations

import ctypes
import importlib.util
import platform
import shutil
import sys
from collections.abc import Iterator

#: What OpenCV's wheel links to beyond the C library, and where Debian keeps it.
LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libgthread-2.0.so.0": "libglib2.0-0",
}
#: Machines for which requirements/core.txt brings the tesseract program.
TESSERACT_PACKAGED = ("x86_64", "aarch64")


def missing_packages() -> Iterator[str]:
    """Debian's names of what set-up needs and cannot find; on other systems the wheels bring it all."""
    if sys.platform != "linux":
        return
    if not all(map(importlib.util.find_spec, ("ensurepip", "venv"))):  # Debian's Python comes without
        yield f"python3.{sys.version_info.minor}-venv"
    for library, package in LIBRARIES.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            yield package
    if platform.machine() not in TESSERACT_PACKAGED and not shutil.which("tesseract"):
        yield "tesseract-ocr"


if __name__ == "__main__":
    print(*missing_packages())
