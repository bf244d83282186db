"""A source's stages, made: nodes in segments, joined, ready to be opened."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from vidstream.errors import StageError, VidstreamError
from vidstream.graph.change import same_instance
from vidstream.graph.clock import Clock
from vidstream.graph.closing import Closing
from vidstream.graph.commons import Commons
from vidstream.graph.description import SOURCE_ID, OnError, RunOptions, StageEntry, Wiring
from vidstream.graph.failures import Failures, words
from vidstream.graph.footage import Footage
from vidstream.graph.gates import Gate
from vidstream.graph.item import Item
from vidstream.graph.ledger import Ledger
from vidstream.graph.load import Governor, Load, dispensable
from vidstream.graph.node import AgedNode, Node, slot_index
from vidstream.graph.notices import Notices
from vidstream.graph.partition import partition
from vidstream.graph.segment import Chain, Emit, Segment, Spoiled
from vidstream.graph.shared import Owners, SharedStage
from vidstream.graph.side import SideStage
from vidstream.graph.stage import Notify, Stage
from vidstream.graph.status import StatusLog
from vidstream.graph.watchdog import Watchdog
from vidstream.graph.workers import Workers
from vidstream.types import Gap, Packet, SourceStatus, StreamInfo


@dataclass(frozen=True, slots=True)
class Context:
    """What everything made for one source shares."""

    source: str
    run: RunOptions
    live: bool
    notices: Notices
    failures: Failures
    owners: Owners
    clock: Clock
    commons: Commons
    status: StatusLog
    #: live only
    watchdog: Watchdog | None = None
    #: stages whose events, like those of the source (""), have been heard in an earlier pass
    heard: frozenset[str] = frozenset()

    def notifier(self, stage: str = "") -> Notify:
        """A function that notes a named event of this source and stage."""
        if stage in self.heard:
            return lambda kind, message: None
        return lambda kind, message: self.notices.add(kind, self.source, stage, message)


@dataclass(frozen=True, slots=True, eq=False)
class Spare:
    """What is to take a stage's place: another instance, already open, or the same one with other gates."""

    node: Node
    entry: StageEntry
    #: None where the instance stays, or can only be opened when the old one has let go of its file
    stage: Stage | None = None
    #: what it was opened with
    stream: StreamInfo | None = None


