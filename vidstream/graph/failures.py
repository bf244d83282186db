"""What happens when a stage raises: the error policies, their escalation, and the one place they live."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from vidstream.errors import SinkError, StageError, VidstreamError
from vidstream.graph.item import Item
from vidstream.graph.node import Node
from vidstream.graph.notices import Notices
from vidstream.graph.stage import Stage

#: how often a stage may fail in a row before its policy is escalated
PATIENCE = 10
#: more calls for one frame under `on_error: retry`
RETRIES = 2


class Stoppable(Protocol):
    """What a failure may bring to an end."""

    def fail(self, error: VidstreamError) -> None:
        """End this source, because of an error."""

    @property
    def stop_run(self) -> Callable[[VidstreamError], None]:
        """Ends the whole run, because of an error."""


class Failures:
    """Applies each stage's policy. `skip` and its milder kin escalate: restart, then stop the source."""

    def __init__(self, source: str, notices: Notices, owner: Stoppable) -> None:
        self._source = source
        self._notices = notices
        self._owner = owner

    def handle(self, node: Node, item: Item, error: BaseException, stage: Stage) -> None:
        """A stage raised on a frame: note it, then do as its policy says.

        SystemExit and KeyboardInterrupt are errors like others here: stages never run on the main thread, so
        it is a library that gave up, not a person who pressed Ctrl-C.
        """
        node.metrics.failures += 1
        node.failures_in_a_row += 1
        self._note(node, item, error)
        if node.policy == "retry" and self._retried(node, item, stage):
            return
        if node.policy in ("stop", "stop_source"):
            item.fail(node.id, _name(error))
            self._end(node, error)
        elif node.traits.sink:
            self._sink(node, error)
        else:
            if node.policy != "pass":
                item.fail(node.id, _name(error))
            self._escalate(node, error, stage)

    def in_lifecycle(self, node: Node, what: str, call: Callable[[], object]) -> None:
        """Run `flush`, `close` or `on_gap`: what they raise is noted, and nothing else suffers."""
        try:
            call()
        except BaseException as error:  # the graph's edge: any stage may raise anything
            node.metrics.failures += 1
            self._notices.add("stage-failed", self._source, node.id, f"in {what}: {words(error)}")

    def broken(self, item: Item, error: BaseException) -> None:
        """Something that is no stage failed: the source ends, and this frame with it."""
        if item.dead is None and not item.final:
            item.fail("engine", _name(error))
        self._owner.fail(StageError(f"the engine failed: {_name(error)}", where=f"source '{self._source}'"))

    def _note(self, node: Node, item: Item, error: BaseException) -> None:
        text = words(error)
        message = f"{text} (frame {item.frame.seq}, {item.frame.pts:.3f} s)"
        # the same failure counts as one, also where its message carries numbers
        self._notices.add("stage-failed", self._source, node.id, message, key=re.sub(r"\d+", "#", text))

    def _retried(self, node: Node, item: Item, stage: Stage) -> bool:
        for _ in range(RETRIES):
            try:
                node.metrics.time.add(node.call(item, stage))
            except BaseException:  # the graph's edge: counted above, and below if it goes on
                node.metrics.failures += 1
            else:
                node.failures_in_a_row = 0
                return True
        return False

    def _sink(self, node: Node, error: BaseException) -> None:
        """A sink that says it cannot write, or keeps failing, is switched off; the frame goes on."""
        if isinstance(error, SinkError) or node.failures_in_a_row >= PATIENCE:
            node.disabled = True
            self._notices.add("sink-disabled", self._source, node.id, f"switched off after: {words(error)}")

    def _escalate(self, node: Node, error: BaseException, stage: Stage) -> None:
        if node.policy == "restart" or node.failures_in_a_row >= PATIENCE:
            if node.restarts_in_a_row >= (PATIENCE if node.policy == "restart" else 1):
                self._end(node, error)
            elif stage is node.stage:  # a worker's copy has nothing to restart: it keeps no state
                self._restart(node)

    def _restart(self, node: Node) -> None:
        node.restarts_in_a_row += 1
        node.failures_in_a_row = 0
        self.in_lifecycle(node, "revise", node.revise)
        self.in_lifecycle(node, "close", node.stage.close)
        node.give_up("is closed")
        try:
            node.stage = node.make()
            node.stage.open(node.stream)
        except BaseException as error:  # the graph's edge: the next frame tells, and tries again
            self.in_lifecycle(node, "close", node.stage.close)
            node.give_up(f"could not be opened again: {words(error)}")
        else:
            self._notices.add("stage-restarted", self._source, node.id, "closed and opened again")

    def _end(self, node: Node, error: BaseException) -> None:
        what = f"stage '{node.id}' ({node.entry.spec.name}) failed: {words(error)}"
        reason = StageError(what, where=f"source '{self._source}'")
        if node.policy == "stop":
            self._owner.stop_run(reason)
        else:
            self._owner.fail(reason)


def _name(error: BaseException) -> str:
    return type(error).__name__


def words(error: BaseException) -> str:
    """An error in one line; our own already say what is needed, others get their type's name."""
    text = " ".join(str(error).split()) or "no message"
    return text if isinstance(error, VidstreamError) else f"{_name(error)}: {text}"
