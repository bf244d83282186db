"""A passage: a source is read once, from open to close, through the stages of one pass."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Protocol, TypeAlias

from vidstream.errors import SourceError, StageError, VidstreamError
from vidstream.graph.assembly import Assembly, Context
from vidstream.graph.channel import Channel
from vidstream.graph.clock import Clock
from vidstream.graph.description import RunOptions, SourceEntry
from vidstream.graph.failures import words
from vidstream.graph.hindsight import Part
from vidstream.graph.item import Item
from vidstream.graph.ledger import Ledger
from vidstream.graph.node import Node
from vidstream.graph.reader import Reader
from vidstream.graph.segment import Chain
from vidstream.graph.source import Source
from vidstream.graph.tape import Tape
from vidstream.graph.watchdog import FRAMES_END
from vidstream.types import Packet, StreamInfo, Tombstone

Put: TypeAlias = Callable[[Item], None]


class Owner(Protocol):
    """The lane that passages belong to."""

    live: bool
    clock: Clock
    #: where finished frames are handed out, if somebody iterates
    tap: Channel[Packet | None] | None
    #: somebody has asked for the end of the whole lane
    stopped: bool
    #: what waits is dropped, so that the end comes soon
    discarding: bool
    #: why the source ends, where that is no end of its own
    error: VidstreamError | None

    def end(self, error: BaseException) -> None:
        """Keep the error with which the source ends."""

    def fail(self, error: VidstreamError) -> None:
        """End the passage that is under way, because of an error."""

    def finished(self, item: Item) -> None:
        """A frame that was not dropped has gone through all stages of the last pass."""


class Passage:
    """Reads the source through the stages of one pass. `run` raises nothing: its owner is told."""

    def __init__(self, source: SourceEntry, part: Part, context: Context, owner: Owner) -> None:
        self.ledger = Ledger()
        self.reader: Reader | None = None
        self.started: float | None = None
        self.ended: float | None = None
        #: True when another passage may follow: it goes as far as this one went
        self.complete = False
        self._part = part
        self._context = context
        self._owner = owner
        #: frames on which a stage failed: they are lost to all passages
        self._lost: dict[int, Tombstone] = {}
        self._recording: Sequence[tuple[Node, Tape]] = ()
        self._stopping = threading.Event()
        self._opened = self._broken = False
        #: live: somebody reads beside; he is through, or the end is wanted
        self._fed, self._woken = threading.Event(), threading.Event()
        self._edge = threading.Lock()
        self._last_is_put = self._left_behind = False
        #: the lane's thread is inside of the source
        self.in_source = False
        self._source: Source = source.spec.cls(source.params)
        self._source.name = source.name
        self._source.notify = context.notifier()
        self._source.announce = context.status.add
        self._source.clock = context.clock
        self.assembly = Assembly(part.wiring, context, self._finish, self._source.footage)
        self.assembly.watch(self._spoiled, self._spoiled_if_heavy)
        for node in self.assembly.nodes:
            node.revision = part.revisions.get(node.id)

    def run(self, before: Passage | None = None) -> None:
        """Open, read to the end, flush, revise, close; nothing of it where the passage before broke off."""
        for step in (partial(self._read, before), self.assembly.close, self._close_source):
            try:
                step()
            except BaseException as error:  # the graph's edge: a source may raise anything
                self._owner.end(error)
        if self.started is not None:
            self.ended = self._owner.clock.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the start, or until the end."""
        if self.started is None:
            return 0.0
        return (self._owner.clock.monotonic() if self.ended is None else self.ended) - self.started

    def interrupt(self) -> None:
        """Read no further, or do not begin; what has been read is finished."""
        self._stopping.set()
        self._woken.set()
        try:
            self._source.interrupt()
        except Exception as error:  # the graph's edge: the other sources have to be stopped too
            self._context.notices.add(
                "source-failed", self._context.source, "", f"in interrupt: {words(error)}"
            )

    def retune(self, run: RunOptions) -> None:
        """Go by other options, those that can change at once."""
        self._context = replace(self._context, run=run)
        self.assembly.retune(run)

    # -- reading ---------------------------------------------------------------------------------------

    def _read(self, before: Passage | None) -> None:
        if before is not None and not before.complete:
            return
        self.started = self._owner.clock.monotonic()
        stream = self._open_source()
        if stream is None or not self.assembly.open(stream, self._stopping):
            return
        tapes, tapped = self._part.tapes, self._owner.tap is not None
        self._recording = [
            (n, t) for n in self.assembly.nodes if (t := tapes.get(n.id)) and (t.wanted or tapped)
        ]
        status = self._context.status
        if status.now is not None:  # what was announced before the stages were open
            self.assembly.tell(status.now)
        live, clock = self._owner.live, self._owner.clock
        paced = live and not self._source.live
        self.reader = Reader(self._source, stream, self.ledger, clock, self.assembly.slots, paced=paced)
        self.reader.status = status
        self._pump(self.reader, before)
        self.complete = self._revised()
        if before is not None:
            self._compare(self.reader, before)

    def _open_source(self) -> StreamInfo | None:
        """Open it; None where a stop came first, or broke it off."""
        if self._stopping.is_set():
            return None
        self._opened = self.in_source = True
        try:
            info = self._source.open()
            if not self._source.live:
                self._source.announce("live", "")
            return info
        except SourceError:
            if self._stopping.is_set():
                return None
            raise
        finally:
            self.in_source = False

    def _close_source(self) -> None:
        if self._opened:
            self.in_source = True
            if not self._left_behind:
                self._source.close()
            self.in_source = False
            self._source.announce("ended", str(self._owner.error or ""))

    def _pump(self, reader: Reader, before: Passage | None) -> None:
        """Read and pass on; the final item goes through whatever happened, so that sinks are flushed."""
        feed = partial(self._feed, reader, before)
        first = self.assembly.segments[0]
        if isinstance(first, Chain) and self._is_fused():
            feed(first.handle, first.handle)
        else:
            self._start()
            load = self.assembly.govern(self.ledger)
            try:
                if self._owner.live:
                    self._feed_beside(reader, feed)
                else:
                    feed(first.input.put, first.input.put)
            finally:
                for segment in self.assembly.segments:
                    segment.join()
                load()

    def _feed(
        self,
        reader: Reader,
        before: Passage | None,
        put: Callable[[Item], None],
        put_final: Callable[[Item], None],
    ) -> None:
        lost = before._lost if before else {}
        try:
            for item in reader.items(self._limits(before), self._stopping):
                if lost and (tombstone := lost.get(item.frame.seq)) is not None:
                    item.bury(tombstone)
                put(item)
        except BaseException as error:  # the graph's edge: what was read until then is finished
            if not self._left_behind:
                self._owner.end(error)
        finally:
            put_final(reader.final())

    def _feed_beside(self, reader: Reader, feed: Callable[[Put, Put], None]) -> None:
        """Live: who reads may hang in that; at the end he is left behind, and the rest is finished."""

        def work() -> None:
            feed(self._put_newest, self._put_last)
            self._fed.set()
            self._woken.set()
            if self._left_behind:
                with suppress(BaseException):  # nobody wants to know any more
                    self._source.close()

        threading.Thread(target=work, name=f"{self._context.source}/reader", daemon=True).start()
        self._woken.wait()
        if self._fed.wait(FRAMES_END):
            return
        with self._edge:
            self._left_behind = not self._last_is_put  # else only a stage that hangs is in the way
        if self._left_behind:
            self._context.notices.add(
                "source-hung", self._context.source, "", "left behind: it did not come back from reading"
            )
            self._put_last(reader.final())

    def _put_last(self, item: Item) -> None:
        with self._edge:
            if self._last_is_put:
                return
            self._last_is_put = True
        self.assembly.segments[0].input.put(item)

    def _limits(self, before: Passage | None) -> RunOptions:
        run = self._context.run
        return replace(run, frames=before.reader.count) if before and before.reader else run

    def _is_fused(self) -> bool:
        """One thread does everything: where that was asked for, and no camera has to be drained."""
        one = self._context.run.threads == 1 and len(self.assembly.segments) == 1
        return one and not self._owner.live

    def _put_newest(self, item: Item) -> None:
        """Live: what the first segment has not taken yet gives way; its gap is handed on."""
        queue = self.assembly.segments[0].input
        with self._edge:
            if self._last_is_put:
                item.drop("source", "stopped")
                self.ledger.finish(item.dead)
                return
            gap = None
            while (old := queue.make_room()) is not None:
                gap = old.gap or gap
                old.drop("source", "newer frame")
                self.ledger.finish(old.dead)
            item.gap = item.gap or gap  # before others can see the item
            queue.put(item)

    def _start(self) -> None:
        for number, segment in enumerate(self.assembly.segments, start=1):
            segment.start(f"{self._context.source}/{number}", self._context.watchdog)

    # -- what comes out --------------------------------------------------------------------------------

    def _finish(self, item: Item) -> None:
        """The last segment is done with a frame."""
        if not item.final:
            self.ledger.finish(item.dead)
        if not self._part.revisions:
            if not item.final and item.dead is None:
                self._owner.finished(item)
        elif item.dead is not None:
            self._lost[item.frame.seq] = item.dead
        else:
            self._record(item)

    def _record(self, item: Item) -> None:
        for node, tape in self._recording:
            values = [item.slots[slot] for slot in node.outputs]
            try:
                if item.final:
                    tape.finish(values)
                else:
                    tape.write(item.frame.seq, values)
            except (pickle.PicklingError, TypeError, AttributeError) as error:
                self._recording, self._broken = (), True
                what = f"what stage '{node.id}' gives cannot be kept for the next pass: {words(error)}"
                self._owner.fail(StageError(what, where=f"source '{self._context.source}'"))
                return

    def _revised(self) -> bool:
        """Have stages say what they know in hindsight; True where the next pass can begin with that."""
        for node in self.assembly.nodes:
            if self._broken or self._owner.stopped:
                return False
            try:
                node.revise()
            except BaseException as error:  # the graph's edge: a stage may raise anything
                what = f"stage '{node.id}' ({node.entry.spec.name}) cannot look back: {words(error)}"
                raise StageError(what, where=f"source '{self._context.source}'") from error
        return not self._broken

    def _compare(self, reader: Reader, before: Passage) -> None:
        """A file that has become shorter meanwhile: what the passage before said does not hold any more."""
        read = before.reader.count if before.reader else 0
        if reader.count < read and not self._stopping.is_set():
            message = f"{read} frames were read at first, but {reader.count} when it was read again"
            self._context.notices.add("recording-changed", self._context.source, "", message)

    def _spoiled(self, item: Item, queue: Channel[Item]) -> str:
        return "stopped" if self._owner.discarding else ""

    def _spoiled_if_heavy(self, item: Item, queue: Channel[Item]) -> str:
        """Live: a frame that waited too long gives way, if a newer one already stands behind it."""
        owner = self._owner
        waited = owner.clock.monotonic() - item.frame.mono if owner.live else 0.0
        if waited > self._context.run.staleness and queue.pressure():
            return "stale"
        return self._spoiled(item, queue)
