"""Windows: clear errors where there is no screen, real pixels on a virtual one."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vidstream.errors import SinkError
from vidstream.graph.params import make_params
from vidstream.sinks.window import WindowSink

linux = pytest.mark.skipif(sys.platform != "linux", reason="screens are named by DISPLAY on Linux only")


@linux
def test_no_screen_is_told_before_anything_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")  # Qt's X11 plugin would abort here as well
    (problem,) = WindowSink.check(make_params(WindowSink.Params, {}, ""))
    assert problem.what == "there is no screen (DISPLAY is not set)"
    assert "sink.video" in problem.fix


@linux
@pytest.mark.parametrize(
    ("display", "says"),
    [
        pytest.param(None, "there is no screen", id="no screen"),
        pytest.param(":987", "the screen ':987' cannot be reached", id="a screen that is not there"),
        pytest.param(
            "nonsense", "the screen 'nonsense' cannot be reached", id="a screen's name that is none"
        ),
    ],
)
def test_opening_says_so_where_opencv_would_abort(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, display: str | None, says: str
) -> None:
    if display is None:
        monkeypatch.delenv("DISPLAY", raising=False)
    else:
        monkeypatch.setenv("DISPLAY", display)
    with pytest.raises(SinkError, match=says) as caught:
        make(WindowSink)
    assert caught.value.fix


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A virtual screen: its DISPLAY, and the file its pixels are in (X window dump)."""
    if shutil.which("Xvfb") is None:
        pytest.skip("needs a virtual screen: apt install xvfb")
    reading, writing = os.pipe()
    command = [
        "Xvfb",
        "-displayfd",
        str(writing),
        "-screen",
        "0",
        "640x480x24",
        "-fbdir",
        str(tmp_path),
        "-nolisten",
        "tcp",
        # when its last client leaves, a server starts over, and is deaf for a moment: the trial leaves first
        "-noreset",
    ]
    server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as answer:
        number = answer.readline().strip()
    try:
        yield f":{number}", tmp_path / "Xvfb_screen0"
    finally:
        server.terminate()
        server.wait(10)


def screenshot(dump: Path) -> np.ndarray[Any, Any]:
    """The screen as (H, W, 3) BGR (XWDFile.h: header of big-endian words, colour map, 32-bit pixels)."""
    data = dump.read_bytes()
    header = struct.unpack(">25I", data[:100])
    width, height, stride, colours = header[4], header[5], header[12], header[19]
    pixels = np.frombuffer(data, np.uint8, height * stride, header[0] + colours * 12)
    return pixels.reshape(height, stride)[:, : width * 4].reshape(height, width, 4)[:, :, :3]


SHOW = """
import sys, time
import numpy as np
from vidstream.graph.params import make_params
from vidstream.sinks.window import WindowSink
from vidstream.types import StreamInfo, View
assert list(WindowSink.check(None)) == []
sink = WindowSink(make_params(WindowSink.Params, {"width": 320}, ""))
sink.stage_id = "show"
sink.notify = lambda kind, message: print(kind, flush=True)
sink.open(StreamInfo("gate", 320, 240))
pixels = np.full((240, 320, 3), (200, 100, 50), np.uint8)
until = time.monotonic() + float(sys.argv[1])
print("showing", flush=True)
while time.monotonic() < until:
    sink.process(View(pixels))
    time.sleep(0.02)
sink.close()
print("closed", flush=True)
"""


def show(display: str, seconds: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SHOW), str(seconds)],
        env={**os.environ, "DISPLAY": display, "PYTHONPATH": str(Path.cwd())},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_the_picture_is_on_the_screen_in_its_colours(screen: tuple[str, Path]) -> None:
    display, dump = screen
    with show(display, 4.0) as viewer:
        deadline, share = time.monotonic() + 15, 0.0
        while share < 0.15 and time.monotonic() < deadline and viewer.poll() is None:
            time.sleep(0.1)
            share = float((screenshot(dump) == (200, 100, 50)).all(axis=2).mean())
        out, err = viewer.communicate(timeout=30)
    assert viewer.returncode == 0, err
    assert share >= 0.15, "320x240 of 640x480 pixels are a quarter; the window's frame takes some"
    assert out.split() == ["showing", "closed"]
    assert not (screenshot(dump) == (200, 100, 50)).all(axis=2).any(), "the window is gone"


@pytest.mark.slow
@pytest.mark.parametrize("key", ["q", "Escape"])
def test_keys_end_the_run(screen: tuple[str, Path], key: str) -> None:
    if shutil.which("xdotool") is None:
        pytest.skip("needs a hand on the keyboard: apt install xdotool")
    display, _ = screen
    with show(display, 3.0) as viewer:
        assert viewer.stdout is not None
        assert viewer.stdout.readline() == "showing\n"
        env = {**os.environ, "DISPLAY": display}
        find = ["xdotool", "search", "--sync", "--name", "gate - show"]
        window = subprocess.run(
            find, env=env, capture_output=True, text=True, timeout=20, check=True
        ).stdout.split()[0]
        subprocess.run(["xdotool", "mousemove", "--window", window, "100", "100"], env=env, check=True)
        subprocess.run(["xdotool", "windowfocus", window], env=env, check=True)
        subprocess.run(["xdotool", "key", key], env=env, check=True)
        out, err = viewer.communicate(timeout=30)
    assert viewer.returncode == 0, err
    assert out.split() == ["stop-requested", "closed"], "asked for once, and never shown again"


STALL = """
from tests.support.toys import ToyFrames, describe, entry
from vidstream.graph.engine import Engine
from vidstream.sinks.window import WindowSink
engine = Engine(describe([entry("show", WindowSink)], {"gate": (ToyFrames, {"frames": 9, "stuck_at": 3})}))
report = engine.run()
print("stopped" if report.stopped else "ended", report.sources[0].ledger.done, report.exit_code, flush=True)
"""


@pytest.mark.slow
def test_keys_are_heard_while_no_picture_comes(screen: tuple[str, Path]) -> None:
    """The source gives three pictures and then nothing for half a minute, as a camera that stalls."""
    if shutil.which("xdotool") is None:
        pytest.skip("needs a hand on the keyboard: apt install xdotool")
    env = {**os.environ, "DISPLAY": screen[0], "PYTHONPATH": str(Path.cwd())}
    viewer = subprocess.Popen([sys.executable, "-c", STALL], env=env, stdout=subprocess.PIPE, text=True)
    try:
        find = ["xdotool", "search", "--sync", "--name", "gate - show"]
        found = subprocess.run(find, env=env, capture_output=True, text=True, timeout=20, check=True)
        window = found.stdout.split()[0]
        time.sleep(1.0)  # all pictures have been shown
        subprocess.run(["xdotool", "windowfocus", window], env=env, check=True)
        subprocess.run(["xdotool", "key", "--window", window, "q"], env=env, check=True)
        out, _ = viewer.communicate(timeout=10)
    finally:
        viewer.kill()
        viewer.communicate()
    assert out.split() == ["stopped", "3", "0"]
