"""One stateless stage on several threads."""

from __future__ import annotations

import threading
from functools import partial

from vidstream.graph.failures import Failures
from vidstream.graph.item import Item
from vidstream.graph.node import Node
from vidstream.graph.segment import Segment
from vidstream.graph.stage import Stage
from vidstream.graph.watchdog import AbandonedError, Call, Turn, Watchdog
from vidstream.types import Gap


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
