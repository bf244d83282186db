"""A network camera for tests: RTSP on loopback, H.264 in RTP interleaved over the RTSP connection.

It can stall (connection open, nothing sent), drop its clients, go away altogether and come back on the same
port, and ask for a password. Standard library and PyAV only.
"""

from __future__ import annotations

import base64
import select
import socket
import struct
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from itertools import count, cycle
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from tests.support.clips import numbered

CLOCK = 90_000
START_CODE = b"\0\0\0\1"


def h264(images: Sequence[npt.NDArray[np.uint8]], fps: int) -> list[list[bytes]]:
    """The NAL units of each BGR picture; every tenth is a keyframe with its parameter sets."""
    codec = av.CodecContext.create("libx264", "w")
    codec.height, codec.width = images[0].shape[:2]
    codec.pix_fmt, codec.time_base = "yuv420p", Fraction(1, fps)
    codec.options = {
        "tune": "zerolatency",
        "preset": "ultrafast",
        "g": "10",
        "x264-params": "annexb=1:repeat-headers=1",
    }
    pictures = []
    for number, image in enumerate(images):
        frame = av.VideoFrame.from_ndarray(image, "bgr24")
        frame.pts = number
        pictures += [bytes(packet) for packet in codec.encode(frame)]
    return [[unit for unit in split(data) if unit] for data in pictures]


def split(data: bytes) -> list[bytes]:
    """NAL units of an Annex B byte stream."""
    return [unit.rstrip(b"\0") for unit in data.replace(START_CODE, START_CODE[1:]).split(START_CODE[1:])]


def rtp(unit: bytes, sequence: Iterator[int], stamp: int, last: bool) -> Iterator[bytes]:
    """One NAL unit as RTP packets, in fragments where it is large (RFC 6184, 5.8), each framed for TCP."""
    size = 1200
    if len(unit) <= size:
        payloads = [unit]
    else:
        kind, body = unit[0], unit[1:]
        chunks = [body[i : i + size] for i in range(0, len(body), size)]
        flags = [(n == 0) << 7 | (n == len(chunks) - 1) << 6 | kind & 31 for n in range(len(chunks))]
        payloads = [
            bytes([kind & 0xE0 | 28, flag]) + chunk for flag, chunk in zip(flags, chunks, strict=True)
        ]
    for n, payload in enumerate(payloads):
        mark = 0x80 if last and n == len(payloads) - 1 else 0
        header = struct.pack("!BBHII", 0x80, mark | 96, next(sequence) & 0xFFFF, stamp & 0xFFFFFFFF, 0x1234)
        yield struct.pack("!cBH", b"$", 0, len(header + payload)) + header + payload


class RtspServer:
    """``with RtspServer() as camera: open(camera.url)``. All threads have ended when the block is left."""

    def __init__(
        self,
        fps: int = 25,
        size: tuple[int, int] = (160, 120),
        login: str = "",
        frames: int = 50,
        images: Sequence[npt.NDArray[np.uint8]] = (),
    ) -> None:
        self.fps, self.size, self.login = fps, size, login
        self.pictures = h264(images or [numbered(i, size) for i in range(frames)], fps) if frames else []
        self.stalled = threading.Event()
        self.mute = threading.Event()  # accepts connections, answers nothing
        self.catches_up = True  # sends what it owes after a pause; else it leaves that out
        self.sessions = 0
        self.started = 0.0  # monotonic time of the last session's first picture
        self.refusals = 0
        self.port = 0
        self._threads: list[threading.Thread] = []
        self._clients: list[socket.socket] = []
        self._listener: socket.socket | None = None

    def __enter__(self) -> RtspServer:
        self.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()

    @property
    def url(self) -> str:
        login = f"{self.login}@" if self.login else ""
        return f"rtsp://{login}127.0.0.1:{self.port}/cam"

    def start(self) -> None:
        """Listen; after `stop`, on the same port."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        self._start(self._accept, self._listener)

    def stop(self) -> None:
        """Stop listening and drop everybody."""
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self.drop()
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()
        self._threads.clear()

    def drop(self) -> None:
        """Cut every connection."""
        while self._clients:
            client = self._clients.pop()
            with suppress(OSError):  # it was quicker
                client.shutdown(socket.SHUT_RDWR)

    def _start(self, target: Any, *args: Any) -> None:
        self._threads.append(threading.Thread(target=target, args=args, daemon=True))
        self._threads[-1].start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self._clients.append(client)
            self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with client:
            try:
                self._talk(client)
            except (OSError, ValueError):  # dropped in the middle of something
                return

    def _talk(self, client: socket.socket) -> None:
        playing, sent, sequence, feed = False, 0, count(), self.feed()
        while True:
            readable, _, _ = select.select([client], [], [], 0.005 if playing else 5)
            if readable:
                verb = self._answer(client)
                if verb in ("", "TEARDOWN"):
                    return
                if verb == "PLAY":
                    playing, self.started = True, time.monotonic()
                    self.sessions += 1
            if playing and not self.catches_up:
                sent = max(sent, int((time.monotonic() - self.started - 0.5) * self.fps))
            while (
                playing and not self.stalled.is_set() and time.monotonic() - self.started >= sent / self.fps
            ):
                units = next(feed)
                for n, unit in enumerate(units):
                    packets = rtp(unit, sequence, sent * CLOCK // self.fps, n == len(units) - 1)
                    client.sendall(b"".join(self.spoil(packets)))
                sent += 1

    def feed(self) -> Iterator[list[bytes]]:
        """The NAL units of the pictures of one session; subclasses may make them as they go."""
        return cycle(self.pictures)

    def spoil(self, packets: Iterable[bytes]) -> Iterable[bytes]:
        """What the network makes of framed RTP packets; subclasses may lose and damage some."""
        return packets

    def _answer(self, client: socket.socket) -> str:
        """Answer one request; its verb, or nothing when the client has gone."""
        request = b""
        while b"\r\n\r\n" not in request:
            data = client.recv(4096)
            if not data:
                return ""
            request += data
        if request.startswith(b"$"):  # a receiver report
            return "$"
        while self.mute.is_set():
            time.sleep(0.02)
        lines = request.decode().split("\r\n")
        verb = lines[0].split()[0]
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        wanted = "Basic " + base64.b64encode(self.login.encode()).decode()
        if self.login and verb != "OPTIONS" and headers.get("authorization") != wanted:
            self.refusals += "authorization" in headers
            self._send(client, headers["cseq"], "401 Unauthorized", 'WWW-Authenticate: Basic realm="camera"')
            return verb
        body, extra = "", "Session: 1;timeout=60"
        if verb == "DESCRIBE":
            body = (
                "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\n"
                f"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/{CLOCK}\r\n"
                "a=fmtp:96 packetization-mode=1\r\na=control:track\r\n"
            )
            base = f"rtsp://127.0.0.1:{self.port}/cam/"
            extra = f"Content-Base: {base}\r\nContent-Type: application/sdp"
        elif verb == "SETUP":
            extra = "Session: 1;timeout=60\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1"
        self._send(client, headers["cseq"], "200 OK", extra, body)
        return verb

    def _send(self, client: socket.socket, sequence: str, status: str, extra: str, body: str = "") -> None:
        head = f"RTSP/1.0 {status}\r\nCSeq: {sequence}\r\n{extra}\r\nContent-Length: {len(body)}\r\n\r\n"
        client.sendall((head + body).encode())
