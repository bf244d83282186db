"""`doctor`: what this machine has, what is missing, and the command that mends it."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from typing import Any

from vidstream.cli.options import add_command
from vidstream.errors import VidstreamError


def add_commands(commands: Any) -> None:
    """Add `doctor`."""
    add_command(commands, "doctor", doctor, "say what this machine has, what is missing, and the cure")


def doctor(_: argparse.Namespace) -> int:
    """Print it; gives 1 where something needed is missing."""
    from vidstream.environment import check_opencv, versions

    print(f"python {platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores")
    for name, version in versions().items():
        print(f"  {name:24} {version or '-'}")
    healthy = True
    for what, look in (
        ("opencv", check_opencv),
        ("dnn", _devices),
        ("tesseract", _tesseract),
        ("window", _window),
    ):
        try:
            print(f"  {what:24} {look() or 'ok'}")
        except VidstreamError as error:
            healthy = healthy and what != "opencv"
            print(f"  {what:24} {error}")
    return 0 if healthy else 1


def _devices() -> str:
    import cv2

    has_cuda = bool(cv2.dnn.getAvailableTargets(cv2.dnn.DNN_BACKEND_CUDA))
    return "cpu, cuda" if has_cuda else "cpu (this OpenCV has no CUDA; networks run on the CPU)"


def _tesseract() -> str:
    from vidstream.stages.ocr.program import Tesseract

    return Tesseract.find().command


def _window() -> str:
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "no display: sink.window cannot be used here"
    return "ok"
