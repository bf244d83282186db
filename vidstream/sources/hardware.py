"""Decoding on a graphics card, where this build of PyAV and this machine can."""

from __future__ import annotations

from functools import cache
from typing import Literal, TypeAlias

import av
from av.codec.hwaccel import HWAccel, hwdevices_available

from vidstream.errors import SourceError

#: What decodes: the processor, a graphics card, or that where there is one.
Decode: TypeAlias = Literal["cpu", "auto", "hardware"]


@cache
def device() -> str | None:
    """The first kind of device that can really be opened here to decode H.264, or None. Asked once."""
    codec = av.codec.Codec("h264", "r")
    for kind in hwdevices_available():
        try:
            HWAccel(kind).create(codec)
        except (av.FFmpegError, NotImplementedError):  # no such card, no driver, or not for this coding
            continue
        return kind
    return None


def accelerator(decode: Decode) -> HWAccel | None:
    """What to open a container with; None stands for the processor.

    "auto" falls back to the processor where there is no device or it does not know the coding. SourceError
    where a device is demanded and there is none.
    """
    if decode == "cpu":
        return None
    kind = device()
    if kind is not None:
        return HWAccel(kind, allow_software_fallback=decode == "auto")
    if decode == "auto":
        return None
    known = ", ".join(hwdevices_available()) or "none"
    raise SourceError(
        "no device of this machine decodes video",
        fix=f"set decode: auto, or install the card's driver (this PyAV knows: {known})",
        retry=False,
    )
