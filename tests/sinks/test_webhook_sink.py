"""sink.webhook against real servers that fail, stall, redirect, ask for patience and hang up."""

from __future__ import annotations

import json
import logging
import re
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificate import self_signed
from tests.support.mosquitto import wait_for
from tests.support.one_stage import problems
from vidstream.graph.commons import Commons
from vidstream.sinks.messages.courier import signature
from vidstream.sinks.messages.post import Answer
from vidstream.sinks.messages.webhook import WebhookSink
from vidstream.types import Event, Events, SourceStatus

PAGE = Path(__file__).resolve().parents[2] / "docs" / "messages.md"
Make = Callable[..., Any]
At = Callable[..., Any]
#: what a server does with one request; True where it has answered for good
Act = Callable[[Any], None]


def answer(status: int, *headers: tuple[str, str], body: bytes = b"") -> Act:
    def act(handler: Any) -> None:
        handler.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return act


class Server:
    """Answers as told, one act after the other; the last one stays. `requests` are (path, headers, body)."""

    def __init__(self, *acts: Act, tls: tuple[Path, Path] | None = None, port: int = 0) -> None:
        self.acts = list(acts) or [answer(204)]
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.times: list[float] = []
        self.closing = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.times.append(time.monotonic())
                server.requests.append((self.path, dict(self.headers), body))
                act = server.acts.pop(0) if len(server.acts) > 1 else server.acts[0]
                act(self)

            def log_message(self, *_: Any) -> None:
                """Silence."""

        self.http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.http.closing = self.closing  # type: ignore[attr-defined]  # for the acts that stall
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
            self.http.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients that do not trust us
        self.port = self.http.server_port
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}/hook"
        self._thread = threading.Thread(target=self.http.serve_forever, args=(0.02,))
        self._thread.start()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: Any) -> None:
        self.closing.set()
        self.http.shutdown()
        self.http.server_close()
        self._thread.join()

    def events(self) -> list[int]:
        """The frames' numbers of all events that came, in order."""
        return [e["seq"] for _, _, body in list(self.requests) for e in json.loads(body)["events"]]


def stall(handler: Any) -> None:
    handler.server.closing.wait(30)
    handler.close_connection = True


def trickle(handler: Any) -> None:
    """One letter of a header now and then: each step is quick, all of it takes for ever."""
    handler.close_connection = True
    while not handler.server.closing.wait(0.05):
        try:
            handler.wfile.write(b"H")
        except OSError:
            return


def hang_up(handler: Any) -> None:
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def half(handler: Any) -> None:
    handler.wfile.write(b"HTTP/1.1 20")
    hang_up(handler)


def garbage(handler: Any) -> None:
    handler.wfile.write(b"\x00\xff" * 100 + b"\r\n\r\n")
    hang_up(handler)


def cut_body(handler: Any) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of")
    hang_up(handler)


