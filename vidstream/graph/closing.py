"""Closing the stages of a source, whatever becomes of each."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable

from vidstream.graph.failures import Failures
from vidstream.graph.node import Node
from vidstream.graph.stage import Stage
from vidstream.graph.watchdog import AbandonedError, Call, Turn, Watchdog


class Closing:
    """Closes instances one after another. Live, those behind one that hangs are closed all the same."""

    def __init__(self, failures: Failures, watchdog: Watchdog | None, name: str) -> None:
        self._failures = failures
        self._watchdog = watchdog
        self._name = name
        self._left: deque[tuple[Node, Stage]] = deque()
        self._over = threading.Event()

    def run(self, instances: Iterable[tuple[Node, Stage]]) -> None:
        """Close all of them; gives up on none before its time."""
        self._left.extend(instances)
        if self._watchdog is None:
            self._work(Turn())
        elif self._left:
            self._launch(self._watchdog)
            self._over.wait()

    def _work(self, turn: Turn) -> None:
        while self._left:
            node, stage = self._left.popleft()
            turn.calls += 1
            self._failures.in_lifecycle(node, "close", stage.close, turn, stage)

    def _launch(self, watchdog: Watchdog) -> None:
        turn = Turn(self._hung)

        def work() -> None:
            try:
                self._work(turn)
            except AbandonedError:
                return  # what is to be closed has been asked for that
            finally:
                watchdog.remove(turn)
            self._over.set()

        turn.thread = threading.Thread(target=work, name=self._name, daemon=True)
        watchdog.add(turn)
        turn.thread.start()

    def _hung(self, turn: Turn, call: Call) -> None:
        """The watchdog's: this one is left to itself."""
        self._failures.left_behind(call.where, call)
        if self._watchdog is not None:
            self._launch(self._watchdog)
