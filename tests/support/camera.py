"""Cameras in processes of their own, so that they can be killed, stopped and continued like real ones.

Each picture carries the time at which it was sent (see `painted`). All are on loopback, and keep their port
when they come back. The processes are forked from one that has imported everything, so that a camera is back
within milliseconds.
"""

from __future__ import annotations

import base64
import multiprocessing
import os
import random
import signal
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler
from itertools import count
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import quote

import av
import cv2
import numpy as np

from tests.support.painted import paint
from tests.support.rtsp_server import RtspServer, split

Kind = Literal["rtsp", "ts", "mjpeg", "udp", "hls", "gst"]
#: those that a client connects to
CONNECTED: tuple[Kind, ...] = ("rtsp", "ts", "mjpeg")
HUGE = (7680, 4320)
#: pictures that a camera gives before it hangs up, where it does so
STAY = 12


@dataclass
class Orders:
    """How a camera behaves; changed while it runs."""

    size: tuple[int, int] = (320, 240)
    fps: int = 25
    #: name and password, "viewer:secret"
    login: str = ""
    #: connections are kept, nothing is sent
    stalled: bool = False
    #: what is wrong: flipped, lossy, garbage, halved, bomb, huge, leaves (hangs up after 12 pictures)
    trouble: str = ""
    #: share of packets or pictures that it befalls
    share: float = 0.1
    #: where a playlist and its segments lie
    folder: str = ""


