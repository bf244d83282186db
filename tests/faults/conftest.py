"""Cameras, sites and figures for the fault suite; and the search for the password that all of it uses."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.camera import Camera
from tests.support.fault_table import SEARCH, Recorder
from tests.support.live_site import Site
from tests.support.planted import LOGIN, PASSWORD, leaks

HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of this is slow, and takes its time where the machine is busy."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.faults)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(240))


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Recorder:
    """``record("stall seen", 2.1, "s", "<= 2.5")``: a line of the fault table. The case is the docstring."""
    text = (request.function.__doc__ or request.node.name).strip().splitlines()[0].rstrip(".")
    return Recorder(request.node, text)


@pytest.fixture
def said() -> list[str]:
    """Texts that a case saw: what programs print, pages answer. Searched for the password."""
    return []


@pytest.fixture(autouse=True)
def discreet(said: list[str], tmp_path: Path, record: Recorder, caplog: Any, capfd: Any) -> Iterator[None]:
    """Nothing that a case wrote, printed, logged or answered has the cameras' password in it."""
    os.environ["CAM_PW"] = quote(PASSWORD, safe="")
    caplog.set_level(logging.DEBUG)
    yield
    said.extend(capfd.readouterr())
    said.append(caplog.text)
    found = sum(leaks(text.encode()) for text in said)
    places = [path for path in tmp_path.rglob("*") if path.is_file() and leaks(path.read_bytes())]
    record(SEARCH, found + len(places), "times", "= 0")
    assert not found, next(text for text in said if leaks(text.encode()))[:2000]
    assert not places


@pytest.fixture
def cameras() -> Iterator[Callable[..., Camera]]:
    """``cameras("rtsp", fps=25)`` gives a camera that is there; all are gone at the end."""
    with ExitStack() as stack:

        def make(kind: Any = "rtsp", login: str = LOGIN, **orders: Any) -> Camera:
            return stack.enter_context(Camera(kind, login if kind in ("rtsp", "mjpeg") else "", **orders))

        yield make


@pytest.fixture
def site(said: list[str], tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """``site({"gate": url}, graph)`` gives a running site; what it said is searched for the password."""
    running: list[Site] = []
    with ExitStack() as stack:

        def make(sources: Any, graph: Any = None, **options: Any) -> Site:
            run = {"out": str(tmp_path), **options.pop("run", {})}
            running.append(stack.enter_context(Site(sources, graph, run=run, **options)))
            return running[-1]

        yield make
        for one in running:
            one.stop()
            said.extend(one.everything_said())
            assert one.error is None, one.error


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MB; skips where mounting is not allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(folder)]
    if sys.platform != "linux" or os.geteuid() != 0 or subprocess.run(command, check=False).returncode:
        pytest.skip("mounting a small disk needs root on Linux")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
