"""Segments: chains of stages that run fused on one thread, or one stage on several."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

from vidstream.graph.channel import Channel
from vidstream.graph.failures import Failures
from vidstream.graph.item import Item
from vidstream.graph.node import Node
from vidstream.graph.stage import Stage
from vidstream.types import Gap

Emit: TypeAlias = Callable[[Item], None]


#: why a frame just taken from this queue should go no further, or ""
Spoiled: TypeAlias = Callable[[Item, Channel[Item]], str]


class Segment:
    """Neighbouring stages that share a thread, or several."""

    def __init__(self, nodes: Sequence[Node], failures: Failures, capacity: int) -> None:
        self.nodes = nodes
        self.input: Channel[Item] = Channel(capacity)
        #: where frames go next; set by whoever joins segments
        self.emit: Emit = lambda item: None
        self.spoiled: Spoiled = lambda item, queue: ""
        #: further instances of the stage, one per further thread
        self.copies: list[Stage] = []
        #: what is to be done between two frames, on the segment's own thread; put there by any
        self.orders: deque[Callable[[], None]] = deque()
        self._failures = failures

    def threads(self) -> list[Callable[[], None]]:
        """The loops to run, each on a thread of its own; they end after the final item."""
        raise NotImplementedError

    def _finish(self, node: Node, item: Item) -> None:
        """The stream ended: what earlier stages flushed is processed, then the stage flushes itself."""
        self._failures.in_lifecycle(node, "process", lambda: node.process_flushed(item))
        self._failures.in_lifecycle(node, "flush", lambda: node.flush(item))

    def _tell(self, node: Node, stage: Stage, gap: Gap) -> None:
        self._failures.in_lifecycle(node, "on_gap", lambda: stage.on_gap(gap))

    def _take(self) -> Item:
        """The next frame; one that has spoiled meanwhile is dead."""
        item = self.input.get()
        assert item is not None
        if item.dead is None and not item.final and (reason := self.spoiled(item, self.input)):
            item.drop(self.nodes[0].id if self.nodes else "run", reason)
        return item


class Chain(Segment):
    """Stages in a row on one thread. Used without a thread too: the source's own calls `handle`."""

    def __init__(self, nodes: Sequence[Node], failures: Failures, capacity: int) -> None:
        super().__init__(nodes, failures, capacity)
        self._active = list(nodes)

    def threads(self) -> list[Callable[[], None]]:
        """One loop."""
        return [self._loop]

    def _loop(self) -> None:
        while True:
            item = self._take()
            self.handle(item)
            if item.final:
                return

    def handle(self, item: Item) -> None:
        """Take one frame through the chain, and pass it on whatever became of it."""
        try:
            self._work(item)
        except BaseException as error:  # ours: those who wait for this frame must not wait for ever
            self._failures.broken(item, error)
        self.emit(item)

    def _obey(self) -> None:
        while self.orders:
            self.orders.popleft()()
        self._active = [n for n in self.nodes if not n.disabled]

    def _work(self, item: Item) -> None:
        if self.orders:
            self._obey()
        if item.gap is not None:
            for node in self._active:
                node.time_jumped(item.gap)
                self._tell(node, node.stage, item.gap)
        if item.final:
            for node in self._active:
                self._finish(node, item)
        elif item.dead is None:
            self._process(item)

    def _process(self, item: Item) -> None:
        for node in self._active:
            try:
                if node.wants(item):
                    node.metrics.time.add(node.call(item, node.stage))
                    node.failures_in_a_row = node.restarts_in_a_row = 0
            except BaseException as error:  # the graph's edge: counted, noted, and acted on there
                self._failures.handle(node, item, error, node.stage)
                if node.disabled:
                    self._active = [n for n in self._active if n is not node]
                if item.dead is not None:
                    return


class Workers(Segment):
    """One stateless stage on several threads; frames leave in the order they came."""

    def __init__(self, node: Node, failures: Failures, capacity: int) -> None:
        super().__init__([node], failures, capacity)
        self.copies = [node.make() for _ in range(node.entry.workers - 1)]
        self._node = node
        self._entrance = threading.Lock()
        self._exit = threading.Lock()
        self._books = threading.Lock()
        #: so many frames may be under way or wait for an older one: else one slow frame fills the memory
        self._room = threading.Semaphore(2 * node.entry.workers)
        self._ended = False
        self._gap: Gap | None = None
        #: the last gap that each worker's instance was told of
        self._heard: list[Gap | None] = [None] * node.entry.workers
        self._taken = self._given = 0
        self._finished: dict[int, Item] = {}

    def threads(self) -> list[Callable[[], None]]:
        """A loop per worker."""
        return [partial(self._loop, number) for number in range(len(self._heard))]

    def _stage(self, worker: int) -> Stage:
        """A worker's instance; the node's own may be replaced by a restart."""
        return self.copies[worker - 1] if worker else self._node.stage

    def _loop(self, worker: int) -> None:
        while (taken := self._next(worker)) is not None:
            item, wanted, gap = taken
            self._bring_up_to(gap, worker)
            if wanted:
                self._run(item, self._stage(worker))
            self._deliver(item)

    def _bring_up_to(self, gap: Gap | None, worker: int) -> None:
        """Tell an instance of the last gap, before the first frame behind it that it sees."""
        if gap is not self._heard[worker]:
            assert gap is not None
            self._heard[worker] = gap
            with self._books:
                self._tell(self._node, self._stage(worker), gap)

    def _next(self, worker: int) -> tuple[Item, bool, Gap | None] | None:
        """The next frame, whether the stage wants it, and the last gap: decided here, while in order."""
        with self._entrance:
            if self._ended:
                return None
            self._room.acquire()
            item = self._take()
            self._ended = item.final
            item.turn = self._taken
            self._taken += 1
            if item.gap is not None:
                self._gap = item.gap
                self._node.time_jumped(item.gap)
            return item, self._is_wanted(item, worker), self._gap

    def _is_wanted(self, item: Item, worker: int) -> bool:
        if item.dead is not None or item.final or self._node.disabled:
            return False
        try:
            return self._node.wants(item)
        except BaseException as error:  # a condition on a value that cannot be compared
            self._failed(item, error, self._stage(worker))
            return False

    def _run(self, item: Item, stage: Stage) -> None:
        try:
            seconds = self._node.call(item, stage)
        except BaseException as error:  # the graph's edge: counted, noted, and acted on there
            self._failed(item, error, stage)
        else:
            with self._books:
                self._node.metrics.time.add(seconds)
                self._node.failures_in_a_row = self._node.restarts_in_a_row = 0

    def _failed(self, item: Item, error: BaseException, stage: Stage) -> None:
        with self._books:
            try:
                self._failures.handle(self._node, item, error, stage)
            except BaseException as fault:  # ours: those who wait for this frame must not wait for ever
                self._failures.broken(item, fault)

    def _deliver(self, item: Item) -> None:
        """Pass on, in order, what is finished; all others are, when the final item's turn has come."""
        with self._exit:
            self._finished[item.turn] = item
            while (ready := self._finished.pop(self._given, None)) is not None:
                if ready.final and not self._node.disabled:
                    self._end(ready)
                self.emit(ready)
                self._given += 1
                self._room.release()

    def _end(self, item: Item) -> None:
        for worker in range(len(self._heard)):
            self._bring_up_to(self._gap, worker)
        self._finish(self._node, item)
        for copy in self.copies:
            self._failures.in_lifecycle(self._node, "flush", copy.flush)
