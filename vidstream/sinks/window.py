"""sink.window: the pictures on the screen."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from vidstream.errors import ParamError, SinkError
from vidstream.graph.stage import Stage, stage
from vidstream.types import Image, StreamInfo
from vidstream.types.values import Positive

_FIX = "run it on a desktop, or write a file with sink.video instead"
_STOP_KEYS = frozenset({ord("q"), ord("Q"), 27})


@stage("sink.window", sink=True, lossy=True, main_thread=True)
class WindowSink(Stage):
    """Show the pictures in a window; q, Esc or closing the window ends the run.

    It shows the newest picture and never holds the graph up: on a busy machine it shows fewer.

    Example::

        graph:
          show: {use: sink.window}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """Options."""

        title: str | None = None  #: the window's title (default: the source and this stage)
        width: Positive = 1280  #: the window's width at the start, if pictures are wider; it can be resized

    params: Params
    _shown = _ended = False

    @classmethod
    def check(cls, params: Any) -> Iterable[ParamError]:
        """Is there a screen to show pictures on?"""
        reason = _no_screen()
        return [ParamError(reason, fix=_FIX)] if reason else []

    def open(self, stream: StreamInfo) -> None:
        """Make sure that windows work: OpenCV ends the whole process where they do not."""
        reason = _no_screen() or _no_window()
        if reason:
            raise SinkError(reason, where=self.stage_id or "sink.window", fix=_FIX)
        self._name = f"{stream.source} - {self.stage_id}"

    def process(self, image: Image) -> None:
        """Show a picture, and look at the keys."""
        import cv2

        if self._ended:
            return
        if not self._shown:
            self._make_window(image)
        cv2.imshow(self._name, image.pixels)
        self._handle_events()

    def idle(self) -> None:
        """No picture has come: the window is still redrawn, and its keys are heard, while a camera stalls."""
        if not self._ended:
            self._handle_events()

    def close(self) -> None:
        """Close the window."""
        import cv2

        if self._shown and not self._was_closed():
            cv2.destroyWindow(self._name)
            cv2.pollKey()  # the window goes when its events are handled

    def _make_window(self, image: Image) -> None:
        import cv2

        cv2.namedWindow(self._name, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        width = min(self.params.width, image.width)
        cv2.resizeWindow(self._name, width, max(1, round(image.height * width / image.width)))
        cv2.setWindowTitle(self._name, self.params.title or self._name)
        self._shown = True

    def _handle_events(self) -> None:
        import cv2

        key = cv2.pollKey()
        if (key >= 0 and key & 0xFF in _STOP_KEYS) or self._was_closed():
            self._ended = True
            self.notify("stop-requested", "the window was closed or q was pressed")

    def _was_closed(self) -> bool:
        import cv2

        return cv2.getWindowProperty(self._name, cv2.WND_PROP_VISIBLE) < 1


def _no_screen() -> str:
    """Why no window can be shown, as far as this process can see; empty where one may."""
    import cv2

    if not cv2.currentUIFramework():
        return "this OpenCV was built without windows (opencv-python-headless)"
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        # the wheel's Qt speaks X11 only: a Wayland desktop is reached through its Xwayland
        return "there is no screen (DISPLAY is not set)"
    return ""


def _no_window() -> str:
    """Try a window in a process of its own: Qt aborts where the screen named cannot be reached."""
    if sys.platform != "linux":
        return ""
    trial = "import cv2; cv2.namedWindow('trial'); cv2.pollKey(); cv2.destroyAllWindows()"
    try:
        command = [sys.executable, "-c", trial]
        done = subprocess.run(command, capture_output=True, timeout=30, check=False)  # noqa: S603 - fixed text
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"windows do not work here ({type(error).__name__})"
    screen = os.environ.get("DISPLAY", "")
    return f"the screen '{screen}' cannot be reached" if done.returncode else ""
