"""A lane: one source, its stages, its threads, from open to close."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from vidstream.errors import SourceError, VidstreamError
from vidstream.graph.assembly import Assembly, Context
from vidstream.graph.channel import Channel
from vidstream.graph.clock import Clock
from vidstream.graph.description import Plan, RunOptions
from vidstream.graph.failures import Failures, words
from vidstream.graph.item import Item
from vidstream.graph.ledger import Ledger
from vidstream.graph.metrics import Histogram
from vidstream.graph.notices import Notices
from vidstream.graph.reader import Reader
from vidstream.graph.segment import Chain
from vidstream.graph.shared import Owners, SharedStage
from vidstream.graph.source import Source
from vidstream.graph.wiring import Wiring
from vidstream.types import Packet, StreamInfo
from vidstream.types.values import redact


class Lane:
    """Runs one source's graph. `run` is the target of the lane's own thread, which also reads."""

    def __init__(
        self,
        plan: Plan,
        wiring: Wiring,
        run: RunOptions,
        live: bool,
        clock: Clock,
        notices: Notices,
        owners: Owners,
    ) -> None:
        self.name = plan.source.name
        self.live = live
        self.ledger = Ledger()
        #: seconds between a frame's arrival and its end, live only
        self.age = Histogram()
        self.error: VidstreamError | None = None
        self.reader: Reader | None = None
        self.started: float | None = None
        self.ended: float | None = None
        #: where finished frames are handed out, if somebody iterates
        self.tap: Channel[Packet | None] | None = None
        self.stop_run: Callable[[VidstreamError], None] = self.fail
        self._run = run
        self._clock = clock
        self._notices = notices
        self._stopping = threading.Event()
        self._discarding = self._opened = False
        failures = Failures(self.name, notices, self)
        context = Context(self.name, run, live, notices, failures, owners)
        self.assembly = Assembly(wiring, context, self._finish)
        self.assembly.watch(self._spoiled, self._spoiled_if_heavy)
        self._source: Source = plan.source.spec.cls(plan.source.params)
        self._source.name = self.name
        self._source.notify = context.notifier()

    def run(self) -> None:
        """Open, read to the end, flush, close. Never raises: what went wrong is in `error`."""
        self.started = self._clock.monotonic()
        for step in (self._read, self.assembly.close, self._close_source):
            try:
                step()
            except BaseException as error:  # the graph's edge: a source may raise anything
                self._end(error)
        self.ended = self._clock.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the start, or until the end."""
        if self.started is None:
            return 0.0
        return (self._clock.monotonic() if self.ended is None else self.ended) - self.started

    def _read(self) -> None:
        stream = self._open_source()
        if stream is None or not self.assembly.open(stream, self._stopping):
            return
        paced = self.live and not self._source.live
        self.reader = Reader(self._source, stream, self.ledger, self._clock, self.assembly.slots, paced=paced)
        self._pump(self.reader)

    def _open_source(self) -> StreamInfo | None:
        """Open it; None where a stop came first, or broke it off."""
        if self._stopping.is_set():
            return None
        self._opened = True
        try:
            return self._source.open()
        except SourceError:
            if self._stopping.is_set():
                return None
            raise

    def _close_source(self) -> None:
        if self._opened:
            self._source.close()

    def _pump(self, reader: Reader) -> None:
        """Read and pass on; the final item goes through whatever happened, so that sinks are flushed."""
        first = self.assembly.segments[0]
        if isinstance(first, Chain) and self._is_fused():
            self._feed(reader, first.handle, first.handle)
        else:
            threads = self._start()
            try:
                self._feed(reader, self._put_newest if self.live else first.input.put, first.input.put)
            finally:
                for thread in threads:
                    thread.join()

    def _feed(self, reader: Reader, put: Callable[[Item], None], put_final: Callable[[Item], None]) -> None:
        try:
            for item in reader.items(self._run, self._stopping):
                put(item)
        finally:
            put_final(reader.final())

    def _is_fused(self) -> bool:
        """One thread does everything: where that was asked for, and no camera has to be drained."""
        return self._run.threads == 1 and not self.live and len(self.assembly.segments) == 1

    def _put_newest(self, item: Item) -> None:
        """Live: what the first segment has not taken yet gives way; its gap is handed on."""
        queue = self.assembly.segments[0].input
        old = queue.make_room()
        if old is not None:
            item.gap = item.gap or old.gap  # before others can see the item
            old.drop("source", "newer frame")
            self.ledger.finish(old.dead)
        queue.put(item)

    def _start(self) -> list[threading.Thread]:
        threads = [
            threading.Thread(target=loop, name=f"{self.name}/{number}", daemon=True)
            for number, segment in enumerate(self.assembly.segments, start=1)
            for loop in segment.threads()
        ]
        for thread in threads:
            thread.start()
        return threads

    def _finish(self, item: Item) -> None:
        """The last segment is done with a frame."""
        if item.final:
            return
        self.ledger.finish(item.dead)
        if item.dead is None:
            if self.live:
                self.age.add(self._clock.monotonic() - item.frame.mono)
            if (tap := self.tap) is not None:
                tap.put(self.assembly.packet(item))

    def _spoiled(self, item: Item, queue: Channel[Item]) -> str:
        return "stopped" if self._discarding else ""

    def _spoiled_if_heavy(self, item: Item, queue: Channel[Item]) -> str:
        """Live: a frame that waited too long gives way, if a newer one already stands behind it."""
        if self.live and self._clock.monotonic() - item.frame.mono > self._run.staleness and queue.pressure():
            return "stale"
        return self._spoiled(item, queue)

    def stop(self) -> None:
        """Read no further; what has been read is finished."""
        self._stopping.set()
        try:
            self._source.interrupt()
        except Exception as error:  # the graph's edge: the other sources have to be stopped too
            self._notices.add("source-failed", self.name, "", f"in interrupt: {words(error)}")

    def discard(self) -> None:
        """Drop what waits, so that the final item gets through soon."""
        self._discarding = True

    def fail(self, error: VidstreamError) -> None:
        """End this source, because of an error."""
        self._end(error)
        self.stop()

    def _end(self, error: BaseException) -> None:
        """Keep the first error: those after it are mostly its consequences."""
        if not isinstance(error, VidstreamError):
            error = SourceError(redact(f"{type(error).__name__}: {error}"), where=f"source '{self.name}'")
        if self.error is None:
            self.error = error
            self._notices.add("source-failed", self.name, "", str(error))


def heavy_threads(lanes: Iterable[Lane], at_a_time: int) -> int:
    """How many threads run heavy stages, with so many lanes: what OpenCV's own pool has to share with."""
    loads = [
        sum(
            1 + len(segment.copies)
            for segment in lane.assembly.segments
            if any(
                n.traits.heavy and not n.traits.sink and not isinstance(n.stage, SharedStage)
                for n in segment.nodes
            )
        )
        for lane in lanes
    ]
    return sum(sorted(loads)[-at_a_time:])
