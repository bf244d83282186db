"""Network streams against real servers on loopback: read, lost, found again, left, and discreet."""

from __future__ import annotations

import io
import logging
import os
import socket
import subprocess
import sys
import textwrap
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.support.camera import Camera, gstreamer_is_there
from tests.support.clips import Watched, make_clip, number_of
from tests.support.painted import read_stamp
from tests.support.rtsp_server import RtspServer
from tests.support.web_server import byte_server, web_server
from vidstream.errors import ParamError, SourceError
from vidstream.graph.clock import SystemClock
from vidstream.graph.params import make_params
from vidstream.sources import fresh, live, session
from vidstream.sources.stream import NetworkStream

ROOT = Path(__file__).resolve().parents[2]
LOST, BACK = "source-lost", ("source-back", "pictures arrive again")


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    deadline = time.monotonic() + 8
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert threading.active_count() == before


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests ask for every frame: on a busy machine one that comes late counts, too."""
    for module in (fresh, live, session):
        monkeypatch.setattr(module, "STALE_S", 60.0)


@pytest.fixture
def camera() -> Iterator[RtspServer]:
    with RtspServer(fps=50) as server:
        yield server


def watched(url: str, **params: Any) -> Watched:
    return Watched(NetworkStream, uri=url, **params)


def interrupted(stream: Watched, after: float) -> threading.Timer:
    """A timer, running, that interrupts the stream."""
    timer = threading.Timer(after, stream.source.interrupt)
    timer.start()
    return timer


def test_a_network_camera_is_read_frame_by_frame(camera: RtspServer) -> None:
    with watched(camera.url) as stream:
        frames = stream.take(60)
        info = stream.info
    assert (info.width, info.height, info.fps, info.live, info.duration) == (160, 120, 50, True, None)
    assert [f.pts for f in frames] == pytest.approx([n / 50 for n in range(60)], abs=1e-4)
    assert [number_of(f.pixels) for f in frames] == [n % 50 for n in range(60)]
    assert {f.segment for f in frames} == {0}
    assert not any(f.damaged for f in frames)
    assert all(f.wall is not None and abs(f.wall - time.time()) < 20 for f in frames)
    assert not frames[0].pixels.flags.writeable


def test_pictures_come_with_at_most_two_frames_delay(camera: RtspServer) -> None:
    with watched(camera.url) as stream:
        stream.take(50)
        late = [
            time.monotonic() - camera.started - frame.pts for frame, _ in zip(stream, range(30), strict=False)
        ]
    assert np.median(late) < 2.5 / 50 + 0.1


def test_thinning(camera: RtspServer) -> None:
    with watched(camera.url, fps=10) as stream:
        frames = stream.take(10)
        assert stream.info.fps == 10
    assert [f.pts for f in frames] == pytest.approx([n / 10 for n in range(10)], abs=1e-3)
    assert [f.skipped for f in frames] == [0] + [4] * 9


def test_a_dropped_connection_is_opened_again(camera: RtspServer) -> None:
    with watched(camera.url) as stream:
        stream.take(10)
        camera.drop()
        frames = take_until_segment(stream, 1)
        assert stream.events == [(LOST, "the other side ended it"), BACK]
    assert frames[-1].pts == 0.0
    assert camera.sessions == 2


def take_until_segment(stream: Watched, segment: int) -> list[Any]:
    """All frames up to and with the first of a segment."""
    frames = []
    for frame in stream:
        frames.append(frame)
        if frame.segment == segment:
            return frames
    raise AssertionError("the stream ended")


def test_a_stalled_camera_is_given_up_after_the_read_timeout_and_opened_again(camera: RtspServer) -> None:
    with watched(camera.url, read_timeout=0.5) as stream:
        stream.take(10)
        camera.stalled.set()
        stalled = time.monotonic()
        timer = threading.Timer(1.2, camera.stalled.clear)
        timer.start()
        take_until_segment(stream, 1)
        assert stream.events[0] == (LOST, "no picture for 0.5 s")
        assert 1.0 < time.monotonic() - stalled < 8
        timer.join()


def test_a_camera_that_goes_away_and_comes_back(camera: RtspServer) -> None:
    with watched(camera.url) as stream:
        stream.take(10)
        camera.stop()
        timer = threading.Timer(1.0, camera.start)
        timer.start()
        take_until_segment(stream, 1)
        assert (LOST, "connection refused") in stream.events
        assert stream.events[-1] == BACK
        assert [kind for kind, _ in stream.events].count("source-back") == 1
        timer.join()


def test_a_camera_dead_at_the_start_is_waited_for(camera: RtspServer) -> None:
    camera.stop()
    timer = threading.Timer(0.6, camera.start)
    timer.start()
    with watched(camera.url) as stream:
        assert stream.events == [(LOST, "connection refused"), BACK]
        assert stream.take(1)[0].segment == 0
    timer.join()


@pytest.mark.parametrize("state", ["dead", "mute", "stalled", "playing"])
def test_leaving_never_hangs(camera: RtspServer, state: str) -> None:
    """Whatever the other side does, `interrupt` ends reading at once, and closing takes half a second."""
    stream = watched(camera.url, open_timeout=3, read_timeout=3)
    if state == "dead":
        camera.stop()
    if state == "mute":
        camera.mute.set()
    timer = interrupted(stream, 0.8)
    started = time.monotonic()
    if state in ("dead", "mute"):
        with pytest.raises(SourceError, match="stopped before a picture came"):
            stream.source.open()
    else:
        stream.source.open()
        if state == "stalled":
            camera.stalled.set()
        for _ in stream:
            pass
    assert 0.7 < time.monotonic() - started < 1.6
    closing = time.monotonic()
    stream.source.close()
    assert time.monotonic() - closing < 1.0
    timer.join()
    camera.mute.clear()


def test_the_process_ends_although_a_connection_is_stuck(camera: RtspServer) -> None:
    camera.mute.set()
    code = f"""
        import threading
        from vidstream.errors import SourceError
        from vidstream.graph.params import make_params
        from vidstream.sources.stream import NetworkStream
        params = {{"uri": "{camera.url}", "open_timeout": 30}}
        stream = NetworkStream(make_params(NetworkStream.Params, params, ""))
        threading.Timer(0.3, stream.interrupt).start()
        try:
            stream.open()
        except SourceError as error:
            print(error)
        stream.close()
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    camera.mute.clear()
    assert (done.returncode, done.stderr) == (0, "")
    assert "stopped before a picture came" in done.stdout


