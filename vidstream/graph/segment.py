"""Segments: chains of stages that run fused on one thread."""

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
#: stages so many times as fast as those behind them work after these, not beside: frames stay fresher
QUICK = 4.0
#: frames between two looks at how fast they are
_LOOKS = 16


class Segment:
    """Neighbouring stages that share a thread, or several."""

    def __init__(self, nodes: Sequence[Node], failures: Failures, capacity: int) -> None:
        self.nodes = nodes
        self.input: Channel[Item] = Channel(capacity)
        #: where frames go next; set by whoever joins segments
        self.emit: Emit = lambda item: None
        self.spoiled: Spoiled = lambda item, queue: ""
        #: live: who comes next; what he cannot take yet is better left at the source, where it is replaced
        self.following: Segment | None = None
        #: further instances of the stage, one per further thread
        self.copies: list[Stage] = []
        #: what is to be done between two frames, on the segment's own thread; put there by any
        self.orders: deque[Callable[[], None]] = deque()
        self._failures = failures
        self._name = ""
        self._watchdog: Watchdog | None = None
        self._threads: list[threading.Thread] = []
        self._over = threading.Event()

    @property
    def seconds(self) -> float:
        """What a frame costs that all stages run on."""
        times = [node.metrics.time for node in self.nodes]
        return sum(t.total / t.count for t in times if t.count)

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
        self._quick = False
        #: what the thread is at that runs the stages now
        self._turn = Turn(self._hung)

    def start(self, name: str, watchdog: Watchdog | None = None) -> None:
        """One loop."""
        self._name, self._watchdog = name, watchdog
        self._launch(self._turn, partial(self._loop, self._turn))

    def _loop(self, turn: Turn) -> None:
        while True:
            if (following := self.following) is not None:
                following.input.wait_until_wanted(idle=self._is_quick_beside(following))
            item = self._take()
            self._handle(item, turn)
            if item.final:
                self._over.set()
                return

    def _is_quick_beside(self, other: Segment) -> bool:
        """Whether working one after the other, not at the same time, would cost next to nothing."""
        calls = self._turn.calls
        if calls < _LOOKS or calls % _LOOKS == 0:
            self._quick = QUICK * self.seconds < other.seconds
        return self._quick

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
