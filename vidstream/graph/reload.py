"""Carrying changes out while lanes run: prepared on a thread of their own, put in place by the engine's."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from vidstream.errors import UsageError, VidstreamError
from vidstream.graph.assembly import Spare
from vidstream.graph.change import Change, Difference, Wired, differences, in_words, run_options, same_source
from vidstream.graph.description import RunOptions
from vidstream.graph.lane import Lane
from vidstream.graph.notices import Notices
from vidstream.graph.roster import Roster

#: makes a lane, which does not run yet
Make = Callable[[Wired, RunOptions], Lane]


@dataclass(slots=True, eq=False)
class _Work:
    """A change under way."""

    change: Change
    found: Sequence[Difference]
    spares: list[tuple[Lane, Spare]] = field(default_factory=list)
    error: VidstreamError | None = None
    ready: bool = False


class Reload:
    """Takes changes one after the other. What cannot be opened refuses the whole of its change."""

    def __init__(self, roster: Roster, notices: Notices, make: Make) -> None:
        self._roster = roster
        self._notices = notices
        self._make = make
        self._queue: deque[Change] = deque()
        self._work: _Work | None = None
        self._closed = False

    def add(self, change: Change) -> None:
        """Have it carried out, on any thread."""
        self._queue.append(change)
        if self._closed:
            self.close()

    @property
    def is_busy(self) -> bool:
        """Whether something is being prepared."""
        return self._work is not None

    def close(self) -> None:
        """The run is about to end: refuse what is left, and close what has been opened for it."""
        self._closed = True
        while self._queue:
            self._refuse(self._queue.popleft(), _ended())
        if (work := self._work) is None:
            return
        if not work.change.settled:
            self._refuse(work.change, _ended())
        if work.ready:
            self._let_go(work)

    def attend(self, run: RunOptions, adopt: Callable[[RunOptions], None]) -> None:
        """Go on with it; `adopt` takes the options to go by from now on, where a change is carried out."""
        if self._work is None and self._queue:
            self._begin(self._queue.popleft())
        work = self._work
        if work is None or not work.ready:
            return
        self._work = None
        if work.error is None:
            self._carry_out(work, run, adopt)
        else:
            self._let_go(work)
            self._refuse(work.change, work.error)

    # -- preparing -------------------------------------------------------------------------------------

    def _begin(self, change: Change) -> None:
        found = differences((lane.wired for lane in self._roster.lanes), change.wired)
        self._work = work = _Work(change, found)
        if not any(d.stages for d in found):
            work.ready = True
            return
        lanes = {lane.name: lane for lane in self._roster.lanes}
        self._roster.start_beside(lambda: self._prepare(work, lanes), "change")

    def _prepare(self, work: _Work, lanes: dict[str, Lane]) -> None:
        """Open what is new, beside what runs: a network takes seconds to load."""
        try:
            for difference in work.found:
                lane = lanes.get(difference.source)
                if lane is not None and lane.is_open and not self._closed:
                    self._open(work, difference, lane)
        except VidstreamError as error:
            work.error = error
        finally:
            work.ready = True
            if self._closed:  # nobody waits for it any more
                self.close()

    def _open(self, work: _Work, difference: Difference, lane: Lane) -> None:
        if difference.kind == "stages" and _is_exchangeable(difference):
            for entry in difference.stages:
                work.spares.append((lane, lane.assembly.prepare(entry)))
        elif (reader := lane.current.reader) is not None:
            lane.assembly.rehearse(difference.stages, reader.stream)

    # -- carrying out ----------------------------------------------------------------------------------

    def _carry_out(self, work: _Work, run: RunOptions, adopt: Callable[[RunOptions], None]) -> None:
        run, now, later = run_options(run, work.change.description.run)
        found = {difference.source: difference for difference in work.found}
        self._roster.change([self._lane(w, found.get(w.name), work, run) for w in work.change.wired])
        self._let_go(work)
        for lane in self._roster.lanes if now else ():
            lane.retune(run)
        adopt(run)
        if later:
            what = f"run.{', run.'.join(later)}: takes effect when the program is started anew"
            self._notices.add("restart-needed", "", "", what)
        summary = in_words(work.found, now, later)
        if work.found or now:
            self._notices.add("reloaded", "", "", summary)
        work.change.settle(summary)

    def _lane(self, wired: Wired, difference: Difference | None, work: _Work, run: RunOptions) -> Lane:
        """The lane that a source has from now on: the one that runs, wherever that can be."""
        lane = self._roster.find(wired.name)
        if lane is None:
            return self._make(wired, run)
        if difference is None:
            return lane
        if lane.ended and lane.error is None and same_source(lane.wired, wired):
            lane.wired = wired  # it came to its own end: other stages are no reason to begin again
            return lane
        if difference.kind == "replaced":
            return self._make(wired, run)
        spares = [spare for owner, spare in work.spares if owner is lane]
        if len(spares) == len(difference.stages) and lane.is_open:
            work.spares = [pair for pair in work.spares if pair[0] is not lane]
            for spare in spares:
                self._roster.adopt(lane.assembly.exchange(spare))
            lane.wired = wired
            return lane
        return self._make(wired, run)

    def _let_go(self, work: _Work) -> None:
        """Close what was opened in vain."""
        while work.spares:
            lane, spare = work.spares.pop()
            lane.assembly.discard(spare)

    def _refuse(self, change: Change, error: VidstreamError) -> None:
        self._notices.add("reload-refused", "", "", str(error))
        change.settle("", error)


def _ended() -> UsageError:
    return UsageError("the run has ended")


def _is_exchangeable(difference: Difference) -> bool:
    """One stage on several threads is not exchanged between two frames: there is no such moment."""
    return all(entry.workers == 1 for entry in difference.stages)
