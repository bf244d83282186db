"""Sinks for eyes: they show the newest frame on a thread of their own, and never hold the graph up."""

from __future__ import annotations

import threading
from typing import Any

from vidstream.graph.stage import Notify, Stage
from vidstream.types import Gap, StreamInfo


class SideStage(Stage):
    """Stands in a graph for a `lossy` or `main_thread` sink, and hands it the newest values.

    The graph's thread calls `process`, which only leaves the values in a mailbox; whoever owns the sink's
    thread calls `pump`. Frames that are replaced before they are shown are not lost to anybody else.
    """

    def __init__(self, real: Stage) -> None:
        super().__init__(real.params)
        self.real = real
        self.woken = threading.Event()
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
        self._values = values
        self.woken.set()

    def on_gap(self, gap: Gap) -> None:
        """Kept for `pump`."""
        self._gap = gap

    def close(self) -> None:
        """Ask `pump` to close the real sink."""
        with self._lock:
            self._state = "closed" if self._state == "new" else "closing"
        self.woken.set()

    @property
    def closed(self) -> bool:
        """True when there is nothing left to do."""
        return self._state == "closed"

    def pump(self, notify: Notify) -> None:
        """Do what has come up since the last call, on the sink's own thread."""
        self.woken.clear()
        try:
            self._show()
        except Exception as error:  # the graph's edge: one sink must not take the others along
            notify("sink-disabled", f"switched off after: {error}")
            self.close()
        with self._lock:
            ending = self._state == "closing"
            self._state = "closed" if ending else self._state
        if ending:
            self.real.close()

    def _show(self) -> None:
        values, self._values = self._values, None
        gap, self._gap = self._gap, None
        if values is None or self._state not in ("new", "open"):
            return
        if self._state == "new":
            assert self._stream is not None
            self._state = "open"
            self.real.open(self._stream)
        if gap is not None:
            self.real.on_gap(gap)
        self.real.process(*values)  # type: ignore[attr-defined]  # each stage has its own signature

    def loop(self, notify: Notify) -> None:
        """Pump until closed: for lossy sinks that need not run on the main thread."""
        while not self.closed:
            self.woken.wait()
            self.pump(notify)
