"""How far a run is: one line that rewrites itself on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TextIO

from vidstream.graph.engine import Progress

#: seconds between lines: on a terminal, elsewhere
_TERMINAL, _ELSEWHERE = 0.2, 10.0


class ProgressLine:
    """Writes to `stream`, never more often than a person can read."""

    def __init__(self, stream: TextIO, *, enabled: bool = True) -> None:
        self._stream = stream
        self._enabled = enabled
        self._terminal = stream.isatty()
        self._next = time.monotonic() + (_TERMINAL if self._terminal else _ELSEWHERE)
        self._shown = False

    def show(self, progress: Sequence[Progress]) -> None:
        """Show it, if it is time."""
        now = time.monotonic()
        if not self._enabled or now < self._next:
            return
        self._next = now + (_TERMINAL if self._terminal else _ELSEWHERE)
        text = "  ".join(describe(p) for p in progress if p.frames and not p.ended) or "waiting"
        self._stream.write(f"\r\x1b[K{text}" if self._terminal else f"{text}\n")
        self._stream.flush()
        self._shown = True

    def close(self) -> None:
        """Leave a clean line."""
        if self._shown and self._terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def describe(progress: Progress) -> str:
    """One source in one phrase.

    >>> describe(Progress("clip", 300, 10.0, 0.25, 5.0, ended=False))
    'clip 25% 300 frames 60 fps, 0:15 left'
    >>> describe(Progress("gate", 300, 10.0, None, 5.0, ended=False))
    'gate 0:10 300 frames 60 fps'
    >>> describe(Progress("clip", 300, 10.0, 0.25, 5.0, ended=False, at=1, passes=2))
    'clip pass 1 of 2: 25% 300 frames 60 fps, 0:15 left'
    """
    fps = progress.frames / progress.elapsed if progress.elapsed > 0 else 0.0
    base = f"{progress.frames} frames {fps:.0f} fps"
    name = progress.source + (f" pass {progress.at} of {progress.passes}:" if progress.passes > 1 else "")
    if progress.share is None:
        return f"{name} {_clock(progress.pts)} {base}"
    left = progress.elapsed * (1 / progress.share - 1) if progress.share > 0 else 0.0
    return f"{name} {progress.share:.0%} {base}, {_clock(left)} left"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
