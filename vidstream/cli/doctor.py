"""`doctor`: what this machine has, what is missing, and the command that mends it."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vidstream.cli.options import add_command
from vidstream.errors import VidstreamError

if TYPE_CHECKING:
    from detectors.dnn.engines.base import Kind


class Row(NamedTuple):
    """Something looked at: what is there, and the command that mends it where something is missing."""

    what: str
    state: str
    cure: str = ""


def add_commands(commands: Any) -> None:
    """Add `doctor`."""
    add_command(commands, "doctor", doctor, "say what this machine has, what is missing, and the cure")


def doctor(_: argparse.Namespace) -> int:
    """Print it; gives 1 where something needed is missing."""
    sections: tuple[tuple[str, Callable[[], Iterator[Row]]], ...] = (
        ("packages", _packages),
        ("engines", _engines),
        ("devices", _devices),
        ("programs", _programs),
        ("models", _models),
    )
    print(f"python {platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores")
    cures = []
    for title, look in sections:
        print(title)
        for row in look():
            print(f"  {row.what:22} {row.state}".rstrip())
            cures += [row] if row.cure else []
    if cures:
        print("what would mend it")
    for row in cures:
        print(f"  {row.what:22} {row.cure}")
    return 1 if any(row.what == "opencv" for row in cures) else 0


def _packages() -> Iterator[Row]:
    """What is installed; the engines have their own rows."""
    from vidstream.environment import versions

    for name, version in versions().items():
        if name not in ("onnxruntime", "openvino", "ultralytics"):
            yield Row(name, version or "-")


def _engines() -> Iterator[Row]:
    """Libraries that run networks, their versions, and what they run on."""
    from detectors.dnn.engines.choose import KINDS
    from vidstream.environment import check_opencv, versions

    yield _attempt("opencv", check_opencv, "whole")
    known = versions()
    for kind in KINDS.values():
        ours = kind.name == "opencv"
        what, package = ("opencv dnn", "opencv-contrib-python") if ours else (kind.name, kind.name)
        if kind.installed:
            yield _attempt(what, partial(_runs_on, kind), known[package] or "")
        else:
            yield Row(what, "-", f"pip install {kind.name}  (about twice as fast as OpenCV on a CPU)")
    yield _attempt("ultralytics", _ultralytics, known["ultralytics"] or "")


def _runs_on(kind: Kind) -> str:
    return f"on {', '.join(kind.devices())}"


def _ultralytics() -> str:
    from detectors.dnn.ultralytics.process import python

    return f"run by {python()}"


def _devices() -> Iterator[Row]:
    """Graphics cards, and whether OpenCV can use them."""
    import cv2

    from detectors.dnn.engines import opencv

    card = _nvidia()
    has = opencv.devices()
    if "cuda" in has:
        yield Row("cuda", f"OpenCV runs networks on it ({card or 'no driver seen'})")
    elif card:
        cure = "tools/build_opencv_cuda.sh --dry-run  (says what it needs; see docs/engines.md)"
        yield Row("cuda", f"{card}, which this OpenCV was built without", cure)
    else:
        yield Row("cuda", "no NVIDIA card seen: networks run on the CPU")
    if cv2.ocl.haveOpenCL() and "opencl" in has:
        yield Row("opencl", cv2.ocl.Device.getDefault().name())
    else:
        yield Row("opencl", "no driver seen")


def _nvidia() -> str:
    """The driver's version where there is one, without starting a program."""
    proc = Path("/proc/driver/nvidia/version")
    if proc.is_file():
        return " ".join(proc.read_text("utf-8", "replace").split()[:9])
    return "an NVIDIA driver" if shutil.which("nvidia-smi") else ""


def _programs() -> Iterator[Row]:
    """What is not a Python package."""
    yield _attempt("tesseract", _tesseract)
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        yield Row("window", "no display: sink.window cannot be used here")
    else:
        yield Row("window", "there is a display")


def _tesseract() -> str:
    from vidstream.stages.ocr.program import Tesseract

    return Tesseract.find().command


def _models() -> Iterator[Row]:
    """How many networks are here, and where they are looked for."""
    from detectors import catalogue
    from detectors.catalogue.store import folders

    known = catalogue.entries()
    here = [entry for entry in known if entry.paths is not None]
    yield Row("networks", f"{len(here)} of {len(known)} are here")
    yield Row("looked for in", ", ".join(map(str, folders())))
    if not any(entry.card.name == "yolox-nano" for entry in here):
        yield Row(
            "yolox-nano", "not here: detect.dnn takes it by default", "python run.py models fetch yolox-nano"
        )


def _attempt(what: str, look: Callable[[], str | None], before: str = "") -> Row:
    """A row from what a look says or raises."""
    try:
        return Row(what, " ".join(part for part in (before, look() or "") if part))
    except VidstreamError as error:
        return Row(what, error.what, error.fix)
