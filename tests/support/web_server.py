"""Small servers on loopback for tests: HTTP with a login, endless MJPEG, and bytes over bare TCP."""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np


class Handler(SimpleHTTPRequestHandler):
    """Files of a folder; ``/mjpeg`` is a camera whose pictures get brighter, 20 a second."""

    login = ""
    redirect = ""

    def do_GET(self) -> None:
        wanted = "Basic " + base64.b64encode(self.login.encode()).decode()
        if self.login and self.headers.get("Authorization") != wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.end_headers()
        elif self.path == "/redirect":
            self.send_response(302)
            self.send_header("Location", self.redirect)
            self.end_headers()
        elif self.path == "/mjpeg":
            self.send_mjpeg()
        else:
            super().do_GET()

    def send_mjpeg(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        server: Any = self.server
        number = 0
        while not server.closing.is_set():
            data = cv2.imencode(".jpg", np.full((48, 64, 3), 10 + number % 200, np.uint8))[1].tobytes()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            try:
                self.wfile.write(head.encode() + data + b"\r\n")
            except OSError:  # the reader has gone
                return
            number += 1
            time.sleep(0.05)

    def log_message(self, *_: Any) -> None:
        """Silence."""


@contextmanager
def web_server(folder: Path, login: str = "", redirect: str = "") -> Iterator[str]:
    """Serve a folder; gives ``host:port``."""
    handler = type("ThisHandler", (Handler,), {"login": login, "redirect": redirect})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    server.daemon_threads = False
    server.closing = threading.Event()  # type: ignore[attr-defined]  # for the handler's endless loop
    thread = threading.Thread(target=partial(server.serve_forever, 0.02))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.closing.set()  # type: ignore[attr-defined]  # see above
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def byte_server(data: bytes, seconds: float) -> Iterator[str]:
    """Send `data` evenly over `seconds` to everybody who connects, then hang up; gives ``host:port``."""
    listener = socket.create_server(("127.0.0.1", 0))
    closing = threading.Event()

    def serve() -> None:
        while not closing.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                step = max(1, len(data) // 50)
                try:
                    for start in range(0, len(data), step):
                        client.sendall(data[start : start + step])
                        if closing.wait(seconds / 50):
                            return
                except OSError:  # the reader has gone
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        closing.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