PASSWORD = "hunter2-planted"


@pytest.mark.parametrize(
    "trouble", ["none", "refused", "unreachable", "stalled", "unknown host", "not a video"]
)
def test_the_password_appears_nowhere(
    tmp_path: Path,
    trouble: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[object] = []
    (tmp_path / "page.html").write_text("<html>" + "login " * 500)
    with RtspServer(login=f"viewer:{PASSWORD}") as camera, web_server(tmp_path) as web:
        url = camera.url
        if trouble == "refused":
            camera.login = "viewer:changed"
        if trouble == "unreachable":
            camera.stop()
        if trouble == "unknown host":
            url = f"rtsp://viewer:{PASSWORD}@no.such.host.invalid/cam?password={PASSWORD}"
        if trouble == "not a video":
            url = f"http://viewer:{PASSWORD}@{web}/page.html?token={PASSWORD}"
        stream = watched(url, read_timeout=0.4, reconnect=trouble == "none")
        said += [repr(stream.source.params), str(stream.source.params)]
        try:
            with stream:
                said.append(repr(stream.info))
                stream.take(3)
                if trouble == "stalled":
                    camera.stalled.set()
                    list(stream)
                camera.drop()
                stream.take(3)
        except SourceError as error:
            assert trouble != "none"
            said += [str(error), repr(error), error.args, traceback.format_exc()]
        else:
            assert trouble == "none"
            assert "***" in repr(stream.info)
        said += [stream.events, [t.name for t in threading.enumerate()], caplog.text, capfd.readouterr()]
    assert PASSWORD not in "".join(map(repr, said))


def test_a_refused_password_is_told_and_not_tried_again_soon() -> None:
    with RtspServer(login="viewer:right") as camera:
        stream = watched(camera.url.replace("right", "wrong"))
        timer = interrupted(stream, 1.0)
        with pytest.raises(SourceError):
            stream.source.open()
        stream.source.close()
        timer.join()
        assert stream.events == [(LOST, "server returned 401 Unauthorized (authorization failed)")]
        assert camera.refusals == 1


def test_motion_jpeg_over_http_is_timed_by_arrival(tmp_path: Path) -> None:
    """The server sends 20 pictures a second; FFmpeg alone would say 25."""
    with web_server(tmp_path) as host, watched(f"http://{host}/mjpeg") as stream:
        frames = stream.take(40)
    steps = np.diff([f.pts for f in frames[15:]])
    assert np.median(steps) == pytest.approx(0.05, abs=0.01)
    assert all(a.pts < b.pts for a, b in pairwise(frames))
    assert (stream.info.width, stream.info.height) == (64, 48)


def test_transport_stream_over_a_bare_connection(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.ts", range(50), options={"g": "10", "bf": "0"})
    with byte_server(clip.read_bytes(), seconds=1.0) as host, watched(f"tcp://{host}") as stream:
        frames = take_until_segment(stream, 1)
    assert [number_of(f.pixels) for f in frames] == [*range(50), 0]
    assert [f.pts for f in frames] == pytest.approx([n / 25 for n in range(50)] + [0])
    assert stream.events == [(LOST, "the other side ended it"), BACK]


def test_transport_stream_over_udp(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.ts", range(100), options={"g": "10", "bf": "0"}).read_bytes()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    done = threading.Event()

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            while not done.is_set():
                for start in range(0, len(clip), 1316):
                    sender.sendto(clip[start : start + 1316], ("127.0.0.1", port))
                    if done.wait(0.005):
                        return

    sending = threading.Thread(target=send)
    sending.start()
    try:
        with watched(f"udp://127.0.0.1:{port}", read_timeout=1) as stream:
            assert len(stream.take(30)) == 30
    finally:
        done.set()
        sending.join()


HLS = {"hls_time": "1", "hls_list_size": "0", "hls_playlist_type": "vod"}


@pytest.mark.parametrize(
    ("name", "muxing"), [("list.m3u8", HLS), ("clip.mp4", {"movflags": "faststart"}), ("clip.webm", {})]
)
def test_a_recording_behind_an_address_plays_at_its_pace_to_its_end(
    tmp_path: Path, name: str, muxing: dict[str, str]
) -> None:
    codec = "libvpx" if name.endswith("webm") else "libx264"
    make_clip(tmp_path / name, range(30), codec=codec, muxing=muxing, options={"g": "25"})
    with (
        web_server(tmp_path, login="me:secret") as host,
        watched(f"http://me:secret@{host}/{name}") as stream,
    ):
        started = time.monotonic()
        frames = list(stream)
        assert time.monotonic() - started == pytest.approx(1.2, abs=0.5)
        assert stream.info.duration == pytest.approx(1.2, abs=0.1)
    assert [number_of(f.pixels) for f in frames] == list(range(30))
    assert stream.events == []


EVIL = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{0}/clip.ts\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("evil.m3u8", "sends nothing in a known format"),
        ("redirect", "sends nothing in a known format"),
        ("page.html", "sends nothing in a known format"),
        ("notes.txt", "sends nothing in a known format"),
        ("joined.txt", "sends nothing in a known format"),
        ("gone.mp4", "server returned 404 Not Found"),
        ("song.mp4", "has no video in it"),
    ],
)
def test_what_a_server_says_leads_to_no_file_of_this_machine(tmp_path: Path, path: str, words: str) -> None:
    make_clip(tmp_path / "clip.ts", range(10))
    make_clip(tmp_path / "clip.mp4", range(10), muxing={"movflags": "faststart"})
    (tmp_path / "evil.m3u8").write_text(EVIL.format(tmp_path))
    (tmp_path / "page.html").write_text("<html>" + "login " * 500)
    (tmp_path / "notes.txt").write_text("Dear camera\n" * 400)
    (tmp_path / "joined.txt").write_text(f"ffconcat version 1.0\nfile {tmp_path}/clip.ts\n")
    sound_alone(tmp_path / "song.mp4")
    refused = pytest.raises(SourceError, match=f"source 'clip': {words}")
    with web_server(tmp_path, redirect=f"file://{tmp_path}/clip.mp4") as host, refused:
        watched(f"http://{host}/{path}", reconnect=False).__enter__()


def sound_alone(path: Path) -> None:
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 48000
        container.mux([packet for _ in range(20) for packet in stream.encode(frame)])
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    "address", ["ftp://host/a.mp4", "file:///etc/passwd", "concat://a", "pipe://0", "RTSPX://h"]
)
def test_unknown_schemes_are_refused_while_checking(address: str) -> None:
    scheme = address.partition(":")[0].lower()
    with pytest.raises(ParamError, match=f"uri: addresses with '{scheme}://' are not read") as caught:
        make_params(NetworkStream.Params, {"uri": address}, "")
    assert "known are rtsp" in caught.value.fix or "did you mean" in caught.value.fix


