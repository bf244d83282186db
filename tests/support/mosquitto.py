"""A real MQTT broker for tests: Debian's mosquitto on a free port, with a password, that can die and hang.

`broker` is a fixture: import it into a test's module or conftest to use it. Without mosquitto such a test is
skipped, and with CI=true it fails.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

USER, PASSWORD = "cameras", "hunter2/+ö"


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 30.0) -> Any:
    """What `condition` gives once that is true; fails with `what` if it takes too long."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            pytest.fail(f"waited {seconds:g} s in vain: {what}")
        time.sleep(0.01)
    return found


class Subscriber:
    """``mosquitto_sub`` in a process of its own: what anybody else sees, in order of arrival."""

    def __init__(self, port: int, topic: str) -> None:
        self.messages: list[dict[str, Any]] = []
        command = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(port), "-u", USER, "-P", PASSWORD]
        self._process = subprocess.Popen(
            [*command, "-q", "1", "-t", topic, "-t", "test/ready", "-F", "%j"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        knock = ["mosquitto_pub", *command[1:], "-t", "test/ready", "-m", "?"]
        end = time.monotonic() + 20
        while not any(m["topic"] == "test/ready" for m in self.messages):
            assert time.monotonic() < end, "the subscriber does not come up"
            subprocess.run(knock, capture_output=True, check=False)
            time.sleep(0.02)

    def __enter__(self) -> Subscriber:
        return self

    def __exit__(self, *_: Any) -> None:
        self._process.kill()
        self._process.wait()
        self._thread.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                with suppress(ValueError):  # pictures are no text
                    self.messages.append(json.loads(line.decode("utf-8", "replace"), strict=False))

    def on(self, topic: str) -> list[str]:
        """The payloads that came on one topic, in order."""
        return [str(m.get("payload", "")) for m in list(self.messages) if m["topic"] == topic]

    def wait(self, topic: str, payload: str | None = None, count: int = 1) -> list[str]:
        """Wait until a topic has so many messages, or one with this payload; gives them all."""

        def come() -> bool:
            found = self.on(topic)
            return len(found) >= count if payload is None else payload in found

        wait_for(come, f"{payload or count} on {topic}; there is {self.on(topic)[-3:]}")
        return self.on(topic)


class Mosquitto:
    """A broker. It keeps nothing when it is killed: retained messages are gone, as after a power cut."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(exist_ok=True)
        (folder / "passwords").touch(mode=0o600)
        subprocess.run(
            ["mosquitto_passwd", "-b", str(folder / "passwords"), USER, PASSWORD],
            check=True,
            capture_output=True,
        )

    def start(self, **settings: str) -> Mosquitto:
        """Begin to listen: on a free port, or on the same one as before."""
        lines = {"allow_anonymous": "false", "password_file": str(self.folder / "passwords")} | settings
        if os.geteuid() == 0:
            lines["user"] = "root"  # it may read the files then
        for _ in range(5):
            port = self.port or _free_port()
            config = [f"listener {port} 127.0.0.1", *(f"{key} {value}" for key, value in lines.items())]
            (self.folder / "mosquitto.conf").write_text("\n".join(config) + "\n")
            with (self.folder / "mosquitto.log").open("ab") as log:
                command = ["mosquitto", "-v", "-c", str(self.folder / "mosquitto.conf")]
                self._process = subprocess.Popen(command, stdout=log, stderr=log)
            if self._answers(port):
                self.port = port
                return self
            self.kill()
        raise AssertionError((self.folder / "mosquitto.log").read_text())

    def _answers(self, port: int) -> bool:
        end = time.monotonic() + 10
        while self._process is not None and self._process.poll() is None and time.monotonic() < end:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return True
            time.sleep(0.02)
        return False

    def kill(self) -> None:
        """It dies at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """It hangs: connections stay open, nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def listen(self, topic: str = "#") -> Subscriber:
        """``with broker.listen("a/#") as heard:`` an independent subscriber, ready when this returns."""
        return Subscriber(self.port, topic)

    def retained(self, topic: str) -> bytes:
        """What the broker keeps on a topic."""
        command = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.port), "-u", USER, "-P", PASSWORD]
        found = subprocess.run(
            [*command, "-t", topic, "-C", "1", "-W", "20", "-N"], capture_output=True, check=True
        )
        return found.stdout

    @property
    def log(self) -> str:
        """What the broker has written about its clients."""
        return (self.folder / "mosquitto.log").read_text(errors="replace")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that is up; user name and password are `USER` and `PASSWORD`."""
    if shutil.which("mosquitto") is None or shutil.which("mosquitto_sub") is None:
        reason = "mosquitto is not installed: apt-get install mosquitto mosquitto-clients"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    server = Mosquitto(tmp_path / "mosquitto").start()
    yield server
    server.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
