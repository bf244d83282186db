"""Print the Debian packages that this machine lacks; it runs before set-up, so Python is all it needs.

With `test` as its argument: those of the programs that tests use beside the Python packages.
"""

from __future__ import annotations

import ctypes
import importlib.util
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

#: What OpenCV's wheel links to beyond the C library, and where Debian keeps it.
LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libgthread-2.0.so.0": "libglib2.0-0",
}
#: Machines for which requirements/core.txt brings the tesseract program.
TESSERACT_PACKAGED = ("x86_64", "aarch64")
#: Programs that tests run: a screen, a browser with its driver, a message broker, certificates.
PROGRAMS = {
    "Xvfb": "xvfb",
    "chromium": "chromium",
    "chromedriver": "chromium-driver",
    "mosquitto": "mosquitto",
    "mosquitto_sub": "mosquitto-clients",
    "openssl": "openssl",
}
#: An RTSP camera that is not ours, for the system's own Python: what has to work, and what brings it.
GSTREAMER = """
import gi
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer
Gst.init(None)
raise SystemExit(not all(map(Gst.ElementFactory.find, ("x264enc", "rtph264pay", "videotestsrc"))))
"""
GSTREAMER_PACKAGES = (
    "python3-gi",
    "gir1.2-gst-rtsp-server-1.0",
    "gstreamer1.0-plugins-base",
    "gstreamer1.0-plugins-good",
    "gstreamer1.0-plugins-ugly",
)


def missing_packages() -> Iterator[str]:
    """Debian's names of what set-up needs and cannot find; on other systems the wheels bring it all."""
    if not all(map(importlib.util.find_spec, ("ensurepip", "venv"))):  # Debian's Python comes without
        yield f"python3.{sys.version_info.minor}-venv"
    for library, package in LIBRARIES.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            yield package
    if platform.machine() not in TESSERACT_PACKAGED and not shutil.which("tesseract"):
        yield "tesseract-ocr"


def missing_test_packages() -> Iterator[str]:
    """The same for what tests can use, and are skipped without."""
    for program, package in PROGRAMS.items():
        if not any(shutil.which(program, path=path) for path in (None, "/usr/sbin")):
            yield package
    python = Path("/usr/bin/python3")
    found = (
        python.exists()
        and not subprocess.run([python, "-c", GSTREAMER], capture_output=True, check=False).returncode
    )
    if not found:
        yield from GSTREAMER_PACKAGES


if __name__ == "__main__" and sys.platform == "linux":
    print(*(missing_test_packages() if sys.argv[1:] == ["test"] else missing_packages()))
