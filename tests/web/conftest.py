"""Runs with a page on a free port."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.page_run import GRAPH, STRINGS, Client, Find, Puppet, Running
from vidstream import builtin
from vidstream.config import build
from vidstream.graph.description import Description
from vidstream.graph.engine import Engine
from vidstream.web.address import Address
from vidstream.web.page import Page


@pytest.fixture
def running() -> Iterator[Callable[..., Running]]:
    """``running(sources=..., graph=..., token=...)``; what it started has ended when the test is left."""
    with ExitStack() as stack:

        def start(
            sources: Mapping[str, Any] | None = None,
            graph: Mapping[str, Any] | None = None,
            token: str | None = None,
            **options: Any,
        ) -> Running:
            registry = builtin.registry()
            registry.add(Puppet)
            registry.add(Find)
            given = sources or {"gate": {"use": "puppet"}}

            def described(sources: Mapping[str, Any]) -> Description:
                return build({"sources": sources, "graph": graph or GRAPH}, registry).description

            def change(sources: Mapping[str, Any]) -> None:
                asked = engine.apply(described(sources))
                assert asked.wait(20)
                assert asked.error is None

            engine = Engine(described(given))
            page = stack.enter_context(Page(engine, Address("127.0.0.1", 0), token, **options))
            thread = threading.Thread(target=engine.run)
            stack.callback(thread.join, 20)
            stack.callback(engine.stop)
            thread.start()
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return Running(engine, page, Client(page.server.address.port, headers), change)

        yield start
    STRINGS.clear()
