"""The engine: runs the lanes of a description, and tells the truth about it afterwards."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import cv2

from vidstream.errors import UsageError, VidstreamError
from vidstream.graph.channel import Channel
from vidstream.graph.clock import Clock, SystemClock
from vidstream.graph.description import Description, Plan
from vidstream.graph.kinds import Reading
from vidstream.graph.lane import Lane, heavy_threads
from vidstream.graph.notices import Notices
from vidstream.graph.report import RunReport, SourceReport
from vidstream.graph.side import SideStage
from vidstream.graph.stage import StageSpec
from vidstream.graph.wiring import Wiring, wire
from vidstream.types import Packet

#: seconds that frames in flight are given after a stop, and after that the stages
DRAIN, GRACE = 3.0, 2.0
#: seconds between looks at windows and lanes
_TICK = 0.01, 0.1


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a source is. `share` is None where the length is unknown."""

    source: str
    frames: int
    pts: float
    share: float | None
    elapsed: float
    ended: bool


class Engine:
    """Runs a description once. `run` blocks; `stop` may come from any thread or a signal handler."""

    def __init__(
        self, description: Description, *, clock: Clock | None = None, known: Iterable[StageSpec] = ()
    ) -> None:
        self.description = description
        self.notices = Notices(self._hear)
        self._clock = clock or SystemClock()
        self._woken = threading.Event()
        self._stop_at: float | None = None
        self._started = self._clock.monotonic()
        live = is_live(description)
        self.lanes = [
            Lane(plan, wiring, description.run, live, self._clock, self.notices)
            for plan, wiring in zip(description.plans, wire_all(description, known), strict=True)
        ]
        for lane in self.lanes:
            lane.stop_run = partial(self._stop_for, lane)
        self._pending = list(self.lanes)
        self._threads: dict[str, threading.Thread] = {}
        self._sides: list[tuple[SideStage, Callable[[str, str], None]]] = []

    def run(self, tick: Callable[[], None] = lambda: None) -> RunReport:
        """Run to the end, or until `stop`; `tick` is called ten times a second on this thread."""
        self._started = self._clock.monotonic()
        before = cv2.getNumThreads()
        cv2.setNumThreads(max(1, _cores() // max(1, heavy_threads(self.lanes))))
        try:
            while not self._settled():
                self._start_lanes()
                self._show()
                tick()
                self._woken.wait(_TICK[0] if self._sides else _TICK[1])
                self._woken.clear()
        finally:
            self._end()
            cv2.setNumThreads(before)
        return self.report()

    def packets(self) -> Iterator[Packet]:
        """Run in the background and give finished frames one by one; leaving the loop stops the run.

        A source that failed raises its error after the last frame of all.
        """
        tap: Channel[Packet | None] = Channel(self.description.run.queue)
        for lane in self.lanes:
            lane.tap = tap
        runner = threading.Thread(target=self.run, name="engine", daemon=True)
        runner.start()
        try:
            while runner.is_alive() or len(tap):
                packet = tap.get(timeout=_TICK[1])
                if packet is not None:
                    yield packet
        finally:
            tap.close()
            self.stop()
            runner.join()
        for lane in self.lanes:
            if lane.error is not None:
                raise lane.error

    def stop(self) -> None:
        """Read no further and finish what is under way; after 3 s drop what still waits."""
        if self._stop_at is None:
            self._stop_at = self._clock.monotonic()
        self._pending.clear()
        for lane in self.lanes:
            lane.stop()
        self._woken.set()

    def progress(self) -> list[Progress]:
        """How far each source is."""
        return [self._progress_of(lane) for lane in self.lanes]

    def report(self) -> RunReport:
        """What has been done so far."""
        return RunReport(
            [SourceReport.of(lane) for lane in self.lanes],
            self.notices,
            self._clock.monotonic() - self._started,
            stopped=self._stop_at is not None,
        )

    # -- the loop --------------------------------------------------------------------------------------

    def _start_lanes(self) -> None:
        """Cameras all at once; recordings so many at a time."""
        limit = self.description.run.parallel
        room = len(self.lanes) if self._is_live else _cores() if limit == "auto" else limit
        running = sum(1 for t in self._threads.values() if t.is_alive())
        while self._pending and running < room:
            lane = self._pending.pop(0)
            thread = threading.Thread(target=self._run_lane, args=(lane,), name=lane.name, daemon=True)
            self._threads[lane.name] = thread
            self._adopt_sides(lane)
            thread.start()
            running += 1

    @property
    def _is_live(self) -> bool:
        return any(lane.live for lane in self.lanes)

    def _run_lane(self, lane: Lane) -> None:
        lane.run()
        self._woken.set()

    def _adopt_sides(self, lane: Lane) -> None:
        """Windows are shown by this thread; other lossy sinks get one of their own."""
        for node in lane.assembly.nodes:
            stage = node.stage
            if isinstance(stage, SideStage):
                notify = stage.real.notify
                if node.traits.main_thread:
                    self._sides.append((stage, notify))
                else:
                    threading.Thread(
                        target=stage.loop, args=(notify,), name=f"{lane.name}/{node.id}", daemon=True
                    ).start()

    def _show(self) -> None:
        for side, notify in self._sides:
            side.pump(notify)
        self._sides = [(side, notify) for side, notify in self._sides if not side.closed]

    def _settled(self) -> bool:
        """True when every lane has ended, or has been given enough time to."""
        alive = [t for t in self._threads.values() if t.is_alive()]
        if not alive and not self._pending and not self._sides:
            return bool(self._threads) or self._stop_at is not None or not self.lanes
        if self._stop_at is not None:
            waited = self._clock.monotonic() - self._stop_at
            if waited > DRAIN:
                for lane in self.lanes:
                    lane.discard()
            if waited > DRAIN + GRACE:
                for thread in alive:
                    self.notices.add("did-not-stop", thread.name, "", "left behind: a call did not return")
                return True
        return False

    def _end(self) -> None:
        """Leave nothing running, also where `run` was interrupted."""
        if any(t.is_alive() for t in self._threads.values()):
            self.stop()
            for lane in self.lanes:
                lane.discard()
        for side, notify in self._sides:
            side.close()
            side.pump(notify)

    def _stop_for(self, lane: Lane, error: VidstreamError) -> None:
        """A stage's policy says that the whole run ends."""
        lane.fail(error)
        self.stop()

    def _hear(self, kind: str) -> None:
        if kind == "stop-requested":
            self.stop()

    def _progress_of(self, lane: Lane) -> Progress:
        last = lane.reader.last if lane.reader else None
        pts = last.pts if last else 0.0
        length = lane.reader.stream.duration if lane.reader else None
        if self.description.run.duration is not None:
            length = min(length or self.description.run.duration, self.description.run.duration)
        until = lane.ended or self._clock.monotonic()
        share = min(1.0, pts / length) if length and not lane.live else None
        elapsed = until - lane.started if lane.started else 0.0
        return Progress(lane.name, lane.ledger.decoded, pts, share, elapsed, bool(lane.ended))


def is_live(description: Description) -> bool:
    """Whether frames may be dropped to keep up: any camera makes a run live, unless the mode is given."""
    mode = description.run.mode
    return mode == "live" or (mode == "auto" and any(_is_camera(plan) for plan in description.plans))


def wire_all(description: Description, known: Iterable[StageSpec] = ()) -> list[Wiring]:
    """The wiring of every source's graph; UsageError lists what is wrong."""
    reading = Reading()
    wirings = [wire(plan.stages, reading, known) for plan in description.plans]
    if reading.problems:
        raise UsageError("\n".join(dict.fromkeys(str(p) for p in reading.problems)))
    return wirings


def _is_camera(plan: Plan) -> bool:
    return plan.source.spec.cls.live


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