def endless_body(handler: Any) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
    handler.close_connection = True
    try:
        while not handler.server.closing.is_set():
            handler.wfile.write(bytes(65536))
    except OSError:
        return


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other fast."""
    monkeypatch.setattr("vidstream.sinks.messages.courier._SOON", 0.02)
    monkeypatch.setattr("vidstream.sinks.messages.courier._LATE", 0.05)


def happening(number: int, kind: str = "line_crossed") -> tuple[Events, ...]:
    return (Events((Event(kind, "gate", number, number / 10, name="door", track_id=number),)),)


def sent(sink: Any, count: int) -> None:
    wait_for(lambda: sink._courier.outbox.sent == count, f"{count} delivered events")


def test_what_a_receiver_gets(make: Make, at: At) -> None:
    with Server() as server:
        sink = make(
            WebhookSink, url=server.url, secret="s3cret", headers={"X-Team": "north"}, kinds=("line_crossed",)
        )
        sink.process(at(3, 0.3, segment=2), events=happening(3))
        sink.process(at(4, 0.4), events=happening(4, kind="other"))
        sent(sink, 1)
    ((path, headers, body),) = server.requests
    assert path == "/hook"
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Team"] == "north"
    document = json.loads(body)
    (event,) = document["events"]
    assert set(document) == {"v", "type", "delivery", "events"}
    assert (document["v"], document["type"]) == (1, "delivery")
    assert document["delivery"] == headers["X-Vidstream-Delivery"]
    assert (event["kind"], event["seq"], event["segment"], event["source"]) == ("line_crossed", 3, 2, "gate")
    assert re.fullmatch("[0-9a-f]{32}", event["uid"])
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"])


def test_the_check_in_the_documentation_works(make: Make, at: At) -> None:
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None
    names: dict[str, Any] = {}
    exec(code[1], names)
    is_genuine = names["is_genuine"]
    with Server() as server:
        sink = make(WebhookSink, url=server.url, secret="s3cret ö")
        sink.process(at(3, 0.3), events=happening(3))
        sent(sink, 1)
    ((_, headers, body),) = server.requests
    assert is_genuine("s3cret ö", headers, body)
    assert not is_genuine("other", headers, body)
    assert not is_genuine("s3cret ö", headers, body.replace(b"gate", b"dock"))
    assert not is_genuine("s3cret ö", headers | {"X-Vidstream-Timestamp": "1700000000"}, body)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(answer(500), id="it fails"),
        pytest.param(answer(503), id="it is overloaded"),
        pytest.param(answer(408), id="it says timeout"),
        pytest.param(stall, id="it stalls"),
        pytest.param(trickle, id="its answer trickles"),
        pytest.param(hang_up, id="it hangs up"),
        pytest.param(half, id="it hangs up within its answer"),
        pytest.param(garbage, id="it answers with garbage"),
    ],
)
def test_what_passes_is_tried_again(make: Make, at: At, quick: None, fault: Act) -> None:
    """The same delivery with the same id, and what comes later waits."""
    with Server(fault, fault, answer(200)) as server:
        sink = make(WebhookSink, url=server.url, timeout=0.3)
        for i in range(3):
            sink.process(at(i, i / 10), events=happening(i))
        sent(sink, 3)
    ids = [headers["X-Vidstream-Delivery"] for _, headers, _ in server.requests]
    assert server.events()[-3:] == [0, 1, 2]
    assert len(set(ids)) == 3
    assert ids[0] == ids[1] == ids[-3]
    kinds = [kind for kind, _ in sink.notices]
    assert kinds == ["receiver-lost", "receiver-back"]


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(answer(201, body=b"x" * 500_000), id="a large answer"),
        pytest.param(cut_body, id="an answer whose body is cut off"),
        pytest.param(endless_body, id="an answer without end"),
    ],
)
def test_what_is_said_behind_a_2xx_does_not_matter(make: Make, at: At, quick: None, end: Act) -> None:
    with Server(end) as server:
        sink = make(WebhookSink, url=server.url, timeout=5)
        for i in range(2):
            sink.process(at(i, i / 10), events=happening(i))
        sent(sink, 2)
    assert server.events() == [0, 1]
    assert sink.notices == []


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (400, ()),
        (404, ()),
        (401, ()),
        (302, (("Location", "/elsewhere"),)),
        (307, (("Location", "http://localhost:9/"),)),
        (308, (("Location", "https://127.0.0.1/"),)),
        (307, (("Location", "//evil.example/"),)),
        (307, (("Location", "file:///etc/passwd"),)),
        (307, (("Location", "http://[bad/"),)),
        (307, ()),
    ],
)
def test_what_is_refused_is_dropped(make: Make, at: At, quick: None, status: int, headers: Any) -> None:
    with Server(answer(status, *headers), answer(200)) as server:
        sink = make(WebhookSink, url=server.url)
        for i in range(2):
            sink.process(at(i, i / 10), events=happening(i))
        sent(sink, 1)
        assert sink._courier.refused == 1
    assert server.events()[-1] == 1
    assert [kind for kind, _ in sink.notices] == ["receiver-refused"]


def test_a_redirect_on_the_same_host_is_followed(make: Make, at: At) -> None:
    with Server(answer(307, ("Location", "/new?a=b")), answer(200)) as server:
        sink = make(WebhookSink, url=server.url, secret="k")
        sink.process(at(0, 0.0), events=happening(0))
        sent(sink, 1)
    assert [path for path, _, _ in server.requests] == ["/hook", "/new?a=b"]
    assert server.requests[0][2] == server.requests[1][2]


def test_it_is_left_alone_for_as_long_as_it_asks(make: Make, at: At, quick: None) -> None:
    with Server(answer(429, ("Retry-After", "1")), answer(200)) as server:
        sink = make(WebhookSink, url=server.url)
        sink.process(at(0, 0.0), events=happening(0))
        sent(sink, 1)
    first, second = server.times
    assert second - first >= 0.99


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("", 0),
        ("120", 120),
        ("-5", 0),
        ("soon", 0),
        ("9" * 400, 0),
        ("Fri, 15 Jan 2027 08:00:30 GMT", 30),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0),
    ],
)
def test_retry_after(given: str, seconds: float) -> None:
    assert Answer(429, given).seconds(1_800_000_000.0) == seconds


def test_a_receiver_that_always_fails_on_one_event_does_not_hold_up_the_others(
    make: Make, at: At, quick: None
) -> None:
    def fussy(handler: Any) -> None:
        body = handler.server.owner.requests[-1][2]
        answer(500 if json.loads(body)["events"][0]["seq"] == 1 else 200)(handler)

    with Server(fussy) as server:
        server.http.owner = server  # type: ignore[attr-defined]  # for the act above
        sink = make(WebhookSink, url=server.url, attempts=3)
        for i in range(3):
            sink.process(at(i, i / 10), events=happening(i))
        sent(sink, 2)
    assert server.events() == [0, 1, 1, 1, 2]
    assert sink._courier.refused == 1


def test_events_survive_a_restart_and_go_together(make: Make, at: At, tmp_path: Path, quick: None) -> None:
    with Server() as server:
        pass
    sink = make(WebhookSink, url=server.url, batch=3)
    for i in range(5):
        sink.process(at(i, i / 10), events=happening(i))
    wait_for(lambda: sink.notices, "the notice")
    began = time.monotonic()
    sink.close()
    assert time.monotonic() - began < 10
    assert sink.notices[0][0] == "receiver-lost"
    assert "Connection refused" in sink.notices[0][1]
    assert "by the next run: 5" in dict(sink.notices)["messages-waiting"]
    with Server(port=server.port) as again:
        sink = make(WebhookSink, url=server.url, batch=3)
        sent(sink, 5)
    assert [len(json.loads(body)["events"]) for _, _, body in again.requests] == [3, 2]
    assert again.events() == [0, 1, 2, 3, 4]


def test_what_is_too_old_is_given_up(make: Make, at: At, quick: None) -> None:
    with Server(answer(503)) as server:
        sink = make(WebhookSink, url=server.url, max_age=0.3)
        sink.process(at(0, 0.0), events=happening(0))
        wait_for(lambda: sink._courier.outbox.lost == {"old": 1}, "that it is given up")
    assert [kind for kind, _ in sink.notices] == ["receiver-lost", "messages-lost"]


def test_the_end_does_not_wait_for_one_who_stalls(make: Make, at: At) -> None:
    with Server(stall) as server:
        sink = make(WebhookSink, url=server.url, timeout=60)
        sink.process(at(0, 0.0), events=happening(0))
        wait_for(lambda: server.requests, "the request")
        thread = sink._courier._thread
        sink.close()
        thread.join(10)
        assert not thread.is_alive()


def test_cameras_share_one_courier_and_tell_their_states(make: Make, at: At) -> None:
    commons = Commons()

    class Joined(WebhookSink):
        def __init__(self, params: Any) -> None:
            super().__init__(params)
            self.commons = commons

    with Server() as server:
        sinks = [make(Joined, url=server.url, states=True) for _ in range(2)]
        assert sinks[0]._courier is sinks[1]._courier
        sinks[0].on_status(SourceStatus("gate", "lost", "it is gone", 0.0, 1_800_000_000.25))
        sent(sinks[0], 1)
    (row,) = json.loads(server.requests[0][2])["events"]
    assert row.pop("uid")
    assert row.pop("time")
    assert row == {
        "v": 1,
        "type": "state",
        "source": "gate",
        "wall": "2027-01-15T08:00:00.250Z",
        "state": "lost",
        "cause": "it is gone",
    }


def test_each_address_has_a_courier_and_a_new_secret_counts_at_once(make: Make, at: At) -> None:
    commons = Commons()

    class Joined(WebhookSink):
        def __init__(self, params: Any) -> None:
            super().__init__(params)
            self.commons = commons

    with Server() as server:
        gate = make(Joined, url=f"{server.url}/gate", secret="old")
        dock = make(Joined, url=f"{server.url}/dock", secret="old")
        edited = make(Joined, url=f"{server.url}/gate", secret="new")
        gate.close()
        edited.process(at(0, 0.0), events=happening(0))
        dock.process(at(1, 0.1), events=happening(1))
        sent(edited, 1)
        sent(dock, 1)
        assert [kind for kind, _ in gate.notices] == ["receiver-changed"]
    found = {path: (headers, body) for path, headers, body in server.requests}
    for path, secret in (("/hook/gate", "new"), ("/hook/dock", "old")):
        headers, body = found[path]
        expected = signature(secret, headers["X-Vidstream-Timestamp"], body)
        assert headers["X-Vidstream-Signature"] == f"sha256={expected}"


def test_certificates_are_verified(make: Make, at: At, tmp_path: Path, quick: None) -> None:
    certificate = self_signed(tmp_path / "tls")
    with Server(tls=certificate) as server:
        careful = make(WebhookSink, url=server.url, spool="other")
        careful.process(at(0, 0.0), events=happening(0))
        wait_for(lambda: careful.notices, "the notice")
        assert "certificate" in careful.notices[0][1].lower()
        assert server.requests == []
        careful.close()
        sink = make(WebhookSink, url=server.url, spool="third", ca=str(certificate[0]))
        sink.process(at(0, 0.0), events=happening(0))
        sent(sink, 1)


def test_proxies_are_used_only_where_asked_for(make: Make, at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server() as proxy, Server() as server:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        sink = make(WebhookSink, url=server.url)
        sink.process(at(0, 0.0), events=happening(0))
        sent(sink, 1)
        assert (len(server.requests), len(proxy.requests)) == (1, 0)
        asked = make(WebhookSink, url=server.url, proxy=f"http://me:pw@127.0.0.1:{proxy.port}", spool="other")
        asked.process(at(1, 0.1), events=happening(1))
        sent(asked, 1)
    ((path, headers, _),) = proxy.requests
    assert path == server.url
    assert headers["Proxy-Authorization"] == "Basic bWU6cHc="


def tunnel(listener: socket.socket, heads: list[bytes]) -> None:
    """A proxy for one connection: notes what it is asked, and passes bytes on until one side has gone."""
    client, _ = listener.accept()
    with client:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        heads.append(head)
        host, port = head.split()[1].decode().split(":")
        with socket.create_connection((host, int(port))) as server:
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                for ready in select.select([client, server], [], [], 20)[0]:
                    data = ready.recv(65536)
                    if not data:
                        return
                    (server if ready is client else client).sendall(data)


def test_a_proxy_sees_nothing_of_what_goes_through_tls(make: Make, at: At, tmp_path: Path) -> None:
    certificate = self_signed(tmp_path / "tls")
    heads: list[bytes] = []
    with Server(tls=certificate) as server, socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=tunnel, args=(listener, heads))
        thread.start()
        proxy = f"http://me:pw@127.0.0.1:{listener.getsockname()[1]}"
        url = server.url.replace("https://", "https://you:secret@")
        sink = make(WebhookSink, url=url, ca=str(certificate[0]), proxy=proxy)
        sink.process(at(0, 0.0), events=happening(0))
        sent(sink, 1)
        sink.close()
        thread.join(30)
    (head,) = heads
    assert head.startswith(f"CONNECT 127.0.0.1:{server.port} ".encode())
    assert b"Proxy-Authorization: Basic bWU6cHc=" in head
    assert b"\r\nAuthorization" not in head
    ((_, headers, _),) = server.requests
    assert headers["Authorization"] == "Basic eW91OnNlY3JldA=="
    assert "Proxy-Authorization" not in headers


def test_secrets_are_found_nowhere(
    make: Make, at: At, tmp_path: Path, caplog: pytest.LogCaptureFixture, quick: None
) -> None:
    """Name and password, a token in the path and one in the query, the secret, a header: all kept."""
    caplog.set_level(logging.DEBUG)
    planted = ["planted-password", "planted-path", "planted-query", "planted-secret", "planted-header"]
    with Server(
        answer(500), half, garbage, answer(302, ("Location", "http://x/planted-path")), stall
    ) as server:
        url = f"http://me:{planted[0]}@127.0.0.1:{server.port}/{planted[1]}?token={planted[2]}"
        sink = make(
            WebhookSink, url=url, secret=planted[3], headers={"Authorization2": planted[4]}, timeout=0.2
        )
        for i in range(3):
            sink.process(at(i, i / 10), events=happening(i))
        wait_for(lambda: len(server.requests) >= 6, "several tries")
        sink.close()
    _, headers, _ = server.requests[0]
    assert headers["Authorization"] == "Basic bWU6cGxhbnRlZC1wYXNzd29yZA=="
    assert len(sink.notices) >= 4
    said = f"{sink.notices} {sink._key} {sink.params.secret} {sink.params.url} {caplog.text}"
    said += "".join(p.read_bytes().decode("latin-1") for p in tmp_path.rglob("*") if p.is_file())
    assert [p for p in planted if p in said.replace(str(sink.params.url), "")] == []


@pytest.mark.parametrize(
    "url", ["ftp://a/", "a.example", "http://", "http://a:99999/", "http://a b/", "file:///a"]
)
def test_addresses_that_are_none(url: str) -> None:
    (problem,) = problems(WebhookSink, url=url)
    assert "is no http or https address" in problem


@pytest.mark.parametrize(("name", "value"), [("a b", "x"), ("X", "a\r\nY: b"), ("X", "ü")])
def test_headers_that_cannot_be_sent(name: str, value: str) -> None:
    (problem,) = problems(WebhookSink, url="http://a/", headers={name: value})
    assert "cannot be sent as a header" in problem


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    wait_for(
        lambda: not [t for t in threading.enumerate() if t.name.startswith("webhook")], "all threads' end"
    )
