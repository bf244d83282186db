"""``run.py`` as a process: started, spoken to with signals, listened to, and what it recorded looked at."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self

import av

from tests.support.painted import Stamp, read_stamp

ROOT = Path(__file__).resolve().parents[2]


class Program:
    """``with Program("run", "gate.yaml") as program: program.wait_for("live")``."""

    def __init__(self, *arguments: str | Path, prefix: tuple[str, ...] = ()) -> None:
        command = [*prefix, sys.executable, str(ROOT / "run.py"), "-v", *map(str, arguments)]
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        #: when each line came, and the line
        self.lines: list[tuple[float, str]] = []
        self._readers = [
            threading.Thread(target=self._listen, args=(pipe,))
            for pipe in (self.process.stdout, self.process.stderr)
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()
        for reader in self._readers:
            reader.join(10)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()

    def _listen(self, pipe: Any) -> None:
        for line in pipe:
            self.lines.append((time.monotonic(), line))

    @property
    def text(self) -> str:
        """All it has printed."""
        return "".join(line for _, line in list(self.lines))

    def wait(self, what: Callable[[], Any], why: str, patience: float = 60.0) -> Any:
        """What `what` gives as soon as that is something."""
        until = time.monotonic() + patience
        while not (found := what()):
            assert time.monotonic() < until, f"waited {patience:g} s in vain: {why}\n{self.text[-3000:]}"
            time.sleep(0.02)
        return found

    def wait_for(self, words: str, since: float = 0.0, patience: float = 60.0) -> float:
        """When a line with these words came, after a moment."""

        def found() -> float | None:
            return next((at for at, line in list(self.lines) if at > since and words in line), None)

        moment: float = self.wait(found, f"'{words}'", patience)
        return moment

    def end(self, number: int = signal.SIGTERM, patience: float = 60.0) -> float:
        """Send a signal and wait for the end; gives how long that took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(patience)
        return time.monotonic() - began

    @property
    def code(self) -> int:
        """Its exit code."""
        return self.process.wait(60)


def recorded(files: Iterable[Path]) -> list[Stamp]:
    """The stamps of all pictures in these files, each read to its end; one that does not play raises."""
    stamps = []
    for file in files:
        with av.open(str(file)) as container:
            found = [read_stamp(frame.to_ndarray(format="gray")) for frame in container.decode(video=0)]
        stamps += [stamp for stamp in found if stamp is not None]
    return stamps


def playable(files: Iterable[Path]) -> dict[Path, int]:
    """How many pictures each file gives; 0 for one that does not play."""
    counts = {}
    for file in files:
        try:
            with av.open(str(file)) as container:
                counts[file] = sum(1 for _ in container.decode(video=0))
        except av.FFmpegError:
            counts[file] = 0
    return counts
