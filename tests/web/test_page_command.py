"""`run --http` as a user meets it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.page_run import TOKEN, Client, wait_for
from vidstream.cli import main

ROOT = Path(__file__).resolve().parents[2]
SECRET = "hunter2-Pa55wort"
CONFIG = """version: 1
run: {mode: live, out: OUT}
sources:
  yard: {uri: "synthetic:shapes", duration: 10m, size: [160, 120], fps: 10}
graph:
  move: detect.motion
"""
MORE = """
  gate: {uri: "synthetic:people", duration: 10m, size: [160, 120], fps: 10}
graph:
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "job.yaml"
    path.write_text(CONFIG.replace("OUT", str(tmp_path)))
    return path


@contextmanager
def started(*arguments: str | Path, token: str = "") -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The program, and the port that it says its page is on."""
    command = [sys.executable, str(ROOT / "run.py"), *map(str, arguments)]
    environment = {**os.environ, "VIDSTREAM_TOKEN": token}
    program = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    try:
        assert program.stderr is not None
        match = re.search(r"page: http://127\.0\.0\.1:(\d+)/", program.stderr.readline())
        assert match, "the first thing it says is where the page is"
        yield program, int(match[1])
    finally:
        program.kill()
        program.communicate()


@pytest.mark.slow
def test_a_page_beside_a_run(config: Path) -> None:
    with started("run", config, "--http", "0", "-q") as (program, port):
        client = Client(port)
        assert b"<main" in client.ask("/").body
        wait_for(lambda: client.ask("/health").status == 200)
        with client.stream("/api/v1/pictures"), client.stream("/api/v1/stream"):
            began = time.monotonic()
            program.send_signal(signal.SIGTERM)
            program.wait(20)
            assert time.monotonic() - began < 15, "who looks holds nothing up"
        assert program.returncode == 128 + signal.SIGTERM


@pytest.mark.slow
def test_orders_to_a_run(config: Path, tmp_path: Path) -> None:
    with started("run", config, "--http", "0.0.0.0:0", token=TOKEN) as (program, port):
        client = Client(port, {"Authorization": f"Bearer {TOKEN}", "X-Vidstream": "1"})
        wait_for(lambda: client.ask("/health").status == 200)
        text = config.read_text()
        config.write_text(text.replace("graph:\n", MORE.lstrip("\n")))
        done = client.ask("/api/v1/reload", "POST")
        assert (done.status, "gate" in done.json["message"]) == (200, True)
        wait_for(lambda: client.ask("/api/v1/sources/gate/picture.jpg").headers.get("x-stale") == "false")
        config.write_text(text.replace("detect.motion", f"detect.nothing  # rtsp://u:{SECRET}@h/"))
        refused = client.ask("/api/v1/reload", "POST")
        assert refused.status == 409
        assert "detect.nothing" in refused.json["error"]["message"]
        assert SECRET not in refused.body.decode()
        config.write_text(text)
        assert client.ask("/api/v1/reload", "POST").status == 200
        wait_for(lambda: client.ask("/api/v1/sources/gate").status == 404)
        wait_for(lambda: "gate" not in client.ask("/api/v1/counts").body.decode())
        assert client.ask("/api/v1/stop", "POST").status == 200
        out, log = program.communicate(timeout=30)
        assert program.returncode == 0
        assert TOKEN not in out + log


def test_what_is_wrong_is_said_before_anything_opens(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIDSTREAM_TOKEN", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for address, words in (
            (f"127.0.0.1:{port}", "cannot listen there"),
            ("0.0.0.0:0", "to everybody on the network"),
            ("nonsense", "is no address"),
        ):
            assert main(["run", str(config), "--http", address, "-q"]) == 2
            error = capsys.readouterr().err
            assert words in error
            assert len(error.strip().splitlines()) == 1
    assert main(["run", str(config), "--http", "0", "--token", "short", "-q"]) == 2
    assert "at least 16" in capsys.readouterr().err
