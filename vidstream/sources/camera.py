"""Cameras attached to this machine."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vidstream.errors import ParamError, SourceError
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


@source("camera", accepts=accepts("camera"))
class CameraDevice(LiveSource):
    """A camera attached to this machine, by its number or its ``/dev/video...`` path.

    The device is asked for the size, rate and coding given and delivers what comes nearest. A camera that is
    not there at the start is an error; one that is unplugged later is opened again when it is back.

    Example::

        source: {uri: 0, size: [1280, 720], fourcc: MJPG}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """Which camera, and what to ask it for."""

        uri: int | str  #: number of the camera (0 is the first), or its path
        fps: MaxFps | None = None  #: frames per second to ask for; more are thinned out
        size: tuple[Positive, Positive] | None = None  #: width and height to ask for
        fourcc: str | None = None  #: coding to ask for, such as MJPG (many cameras are slow without) or YUYV
        open_timeout: Seconds = 10.0  #: how long opening may take
        read_timeout: Seconds = 5.0  #: how long pictures may stay away before the camera counts as lost
        reconnect: bool = True  #: open it again when it is lost
        give_up: Seconds | None = None  #: end with an error after so long without pictures

        def __post_init__(self) -> None:
            if self.fourcc is not None and not re.fullmatch(r"[ -~]{4}", self.fourcc):
                raise ParamError(f"expected four characters, got '{self.fourcc}'", path=("fourcc",))

    params: Params

    def connect(self, session: Session) -> CameraConnection:
        """Open the device once."""
        known = self._info is not None
        try:
            return CameraConnection(self.name, self.params)
        except SourceError as error:
            raise SourceError(error.what, fix=error.fix, retry=known) from None


class CameraConnection:
    """One opening of a camera."""

    def __init__(self, name: str, params: CameraDevice.Params) -> None:
        uri = str(params.uri)
        device: int | str = int(uri) if uri.isdecimal() else uri
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
                yield Frame(picture, pts, wall=time.time(), skipped=self._thinner.skipped())

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


def _check_device(device: int | str) -> None:
    """OpenCV says on stderr, and only there, that a device is missing: look before it does."""
    if sys.platform != "linux":
        return
    path = Path(f"/dev/video{device}" if isinstance(device, int) else device)
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
