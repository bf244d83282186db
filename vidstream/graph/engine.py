"""The engine: runs the lanes of a description, and tells the truth about it afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue

from vidstream.errors import UsageError, VidstreamError
from vidstream.graph import hindsight, opencv_pool
from vidstream.graph.change import Change, Wired
from vidstream.graph.channel import Channel
from vidstream.graph.clock import Clock, SystemClock
from vidstream.graph.commons import Commons
from vidstream.graph.description import Description, RunOptions, Wiring
from vidstream.graph.kinds import Reading
from vidstream.graph.lane import Lane, heavy_threads
from vidstream.graph.notices import Notices
from vidstream.graph.reload import Reload
from vidstream.graph.report import RunReport, SharedReport
from vidstream.graph.roster import Patience, Roster
from vidstream.graph.shared import Owners
from vidstream.graph.stage import StageSpec
from vidstream.graph.status import Hear
from vidstream.graph.watchdog import Watchdog
from vidstream.graph.wiring import wire
from vidstream.types import Packet

#: seconds that frames in flight are given after a stop, and after that (or at the end) the stages
DRAIN, GRACE = 3.0, 2.0
#: the same for cameras: the end is to come within 3 s; frames are dropped before the watchdog gives stages up
LIVE = 0.8, 2.0
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
    #: number of the pass under way, and of all that there will be
    at: int = 1
    passes: int = 1


class Engine:
    """Runs a description once. `run` and `packets` look after the lanes, and show windows, on the caller's
    thread; `stop` may come from any thread or a signal handler.
    """

    def __init__(
        self, description: Description, *, clock: Clock | None = None, known: Iterable[StageSpec] = ()
    ) -> None:
        self.description = description
        self.notices = Notices(self._hear)
        self._clock = clock or SystemClock()
        # an Event would not do: a signal handler may come while this very thread holds its lock
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._begun = self._told = False
        self._stop_at: float | None = None
        self._over_at: float | None = None
        self._started = self._clock.monotonic()
        self._ended: float | None = None
        #: shared stages may be there that no source uses any more
        self._untidy = False
        self._live = description.is_live
        #: replaces threads that do not come back from a stage, live only
        self.watchdog = Watchdog(description.run.hang) if self._live else None
        #: stages that sources share
        self.owners = Owners(description.plans, self._live, self.watchdog)
        #: what else stages of different sources share
        self.commons = Commons()
        self._tap: Channel[Packet | None] | None = None
        self._watchers: tuple[Callable[[Packet], None], ...] = ()
        self._listeners: tuple[Hear, ...] = ()
        self._known = tuple(known)
        lanes = [self._lane(wired, description.run) for wired in self._wired(description)]
        self._roster = Roster(lanes, self._clock, self.notices, self._wake)
        self._reload = Reload(self._roster, self.notices, self._lane)

    def run(self, tick: Callable[[], None] = lambda: None) -> RunReport:
        """Run to the end, or until `stop`; `tick` is called ten times a second on this thread."""
        with self._running():
            while not self._settled():
                self._attend()
                tick()
                self._listen()
        return self.report()

    def packets(self) -> Iterator[Packet]:
        """Give finished frames one by one; leaving the loop stops the run.

        A source that failed raises its error after the last frame of all.
        """
        tap: Channel[Packet | None] = Channel(1 if self._live else self.description.run.queue)
        with self._running():
            self._tap_into(tap)
            try:
                while not self._settled():
                    self._attend()
                    yield from self._arriving(tap)
                while len(tap):
                    if (packet := tap.get()) is not None:
                        yield packet
            finally:
                self._tap_into(None)
                tap.close()
        for lane in self.lanes:
            if lane.error is not None:
                raise lane.error

    def watch(self, frame: Callable[[Packet], None], status: Hear = lambda status: None) -> None:
        """Have `frame` called with every finished frame, and `status` with every new state of a source.

        Both are called on the graph's own threads, and have to return soon.
        """
        self._watchers = (*self._watchers, frame)
        self._listeners = (*self._listeners, status)
        for lane in self.lanes:
            lane.watchers, lane.listeners = self._watchers, self._listeners

    def apply(self, description: Description) -> Change:
        """Change over to another description while this one runs; may be called from any thread.

        What stays as it is goes on undisturbed, with its tracks and counts. The engine's thread carries it
        out: `Change.wait` waits for that, and `Change.error` says why it was refused, where it was: all
        goes on as before then. UsageError where that can be said at once: a run of recordings cannot be
        changed, and a live one cannot become one of recordings.
        """
        if not self._live:
            what = "a run of recordings cannot be changed while it runs"
            raise UsageError(what, fix="wait for its end, or stop it, and start anew")
        if not description.is_live:
            what = "a live run cannot become one of recordings"
            raise UsageError(what, fix="stop it, and start anew, or write 'mode: live'")
        change = Change(description, self._wired(description))
        self._reload.add(change)
        self._bell.put(None)
        return change

    @property
    def lanes(self) -> Sequence[Lane]:
        """The lanes of now, one for each source."""
        return self._roster.lanes

    def stop(self) -> None:
        """Read no further and finish what is under way; after 3 s drop what still waits."""
        if self._stop_at is None:
            self._stop_at = self._clock.monotonic()
            self._bell.put(None)

    def progress(self) -> list[Progress]:
        """How far each source is."""
        return [self._progress_of(lane) for lane in self.lanes]

    def report(self) -> RunReport:
        """What has been done so far."""
        until = self._clock.monotonic() if self._ended is None else self._ended
        return RunReport(
            self._roster.reports,
            [SharedReport.of(owner) for owner in self.owners],
            self.notices,
            until - self._started,
            stopped=self._stop_at is not None,
        )

    # -- the loop --------------------------------------------------------------------------------------

    @contextmanager
    def _running(self) -> Iterator[None]:
        if self._begun:
            raise UsageError("this graph has run already", fix="build it anew: its stages keep their state")
        self._begun = True
        self._started = self._clock.monotonic()
        if self.watchdog is not None:
            self.watchdog.start()
        with opencv_pool.shared(self._load) as self._pool:
            try:
                yield
            finally:
                self._end()
                self._ended = self._clock.monotonic()

    def _attend(self) -> None:
        """What has to be looked after now and then: a stop, changes, lanes that come and go, windows."""
        roster = self._roster
        if self._stop_at is not None and not self._told:
            self._told = True
            if self.watchdog is not None:
                self.watchdog.hurry()
            self._reload.close()
            roster.stop()
        roster.attend(self._patience)
        if self._stop_at is None:
            self._change()
            roster.revive(self.description.run.revive if self._live else 0.0, self._anew)
        roster.start(self._room)
        for window in roster.windows:
            window.pump()
        roster.windows = [window for window in roster.windows if not window.closed]

    def _change(self) -> None:
        """Carry out what was asked for; what no source uses any more is closed when all have let go."""
        self._reload.attend(self.description.run, self._adopt)
        if self._untidy and not (self._reload.is_busy or self._roster.is_leaving):
            self._untidy = not self.owners.forget(self.description.plans)

    def _adopt(self, run: RunOptions) -> None:
        """Lanes have changed: this is what runs now."""
        self.description = Description(tuple(lane.wired.plan for lane in self.lanes), run)
        self._pool.set(self._load)
        self._untidy = True

    def _lane(self, wired: Wired, run: RunOptions) -> Lane:
        shared = self.owners, self.commons
        lane = Lane(wired.plan, wired.wiring, run, self._live, self._clock, self.notices, *shared)
        lane.stop_run = partial(self._stop_for, lane)
        lane.tap, lane.watchers, lane.listeners = self._tap, self._watchers, self._listeners
        return lane

    def _anew(self, wired: Wired) -> Lane:
        return self._lane(wired, self.description.run)

    def _wired(self, description: Description) -> list[Wired]:
        return list(map(Wired, description.plans, wire_all(description, self._known)))

    @property
    def _load(self) -> int:
        return heavy_threads(self.lanes, self._room) + len(self.owners)

    @property
    def _tick(self) -> float:
        return _TICK[0] if self._roster.windows else _TICK[1]

    def _listen(self) -> None:
        """Wait until something has come up, or it is time to look."""
        with suppress(Empty):
            self._bell.get(timeout=self._tick)

    def _arriving(self, tap: Channel[Packet | None]) -> Iterator[Packet]:
        """Finished frames as they come, until a source ends or it is time to look."""
        until = time.monotonic() + self._tick
        while (left := until - time.monotonic()) > 0 and (packet := tap.get(left)) is not None:
            yield packet

    @property
    def _room(self) -> int:
        """How many sources run at the same time: cameras all, recordings as many as there are cores."""
        limit = self.description.run.parallel
        return len(self.lanes) if self._live else opencv_pool.cores() if limit == "auto" else limit

    def _wake(self) -> None:
        """Something has come up: the loop is to look at once."""
        self._bell.put(None)
        if (tap := self._tap) is not None:
            tap.put(None)

    @property
    def _patience(self) -> Patience:
        return Patience(min(DRAIN, LIVE[0]), min(GRACE, LIVE[1])) if self._live else Patience(DRAIN, GRACE)

    def _settled(self) -> bool:
        """True when everything has ended, or has been given enough time to."""
        now, roster, patience = self._clock.monotonic(), self._roster, self._patience
        left = [*roster.working, *roster.beside]
        if self._stop_at is not None and now - self._stop_at > patience.drain:
            for lane in roster.all:
                lane.discard()
        if roster.is_over:
            self._over_at = now if self._over_at is None else self._over_at
            overdue = now - self._over_at > patience.grace
        else:
            self._over_at = None
            overdue = self._stop_at is not None and now - self._stop_at > sum(patience)
        if overdue:
            stuck = {lane.name for lane in roster.all if lane.current.in_source}
            for thread in left:
                kind = "source-hung" if thread.name in stuck else "did-not-stop"
                self.notices.add(kind, thread.name, "", "left behind: a call did not return")
        return overdue or not (left or roster.windows or not roster.is_over)

    def _end(self) -> None:
        """Leave nothing running, also where the loop was left early or an error broke it."""
        if not self._settled():
            self.stop()
        while not self._settled():
            self._attend()
            self._listen()
        self._reload.close()
        for owner in self.owners:
            owner.close()
        for window in self._roster.windows:
            window.close()
            window.pump()
        if self.watchdog is not None:
            self.watchdog.close()
        self._roster.join()

    def _tap_into(self, tap: Channel[Packet | None] | None) -> None:
        """Have finished frames put there, and None where a source has ended, to wake the reader up."""
        self._tap = tap
        for lane in self._roster.all:
            lane.tap = tap

    def _stop_for(self, lane: Lane, error: VidstreamError) -> None:
        """A stage's policy says that the whole run ends."""
        lane.fail(error)
        self.stop()

    def _hear(self, kind: str) -> None:
        if kind == "stop-requested":
            self.stop()

    def _progress_of(self, lane: Lane) -> Progress:
        run, passage = self.description.run, lane.current
        reader = passage.reader
        pts, length = (reader.elapsed, reader.stream.duration) if reader else (0.0, None)
        if run.duration is not None:
            length = min(length or run.duration, run.duration)
        shares = [pts / length] if length else []
        if run.frames is not None:
            shares.append(passage.ledger.decoded / run.frames)
        return Progress(
            lane.name,
            passage.ledger.decoded,
            pts,
            min(1.0, max(shares)) if shares and not lane.live else None,
            passage.elapsed,
            lane.ended is not None,
            lane.at + 1,
            len(lane.passages),
        )


def wire_all(description: Description, known: Iterable[StageSpec] = ()) -> list[Wiring]:
    """The wiring of every source's graph; UsageError lists what is wrong."""
    reading = Reading()
    wirings = [plan.wiring or wire(plan.stages, reading, known) for plan in description.plans]
    reading.problems += [problem for _, problem in hindsight.problems(description)]
    if reading.problems:
        raise UsageError("\n".join(dict.fromkeys(str(p) for p in reading.problems)))
    return wirings
