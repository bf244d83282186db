"""--http: what is an address, and what may be shown where."""

from __future__ import annotations

import socket

import pytest

from tests.support.page_run import TOKEN
from vidstream.errors import UsageError
from vidstream.graph.description import Description
from vidstream.graph.engine import Engine
from vidstream.web.address import Address
from vidstream.web.page import Page


@pytest.mark.parametrize(
    ("text", "host", "port", "loopback", "url"),
    [
        pytest.param("8080", "127.0.0.1", 8080, True, "http://127.0.0.1:8080/", id="a port"),
        pytest.param("localhost:80", "localhost", 80, True, "http://localhost:80/", id="by name"),
        pytest.param("[::1]:81", "::1", 81, True, "http://[::1]:81/", id="IPv6 loopback"),
        pytest.param("127.8.9.1:1", "127.8.9.1", 1, True, "http://127.8.9.1:1/", id="all of 127 is loopback"),
        pytest.param("0.0.0.0:0", "0.0.0.0", 0, False, "http://127.0.0.1:0/", id="everywhere"),
        pytest.param("[::]:82", "::", 82, False, "http://127.0.0.1:82/", id="everywhere, IPv6"),
        pytest.param("10.1.2.3:83", "10.1.2.3", 83, False, "http://10.1.2.3:83/", id="a network"),
        pytest.param("cam.lan:84", "cam.lan", 84, False, "http://cam.lan:84/", id="a name may be anything"),
    ],
)
def test_an_address(text: str, host: str, port: int, loopback: bool, url: str) -> None:
    address = Address.read(text)
    assert (address.host, address.port, address.is_loopback, address.url) == (host, port, loopback, url)


@pytest.mark.parametrize("text", ["", "port", "1:2:3", "::1:80", "65536", "-1", "a b:80", "http://x:80", "٣"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError, match="write a port, or HOST:PORT"):
        Address.read(text)


@pytest.mark.parametrize("text", ["0.0.0.0:8080", "[::]:8080", "192.168.1.5:8080", "cam.lan:8080"])
def test_a_network_is_shown_nothing_without_a_token(text: str) -> None:
    engine = Engine(Description(()))
    with pytest.raises(UsageError, match="VIDSTREAM_TOKEN"):
        Page(engine, Address.read(text))
    Page(engine, Address.read(text), TOKEN)


@pytest.mark.parametrize("token", ["", "short", "x" * 15, "x" * 20 + "\n", "ключ" * 8])
def test_a_token_that_is_none(token: str) -> None:
    with pytest.raises(UsageError, match="at least 16"):
        Address.read("80").check(token)


def test_a_port_in_use_is_one_clear_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        page = Page(Engine(Description(())), Address("127.0.0.1", port))
        with pytest.raises(
            UsageError, match=rf"127.0.0.1:{port}: cannot listen there: .*choose another port"
        ):
            page.__enter__()


def test_a_name_that_leads_nowhere_is_one_clear_error() -> None:
    page = Page(Engine(Description(())), Address("no-such-host.invalid", 80), TOKEN)
    with pytest.raises(UsageError, match="cannot listen there"):
        page.__enter__()
