"""A thousand reconnects, two hundred visitors, and what they leave behind: nothing."""

from __future__ import annotations

import ctypes
import gc
import http.client
import socket
import statistics
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.fault_table import Recorder
from tests.support.live_site import PATIENCE, Site
from tests.support.memory import Holdings, holdings
from tests.support.planted import leaks
from vidstream.sources.patience import Backoff


def settled() -> Holdings:
    """What is held over two seconds: the median of the memory, and the least of what comes and goes."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what is free goes back: what stays is held
    looks = []
    for _ in range(40):
        looks.append(holdings())
        time.sleep(0.05)
    return Holdings(
        int(statistics.median(look.private for look in looks)),
        *(min(values) for values in list(zip(*looks, strict=True))[1:]),
    )


@pytest.mark.timeout(300)
def test_thousand_reconnects(
    cameras: Any, site: Any, record: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand reconnects"""
    monkeypatch.setattr(Backoff, "next", lambda self, *_, **__: 0.01)
    kinds = ("rtsp", "ts", "mjpeg") * 2
    unsteady = {
        f"{kind}{n}": cameras(kind, trouble="leaves", fps=60, size=(160, 112)) for n, kind in enumerate(kinds)
    }
    running = site({name: camera.url for name, camera in unsteady.items()}, keep=20)

    def reconnects() -> int:
        return sum(frames[-1].segment for frames in running.frames.values() if frames)

    running.wait(lambda: reconnects() >= 200, "200 reconnects to warm up", 120)
    before, first = settled(), reconnects()
    began = time.monotonic()
    running.wait(lambda: reconnects() >= first + 1000, "1,000 reconnects", 200)
    count, took = reconnects() - first, time.monotonic() - began
    after = settled()
    record("reconnects", count, "", ">= 1000")
    record("seconds for them", took, "s")
    record("memory per reconnect", (after.private - before.private) / count, "KiB", "<= 10")
    record("more file descriptors", after.descriptors - before.descriptors, "", "<= 2")
    record("more threads", after.threads - before.threads, "", "<= 2")
    record("zombies", after.zombies, "", "= 0")
    assert (after.private - before.private) / count <= 20
    assert after.descriptors <= before.descriptors + 6
    assert after.threads <= before.threads + 6
    assert after.zombies == 0


def test_two_hundred_visitors(cameras: Any, tmp_path: Path, record: Recorder, said: list[str]) -> None:
    """200 connections to the page"""
    from vidstream.web.address import Address
    from vidstream.web.page import Page

    running = Site({"gate": cameras("rtsp").url, "yard": cameras("mjpeg").url}, run={"out": str(tmp_path)})
    with Page(running.engine, Address.read("0")) as page, running, ExitStack() as stack:
        port = page.server.address.port
        for name in running.frames:
            running.wait_for_frames(name, 10)
        look_at_everything(page, port, said)
        before, began = settled(), time.monotonic()
        visitors = [stack.enter_context(socket.create_connection(("127.0.0.1", port), 5)) for _ in range(200)]
        for number, visitor in enumerate(visitors):
            visitor.settimeout(0.01)
            if number % 2:  # half of them watch, and never take what is sent; the others say nothing
                request = f"GET /api/v1/sources/gate/stream.mjpeg HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"
                with suppress(OSError):  # turned away
                    visitor.sendall(request.encode())
        answers = [answer(port) for _ in range(10) if not time.sleep(0.5)]
        record("state asked for, worst answer", max(answers), "s", "<= 1")
        for name in running.frames:
            record("frames lost", running.missing(name, began), "", "= 0", on=name)
            record("restarts", running.segments(name) - 1, "", "= 0", on=name)
            assert running.segments(name) == 1
            assert running.loses_little(name, began)
        held = holdings()
        record("memory meanwhile", (held.private - before.private) / 1024, "MiB more", "<= 64")
        for visitor in visitors:
            visitor.close()
        running.wait(lambda: page.server.connections <= 1, "the visitors to be gone")
        time.sleep(1)
        after = settled()
        record("more file descriptors afterwards", after.descriptors - before.descriptors, "", "<= 2")
        record("more threads afterwards", after.threads - before.threads, "", "<= 2")
        assert max(answers) < 3
        assert after.descriptors <= before.descriptors + 4
        assert after.threads <= before.threads + 2
    said.extend(running.everything_said())


def answer(port: int) -> float:
    """Seconds until the page tells its state; visitors that come in vain try again, as browsers do."""
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/api/v1/state")
            if connection.getresponse().status == 200:
                return time.monotonic() - began
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
        finally:
            connection.close()
    return PATIENCE


def look_at_everything(page: Any, port: int, said: list[str]) -> None:
    """Ask every route that ends for what it gives, and keep that for the search for the password."""
    for route in page.routes:
        path = route.path.replace("{source}", "gate").replace("{file}", "app.js").replace("{event}", "1")
        if getattr(route, "method", "GET") != "GET" or "stream" in path or path.endswith("pictures"):
            continue
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", path)
        body = connection.getresponse().read()
        connection.close()
        assert not leaks(body), path
        said.append(body.decode("utf-8", "replace"))
    assert threading.active_count() < 200
