"""A lane: one source, the passes over it, its errors; what an engine runs on a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from vidstream.errors import SourceError, StageError, VidstreamError
from vidstream.graph.assembly import Assembly, Context
from vidstream.graph.change import Wired
from vidstream.graph.channel import Channel
from vidstream.graph.clock import Clock
from vidstream.graph.commons import Commons
from vidstream.graph.description import Plan, RunOptions, Wiring
from vidstream.graph.failures import Failures
from vidstream.graph.hindsight import Part, parts
from vidstream.graph.item import Item
from vidstream.graph.metrics import Histogram
from vidstream.graph.notices import Notices
from vidstream.graph.passage import Passage
from vidstream.graph.shared import Owners, SharedStage
from vidstream.graph.status import Hear, StatusLog
from vidstream.types import Packet, SourceStatus
from vidstream.types.values import redact


class Lane:
    """Runs one source's graph. `run` is the target of the lane's own thread, which also reads.

    Mostly the source is read once. Where stages want to look ahead there are several passages: all but the
    last one gather what those want to know, the last one gives results.
    """

    def __init__(
        self,
        plan: Plan,
        wiring: Wiring,
        run: RunOptions,
        live: bool,
        clock: Clock,
        notices: Notices,
        owners: Owners,
        commons: Commons,
    ) -> None:
        self.name = plan.source.name
        #: what it runs; after a change, what it has been changed to
        self.wired = Wired(plan, wiring)
        self.live = live
        self.clock = clock
        #: seconds between a frame's arrival and its end, live only
        self.age = Histogram()
        self.error: VidstreamError | None = None
        self.started: float | None = None
        self.ended: float | None = None
        #: where finished frames are handed out, if somebody iterates
        self.tap: Channel[Packet | None] | None = None
        self.stop_run: Callable[[VidstreamError], None] = self.fail
        self.stopped = self.discarding = False
        #: told of every finished frame, on the last segment's thread; and of every state of the source
        self.watchers: Sequence[Callable[[Packet], None]] = ()
        self.listeners: Sequence[Hear] = ()
        self.status = StatusLog(self.name, clock, self._hear)
        self._notices = notices
        failures = Failures(self.name, notices, self)
        shared = owners, clock, commons, self.status, owners.watchdog
        context = Context(self.name, run, live, notices, failures, *shared)
        self.passages = [Passage(plan.source, p, _of(context, p), self) for p in parts(wiring)]
        #: number of the passage under way, or of the last one that was
        self.at = 0

    def run(self) -> None:
        """Passage after passage. Never raises: what went wrong is in `error`."""
        self.started = self.clock.monotonic()
        before = None
        for number, passage in enumerate(self.passages):
            if before is None or before.complete:
                self.at = number
            passage.run(before)
            before = passage
        now = self.status.now
        if now is None or now.state != "ended":  # it never came to be opened
            self.status.add("ended", str(self.error or ""))
        self.ended = self.clock.monotonic()

    @property
    def current(self) -> Passage:
        """The passage under way, or the last one that was."""
        return self.passages[self.at]

    @property
    def assembly(self) -> Assembly:
        """The stages of the last pass, sinks among them."""
        return self.passages[-1].assembly

    @property
    def elapsed(self) -> float:
        """Seconds since the start, or until the end."""
        if self.started is None:
            return 0.0
        return (self.clock.monotonic() if self.ended is None else self.ended) - self.started

    @property
    def is_open(self) -> bool:
        """Whether frames go through its stages, so that one of them can be exchanged."""
        passage = self.passages[-1]
        return len(self.passages) == 1 and passage.reader is not None and not self.stopped and not self.ended

    @property
    def has_opened(self) -> bool:
        """Whether its source and all of its stages have been open."""
        return self.passages[0].reader is not None

    @property
    def can_revive(self) -> bool:
        """Whether a new start may help: a stage or a camera has ended it; a broken file stays broken."""
        is_camera = self.wired.plan.source.spec.cls.live
        return self.live and (is_camera or isinstance(self.error, StageError)) and not self.stopped

    def retune(self, run: RunOptions) -> None:
        """Go by other options, those that can change at once."""
        for passage in self.passages:
            passage.retune(run)

    def finished(self, item: Item) -> None:
        """A frame that was not dropped has gone through all stages of the last pass."""
        if self.live:
            self.age.add(self.clock.monotonic() - item.frame.mono)
        if self.tap is None and not self.watchers:
            return
        packet = self.assembly.packet(item)
        if (tap := self.tap) is not None:
            tap.put(packet)
        for watch in self.watchers:
            watch(packet)

    def stop(self) -> None:
        """Read no further; what has been read is finished, but by no further pass."""
        self.stopped = True
        for passage in self.passages[self.at :]:
            passage.interrupt()

    def discard(self) -> None:
        """Drop what waits, so that the final item gets through soon."""
        self.discarding = True

    def fail(self, error: VidstreamError) -> None:
        """End the passage under way, because of an error; what has been read until now is finished."""
        self.end(error)
        self.current.interrupt()

    def _hear(self, status: SourceStatus) -> None:
        self.current.assembly.tell(status)
        for listen in self.listeners:
            listen(status)

    def end(self, error: BaseException) -> None:
        """Keep the first error: those after it are mostly its consequences."""
        if not isinstance(error, VidstreamError):
            error = SourceError(redact(f"{type(error).__name__}: {error}"), where=f"source '{self.name}'")
        if self.error is None:
            self.error = error
            self._notices.add("source-failed", self.name, "", str(error))


def heavy_threads(lanes: Iterable[Lane], at_a_time: int) -> int:
    """How many threads run heavy stages, with so many lanes: what OpenCV's own pool has to share with."""
    loads = [max(_load(passage.assembly) for passage in lane.passages) for lane in lanes]
    return sum(sorted(loads)[-at_a_time:])


def _load(assembly: Assembly) -> int:
    return sum(
        1 + len(segment.copies)
        for segment in assembly.segments
        if any(
            n.traits.heavy and not n.traits.sink and not isinstance(n.stage, SharedStage)
            for n in segment.nodes
        )
    )


def _of(context: Context, part: Part) -> Context:
    """What passages share, but that none says again what was heard in an earlier one."""
    return replace(context, heard=frozenset({"", *part.known})) if part.known else context
