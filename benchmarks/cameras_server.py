"""Cameras for the benchmark: one process that sends the same encoded pictures to everybody who connects.

``python -m benchmarks.cameras_server`` prints its port. Each connection is a camera of its own: an endless
MPEG-TS of 640 x 360 at 15 pictures a second, encoded once, so that serving costs next to nothing.
"""

from __future__ import annotations

import io
import socketserver
import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
from av.stream import Stream

WIDTH, HEIGHT, FPS = 640, 360, 15
_SECONDS = 8


def _encoded() -> list[tuple[bytes, bool]]:
    """The pictures of a drawn street as H.264, a keyframe every two seconds; and which are keyframes."""
    from vidstream.graph.params import make_params
    from vidstream.sources.synthetic import Synthetic

    options = {"uri": "synthetic:people", "size": [WIDTH, HEIGHT], "fps": FPS, "duration": f"{_SECONDS}s"}
    street = Synthetic(make_params(Synthetic.Params, options, "street"))
    street.open()
    codec = av.CodecContext.create("libx264", "w")
    assert isinstance(codec, av.VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    codec.time_base = Fraction(1, FPS)
    codec.options = {"preset": "veryfast", "tune": "zerolatency", "g": str(2 * FPS), "crf": "26"}
    found: list[tuple[bytes, bool]] = []
    while (frame := street.read()) is not None:
        picture = av.VideoFrame.from_ndarray(frame.pixels, "bgr24").reformat(format="yuv420p")
        picture.pts, picture.time_base = len(found), codec.time_base
        found += [(bytes(packet), packet.is_keyframe) for packet in codec.encode(picture)]
    return found


class _Outlet(io.RawIOBase):
    """What the muxer writes to."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._connection.sendall(data)
        return len(data)


class _Camera(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        """Send for ever, each picture when it is due."""
        server: Any = self.server
        container = av.open(_Outlet(self.request), "w", format="mpegts", options={"flush_packets": "1"})
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        began = time.monotonic()
        for number, packet in enumerate(_packets(server.pictures)):
            time.sleep(max(0.0, began + number / FPS - time.monotonic()))
            packet.stream = stream
            container.mux(packet)


def _packets(pictures: list[tuple[bytes, bool]]) -> Iterator[av.Packet[Stream]]:
    number = 0
    while True:
        for data, is_keyframe in pictures:
            packet = av.Packet(data)
            packet.pts = packet.dts = number
            packet.time_base, packet.is_keyframe = Fraction(1, FPS), is_keyframe
            number += 1
            yield packet


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 64
    pictures: list[tuple[bytes, bool]]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The reader has gone."""


def main() -> None:
    """Serve until killed."""
    server = _Server(("127.0.0.1", 0), _Camera)
    server.pictures = _encoded()
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
