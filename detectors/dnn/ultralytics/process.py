"""Our side of the other process: starts it, asks it, and ends it."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from detectors.dnn.ultralytics.child import receive, send
from vidstream.errors import MissingDependency, ModelError

#: names the Python of another environment that has the package, so that it need not be in this one
PYTHON = "VIDSTREAM_ULTRALYTICS_PYTHON"
_CHILD = Path(__file__).with_name("child.py")
_PATIENCE = {"open": 180.0, "export": 600.0}
_USUAL_PATIENCE = 60.0


class Process:
    """A process with the package. It ends with `close`, with this object, or with this program.

    MissingDependency: there is no such package. ModelError: what it was asked for failed, it took too long,
    or it is gone.
    """

    def __init__(self, where: str, command: Sequence[str] = ()) -> None:
        self._where = where
        folder = tempfile.mkdtemp(prefix="vidstream-")
        self._child = subprocess.Popen(  # noqa: S603 - our own script, by a Python that the user named
            command or [python(), "-u", str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=_environment(folder),
        )
        self._said: deque[str] = deque(maxlen=20)
        self._listener = threading.Thread(target=_listen, args=(self._child.stderr, self._said), daemon=True)
        self._listener.start()
        self._end = weakref.finalize(self, _end, self._child, self._listener, folder)

    def ask(
        self, what: str, arrays: Sequence[Any] = (), **header: Any
    ) -> tuple[Mapping[str, Any], list[Any]]:
        """Have it do something, and wait for the answer."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        limit = threading.Timer(_PATIENCE.get(what, _USUAL_PATIENCE), self._child.kill)
        limit.start()
        try:
            send(self._child.stdin, {"do": what, **header}, arrays)
            reply, results = receive(self._child.stdout)
        except (EOFError, OSError, ValueError) as error:
            raise self._gone() from error
        finally:
            limit.cancel()
        if "error" in reply:
            raise ModelError(f"Ultralytics cannot {what} it: {reply['error']}", where=self._where, fix=_CHECK)
        return reply, results

    def close(self) -> None:
        """End it."""
        self._end()

    def _gone(self) -> ModelError | MissingDependency:
        """Why there is no answer."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(5)
        self._listener.join(1)
        last = next((line for line in reversed(self._said) if line.strip()), "it said nothing")
        return ModelError(
            f"the Ultralytics process ended (code {self._child.returncode}): {last[:300]}",
            where=self._where,
            fix="set on_error: restart to have it started again, or export the model: run.py models export",
        )


def python() -> str:
    """The Python that has the package. MissingDependency where there is none.

    That of `$VIDSTREAM_ULTRALYTICS_PYTHON`, else this program's own.
    """
    named = os.environ.get(PYTHON, "")
    if named and shutil.which(named):
        return named
    if named or importlib.util.find_spec("ultralytics") is None:
        what = f"{PYTHON} names {named}, which is no program" if named else "ultralytics is not installed"
        raise MissingDependency(
            what,
            where="engine 'ultralytics'",
            fix=f"pip install -r requirements/deep.txt, or have {PYTHON} name another environment's Python",
        )
    return sys.executable


def _environment(folder: str) -> dict[str, str]:
    """The variables of this process, but for the package's settings: a folder that goes with the process."""
    return {**os.environ, "YOLO_CONFIG_DIR": folder, "MPLCONFIGDIR": folder, "PYTHONDONTWRITEBYTECODE": "1"}


def _listen(stream: Any, said: deque[str]) -> None:
    for line in stream:
        said.append(line.decode("utf-8", "replace").rstrip())


def _end(child: subprocess.Popen[bytes], listener: threading.Thread, folder: str) -> None:
    """Close its input, on which it ends; where it does not, end it."""
    with contextlib.suppress(OSError):
        if child.stdin:
            child.stdin.close()
    try:
        child.wait(2)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    listener.join(1)
    for stream in (child.stdout, child.stderr):
        if stream:
            stream.close()
    shutil.rmtree(folder, ignore_errors=True)


_CHECK = "check the file; the package's safe mode reads only its own kinds of networks"
