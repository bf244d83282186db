"""Segments: chains of stages that run fused on one thread, or one stage on several."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeAlias

from vidstream.graph.channel import Channel
from vidstream.graph.failures import Failures
from vidstream.graph.item import Item
from vidstream.graph.node import Node
from vidstream.graph.stage import Stage
from vidstream.graph.watchdog import AbandonedError, Call, Turn, Watchdog
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
        self._name = ""
        self._watchdog: Watchdog | None = None
        self._threads: list[threading.Thread] = []
        self._over = threading.Event()

    def start(self, name: str, watchdog: Watchdog | None = None) -> None:
        """Run on threads of its own, until the final item is through."""
        raise NotImplementedError

    def join(self) -> None:
        """Wait until the final item is through. Threads that were left behind are not waited for."""
        if self._threads:
            self._over.wait()
        for thread in self._threads:
            thread.join()

    def _launch(self, turn: Turn, work: Callable[[], None]) -> None:
        """Work on a new thread, under the watchdog's eyes."""

        def run() -> None:
            try:
                work()
            except AbandonedError:
                turn.bury()
            finally:
                if self._watchdog is not None:
                    self._watchdog.remove(turn)

        turn.thread = threading.Thread(target=run, name=self._name, daemon=True)
        self._threads.append(turn.thread)
        if self._watchdog is not None:
            self._watchdog.add(turn)
        turn.thread.start()

    def _leave_behind(self, turn: Turn, stage: Stage) -> None:
        """Another thread takes this one's place."""
        turn.leave_behind(stage)
        self._threads.remove(turn.thread)

    def _finish(self, node: Node, item: Item, turn: Turn) -> None:
        """The stream ended: what earlier stages flushed is processed, then the stage flushes itself."""
        self._failures.in_lifecycle(node, "process", lambda: node.process_flushed(item), turn)
        self._failures.in_lifecycle(node, "flush", lambda: node.flush(item), turn)

    def _tell(self, node: Node, stage: Stage, gap: Gap, turn: Turn) -> None:
        self._failures.in_lifecycle(node, "on_gap", lambda: stage.on_gap(gap), turn)

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
        self._resting: list[Node] = []
        #: what the thread is at that runs the stages now
        self._turn = Turn(self._hung)

    def start(self, name: str, watchdog: Watchdog | None = None) -> None:
        """One loop."""
        self._name, self._watchdog = name, watchdog
        self._launch(self._turn, partial(self._loop, self._turn))

    def _loop(self, turn: Turn) -> None:
        while True:
            item = self._take()
            self._handle(item, turn)
            if item.final:
                self._over.set()
                return

    def handle(self, item: Item) -> None:
        """Take one frame through the chain, and pass it on whatever became of it."""
        self._handle(item, self._turn)

    def _handle(self, item: Item, turn: Turn) -> None:
        turn.calls += 1
        turn.item, turn.begun = item, False
        try:
            self._work(item, turn)
        except AbandonedError:
            raise
        except BaseException as error:  # ours: those who wait for this frame must not wait for ever
            turn.where = None
            self._failures.broken(item, error)
        turn.item = None
        self.emit(item)

    def _work(self, item: Item, turn: Turn) -> None:
        if self.orders:
            self._obey()
        if self._resting:
            self._wake(turn)
        turn.begun = True
        if item.gap is not None:
            for node in self._active:
                node.time_jumped(item.gap)
            self._tell_all(self._active, item.gap, turn)
        self._go_through(self._active, item, turn)

    def _tell_all(self, nodes: Iterable[Node], gap: Gap, turn: Turn) -> None:
        for node in nodes:
            self._tell(node, node.stage, gap, turn)

    def _go_through(self, nodes: Iterable[Node], item: Item, turn: Turn) -> None:
        if item.final:
            for node in nodes:
                self._finish(node, item, turn)
        elif item.dead is None:
            self._process(nodes, item, turn)

    def _process(self, nodes: Iterable[Node], item: Item, turn: Turn) -> None:
        """The innermost loop. About `where` and `lost`, and in which order they are touched, see `Turn`."""
        for node in nodes:
            try:
                if node.wants(item):
                    turn.where = node
                    seconds = node.call(item, node.stage)
                    turn.where = None
                    if turn.lost:
                        turn.own()
                    node.metrics.time.add(seconds)
                    node.failures_in_a_row = node.restarts_in_a_row = 0
            except AbandonedError:
                raise
            except BaseException as error:  # the graph's edge: counted, noted, and acted on there
                turn.where = None
                turn.own()
                self._failures.handle(node, item, error, node.stage, turn)
                self._look_at(node)
                if item.dead is not None:
                    return

    def _obey(self) -> None:
        while self.orders:
            self.orders.popleft()()
        self._sort()

    def _look_at(self, node: Node) -> None:
        if node.disabled or node.resting:
            self._sort()

    def _sort(self) -> None:
        """Who works, and who rests."""
        self._active = [n for n in self.nodes if not (n.disabled or n.resting)]
        self._resting = [n for n in self.nodes if n.resting and not n.disabled]

    def _wake(self, turn: Turn) -> None:
        for node in self._resting:
            if node.has_rested():
                self._failures.restart(node, turn)
                self._sort()

    # -- when a stage hangs ----------------------------------------------------------------------------

    def _hung(self, turn: Turn, call: Call) -> None:
        """The watchdog's: the thread is left behind, and another one goes on from there."""
        self._leave_behind(turn, call.where.stage)
        self._turn = Turn(self._hung)
        self._turn.begun = turn.begun
        self._launch(self._turn, partial(self._take_over, self._turn, turn.item.copy(), call))

    def _take_over(self, turn: Turn, item: Item, call: Call) -> None:
        turn.calls += 1
        turn.item = item
        self._failures.hung(call.where, item, call, turn, call.where.put)
        self._look_at(call.where)
        if turn.begun:
            self._go_on(item, turn, call)
        else:
            self._work(item, turn)
        turn.item = None
        self.emit(item)
        if item.final:
            self._over.set()
        else:
            self._loop(turn)

    def _go_on(self, item: Item, turn: Turn, call: Call) -> None:
        """The rest of what was to be done with the frame."""
        at = self.nodes.index(call.where)
        behind = [n for n in self.nodes[at + 1 :] if n in self._active]
        if call.what == "on_gap" and item.gap is not None:
            self._tell_all(behind, item.gap, turn)
            behind = self._active
        self._go_through(behind, item, turn)


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
        self._running = node.entry.workers
        self._taken = self._given = 0
        self._finished: dict[int, Item] = {}

    def start(self, name: str, watchdog: Watchdog | None = None) -> None:
        """A loop per worker."""
        self._name, self._watchdog = name, watchdog
        for worker in range(len(self._heard)):
            turn = Turn(partial(self._hung, worker))
            self._launch(turn, partial(self._loop, worker, turn))

    def _stage(self, worker: int) -> Stage:
        """A worker's instance; the node's own may be replaced by a restart."""
        return self.copies[worker - 1] if worker else self._node.stage

    def _put(self, worker: int, stage: Stage) -> None:
        if worker:
            self.copies[worker - 1] = stage
        else:
            self._node.stage = stage

    def _loop(self, worker: int, turn: Turn) -> None:
        while (taken := self._next(worker, turn)) is not None:
            item, wanted, gap = taken
            turn.calls += 1
            turn.item = item
            self._bring_up_to(gap, worker, turn)
            if wanted:
                self._run(item, worker, turn)
            self._deliver(item, turn)
            turn.item = None
        with self._books:
            self._running -= 1
            if not self._running:
                self._over.set()

    def _bring_up_to(self, gap: Gap | None, worker: int, turn: Turn) -> None:
        """Tell an instance of the last gap, before the first frame behind it that it sees."""
        if gap is not self._heard[worker]:
            assert gap is not None
            self._heard[worker] = gap
            self._tell(self._node, self._stage(worker), gap, turn)

    def _next(self, worker: int, turn: Turn) -> tuple[Item, bool, Gap | None] | None:
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
            gap = self._gap
            if item.dead is not None or item.final or self._node.disabled:
                return item, False, gap
            try:
                return item, self._node.wants(item), gap
            except BaseException as error:  # a condition on a value that cannot be compared
                failed = error
        self._failed(item, failed, worker, turn)
        return item, False, gap

    def _run(self, item: Item, worker: int, turn: Turn) -> None:
        try:
            turn.where = self._node
            seconds = self._node.call(item, self._stage(worker))
            turn.where = None
            if turn.lost:
                turn.own()
        except AbandonedError:
            raise
        except BaseException as error:  # the graph's edge: counted, noted, and acted on there
            turn.where = None
            turn.own()
            self._failed(item, error, worker, turn)
        else:
            with self._books:
                self._node.metrics.time.add(seconds)
                self._node.failures_in_a_row = self._node.restarts_in_a_row = 0

    def _failed(self, item: Item, error: BaseException, worker: int, turn: Turn) -> None:
        try:
            self._failures.handle(self._node, item, error, self._stage(worker), turn)
        except AbandonedError:
            raise
        except BaseException as fault:  # ours: those who wait for this frame must not wait for ever
            self._failures.broken(item, fault)

    def _deliver(self, item: Item, turn: Turn) -> None:
        """Pass on, in order, what is finished; all others are, when the final item's turn has come."""
        with self._exit:
            self._finished[item.turn] = item
            while (ready := self._finished.pop(self._given, None)) is not None:
                if ready.final and not self._node.disabled:
                    turn.item = ready
                    self._end(ready, turn)
                self.emit(ready)
                self._given += 1
                self._room.release()

    def _end(self, item: Item, turn: Turn) -> None:
        for worker in range(len(self._heard)):
            self._bring_up_to(self._gap, worker, turn)
        self._finish(self._node, item, turn)
        for copy in self.copies:
            self._failures.in_lifecycle(self._node, "flush", copy.flush, turn, copy)

    # -- when a stage hangs ----------------------------------------------------------------------------

    def _hung(self, worker: int, turn: Turn, call: Call) -> None:
        """The watchdog's: the thread is left behind, and another one goes on from there."""
        self._leave_behind(turn, self._stage(worker))
        heir = Turn(partial(self._hung, worker))
        self._launch(heir, partial(self._take_over, worker, heir, turn.item.copy(), call))

    def _take_over(self, worker: int, turn: Turn, item: Item, call: Call) -> None:
        turn.item = item
        turn.calls += 1
        self._failures.hung(self._node, item, call, turn, partial(self._put, worker))
        if item.final:  # all others are through, and whoever was left behind may hold the exit for ever
            self.emit(item)
        else:
            self._heard[worker] = self._gap  # it was opened for pictures as they are by now
            self._deliver(item, turn)
        turn.item = None
        self._loop(worker, turn)
