"""Losing and finding a camera again: what it costs, and whom it concerns."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from tests.support.camera import BlackHole, Camera
from tests.support.clips import Watched, make_clip
from tests.support.memory import holdings
from tests.support.rtsp_server import RtspServer
from tests.support.web_server import byte_server
from vidstream import Pipeline
from vidstream.errors import SourceError
from vidstream.graph.params import make_params
from vidstream.sources.patience import Backoff
from vidstream.sources.stream import NetworkStream
from vidstream.types import Packet

ROOT = Path(__file__).resolve().parents[2]


def read_until(stream: Watched, segment: int) -> None:
    """Over so many connections."""
    while next(iter(stream)).segment < segment:
        pass


@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_reconnect_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(Backoff, "next", lambda self, absent=0, *, refused=False: 0.001)
    clip = make_clip(tmp_path / "clip.ts", range(12), options={"g": "10", "bf": "0"})
    with (
        byte_server(clip.read_bytes(), seconds=0.0) as host,
        Watched(NetworkStream, uri=f"tcp://{host}") as stream,
    ):
        stream.source.footage.keep(1.0)
        read_until(stream, 50)
        before = holdings()
        read_until(stream, 50 + count)
        after = holdings()
    assert abs(after.descriptors - before.descriptors) <= 2  # a connection, at another moment of its life
    assert abs(after.threads - before.threads) <= 1
    if count >= 1000:
        assert (after.private - before.private) / count <= 10  # KiB


@pytest.mark.parametrize("scheme", ["rtsp", "http", "tcp"])
def test_who_takes_the_call_and_says_nothing_is_lost_not_mistaken(scheme: str) -> None:
    """The connection is accepted, nothing is ever sent: that is silence, whatever the library calls it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        uri = f"{scheme}://127.0.0.1:{server.getsockname()[1]}/cam"
        params = {"uri": uri, "open_timeout": 0.3, "reconnect": False}
        source = NetworkStream(make_params(NetworkStream.Params, params, "source"))
        states: list[tuple[str, str]] = []
        source.announce = lambda state, cause: states.append((state, cause))
        with pytest.raises(SourceError, match=r"no answer in time|no answer for 0\.3 s"):
            source.open()
        source.close()
    assert states[1][0] == "lost"


def test_a_camera_that_is_dead_at_the_start_harms_no_other() -> None:
    """One address never answers; the other camera's pictures come through, and stopping does not wait."""
    hole = BlackHole()
    with RtspServer(fps=25) as camera:
        pipeline = Pipeline.build(
            sources={"dead": {"uri": f"rtsp://127.0.0.1:{hole.port}/cam"}, "gate": {"uri": camera.url}},
            graph={"size": {"use": "image.resize", "width": 80}},
            run={"mode": "live"},
        )
        seen: list[str] = []
        states: list[tuple[str, str]] = []
        enough = threading.Event()

        def frame(packet: Packet) -> None:
            seen.append(packet.source)
            if len(seen) == 25:
                enough.set()

        pipeline.engine.watch(frame, lambda status: states.append((status.source, status.state)))
        runner = threading.Thread(target=pipeline.run)
        runner.start()
        came = enough.wait(30)
        began = time.monotonic()
        pipeline.stop()
        runner.join(20)
        took = time.monotonic() - began
    hole.close()
    assert came
    assert took < 5
    assert set(seen) == {"gate"}
    assert [state for source, state in states if source == "gate"] == ["connecting", "live", "ended"]
    assert [state for source, state in states if source == "dead"] == ["connecting", "ended"]


@pytest.mark.slow
def test_a_suspended_process_blames_no_camera_and_shows_nothing_old() -> None:
    """SIGSTOP for six seconds: longer than any patience with cameras."""
    code = """
        import sys, threading, time
        from tests.support.painted import read_stamp
        from vidstream.graph.params import make_params
        from vidstream.sources.stream import NetworkStream
        stream = NetworkStream(make_params(NetworkStream.Params, {"uri": sys.argv[1]}, ""))
        stream.announce = lambda state, cause: print("state", state, flush=True)
        stream.open()
        began = time.monotonic()
        while time.monotonic() - began < 12:
            stamp = read_stamp(stream.read().pixels)
            if stamp is not None and time.monotonic() - began > 1.5 and stamp.age > 0.9:
                print("old", stamp.age, flush=True)
        print("end", flush=True)
        stream.interrupt()
        stream.close()
    """
    with Camera("rtsp") as camera:
        command = [sys.executable, "-c", textwrap.dedent(code), camera.url]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        said = [process.stdout.readline(), process.stdout.readline()]
        time.sleep(3)
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(6)
        os.kill(process.pid, signal.SIGCONT)
        said += process.stdout.read().splitlines(keepends=True)
        process.stdout.close()
        process.wait(20)
    assert said == ["state connecting\n", "state live\n", "end\n"]
