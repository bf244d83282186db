"""Which kind of source an address is for, told from its text alone, so that no two kinds claim the same."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["stream", "camera", "images", "synthetic", "sample", "file"]

#: endings of still pictures; a GIF moves, so it is a video
PICTURES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".ppm"})
_SYNTHETIC = re.compile(r"synthetic(?::.*)?")
_SAMPLE = re.compile(r"sample:.*")
_CAMERA = re.compile(r"\d{1,3}|/dev/(?:video\d+|v4l/.+)|camera:.*", re.DOTALL)
_GLOB = re.compile(r"[*?\[]")


def kind_of_address(text: str) -> Kind:
    """The one kind of source that takes this address.

    Every ``scheme://`` is a stream (which refuses schemes it does not know, by name); a bare number,
    ``/dev/video...`` or ``camera:`` and a part of its name a camera; a folder, a pattern or a picture file
    images; anything else a video file. A name without an ending is taken for a folder unless a file of that
    name lies in the working folder.

    >>> [kind_of_address(a) for a in ("rtsp://cam/1", "0", "shots/*.png", "clip.mp4", "synthetic:people")]
    ['stream', 'camera', 'images', 'file', 'synthetic']
    """
    if "://" in text:
        return "stream"
    if _SYNTHETIC.fullmatch(text):
        return "synthetic"
    if _SAMPLE.fullmatch(text):
        return "sample"
    if _CAMERA.fullmatch(text):
        return "camera"
    return "images" if _names_pictures(text) else "file"


def accepts(kind: Kind) -> Callable[[str], bool]:
    """What `@source` wants to know: whether an address is of this kind."""
    return lambda text: kind_of_address(text) == kind


def _names_pictures(text: str) -> bool:
    path = Path(text)
    if text.endswith("/") or path.suffix.lower() in PICTURES:
        return True
    try:
        return path.is_dir() or (not path.is_file() and (bool(_GLOB.search(text)) or not path.suffix))
    except (OSError, ValueError):  # a name too long, or with a null byte: the file kind says so
        return False
