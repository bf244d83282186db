"""Cameras attached to this machine."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vidstream.errors import ParamError, SourceError
from vidstream.graph.clock import Clock
from vidstream.graph.source import Frame, source
from vidstream.sources.address import accepts
from vidstream.sources.limits import MAX_PIXELS
from vidstream.sources.live import LiveSource
from vidstream.sources.session import Session
from vidstream.sources.timeline import MaxFps, Thinner
from vidstream.types import StreamInfo
from vidstream.types.values import Positive, Seconds

if TYPE_CHECKING:
    import cv2

#: an address that begins so goes on with a part of a camera's name
NAMED = "camera:"
#: where Linux tells how cameras are called
_NAMES = Path("/sys/class/video4linux")


@source("camera", accepts=accepts("camera"))
class CameraDevice(LiveSource):
    """A camera attached to this machine, by its number, its ``/dev/video...`` path or a part of its name.

    The device is asked for the size, rate and coding given and delivers what comes nearest. A camera that is
    not there is waited for, at the start and after it was unplugged; set `reconnect: false` to make that an
    error. Names work on Linux: ``camera:c920`` is the first camera with "c920" in its name, whatever number
    it has today.

    Example::

        source: {uri: "camera:Logitech", size: [1280, 720], fourcc: MJPG}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """Which camera, and what to ask it for."""

        uri: (
            int | str
        )  #: number of the camera (0 is the first), its path, or `camera:` and a part of its name
        fps: MaxFps | None = None  #: frames per second to ask for; more are thinned out
        size: tuple[Positive, Positive] | None = None  #: width and height to ask for
        fourcc: str | None = None  #: coding to ask for, such as MJPG (many cameras are slow without) or YUYV
        open_timeout: Seconds = 10.0  #: how long opening may take
        read_timeout: Seconds = 4.0  #: how long pictures may stay away before the camera is opened again
        reconnect: bool = True  #: open it again when it is lost
        give_up: Seconds | None = None  #: end with an error after so long without pictures

        def __post_init__(self) -> None:
            if str(self.uri).strip() == NAMED:
                raise ParamError("expected a part of a camera's name after 'camera:'", path=("uri",))
            if self.fourcc is not None and not re.fullmatch(r"[ -~]{4}", self.fourcc):
                raise ParamError(f"expected four characters, got '{self.fourcc}'", path=("fourcc",))

    params: Params

    def connect(self, session: Session) -> CameraConnection:
        """Open the device once."""
        return CameraConnection(self.name, self.params, self.clock)


class CameraConnection:
    """One opening of a camera."""

    def __init__(self, name: str, params: CameraDevice.Params, clock: Clock) -> None:
        self._clock = clock
        device = _device(str(params.uri))
        _check_device(device)
        self._capture = _opened(device)
        self._ask(params)
        self._thinner = Thinner(params.fps)
        self.info = self._describe(name, params)
        if self.info.width * self.info.height > MAX_PIXELS:
            self.close()
            raise SourceError(
                f"has pictures of {self.info.width} x {self.info.height} pixels", fix="set size"
            )

    def frames(self) -> Iterator[Frame]:
        """Frames as they arrive; OpenCV has no true time stamps for devices, so arrival counts."""
        first = time.monotonic()
        while True:
            there, pixels = self._capture.read()
            if not there or pixels is None:
                raise SourceError("gives no more pictures")
            pts = time.monotonic() - first
            if self._thinner.wanted(0, pts):
                picture = np.asarray(pixels, np.uint8)
                picture.flags.writeable = False
                yield Frame(picture, pts, wall=self._clock.time(), skipped=self._thinner.skipped())

    def close(self) -> None:
        """Give the device back."""
        self._capture.release()

    def _ask(self, params: CameraDevice.Params) -> None:
        import cv2

        if params.fourcc is not None:  # first, for it decides which sizes and rates there are
            self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*params.fourcc))
        if params.size is not None:
            self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, params.size[0])
            self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, params.size[1])
        if params.fps is not None:
            self._capture.set(cv2.CAP_PROP_FPS, params.fps)

    def _describe(self, name: str, params: CameraDevice.Params) -> StreamInfo:
        import cv2

        width = int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        height = int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        fps = self._capture.get(cv2.CAP_PROP_FPS) or None
        thinned = min(fps, params.fps) if fps and params.fps else fps
        return StreamInfo(name, width, height, thinned, live=True, uri=str(params.uri))


def _device(uri: str) -> int | str:
    """What OpenCV opens: a number or a path."""
    if uri.isdecimal():
        return int(uri)
    return _by_name(uri.removeprefix(NAMED)) if uri.startswith(NAMED) else uri


def _by_name(part: str) -> int:
    """Number of the first camera with this in its name; of its several devices the first gives pictures."""
    names = camera_names()
    for number, name in sorted(names.items()):
        if part.casefold() in name.casefold():
            return number
    there = ", ".join(f"{name} ({number})" for number, name in sorted(names.items())) or "none"
    raise SourceError(
        f"there is no camera with '{part}' in its name", fix=f"cameras of this machine: {there}"
    )


def camera_names() -> dict[int, str]:
    """The cameras of this machine, by number, as Linux calls them."""
    names = {}
    for place in _NAMES.glob("video*/name"):
        number = place.parent.name.removeprefix("video")
        if number.isdecimal():
            with suppress(OSError):  # unplugged just now
                names[int(number)] = place.read_text(errors="replace").strip()
    return names


def _check_device(device: int | str) -> None:
    """OpenCV says on stderr, and only there, that a device is missing: look before it does."""
    if sys.platform != "linux":
        return
    path = Path(f"/dev/video{device}" if isinstance(device, int) else device)
    if path.exists() and not path.is_char_device():
        raise SourceError(f"{path} is no camera", fix="name a device such as /dev/video0", retry=False)
    if not path.is_char_device():
        there = ", ".join(sorted(map(str, Path("/dev").glob("video*")))) or "none"
        raise SourceError(f"there is no camera {path}", fix=f"cameras of this machine: {there}")


def _opened(device: int | str) -> cv2.VideoCapture:
    import cv2

    capture = cv2.VideoCapture(device, cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY)
    if not capture.isOpened():
        capture.release()
        raise SourceError(f"camera {device} cannot be opened", fix="see whether another program uses it")
    return capture
