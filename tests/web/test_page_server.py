"""The server as others may treat it: nonsense, slowness, crowds."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.support.page_run import Client, Running, wait_for
from vidstream.web.http import HttpError, read_head
from vidstream.web.server import Limits

Start = Callable[..., Running]


@pytest.mark.parametrize(
    ("head", "status"),
    [
        pytest.param("nonsense", 400, id="no request line"),
        pytest.param("GET / HTTP/2.0", 400, id="another version"),
        pytest.param("get / HTTP/1.1", 400, id="a method in small letters"),
        pytest.param("GET http://x/ HTTP/1.1", 400, id="as to a proxy"),
        pytest.param("GET /\x00 HTTP/1.1", 400, id="a null in the path"),
        pytest.param("GET /%0d%0aX:%201 HTTP/1.1", 400, id="line ends in the path, encoded"),
        pytest.param("GET /" + "a" * 5000 + " HTTP/1.1", 400, id="an endless path"),
        pytest.param("GET / HTTP/1.1\r\nno colon", 400, id="a header without a colon"),
        pytest.param("GET / HTTP/1.1\r\n folded: x", 400, id="a folded header"),
        pytest.param("GET / HTTP/1.1\r\nHost : x", 400, id="a space before the colon"),
        pytest.param("GET / HTTP/1.1\r\nHost: a\r\nHost: b", 400, id="two hosts"),
        pytest.param("GET / HTTP/1.1\r\nContent-Length: -1", 400, id="a negative length"),
        pytest.param("GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2", 400, id="two lengths"),
        pytest.param("POST / HTTP/1.1\r\nContent-Length: 4097", 413, id="a large body"),
        pytest.param("POST / HTTP/1.1\r\nTransfer-Encoding: chunked", 411, id="a body in chunks"),
        pytest.param("GET / HTTP/1.1\r\n" + "A: b\r\n" * 70, 431, id="many headers"),
        pytest.param("GET /?" + "a=1&" * 20 + " HTTP/1.1", 400, id="many fields"),
    ],
)
def test_what_is_no_request_gets_no_answer_but_why(head: str, status: int) -> None:
    with pytest.raises(HttpError) as caught:
        read_head(head.encode("latin-1"), "here")
    assert caught.value.status == status


def talk(port: int, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(data)
        found = b""
        while chunk := line.recv(65_536):
            found += chunk
        return found


def test_nonsense_on_the_wire(running: Start) -> None:
    run = running()
    port = run.client.port
    assert talk(port, b"\x16\x03\x01 TLS?\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert talk(port, b"GET / HTTP/1.1\r\nA: " + b"x" * 20_000 + b"\r\n\r\n").startswith(b"HTTP/1.1 431 ")
    assert run.client.ask("/health").status in (200, 503)


def test_one_connection_serves_many_requests(running: Start) -> None:
    run = running()
    one = b"GET /api/v1/notices HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = b"GET /api/v1/notices HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert talk(run.client.port, 3 * one + last).count(b"HTTP/1.1 200 OK") == 4


def test_who_says_nothing_is_hung_up_on(running: Start) -> None:
    run = running(limits=Limits(request=0.3, idle=0.3))
    assert talk(run.client.port, b"") == b""
    assert talk(run.client.port, b"GET / HTTP/1.1\r\nHost: local") == b"", "half a request is none"
    begun = talk(run.client.port, b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\nto")
    assert begun == b"", "half a body neither"
    wait_for(lambda: run.page.server.connections == 0)


def test_a_crowd_is_turned_away_and_harms_nobody(running: Start) -> None:
    run = running(limits=Limits(connections=40, streams=10))
    run.first()
    before, threads = run.engine.lanes[0].passages[-1].ledger.done, threading.active_count()
    with ExitStack() as stack:
        lines = []
        for _ in range(200):
            line = stack.enter_context(socket.create_connection(("127.0.0.1", run.client.port), timeout=10))
            line.sendall(b"GET /api/v1/pictures HTTP/1.1\r\nHost: localhost\r\n\r\n")
            lines.append(line)
        first = [line.recv(20) for line in lines]
        served = sum(data.startswith(b"HTTP/1.1 200") for data in first)
        refused = sum(data.startswith(b"HTTP/1.1 503") for data in first)
        assert served == 10
        assert refused >= 150, "the others are told, but for those who were too slow to ask"
        assert run.page.server.connections <= 40
        assert threading.active_count() <= threads + 2, "viewers are no threads; two draw for all of them"
        wait_for(lambda: run.engine.lanes[0].passages[-1].ledger.done > before + 5)
    wait_for(lambda: run.page.server.connections == 0)
    assert run.client.ask("/api/v1/state").status == 200
    assert run.page.watcher.studio.viewers == 0


def test_whoever_only_holds_the_line_makes_room(running: Start) -> None:
    run = running(limits=Limits(connections=10))
    with ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(socket.create_connection(("127.0.0.1", run.client.port), timeout=10))
        wait_for(lambda: run.page.server.connections == 10)
        time.sleep(0.6)  # as long as a line may be held while others want it
        assert run.client.ask("/api/v1/state").status == 200


def test_the_end_waits_for_nobody(running: Start) -> None:
    run = running()
    run.first()
    with ExitStack() as stack:
        for path in ("/api/v1/pictures", "/api/v1/stream", "/api/v1/sources/gate/stream.mjpeg"):
            stack.enter_context(run.client.stream(path))
        stack.enter_context(socket.create_connection(("127.0.0.1", run.client.port)))
        began = time.monotonic()
        run.page.server.close()
        run.page.watcher.close()
        assert time.monotonic() - began < 5, "usually well below 1 s"
    with pytest.raises(ConnectionRefusedError):
        Client(run.client.port).ask("/health")