class Assembly:
    """The nodes and segments of one source; `emit` takes what leaves the last one."""

    def __init__(self, wiring: Wiring, context: Context, emit: Emit, footage: Footage) -> None:
        self._context = context
        self._footage = footage
        self._index = slot_index(wiring.order)
        self._wiring = wiring
        self._spares: list[Spare] = []
        self._closed = False
        #: a node for each of its instances that `open` was called on
        self._opened: list[Node] = []
        self.nodes = [self._node(entry, wiring) for entry in wiring.order]
        self.sides = [n.stage for n in self.nodes if isinstance(n.stage, SideStage)]
        self.segments = self._segments(emit)
        #: how long an item's list of values is
        self.slots = len(self._index) + 1

    def _node(self, entry: StageEntry, wiring: Wiring) -> Node:
        kind = AgedNode if self._context.live and entry.spec.traits.sink else Node
        return kind(entry, wiring, self._index, self._policy(entry), partial(self._stage, entry))

    def _policy(self, entry: StageEntry) -> OnError:
        default: OnError = "pass" if entry.spec.traits.sink else self._context.run.on_error
        return entry.on_error or default

    def _stage(self, entry: StageEntry) -> Stage:
        traits, make = entry.spec.traits, partial(self._instance, entry)
        if not (traits.lossy or traits.main_thread):
            return make()
        side = SideStage(make(), main_thread=traits.main_thread, make=make, watchdog=self._context.watchdog)
        side.source, side.clock = self._context.source, self._context.clock
        return side

    def _instance(self, entry: StageEntry) -> Stage:
        owner = self._context.owners.of(entry)
        stage = SharedStage(entry.params, owner) if owner else entry.spec.cls(entry.params)
        stage.stage_id = entry.id
        stage.source = self._context.source
        stage.out_root = Path(self._context.run.out)
        stage.notify = self._context.notifier(entry.id)
        stage.clock, stage.commons = self._context.clock, self._context.commons
        stage.footage = self._footage
        return stage

    def _segments(self, emit: Emit) -> list[Segment]:
        capacity = 1 if self._context.live else self._context.run.queue
        segments: list[Segment] = []
        for number, group in enumerate(partition(self.nodes, self._context.run.threads) or [[]], start=1):
            alone = len(group) == 1 and group[0].entry.workers > 1
            make = Workers(group[0], self._context.failures, capacity) if alone else None
            segments.append(make or Chain(group, self._context.failures, capacity))
            for node in group:
                node.metrics.thread = number
        for segment, following in pairwise(segments):
            segment.emit = following.input.put
            segment.following = following if self._context.live else None
        segments[-1].emit = emit
        return segments

    def govern(self, ledger: Ledger) -> Callable[[], None]:
        """Live, where the machine is too slow: thin out what others can do without. Gives what ends that."""
        context = self._context
        watchdog = context.watchdog
        if watchdog is None or context.run.load != "adaptive":
            return lambda: None
        nodes = {node.id: node for node in self.nodes}
        groups = [[nodes[name] for name in group] for group in dispensable(self._wiring)]
        governors = [Governor(group, ledger, context.notifier(group[0].id)) for group in groups]
        load = Load(governors, self.segments[0].input)
        watchdog.every_round(load.round)
        return partial(watchdog.no_more, load.round)

    def watch(self, spoiled: Spoiled, spoiled_if_heavy: Spoiled) -> None:
        """Say which frames are not worth taking, in front of light and of heavy segments."""
        for segment in self.segments:
            heavy = any(node.traits.heavy for node in segment.nodes)
            segment.spoiled = spoiled_if_heavy if heavy else spoiled

    def open(self, stream: StreamInfo, stopping: threading.Event) -> bool:
        """Open every stage, in running order; StageError names the first that cannot be.

        False where `stopping` was set before all were open: models take their time to load.
        """
        # whether frames may be dropped to keep up is the run's choice: a file may be played as a camera
        stream = replace(stream, live=self._context.live)
        for node in self.nodes:
            node.stream = stream
            for stage in self._instances(node):
                if stopping.is_set():
                    return False
                self._opened.append(node)
                self._open(stage, node.entry, stream)
        return True

    def _open(self, stage: Stage, entry: StageEntry, stream: StreamInfo) -> None:
        try:
            stage.open(stream)
        except BaseException as error:  # the graph's edge: a stage may raise anything
            why = str(error) if isinstance(error, VidstreamError) else f"{type(error).__name__}: {error}"
            what = f"stage '{entry.id}' ({entry.spec.name}) cannot be opened: {why}"
            raise StageError(what, where=f"source '{self._context.source}'") from error

    def tell(self, status: SourceStatus) -> None:
        """Tell every open stage what has become of the source."""
        for node in dict.fromkeys(self._opened):
            self._context.failures.in_lifecycle(node, "on_status", partial(node.stage.on_status, status))

    def close(self) -> None:
        """Close whatever `open` was called on; sinks on threads of their own end in any case."""
        opened = Counter(self._opened).items()
        context = self._context
        closing = Closing(context.failures, context.watchdog, f"{context.source}/closing")
        closing.run((node, stage) for node, n in opened for stage in islice(self._instances(node), n))
        self._opened.clear()
        self._closed = True
        self._let_go()

    def _let_go(self) -> None:
        while self._spares:
            self.discard(self._spares.pop())
        for side in self.sides:
            side.close()

    # -- changes while it runs -------------------------------------------------------------------------

    def retune(self, run: RunOptions) -> None:
        """Go by other options of the run."""
        self._context = replace(self._context, run=run)
        for node in self.nodes:
            node.policy = self._policy(node.entry)

    def rehearse(self, entries: Iterable[StageEntry], stream: StreamInfo) -> None:
        """Open stages and close them again, to see whether they can be. StageError says what cannot.

        Sinks are left out: those at work may be writing the same files.
        """
        for entry in entries:
            if not entry.spec.traits.sink:
                self._close(self._opened_stage(entry, stream))

    def prepare(self, entry: StageEntry) -> Spare:
        """What `exchange` takes, made on any thread. StageError where the stage cannot be opened."""
        node = next(n for n in self.nodes if n.id == entry.id)
        traits = entry.spec.traits
        if same_instance(node.entry, entry) or (traits.sink and not (traits.lossy or traits.main_thread)):
            return Spare(node, entry)
        stream = node.stream
        return Spare(node, entry, self._opened_stage(entry, stream), stream)

    def _opened_stage(self, entry: StageEntry, stream: StreamInfo) -> Stage:
        stage = self._stage(entry)
        try:
            self._open(stage, entry, stream)
        except StageError:
            self._close(stage)
            raise
        return stage

    def discard(self, spare: Spare) -> None:
        """It is not wanted any more."""
        if spare.stage is not None:
            self._close(spare.stage)

    def _close(self, stage: Stage) -> None:
        try:
            stage.close()
        except BaseException as error:  # the graph's edge: a stage may raise anything
            message = f"in close: {words(error)}"
            self._context.notices.add("stage-failed", self._context.source, stage.stage_id, message)

    def exchange(self, spare: Spare) -> list[SideStage]:
        """Have it take its place between two frames; gives what needs a thread of its own from now on."""
        segment = next(s for s in self.segments if spare.node in s.nodes)
        self._spares.append(spare)
        segment.orders.append(partial(self._put, spare))
        sides = [spare.stage] if isinstance(spare.stage, SideStage) else []
        self.sides += sides
        if self._closed:  # it has ended meanwhile
            self._let_go()
        return sides

    def _put(self, spare: Spare) -> None:
        """On the segment's thread."""
        self._spares.remove(spare)
        node, old = spare.node, spare.node.entry
        if spare.stage is not None:
            self._replace(spare, spare.stage)
        elif not same_instance(old, spare.entry):
            self._reopen(node, spare.entry)
        node.entry = spare.entry
        node.make = partial(self._stage, spare.entry)
        node.policy = self._policy(spare.entry)
        if (old.every, old.period, old.when) != (spare.entry.every, spare.entry.period, spare.entry.when):
            node.gate = Gate.of(spare.entry, [self._index[s] for s in self._wiring.conditions[node.id]])

    def _replace(self, spare: Spare, stage: Stage) -> None:
        node, tell = spare.node, self._context.failures.in_lifecycle
        if spare.stream is not node.stream:  # it has changed meanwhile
            tell(node, "on_gap", partial(stage.on_gap, Gap("format", node.stream)))
        if (status := self._context.status.now) is not None:
            tell(node, "on_status", partial(stage.on_status, status))
        old, node.stage = node.stage, stage
        self._begin_anew(node)
        tell(node, "close", old.close)

    def _reopen(self, node: Node, entry: StageEntry) -> None:
        """A sink: the file has to be complete before another instance may go on with it."""
        tell, old = self._context.failures.in_lifecycle, node.stage
        tell(node, "flush", old.flush)
        tell(node, "close", old.close)
        node.stage = self._stage(entry)
        self._begin_anew(node)
        try:
            self._open(node.stage, entry, node.stream)
        except StageError as error:
            tell(node, "close", node.stage.close)
            node.give_up(str(error))
            node.disabled = True
            self._context.notices.add("sink-disabled", self._context.source, node.id, str(error))

    def _begin_anew(self, node: Node) -> None:
        node.failures_in_a_row = node.restarts_in_a_row = 0
        node.disabled = node.resting = False

    # -- what comes out --------------------------------------------------------------------------------

    def packet(self, item: Item) -> Packet:
        """A finished item as the world sees it."""
        results: dict[str, Any] = {}
        for (stage_id, port), slot in self._index.items():
            results[f"{stage_id}.{port}"] = item.slots[slot]
        for node in self.nodes:
            values = tuple(item.slots[slot] for slot in node.outputs)
            if values:
                results[node.id] = values[0] if len(values) == 1 else values
        return Packet(item.frame, results.pop(f"{SOURCE_ID}.view"), results)

    def _instances(self, node: Node) -> Iterator[Stage]:
        yield node.stage
        for segment in self.segments:
            if node in segment.nodes:
                yield from segment.copies
