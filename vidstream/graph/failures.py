"""What happens when a stage raises or hangs: the policies, their escalation, and the one place they live."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Protocol

from vidstream.errors import SinkError, StageError, VidstreamError
from vidstream.graph.item import Item
from vidstream.graph.node import Node
from vidstream.graph.notices import Notices
from vidstream.graph.stage import Stage
from vidstream.graph.watchdog import AbandonedError, Call, HungError, Turn

#: how often a stage may fail in a row before its policy is escalated
PATIENCE = 10
#: how often it may hang in a row, and how many threads of a source may hang at the same time
HANGS, LEFT_BEHIND = 3, 8
#: more calls for one frame under `on_error: retry`
RETRIES = 2


class Stoppable(Protocol):
    """What a failure may bring to an end."""

    #: somebody has asked for the end
    stopped: bool

    def fail(self, error: VidstreamError) -> None:
        """End this source, because of an error."""

    @property
    def stop_run(self) -> Callable[[VidstreamError], None]:
        """Ends the whole run, because of an error."""


class Failures:
    """Applies each stage's policy. `skip` and its milder kin escalate: restart, then stop the source.

    Stages are never called under the lock: whoever hangs must not take the others along.
    """

    def __init__(self, source: str, notices: Notices, owner: Stoppable) -> None:
        self._source = source
        self._notices = notices
        self._owner = owner
        self._lock = threading.Lock()
        #: threads that hang; those that came back are forgotten
        self._left_behind: list[threading.Thread] = []

    def handle(self, node: Node, item: Item, error: BaseException, stage: Stage, turn: Turn) -> None:
        """A stage raised on a frame: note it, then do as its policy says.

        SystemExit and KeyboardInterrupt are errors like others here: stages never run on the main thread, so
        it is a library that gave up, not a person who pressed Ctrl-C.
        """
        with self._lock:
            node.metrics.failures += 1
            node.failures_in_a_row += 1
        self._note(node, item, error)
        if node.policy == "retry" and self._retried(node, item, stage, turn):
            return
        if node.policy in ("stop", "stop_source"):
            item.fail(node.id, _reason(error))
            self._end(node, error)
        elif node.traits.sink:
            self._sink(node, error)
        else:
            if node.policy != "pass":
                item.fail(node.id, _reason(error))
            self._escalate(node, error, stage, turn)

    def hung(self, node: Node, item: Item, call: Call, turn: Turn, put: Callable[[Stage], None]) -> None:
        """A call did not return, and its thread is left behind; `put` takes the instance to go on with."""
        put(node.gone("hangs"))
        crowded = self.left_behind(node, call, f" (frame {item.frame.seq}, {item.frame.pts:.3f} s)")
        error = HungError(f"'{call.what}' did not return within {call.seconds:.1f} s")
        node.restarts_in_a_row += 1
        if item.dead is None and not item.final and not node.traits.sink and node.policy != "pass":
            item.fail(node.id, "hung")
        if self._owner.stopped or item.final:
            return  # nothing comes any more that a new instance could do
        if node.traits.sink and node.policy == "restart" and not crowded:
            node.rest()
        elif crowded or node.restarts_in_a_row >= HANGS or node.policy in ("stop", "stop_source"):
            self._switch_off(node, error) if node.traits.sink else self._end(node, error)
        else:
            self._renew(node, turn, put)

    def left_behind(self, node: Node, call: Call, where: str = "") -> bool:
        """Note that a thread hangs in a stage; True where there are too many of them by now."""
        key = f"'{call.what}' did not return in time"
        message = f"'{call.what}' did not return within {call.seconds:.1f} s{where}"
        self._notices.add("stage-hung", self._source, node.id, message, key=key)
        with self._lock:
            node.metrics.failures += 1
            self._left_behind = [t for t in self._left_behind if t.is_alive()] + [call.thread]
            return len(self._left_behind) > LEFT_BEHIND

    def in_lifecycle(
        self,
        node: Node,
        what: str,
        call: Callable[[], object],
        turn: Turn | None = None,
        stage: Stage | None = None,
    ) -> None:
        """Run `flush`, `close` or `on_gap`: what they raise is noted, and nothing else suffers.

        `stage` is the instance that is called, where it is not the node's.
        """
        try:
            with (turn or Turn()).inside(node, what, stage):
                call()
        except AbandonedError:
            raise
        except BaseException as error:  # the graph's edge: any stage may raise anything
            with self._lock:
                node.metrics.failures += 1
            self._notices.add("stage-failed", self._source, node.id, f"in {what}: {words(error)}")

    def broken(self, item: Item, error: BaseException) -> None:
        """Something that is no stage failed: the source ends, and this frame with it."""
        if item.dead is None and not item.final:
            item.fail("engine", _reason(error))
        self._owner.fail(StageError(f"the engine failed: {_reason(error)}", where=f"source '{self._source}'"))

    def _note(self, node: Node, item: Item, error: BaseException) -> None:
        message = _with_frame(error, item)
        self._notices.add("stage-failed", self._source, node.id, message, key=_pattern(error))

    def _retried(self, node: Node, item: Item, stage: Stage, turn: Turn) -> bool:
        for _ in range(RETRIES):
            try:
                with turn.inside(node, "process"):
                    seconds = node.call(item, stage)
                node.metrics.time.add(seconds)
            except AbandonedError:
                raise
            except BaseException:  # the graph's edge: counted above, and below if it goes on
                node.metrics.failures += 1
            else:
                node.failures_in_a_row = 0
                return True
        return False

    def _sink(self, node: Node, error: BaseException) -> None:
        """A sink that says it cannot write, or keeps failing, is switched off; the frame goes on.

        Under `restart` it rests, each time for longer, and is opened again.
        """
        if node.policy == "restart" and node.entry.workers == 1:
            node.rest()
        elif isinstance(error, SinkError) or node.failures_in_a_row >= PATIENCE:
            self._switch_off(node, error)

    def _switch_off(self, node: Node, error: BaseException) -> None:
        with self._lock:
            if node.disabled:
                return
            node.disabled = True
        self._notices.add("sink-disabled", self._source, node.id, f"switched off after: {words(error)}")

    def _escalate(self, node: Node, error: BaseException, stage: Stage, turn: Turn) -> None:
        if node.policy == "restart" or node.failures_in_a_row >= PATIENCE:
            if node.restarts_in_a_row >= (PATIENCE if node.policy == "restart" else 1):
                self._end(node, error)
            elif stage is node.stage:  # a worker's copy has nothing to restart: it keeps no state
                self.restart(node, turn)

    def restart(self, node: Node, turn: Turn) -> None:
        """Close a stage and open it again."""
        node.resting = False
        node.restarts_in_a_row += 1
        node.failures_in_a_row = 0
        old = node.stage
        self.in_lifecycle(node, "revise", node.revise)
        node.give_up("is closed")
        self.in_lifecycle(node, "close", old.close, turn, old)
        self._renew(node, turn, node.put)

    def _renew(self, node: Node, turn: Turn, put: Callable[[Stage], None]) -> None:
        stage = node.make()
        try:
            with turn.inside(node, "open", stage):
                stage.open(node.stream)
        except AbandonedError:
            raise
        except BaseException as error:  # the graph's edge: the next frame tells, and tries again
            self.in_lifecycle(node, "close", stage.close, turn, stage)
            put(node.gone(f"could not be opened again: {words(error)}"))
        else:
            put(stage)
            node.was_opened()
            self._notices.add("stage-restarted", self._source, node.id, "closed and opened again")

    def _end(self, node: Node, error: BaseException) -> None:
        what = f"stage '{node.id}' ({node.entry.spec.name}) failed: {words(error)}"
        reason = StageError(what, where=f"source '{self._source}'")
        if node.policy == "stop":
            self._owner.stop_run(reason)
        else:
            self._owner.fail(reason)


def _reason(error: BaseException) -> str:
    return "hung" if isinstance(error, HungError) else type(error).__name__


def _pattern(error: BaseException) -> str:
    """The same failure counts as one, also where its message carries numbers."""
    return re.sub(r"\d+", "#", words(error))


def _with_frame(error: BaseException, item: Item) -> str:
    return f"{words(error)} (frame {item.frame.seq}, {item.frame.pts:.3f} s)"


def words(error: BaseException) -> str:
    """An error in one line; our own already say what is needed, others get their type's name."""
    text = " ".join(str(error).split()) or "no message"
    return text if isinstance(error, VidstreamError) else f"{type(error).__name__}: {text}"