class Ticks:
    """Waits for each picture's turn; what could not be sent in time is left out."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._next = time.monotonic()
        self._sent = 0

    def wait(self) -> None:
        """Until the next picture is due; ConnectionResetError where the camera hangs up now and then."""
        self._sent += 1
        if self._orders.trouble == "leaves" and self._sent > STAY:
            raise ConnectionResetError
        while self._orders.stalled:
            time.sleep(0.01)
        time.sleep(max(0.0, self._next - time.monotonic()))
        self._next = max(self._next, time.monotonic() - 0.1) + 1 / self._orders.fps


class Encoder:
    """Painted pictures as H.264, a keyframe every second; the size may change on the way."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._began = time.monotonic()
        self._number, self._pts = 0, -1
        self._codec = self._made(orders.size)

    def packets(self) -> list[av.Packet]:
        """The next picture."""
        size = self._orders.size
        if size != (self._codec.width, self._codec.height):
            self._codec = self._made(size)
        gray = np.frombuffer(paint(self._number, size), np.uint8).reshape(size[1], size[0])
        colour = np.full((size[1] // 2, size[0]), 128, np.uint8)
        frame = av.VideoFrame.from_ndarray(np.concatenate([gray, colour]), "yuv420p")
        self._pts = max(self._pts + 1, round((time.monotonic() - self._began) * 1000))
        frame.pts, frame.time_base = self._pts, Fraction(1, 1000)
        self._number += 1
        return self._codec.encode(frame)

    def _made(self, size: tuple[int, int]) -> av.VideoCodecContext:
        codec = av.CodecContext.create("libx264", "w")
        assert isinstance(codec, av.VideoCodecContext)
        codec.width, codec.height = size
        codec.pix_fmt, codec.time_base = "yuv420p", Fraction(1, 1000)
        codec.framerate = Fraction(self._orders.fps)
        codec.options = {
            "tune": "zerolatency",
            "preset": "ultrafast",
            "g": str(self._orders.fps),
            "threads": "1",
            "x264-params": "annexb=1:repeat-headers=1:cabac=1",
        }
        return codec


class PaintedRtsp(RtspServer):
    """RTSP whose pictures are made as they are sent."""

    def __init__(self, orders: Orders, port: int) -> None:
        super().__init__(frames=0, fps=orders.fps, login=orders.login)
        self.port, self.orders, self.catches_up = port, orders, False
        self._dice = random.Random(1)

    def feed(self) -> Iterator[list[bytes]]:
        encoder = Encoder(self.orders)
        for number in count():
            if self.orders.trouble == "leaves" and number > STAY:
                raise ConnectionResetError
            self.login = self.orders.login
            while self.orders.stalled:
                time.sleep(0.01)
            yield [unit for packet in encoder.packets() for unit in split(bytes(packet)) if unit]

    def spoil(self, packets: Iterable[bytes]) -> Iterable[bytes]:
        for packet in packets:
            struck = self.orders.trouble != "" and self._dice.random() < self.orders.share
            if struck and self.orders.trouble == "lossy":
                continue
            # the headers stay whole: the picture is damaged, not the talk
            yield flipped(packet, 20, self._dice) if struck and self.orders.trouble == "flipped" else packet


def flipped(data: bytes, start: int, dice: random.Random) -> bytes:
    """One byte behind `start` turned into another."""
    if len(data) <= start:
        return data
    at = dice.randrange(start, len(data))
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


class _Outlet:
    """What the muxer writes to: a connection that may lose or damage what goes through."""

    def __init__(self, orders: Orders, send: Any) -> None:
        self._orders, self._send = orders, send
        self._dice = random.Random(2)

    def write(self, data: bytes) -> int:
        for start in range(0, len(data), 1316):  # seven packets of the transport stream, as is usual
            part = data[start : start + 1316]
            struck = self._orders.trouble != "" and self._dice.random() < self._orders.share
            if struck and self._orders.trouble == "lossy":
                continue
            struck = struck and self._orders.trouble == "flipped"
            self._send(flipped(part, 200, self._dice) if struck else part)
        return len(data)


def _send_transport_stream(orders: Orders, send: Any) -> None:
    """For ever, or until sending fails."""
    ticks, encoder = Ticks(orders), Encoder(orders)
    outlet = _Outlet(orders, send)
    container = av.open(outlet, "w", format="mpegts", options={"flush_packets": "1", "pes_payload_size": "0"})
    stream = container.add_stream("libx264", rate=orders.fps)
    stream.width, stream.height, stream.pix_fmt = *orders.size, "yuv420p"
    while True:
        ticks.wait()
        for packet in encoder.packets():
            packet.stream = stream
            container.mux(packet)


def _write_playlist(orders: Orders) -> None:
    """A live playlist whose segments last a second."""
    ticks, encoder = Ticks(orders), Encoder(orders)
    options = {"hls_time": "1", "hls_list_size": "4", "hls_flags": "delete_segments"}
    container = av.open(f"{orders.folder}/live.m3u8", "w", format="hls", options=options)
    stream = container.add_stream("libx264", rate=orders.fps)
    stream.width, stream.height, stream.pix_fmt = *orders.size, "yuv420p"
    while True:
        ticks.wait()
        for packet in encoder.packets():
            packet.stream = stream
            container.mux(packet)


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Silence."""


class _Threads(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64
    orders: Orders

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The client has gone."""


class _Transport(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        orders: Orders = self.server.orders  # type: ignore[attr-defined]  # ours
        _send_transport_stream(orders, self.request.sendall)


class _Mjpeg(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        orders: Orders = self.server.orders  # type: ignore[attr-defined]  # ours
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            if not (line := self.rfile.readline()):
                return
            request += line
        wanted = base64.b64encode(orders.login.encode())
        if orders.login and wanted not in request:
            self.wfile.write(
                b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="c"\r\nContent-Length: 0\r\n\r\n'
            )
            return
        self.wfile.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"
        )
        ticks, dice, number = Ticks(orders), random.Random(3), 0
        while True:
            ticks.wait()
            self.wfile.write(_part(orders, number, dice))
            number += 1


def _part(orders: Orders, number: int, dice: random.Random) -> bytes:
    """One picture as it goes over the line, with what is wrong."""
    size = orders.size
    trouble = orders.trouble if dice.random() < orders.share else ""
    if trouble == "huge":
        data = _huge()
    else:
        gray = np.frombuffer(paint(number, size), np.uint8).reshape(size[1], size[0])
        data = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()
    if trouble == "garbage":
        return dice.randbytes(4000)
    if trouble == "halved":
        data = data[: len(data) // 2]
    if trouble == "flipped":
        data = flipped(data, 700, dice)
    if trouble == "bomb":
        data = bomb(data)
    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data + b"\r\n"


def bomb(jpeg: bytes, side: int = 30_000) -> bytes:
    """A JPEG that claims to be 30000 pixels wide and high."""
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + side.to_bytes(2, "big") * 2 + jpeg[at + 4 :]


_huge_jpeg: list[bytes] = []


def _huge() -> bytes:
    if not _huge_jpeg:
        gray = np.frombuffer(paint(0, HUGE), np.uint8).reshape(HUGE[1], HUGE[0])
        _huge_jpeg.append(cv2.imencode(".jpg", gray)[1].tobytes())
    return _huge_jpeg[0]


def serve(kind: Kind, port: int, orders: Orders, pipe: Any) -> None:
    """Be a camera until killed: what a camera's process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests, which end this
    if kind == "udp":
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender.connect(("127.0.0.1", port))
        work: Any = lambda: _send_to_whoever(orders, sender)  # noqa: E731 - one of three ways to serve
    elif kind == "hls":
        files: Any = _Threads(("127.0.0.1", port), partial(_Files, directory=orders.folder))
        threading.Thread(target=files.serve_forever, daemon=True).start()
        port, work = files.server_address[1], partial(_write_playlist, orders)
    elif kind == "rtsp":
        rtsp = PaintedRtsp(orders, port)
        rtsp.start()
        port, work = rtsp.port, lambda: None
    else:
        server = _Threads(("127.0.0.1", port), _Mjpeg if kind == "mjpeg" else _Transport)
        server.orders = orders
        port, work = server.server_address[1], server.serve_forever
    threading.Thread(target=work, daemon=True).start()
    pipe.send(port)
    while True:
        try:
            name, value = pipe.recv()
        except EOFError:  # whoever started this has gone
            os._exit(0)
        setattr(orders, name, value)
        if kind == "rtsp":
            rtsp.login = orders.login


def _send_to_whoever(orders: Orders, sender: socket.socket) -> None:
    def send(data: bytes) -> None:
        with suppress(ConnectionRefusedError):  # nobody listens at the moment
            sender.send(data)

    _send_transport_stream(orders, send)


_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.support.camera"])


class Camera:
    """One camera; ``with Camera("rtsp") as camera: open(camera.url)``."""

    def __init__(self, kind: Kind = "rtsp", login: str = "", **orders: Any) -> None:
        self.kind = kind
        #: the login that addresses carry; the server's own is `orders.login`
        self.login = login
        self.orders = Orders(login=login, **orders)
        self.port = 0
        self._process: Any = None
        self._pipe: Any = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def url(self) -> str:
        """Its address, with the password where it has one."""
        name, _, password = self.login.partition(":")
        login = f"{name}:{quote(password, safe='')}@" if self.login else ""
        scheme = {"rtsp": "rtsp", "gst": "rtsp", "ts": "tcp", "mjpeg": "http", "hls": "http", "udp": "udp"}[
            self.kind
        ]
        path = {"rtsp": "/cam", "gst": "/cam", "mjpeg": "/video.mjpg", "hls": "/live.m3u8"}.get(self.kind, "")
        return f"{scheme}://{login if self.kind not in ('ts', 'hls') else ''}127.0.0.1:{self.port}{path}"

    def start(self) -> None:
        """Be there; after `kill` at the same port."""
        if self.kind == "gst":
            self._process, self.port = _gstreamer(self.port, self.orders)
            return
        if self.kind == "udp" and not self.port:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
        if self.kind == "hls":
            self._folder = tempfile.TemporaryDirectory()
            self.orders.folder = self._folder.name
        self._pipe, theirs = _context.Pipe()
        self._process = _context.Process(
            target=serve, args=(self.kind, self.port, self.orders, theirs), daemon=True
        )
        self._process.start()
        theirs.close()
        if not self._pipe.poll(20):
            raise RuntimeError(f"camera {self.kind} does not start")
        self.port = self._pipe.recv()

    def kill(self) -> None:
        """End it at once, also where it hangs."""
        if self._process is None:
            return
        self._process.kill()
        if isinstance(self._process, subprocess.Popen):
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
        else:
            self._process.join()
            self._process.close()
            self._pipe.close()
        self._process = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def hang(self) -> None:
        """Stop the process where it stands; its connections stay."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Continue after `hang`."""
        os.kill(self._process.pid, signal.SIGCONT)

    def order(self, **orders: Any) -> None:
        """Behave otherwise from now on."""
        for name, value in orders.items():
            setattr(self.orders, name, value)
            if self._pipe is not None:
                self._pipe.send((name, value))


def _gstreamer(port: int, orders: Orders) -> tuple[subprocess.Popen[str], int]:
    script = Path(__file__).with_name("gst_camera.py")
    command = ["/usr/bin/python3", str(script), str(port), str(orders.fps), *map(str, orders.size)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.strip():
        raise RuntimeError("GStreamer's RTSP server does not start")
    return process, int(line)


@cache
def gstreamer_is_there() -> bool:
    """Whether the system's Python has GStreamer's RTSP server."""
    code = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    try:
        return (
            subprocess.run(["/usr/bin/python3", "-c", code], capture_output=True, check=False).returncode == 0
        )
    except OSError:
        return False


class BlackHole:
    """A port where connecting never gets an answer: the queue of who waits to be let in is full."""

    def __init__(self, port: int = 0) -> None:
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", port))
        self._listener.listen(0)
        self.port = self._listener.getsockname()[1]
        self._waiting = []
        for _ in range(4):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", self.port))
            self._waiting.append(client)
        time.sleep(0.05)

    def close(self) -> None:
        """Be an ordinary closed port."""
        for client in self._waiting:
            client.close()
        self._listener.close()
