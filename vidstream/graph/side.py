"""Sinks for eyes: they show the newest frame on a thread of their own, and never hold the graph up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from vidstream.graph.failures import words
from vidstream.graph.stage import Stage
from vidstream.types import Gap, SourceStatus, StreamInfo

#: seconds between two calls of `idle` where no frames come, for sinks on threads of their own
_IDLE = 0.05


class SideStage(Stage):
    """Stands in a graph for a `lossy` or `main_thread` sink, and hands it the newest values.

    The graph's thread calls `process`, which only leaves the values in a mailbox; whoever owns the sink's
    thread calls `pump`. Frames that are replaced before they are shown are not lost to anybody else. The
    sink opens with the first frame it gets, and whatever it raises switches off nothing but itself.

    A sink may have a method `idle()`: it is called where there is nothing new, so that a window stays
    alive while a camera stalls.
    """

    def __init__(self, real: Stage, *, main_thread: bool) -> None:
        super().__init__(real.params)
        self.real = real
        self.main_thread = main_thread
        self._idle: Callable[[], None] | None = getattr(real, "idle", None)
        # Ctrl-C, or a signal handler that raises SystemExit, strikes the main thread wherever it is
        self._caught: type[BaseException] = Exception if main_thread else BaseException
        self._woken = threading.Event()
        self._lock = threading.Lock()
        self._stream: StreamInfo | None = None
        self._gap: Gap | None = None
        self._values: tuple[Any, ...] | None = None
        self._state = "new"  # new -> open -> closing -> closed

    def open(self, stream: StreamInfo) -> None:
        """Kept for `pump`: the real sink opens on its own thread."""
        self._stream = stream

    def process(self, *values: Any) -> None:
        """Leave the newest values."""
        with self._lock:
            if self._state in ("new", "open"):
                self._values = values
        self._woken.set()

    def on_gap(self, gap: Gap) -> None:
        """Kept for `pump`."""
        with self._lock:
            self._gap, self._stream = gap, gap.stream
            self._values = None  # a frame from before is not shown after

    def on_status(self, status: SourceStatus) -> None:
        """Passed on at once, where the real sink is open."""
        if self._state == "open":
            self.real.on_status(status)

    def close(self) -> None:
        """Ask `pump` to close the real sink. May be called again."""
        with self._lock:
            if self._state == "new":
                self._state, self._values = "closed", None
            elif self._state == "open":
                self._state = "closing"
        self._woken.set()

    @property
    def closed(self) -> bool:
        """True when there is nothing left to do."""
        return self._state == "closed"

    def pump(self) -> None:
        """Do what has come up since the last call, on the sink's own thread."""
        self._woken.clear()
        try:
            ending = self._show() == "closing"
            if ending:
                self.real.flush()
        except self._caught as error:  # the graph's edge: one sink must not take the others along
            self.real.notify("sink-disabled", f"switched off after: {words(error)}")
            self.close()
            ending = True
        if ending:
            self._shut()

    def loop(self) -> None:
        """Pump until closed: for lossy sinks that need not run on the main thread."""
        while not self.closed:
            self._woken.wait(_IDLE if self._idle else None)
            self.pump()

    def _show(self) -> str:
        """Give the real sink what lies in the mailbox; a gap only together with the frame behind it.

        Gives the state that went with it: what arrives later, before a close, is for the next call.
        """
        with self._lock:
            values, self._values = self._values, None
            state, gap = self._state, self._gap
            if values is not None:
                self._gap = None
                self._state = "open" if state == "new" else state
        if values is None:
            if state == "open" and self._idle is not None:
                self._idle()
            return state
        if state == "new":
            assert self._stream is not None
            self.real.open(self._stream)
        elif gap is not None:
            self.real.on_gap(gap)
        self.real.process(*values)  # type: ignore[attr-defined]  # each stage has its own signature
        return state

    def _shut(self) -> None:
        try:
            self.real.close()
        except self._caught as error:  # the graph's edge
            self.real.notify("stage-failed", f"in close: {words(error)}")
        finally:
            self._state = "closed"
