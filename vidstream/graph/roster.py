"""The lanes of a run over time: those whose turn has not come, at work, on their way out, and gone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from vidstream.graph.change import Wired
from vidstream.graph.clock import Clock
from vidstream.graph.lane import Lane
from vidstream.graph.notices import Notices
from vidstream.graph.past import Past
from vidstream.graph.report import SourceReport
from vidstream.graph.side import SideStage

#: longest pause before a lane is started again; one that has worked for so long starts the series anew
_LONGEST, _HEALTHY = 600.0, 600.0


class Patience(NamedTuple):
    """Seconds that frames in flight are given after a stop, and after that the stages."""

    drain: float
    grace: float


class Roster:
    """Starts lanes and the threads they need, and sees them off. Used by the engine's thread alone."""

    def __init__(
        self, lanes: Sequence[Lane], clock: Clock, notices: Notices, wake: Callable[[], None]
    ) -> None:
        #: one for each source; another list after each change, so that others may look on
        self.lanes: Sequence[Lane] = list(lanes)
        self.past = Past()
        self.windows: list[SideStage] = []
        #: threads whose work has not ended, of lanes and of others
        self.working: list[threading.Thread] = []
        self.beside: list[threading.Thread] = []
        self._clock = clock
        self._notices = notices
        self._wake = wake
        self._pending = list(lanes)
        self._stopping = False
        self._threads: list[threading.Thread] = []
        self._thread_of: dict[Lane, threading.Thread] = {}
        #: lanes that were asked to end, and when
        self._leaving: dict[Lane, float] = {}
        #: lanes that failed -> when their source is to be started again
        self._due: dict[Lane, float] = {}
        self._tries: dict[str, int] = {}
        #: sources that have ever been open, with all of their stages
        self._opened: set[str] = set()

    # -- starting --------------------------------------------------------------------------------------

    def start(self, room: int) -> None:
        """Start those whose turn has come; none before those that leave have let go of camera and files."""
        while self._pending and not self._leaving and len(self.working) < room:
            lane = self._pending.pop(0)
            self.adopt(lane.assembly.sides)
            self._thread_of[lane] = self._start(lane.run, lane.name, self.working)

    def adopt(self, sides: Iterable[SideStage]) -> None:
        """Windows are shown by the engine's thread; other lossy sinks get one of their own."""
        for side in sides:
            if side.main_thread:
                self.windows.append(side)
            else:
                self.start_beside(side.loop, f"{side.real.source}/{side.real.stage_id}")

    def start_beside(self, work: Callable[[], None], name: str) -> None:
        """Have something else done on a thread of its own."""
        self._start(work, name, self.beside)

    def _start(self, work: Callable[[], None], name: str, group: list[threading.Thread]) -> threading.Thread:
        """Work on a thread of its own, which is in `group` until the work has ended."""

        def run() -> None:
            try:
                work()
            finally:
                with suppress(ValueError):  # it may have been given up
                    group.remove(thread)
                self._wake()

        thread = threading.Thread(target=run, name=name, daemon=True)
        self._threads = [t for t in self._threads if t.is_alive() or t in group]
        self._threads.append(thread)
        group.append(thread)
        thread.start()
        return thread

    # -- coming and going ------------------------------------------------------------------------------

    @property
    def all(self) -> list[Lane]:
        """Those of now, and those on their way out."""
        return [*self.lanes, *self._leaving]

    @property
    def reports(self) -> list[SourceReport]:
        """What all lanes did, those that have gone first."""
        return [*self.past.reports, *(SourceReport.of(lane) for lane in [*list(self._leaving), *self.lanes])]

    @property
    def is_leaving(self) -> bool:
        """Whether a lane is on its way out."""
        return bool(self._leaving)

    def find(self, name: str) -> Lane | None:
        """The lane of a source."""
        return next((lane for lane in self.lanes if lane.name == name), None)

    def change(self, lanes: Sequence[Lane]) -> None:
        """Have these lanes from now on: others are asked to leave, and new ones get their turn."""
        old, self.lanes = self.lanes, list(lanes)
        for lane in old:
            if lane not in self.lanes:
                self._see_off(lane)
        self._pending += [lane for lane in self.lanes if lane not in old]

    def _see_off(self, lane: Lane) -> None:
        self._due.pop(lane, None)
        if lane in self._pending:
            self._pending.remove(lane)
        elif lane in self._thread_of:
            if lane.ended is None:
                lane.stop()
            self._leaving[lane] = self._clock.monotonic()
        else:  # it has ended before
            self.past.add(SourceReport.of(lane))

    def attend(self, patience: Patience) -> None:
        """Let those go that have ended, and those that do not end."""
        for lane, asked in list(self._leaving.items()):
            waited = self._clock.monotonic() - asked
            at_work = self._thread_of[lane] in self.working
            if at_work and waited > patience.drain:
                lane.discard()
            if at_work and waited <= sum(patience):
                continue
            if at_work:
                self._give_up(lane)
            del self._leaving[lane], self._thread_of[lane]
            self.past.add(SourceReport.of(lane))

    def _give_up(self, lane: Lane) -> None:
        """It is not waited for any longer, and counts no more."""
        thread = self._thread_of[lane]
        self._threads.remove(thread)
        with suppress(ValueError):  # this very moment it has ended
            self.working.remove(thread)
        for side in lane.assembly.sides:
            side.close()
        self._notices.add("did-not-stop", lane.name, "", "left behind: a call did not return")

    def revive(self, pause: float, make: Callable[[Wired], Lane]) -> None:
        """Start sources again that have failed, after a pause that grows while they go on failing."""
        now = self._clock.monotonic()
        for lane in self.lanes:
            thread = self._thread_of.get(lane)
            if thread is not None and thread not in self.working:
                del self._thread_of[lane]
                self._ended(lane, pause)
        for lane in [lane for lane, due in self._due.items() if due <= now]:
            del self._due[lane]
            self.past.add(SourceReport.of(lane))
            fresh = make(lane.wired)
            self.lanes = [fresh if known is lane else known for known in self.lanes]
            self._pending.append(fresh)
            self._notices.add("lane-restarted", lane.name, "", "started anew after a pause")

    def _ended(self, lane: Lane, pause: float) -> None:
        if lane.has_opened:
            self._opened.add(lane.name)
        if lane.error is None or not lane.can_revive or not pause:
            return
        tries = 0 if lane.elapsed > _HEALTHY else self._tries.get(lane.name, 0)
        self._tries[lane.name] = tries + 1
        self._due[lane] = self._clock.monotonic() + min(pause * 2 ** min(tries, 20), max(pause, _LONGEST))

    # -- ending ----------------------------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do; sources that never could be opened are not waited for alone."""
        waiting = any(lane.name in self._opened for lane in self._due)
        news = self._thread_of and not self._stopping  # one has ended; what follows is not known yet
        return not (self.working or self._pending or self._leaving or waiting or news)

    def stop(self) -> None:
        """Start nothing any more, and have all lanes end."""
        self._stopping = True
        self._pending.clear()
        self._due.clear()
        for lane in self.all:
            lane.stop()

    def join(self) -> None:
        """Wait for the threads whose work has ended."""
        left_behind = [*self.working, *self.beside]
        for thread in self._threads:
            if thread not in left_behind:
                thread.join()
