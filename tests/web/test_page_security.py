"""Who gets what: every route of the table, with and without a token."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.support.page_run import TOKEN, Client, Running, wait_for
from vidstream.web.access import Access
from vidstream.web.address import Address
from vidstream.web.http import HttpError, Request

Start = Callable[..., Running]
NAMES = {"{source}": "gate", "{event}": "0-1", "{file}": "app.js"}


def filled(path: str) -> str:
    for name, value in NAMES.items():
        path = path.replace(name, value)
    return path


def test_every_route_asks_for_the_token_and_knows_its_method(running: Start) -> None:
    run = running(token=TOKEN)
    stranger = Client(run.client.port)
    routes = run.page.routes
    assert {route.path for route in routes if route.open} == {"/login"}, "this alone needs no token"
    for route in routes:
        path = filled(route.path)
        if not route.open:
            answer = stranger.ask(path, route.method, X_Vidstream="1")
            assert answer.status == 401, route
            assert answer.json["error"]["message"] == "a token is needed"
            assert "Bearer" in answer.headers["www-authenticate"]
        for method in {"GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"} - {
            r.method for r in routes if filled(r.path) == path
        }:
            answer = run.client.ask(path, method)
            assert answer.status == 405, (route, method)
            assert route.method in answer.headers["allow"]
            assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/api",
        "/api/v1/",
        "/API/v1/state",
        "/api/v1/sources/",
        "/api/v1/sources/../state",
        "/static/../page.py",
        "/static/%2e%2e/page.py",
        "/static/%2e%2e%2fpage.py",
        "/static/..%5cpage.py",
        "/static//etc/passwd",
        "/static/app.js/",
        "/static/.js",
        "/static/app.js%00.css",
        "//static/app.js",
    ],
)
def test_what_is_not_in_the_table_is_not_there(running: Start, path: str) -> None:
    run = running(token=TOKEN)
    assert run.client.ask(path).status in (400, 404)
    assert Client(run.client.port).ask(path).status in (400, 401)


@pytest.mark.parametrize("name", ["nobody", "gate%20x", "g" * 200, "..", "%00", "<script>", "gate/..%2f"])
def test_a_source_is_found_by_a_name_that_is_one(running: Start, name: str) -> None:
    run = running()
    assert run.client.ask(f"/api/v1/sources/{name}").status in (400, 404)


def test_every_answer_carries_the_headers_that_keep_others_out(running: Start) -> None:
    run = running(token=TOKEN)
    for answer in (run.client.ask("/"), Client(run.client.port).ask("/", Accept="text/html")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_a_login_gives_a_cookie_that_scripts_and_other_sites_cannot_use(running: Start) -> None:
    run = running(token=TOKEN)
    stranger = Client(run.client.port)
    form = stranger.ask("/", Accept="text/html")
    assert (form.status, b"<form" in form.body) == (401, True)
    for answer in (stranger.ask("/login", "POST", f"token={TOKEN}"), stranger.ask(f"/?token={TOKEN}")):
        assert (answer.status, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert TOKEN not in cookie
        value = cookie.partition(";")[0]
        assert stranger.ask("/api/v1/state", Cookie=value).status == 200
        assert stranger.ask("/api/v1/state", Cookie=value[:-1] + "x").status == 401
        name, _, signed = value.partition("=")
        until, _, signature = signed.partition(".")
        assert stranger.ask("/api/v1/state", Cookie=f"{name}={int(until) + 9}.{signature}").status == 401
        assert Client(running(token=TOKEN[::-1]).client.port).ask("/", Cookie=value).status == 401


def test_a_login_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    access = Access(Address("127.0.0.1", 80), TOKEN)
    cookie = access.login().partition(";")[0]
    assert access.allows(Request("GET", "/", headers={"cookie": cookie}))
    later = time.time() + 31 * 86_400
    monkeypatch.setattr(time, "time", lambda: later)
    assert not access.allows(Request("GET", "/", headers={"cookie": cookie}))


def test_wrong_tokens_are_slowed_down_and_then_not_even_looked_at() -> None:
    now = [0.0]
    access = Access(Address("127.0.0.1", 80), TOKEN, clock=lambda: now[0])
    tried, refused = 0, []
    for second in range(100):
        now[0] = float(second)
        try:
            assert not access.is_right("wrong-token-0123456789", "10.0.0.9")
            tried += 1
        except HttpError as error:
            refused.append((error.status, int(error.headers["Retry-After"])))
    assert {status for status, _ in refused} == {429}
    assert all(0 < seconds <= 60 for _, seconds in refused)
    assert tried < 12, "a hundred seconds are enough for a handful of guesses"
    with pytest.raises(HttpError):
        access.is_right(TOKEN, "10.0.0.9")
    assert access.is_right(TOKEN, "10.0.0.8"), "others are not held up"
    now[0] += 61
    assert access.is_right(TOKEN, "10.0.0.9")
    for number in range(5000):
        access.is_right("wrong-token-0123456789", f"10.1.{number // 256}.{number % 256}")
    assert len(access._wrong) <= 1024


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Host": "localhost:9999"}, 200, id="this machine, by way of a tunnel"),
        pytest.param({"Host": "[::1]"}, 200, id="this machine, IPv6"),
        pytest.param({"Host": "evil.example"}, 421, id="a name that somebody let lead here"),
        pytest.param({"Host": "127.0.0.1.evil.example"}, 421, id="a name that looks like this machine"),
        pytest.param({"Host": ""}, 400, id="no name"),
        pytest.param({"Host": "a b"}, 400, id="a name that is none"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, 403, id="a picture on another site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, 403, id="another port of this machine"),
        pytest.param({"Sec-Fetch-Site": "same-origin"}, 200, id="the page itself"),
        pytest.param(
            {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200, id="a link on another site"
        ),
    ],
)
def test_without_a_token_only_this_machine_by_its_own_names(
    running: Start, headers: dict[str, str], status: int
) -> None:
    run = running()
    assert run.client.ask("/api/v1/state", **headers).status == status


def test_orders_need_a_token_and_a_header(running: Start) -> None:
    open_run, run = running(), running(token=TOKEN)
    assert open_run.client.ask("/api/v1/stop", "POST", X_Vidstream="1").status == 403
    assert run.client.ask("/api/v1/stop", "POST").status == 403
    assert run.client.ask("/api/v1/reload", "POST", X_Vidstream="1").status == 501
    assert not run.engine.report().stopped
    assert run.client.ask("/api/v1/stop", "POST", X_Vidstream="1").json["done"]
    wait_for(lambda: run.engine.report().stopped)


def test_reload_calls_what_it_was_given(running: Start) -> None:
    run = running(token=TOKEN, reload=lambda: "1 camera added")
    assert run.client.ask("/api/v1/reload", "POST", X_Vidstream="1").json == {
        "done": True,
        "message": "1 camera added",
    }


@pytest.mark.parametrize("secret", ["hunter2-Pa55wort", "p%40ss%2Fw0rd"])
def test_a_password_in_an_address_is_in_no_answer(running: Start, secret: str) -> None:
    run = running(
        sources={"gate": {"use": "puppet"}, "yard": f"rtsp://viewer:{secret}@127.0.0.1:9/cam?token={secret}"}
    )
    wait_for(lambda: (s := run.page.watcher.lane("yard")) and s.status.now and s.status.now.state == "lost")
    run.engine.notices.add("source-lost", "yard", "", f"cannot open rtsp://viewer:{secret}@127.0.0.1:9/cam")
    for route in run.page.routes:
        if route.method == "GET" and "multipart" not in route.kind and "event-stream" not in route.kind:
            for path in {filled(route.path), filled(route.path.replace("{source}", "yard"))}:
                body = run.client.ask(path).body
                for form in (secret, secret.replace("%40", "@").replace("%2F", "/")):
                    assert form.encode() not in body, path