@pytest.mark.parametrize("scheme", ["rtsp", "rtsps", "rtmp", "http", "https", "tcp"])
def test_every_scheme_reaches_out(scheme: str) -> None:
    """Nobody listens there: that it is said so shows that the protocol was let through."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(SourceError, match="connection refused"):
        watched(f"{scheme}://127.0.0.1:{port}/x", reconnect=False).__enter__()


def test_the_defaults_are_those_for_an_unattended_camera() -> None:
    params = make_params(NetworkStream.Params, {"uri": "rtsp://cam/1"}, "")
    assert (params.transport, params.open_timeout, params.read_timeout) == ("tcp", 10, 4)
    assert (params.reconnect, params.give_up, params.fps) == (True, None, None)


@contextmanager
def playlist(folder: Path, pieces: int, kept: int = 4) -> Iterator[None]:
    """Write a live playlist over and over: every second another piece, old ones fall out."""
    make_clip(
        folder / "all.m3u8",
        range(25 * pieces),
        muxing={"hls_time": "1", "hls_list_size": "0", "hls_segment_filename": str(folder / "piece%03d.ts")},
        options={"g": "25", "sc_threshold": "0"},
    )
    done = threading.Event()

    def write() -> None:
        for newest in range(3, pieces + 1):
            first = max(0, newest - kept)
            lines = [
                "#EXTM3U",
                "#EXT-X-VERSION:3",
                "#EXT-X-TARGETDURATION:1",
                f"#EXT-X-MEDIA-SEQUENCE:{first}",
            ]
            lines += [f"#EXTINF:1.0,\npiece{number:03d}.ts" for number in range(first, newest)]
            (folder / "new.m3u8").write_text("\n".join(lines) + "\n")
            (folder / "new.m3u8").replace(folder / "live.m3u8")
            if done.wait(1.0):
                return

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        done.set()
        writer.join()


def test_a_live_playlist_is_followed_at_its_pace_from_near_its_end(tmp_path: Path) -> None:
    with playlist(tmp_path, 12), web_server(tmp_path) as host:
        wait_for(tmp_path / "live.m3u8")
        with watched(f"http://{host}/live.m3u8", read_timeout=20) as stream:
            began = time.monotonic()
            frames = stream.take(90)
            took = time.monotonic() - began
            assert (stream.info.live, stream.info.duration) == (True, None)
    numbers = [number_of(f.pixels) for f in frames]
    assert numbers == [(numbers[0] + n) % 256 for n in range(90)]
    assert numbers[0] >= 25  # not from the beginning
    assert took > 2.0  # each piece comes at once, its pictures do not
    assert {f.segment for f in frames} == {0}


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 10
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)


def test_a_new_size_in_the_middle_begins_a_segment(tmp_path: Path) -> None:
    small = make_clip(tmp_path / "small.ts", range(20), size=(128, 96), options={"bf": "0"}).read_bytes()
    large = make_clip(tmp_path / "large.ts", range(20, 40), size=(160, 128), options={"bf": "0"}).read_bytes()
    with byte_server(small + large, seconds=1.0) as host, watched(f"tcp://{host}", reconnect=False) as stream:
        frames = list(stream)
        assert ("format-changed", "pictures are 160 x 128 pixels from here on") in stream.events
    sizes = [(f.segment, f.pixels.shape[1::-1]) for f in frames]
    assert sizes == [(0, (128, 96))] * 20 + [(1, (160, 128))] * 20
    assert [f.pts for f in frames[20:]] == pytest.approx([n / 25 for n in range(20)])


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ("401 Unauthorized", "auth-failed"),
        ("403 Forbidden", "auth-failed"),
        ("404 Not Found", "lost"),
        ("500 Internal Server Error", "lost"),
        ("200 OK", "bad-data"),
    ],
)
def test_what_an_answer_makes_of_the_state(answer: str, state: str) -> None:
    reply = f"HTTP/1.1 {answer}\r\nContent-Length: 4000\r\nConnection: close\r\n\r\n".encode()
    with byte_server(reply + b"\1\2 rubbish " * 400, seconds=0.05) as host:
        stream = watched(f"http://{host}/cam", reconnect=False)
        states: list[str] = []
        stream.source.announce = lambda state, cause: states.append(state)
        with pytest.raises(SourceError):
            stream.__enter__()
    assert states == ["connecting", state, "ended"]


def test_the_time_of_day_is_the_clock_s_that_was_given(camera: RtspServer) -> None:
    class Elsewhen(SystemClock):
        def time(self) -> float:
            return time.time() + 3600

    stream = watched(camera.url)
    stream.source.clock = Elsewhen()
    with stream:
        assert all(abs((f.wall or 0) - time.time() - 3600) < 20 for f in stream.take(5))


@pytest.mark.parametrize("how", ["keep", "drop"])
def test_damaged_frames_are_marked_or_left_out(tmp_path: Path, how: str) -> None:
    """Whole pictures are missing: no decoder says so, only the numbers of the frames do."""
    clip = make_clip(tmp_path / "clip.ts", range(60), options={"g": "20", "bf": "0", "sc_threshold": "0"})
    data, lost = clip.read_bytes(), tmp_path / "lost.ts"
    with av.open(io.BytesIO(data)) as whole, av.open(str(lost), "w") as rest:
        video = whole.streams.video[0]
        copy = rest.add_stream_from_template(video)
        for number, packet in enumerate(whole.demux(video)):
            if packet.dts is not None and number not in (28, 29):
                packet.stream = copy
                rest.mux(packet)
    with (
        byte_server(lost.read_bytes(), seconds=0.5) as host,
        watched(f"tcp://{host}", reconnect=False, damaged=how) as stream,
    ):
        frames = list(stream)
        assert ("stream-damaged", "pictures are missing") in stream.events
    found = {round(f.pts * 25): f.damaged for f in frames}
    if how == "keep":
        assert [n for n, damaged in found.items() if damaged] == list(range(30, 40))
    else:
        assert list(found) == [*range(28), *range(40, 60)]
        assert frames[28].skipped == 10


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_the_time_of_day_is_the_camera_s_own_where_it_tells_it(transport: str) -> None:
    """GStreamer's server tells it in RTCP sender reports. Golden: the time painted into the pictures."""
    if not gstreamer_is_there():
        assert os.environ.get("CI") != "true"
        pytest.skip("GStreamer's RTSP server is not installed: apt install gir1.2-gst-rtsp-server-1.0")
    with Camera("gst") as camera, watched(camera.url, transport=transport) as stream:
        off = []
        for frame in stream.take(100)[50:]:
            stamp = read_stamp(frame.pixels)
            assert stamp is not None
            assert frame.wall is not None
            off.append(frame.wall - (time.time() - stamp.age))
        assert np.median(np.abs(off)) < 0.06
        assert stream.events == []
    with Camera("gst") as camera, watched(camera.url, transport=transport, wall="arrival") as stream:
        assert abs((stream.take(30)[-1].wall or 0) - time.time()) < 1.0
