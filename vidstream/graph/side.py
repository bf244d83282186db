"""Sinks for eyes: they show the newest frame on a thread of their own, and never hold the graph up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from vidstream.graph.failures import HANGS, words
from vidstream.graph.metrics import Histogram
from vidstream.graph.stage import Stage
from vidstream.graph.watchdog import AbandonedError, Call, Turn, Watchdog
from vidstream.types import Gap, SourceStatus, StreamInfo

#: seconds between two calls of `idle` where no frames come, for sinks on threads of their own
_IDLE = 0.05


class SideStage(Stage):
    """Stands in a graph for a `lossy` or `main_thread` sink, and hands it the newest values.

    The graph's thread calls `process`, which only leaves the values in a mailbox; whoever owns the sink's
    thread calls `pump`. Frames that are replaced before they are shown are not lost to anybody else. The
    sink opens with the first frame it gets, and whatever it raises switches off nothing but itself.

    A sink may have a method `idle()`: it is called where there is nothing new, so that a window stays
    alive while a camera stalls. Live, one that hangs is replaced, but not a window: the main thread has no
    substitute.
    """

    def __init__(
        self,
        real: Stage,
        *,
        main_thread: bool,
        make: Callable[[], Stage] | None = None,
        watchdog: Watchdog | None = None,
    ) -> None:
        super().__init__(real.params)
        self.real = real
        self.main_thread = main_thread
        #: seconds from a frame's arrival until it was shown
        self.age: Histogram | None = None
        self._make = make
        self._idle: Callable[[], None] | None = getattr(self.real, "idle", None)
        # Ctrl-C, or a signal handler that raises SystemExit, strikes the main thread wherever it is
        self._caught: type[BaseException] = Exception if main_thread else BaseException
        self._woken = threading.Event()
        self._lock = threading.Lock()
        self._stream: StreamInfo | None = None
        self._gap: Gap | None = None
        self._values: tuple[Any, ...] | None = None
        #: when the frame arrived whose values come next, and the frame of those in the mailbox
        self.arrived = self._shown = 0.0
        self._state = "new"  # new -> open -> closing -> closed
        self._watchdog = watchdog
        self._turn = Turn(self._hung)
        self._over = threading.Event()
        self._hangs = 0

    def open(self, stream: StreamInfo) -> None:
        """Kept for `pump`: the real sink opens on its own thread."""
        self._stream = stream
        if self.main_thread and self._watchdog is not None:
            self._watchdog.add(self._turn)

    def process(self, *values: Any) -> None:
        """Leave the newest values."""
        with self._lock:
            if self._state in ("new", "open"):
                self._values, self._shown = values, self.arrived
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

    def patience(self, what: str) -> float:
        """How many times as long as usual a call may take."""
        return 1.0

    def pump(self) -> None:
        """Do what has come up since the last call, on the sink's own thread."""
        self._woken.clear()
        turn, real = self._turn, self.real
        turn.calls += 1
        try:
            ending = self._show(turn, real) == "closing"
            if ending:
                with turn.inside(self, "flush", real):
                    real.flush()
        except AbandonedError:
            raise
        except self._caught as error:  # the graph's edge: one sink must not take the others along
            real.notify("sink-disabled", f"switched off after: {words(error)}")
            self.close()
            ending = True
        if ending:
            self._shut(turn, real)

    def loop(self) -> None:
        """Pump until closed, on another thread: for lossy sinks that need not run on the main thread."""
        self._launch()
        self._over.wait()

    def _launch(self) -> None:
        turn = self._turn
        name = f"{self.source}/{self.real.stage_id}"
        turn.thread = threading.Thread(target=self._pump_on, args=(turn,), name=name, daemon=True)
        turn.thread.start()

    def _pump_on(self, turn: Turn) -> None:
        if self._watchdog is not None:
            self._watchdog.add(turn)
        try:
            while not self.closed:
                self._woken.wait(_IDLE if self._idle else None)
                self.pump()
            self._over.set()
        except AbandonedError:
            turn.bury()
        finally:
            if self._watchdog is not None:
                self._watchdog.remove(turn)

    def _show(self, turn: Turn, real: Stage) -> str:
        """Give the real sink what lies in the mailbox; a gap only together with the frame behind it.

        Gives the state that went with it: what arrives later, before a close, is for the next call.
        """
        with self._lock:
            values, self._values = self._values, None
            state, gap, arrived = self._state, self._gap, self._shown
            if values is not None:
                self._gap = None
                self._state = "open" if state == "new" else state
        if values is None:
            if state == "open" and self._idle is not None:
                with turn.inside(self, "idle", real):
                    self._idle()
            return state
        if state == "new":
            assert self._stream is not None
            with turn.inside(self, "open", real):
                real.open(self._stream)
        elif gap is not None:
            with turn.inside(self, "on_gap", real):
                real.on_gap(gap)
        with turn.inside(self, "process", real):
            real.process(*values)  # type: ignore[attr-defined]  # each stage has its own signature
        self._hangs = 0
        if self.age is not None:
            self.age.add(self.clock.monotonic() - arrived)
        return state

    def _shut(self, turn: Turn, real: Stage) -> None:
        try:
            with turn.inside(self, "close", real):
                real.close()
        except AbandonedError:
            raise
        except self._caught as error:  # the graph's edge
            real.notify("stage-failed", f"in close: {words(error)}")
        finally:
            if not turn.lost:
                self._state = "closed"
                if self._watchdog is not None:
                    self._watchdog.remove(turn)

    # -- when it hangs ---------------------------------------------------------------------------------

    def _hung(self, turn: Turn, call: Call) -> None:
        """The watchdog's: another thread goes on with a new instance, which opens with the next frame."""
        tell = self.real.notify
        if self.main_thread:
            turn.lost = False
            tell("stage-hung", f"'{call.what}' does not return; it has the main thread, and stays as it is")
            return
        turn.leave_behind(self.real)
        self._hangs += 1
        tell("stage-hung", f"'{call.what}' did not return in time")
        self._turn = Turn(self._hung)
        with self._lock:
            make = self._make
            if self._state == "closing" or call.what == "close" or self._hangs >= HANGS or make is None:
                self._state, self._values = "closed", None
            else:
                self._state = "new"
        if self._state == "closed" or make is None:
            if self._hangs >= HANGS:
                tell("sink-disabled", "switched off, since it hangs again and again")
            self._over.set()
            return
        self.real = make()
        self._idle = getattr(self.real, "idle", None)
        tell("stage-restarted", "it will be opened with the next frame")
        self._launch()
