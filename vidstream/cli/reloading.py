"""Changing a run while it runs: `--watch` looks at the file, SIGHUP asks for it."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from vidstream.config import files_of
from vidstream.errors import ConfigError, UsageError, VidstreamError
from vidstream.graph.description import Description
from vidstream.graph.engine import Engine
from vidstream.types.values import redact

#: seconds between looks at the files, and between looks whether a signal has come
_LOOK, _TICK = 1.0, 0.1
#: looks that a file may be empty or away: editors write a new one and rename it
_PATIENCE = 5
#: what a file that cannot be read stands for
_AWAY = b""


class Watcher:
    """Tells when files have changed, and have stayed so from one look to the next.

    What counts is their content: touching a file is no change. A file that is empty or away is believed
    only after some looks, for that is how editors save.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = files_of(path)
        self._known = self._last = self._digests()
        self._looks = 0

    def look(self) -> bool:
        """Whether the files have changed, and are complete."""
        now = self._digests()
        steady, self._last = now == self._last, now
        if now == self._known:
            self._looks = 0
            return False
        self._looks = self._looks + 1 if steady else 0
        if not steady or (_AWAY in now and self._looks < _PATIENCE):
            return False
        self._files = files_of(self._path)
        self._known = self._last = self._digests()
        self._looks = 0
        return True

    def _digests(self) -> list[bytes]:
        return [_digest(file) for file in self._files]


def _digest(file: Path) -> bytes:
    try:
        content = file.read_bytes()
    except OSError:
        return _AWAY
    return hashlib.sha256(content).digest() if content.strip() else _AWAY


class Reloader:
    """Reads the configuration again and has the engine change over to it, as long as it is entered.

    `read` gives the description; `say` prints a line, where it is `quiet` only of what was refused. Works on
    a thread of its own: to read a file may take long, and the engine has windows to look after.
    """

    def __init__(
        self,
        engine: Engine,
        path: Path,
        read: Callable[[], Description],
        say: Callable[[str], None],
        *,
        watch: bool,
        quiet: bool = False,
    ) -> None:
        self._engine = engine
        self._path = path
        self._read = read
        self._say = say
        self._watch = watch
        self._quiet = quiet
        self._asked = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="reload", daemon=True)
        self._before: Any = None
        self._had_terminal = sys.stdin is not None and os.isatty(0)

    def __enter__(self) -> Reloader:
        if hasattr(signal, "SIGHUP"):
            self._before = signal.signal(signal.SIGHUP, self._hear)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, self._before)
        self._thread.join(_TICK * 5)  # it may be reading a file that does not answer

    def _hear(self, number: int, frame: Any) -> None:
        """In the signal's handler: only a number, for it may strike anywhere."""
        self._asked += 1

    def _loop(self) -> None:
        watcher = Watcher(self._path) if self._watch else None
        heard = ticks = 0
        while not self._over.wait(_TICK):
            ticks += 1
            if heard != self._asked:
                heard = self._asked
                if self._hung_up():
                    return
                self.reload()
            if watcher is not None and ticks % round(_LOOK / _TICK) == 0 and watcher.look():
                self.reload()

    def _hung_up(self) -> bool:
        """The terminal was closed: that is no wish for other options. The run ends in order."""
        if not self._had_terminal or os.isatty(0):
            return False
        os.kill(os.getpid(), signal.SIGTERM)
        return True

    def reload(self) -> None:
        """Read it again and change over; what is wrong is printed, and all goes on as it was."""
        try:
            change = self._engine.apply(self._read())
        except VidstreamError as error:
            self._refused(error)
            self._engine.notices.add("reload-refused", "", "", _short(error))
            return
        while not change.settled and not self._over.is_set():
            change.wait(_TICK)
        if change.error is not None:
            self._refused(change.error)
        elif change.settled and not self._quiet:
            self._say(f"reloaded: {change.summary}")

    def _refused(self, error: VidstreamError) -> None:
        text = str(error) if isinstance(error, ConfigError) else redact(str(error))
        self._say(f"{text}\nreload refused: the graph runs on as it was")


def _short(error: VidstreamError) -> str:
    """In one line, for the log: the first of several problems."""
    if not isinstance(error, ConfigError):
        return str(error)
    first, others = error.problems[0], len(error.problems) - 1
    text = f"{first.file}:{first.line}: {first.where}: {first.what}"
    return f"{text} (and {others} more)" if others else text


def refuse_recordings(engine: Engine, watch: bool) -> None:
    """UsageError where a file is to be watched, but the run cannot be changed."""
    if watch and not engine.description.is_live:
        what = "--watch: a run of recordings cannot be changed while it runs"
        raise UsageError(what, fix="leave it out, or add --mode live")


def say(text: str) -> None:
    """Print to stderr, on a clean line; a terminal that is gone is no error."""
    with suppress(OSError, ValueError):
        clean = "\r\x1b[K" if sys.stderr.isatty() else ""
        print(f"{clean}{text}", file=sys.stderr, flush=True)
