"""Networks that cameras share: one instance, one thread, whatever waits goes through in one batch."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from vidstream.errors import StageError
from vidstream.graph.description import Plan, StageEntry
from vidstream.graph.failures import HANGS, words
from vidstream.graph.metrics import Histogram
from vidstream.graph.stage import Stage
from vidstream.graph.watchdog import FIRST, AbandonedError, Call, HungError, Turn, Watchdog
from vidstream.types import StreamInfo

#: longest wait for other cameras' frames, once one is there
_PATIENCE = 0.030
#: so many owners that have gone are kept for the report
_GONE = 20


class _Request:
    """One frame's values on their way through the shared stage."""

    __slots__ = ("done", "error", "result", "user", "values")

    def __init__(self, user: SharedStage, values: tuple[Any, ...]) -> None:
        self.user = user
        self.values = values
        self.done = threading.Event()
        self.result: Any = None
        self.error: BaseException | None = None


class Owner:
    """Owns one shared stage: opens it for the first user, runs all requests, closes it when the run ends.

    Requests that wait are batched up to the stage's `batch_limit`, one per camera before a second of any.
    With one request there it waits for other cameras for at most 30 ms, and never so long that the
    fastest camera would fall behind; not at all where the stage gains nothing from batches.

    Live, a call that hangs costs each camera the frame that was inside of it: the stage is opened anew.
    """

    def __init__(self, entry: StageEntry, watchdog: Watchdog | None = None) -> None:
        self.use = entry.spec.name
        #: seconds per batch, and the number of frames in all of them
        self.time = Histogram()
        self.frames = 0
        self._entry = entry
        self._watchdog = watchdog
        self._stage: Stage | None = None
        self._stream: StreamInfo | None = None
        self._users: dict[SharedStage, float] = {}  # -> seconds between its frames
        self._waiting: list[_Request] = []
        self._running: Sequence[_Request] = ()
        self._changed = threading.Condition()
        self._life = threading.Lock()  # opening takes long; requests of others must not wait for it
        self._thread: threading.Thread | None = None
        self._closing = False
        #: no request will be answered any more, and why
        self._ended = ""
        self._over = threading.Event()
        self._hangs = self._fresh_at = 0

    def join(self, user: SharedStage, stream: StreamInfo) -> None:
        """A source wants to use the stage from now on; what opening raises comes through."""
        with self._life:
            gave_up = self._ended and not self._closing  # perhaps it is better by now
            if self._stage is None or gave_up:
                self._stage, self._stream = self._opened(user, stream), stream
            if gave_up:
                self._thread, self._ended, self._hangs = None, "", 0
                self._over.clear()
            with self._changed:
                self._users[user] = 1.0 / stream.fps if stream.fps else _PATIENCE
            if self._thread is None:
                self._launch(self._stage)

    def _made(self, user: SharedStage) -> Stage:
        stage = self._entry.spec.cls(self._entry.params)
        stage.stage_id, stage.source, stage.notify = user.stage_id, user.source, user.notify
        return stage

    def _opened(self, user: SharedStage, stream: StreamInfo) -> Stage:
        stage = self._made(user)
        try:
            stage.open(stream)
        except BaseException:
            with suppress(Exception):  # why it could not be opened is what counts
                stage.close()
            raise
        return stage

    def leave(self, user: SharedStage) -> None:
        """A source is done with it; the next recording may still want it, so it stays open."""
        with self._changed:
            self._users.pop(user, None)
            self._changed.notify_all()

    @property
    def has_users(self) -> bool:
        """Whether a source uses it, or is about to."""
        return bool(self._users) or self._life.locked()

    def close(self) -> None:
        """The run is over: answer what waits, and close the stage, if it was ever opened."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if not self._life.acquire(blocking=False):
            return  # a source that was left behind is opening it
        try:
            if self._thread is not None:
                self._over.wait()
                self._thread.join()
        finally:
            self._life.release()

    def run(self, user: SharedStage, values: tuple[Any, ...]) -> Any:
        """The stage's result for these values; what it raises comes through."""
        request = _Request(user, values)
        with self._changed:
            if self._ended:
                raise StageError(self._ended)
            self._waiting.append(request)
            self._changed.notify_all()
        request.done.wait()
        if request.error is not None:
            raise request.error
        return request.result

    # -- on the owner's thread -------------------------------------------------------------------------

    def _launch(self, stage: Stage, *, opens: bool = False) -> None:
        """Answer requests on a new thread, under the watchdog's eyes."""
        turn = Turn(self._hung)
        turn.thread = threading.Thread(
            target=self._serve, args=(stage, turn, opens), name=self.use, daemon=True
        )
        self._thread = turn.thread
        if self._watchdog is not None:
            self._watchdog.add(turn)
        turn.thread.start()

    def _serve(self, stage: Stage, turn: Turn, opens: bool) -> None:
        try:
            if opens:
                self._open_again(stage, turn)
            self._loop(stage, turn)
            self._shut(stage, turn)
        except AbandonedError:
            turn.bury()
        finally:
            if self._watchdog is not None:
                self._watchdog.remove(turn)

    def _loop(self, stage: Stage, turn: Turn) -> None:
        while (batch := self._next_batch(stage)) is not None:
            turn.calls += 1
            start = time.perf_counter()
            self._process(stage, batch, turn)
            self.time.add(time.perf_counter() - start)
            self.frames += len(batch)
            self._hangs = 0
            for request in batch:
                request.done.set()

    def _open_again(self, stage: Stage, turn: Turn) -> None:
        assert self._stream is not None, "it was opened before"
        try:
            with turn.inside(self, "open", stage):
                stage.open(self._stream)
        except AbandonedError:
            raise
        except BaseException as error:  # the graph's edge: any stage may raise anything
            self._end(f"could not be opened again: {words(error)}")
        else:
            self._fresh_at = self.time.count
            stage.notify("stage-restarted", "closed and opened again")

    def _shut(self, stage: Stage, turn: Turn) -> None:
        try:
            with turn.inside(self, "close", stage):
                stage.close()
        except AbandonedError:
            raise
        except BaseException as error:  # the graph's edge: the report must still come
            stage.notify("stage-failed", f"in close: {words(error)}")
        self._over.set()

    def _next_batch(self, stage: Stage) -> list[_Request] | None:
        """What to run next; None when the run is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing or self._ended)
            if not self._waiting:
                self._ended = self._ended or "the run is over"
                return None
            wanted = min(stage.batch_limit, len(self._users))
            if wanted > 1:
                self._changed.wait_for(lambda: len(self._waiting) >= wanted, self._patience())
            batch = _one_of_each_first(self._waiting)[: max(1, stage.batch_limit)]
            self._waiting = [r for r in self._waiting if r not in batch]
            self._running = batch
            return batch

    def _patience(self) -> float:
        """Seconds to wait for more: never so long that the fastest camera's next frame would have to."""
        usual = self.time.total / self.time.count if self.time.count else 0.0
        return max(0.0, min(_PATIENCE, min(self._users.values(), default=_PATIENCE) - usual))

    def _process(self, stage: Stage, batch: Sequence[_Request], turn: Turn) -> None:
        """Run a batch; where it fails as a whole, frame by frame, so that one bad frame spoils no other."""
        try:
            with turn.inside(self, "process", stage):
                results = stage.process_batch([r.values for r in batch])
            for request, result in zip(batch, results, strict=True):
                request.result = result
        except AbandonedError:
            raise
        except BaseException as error:  # it belongs to whoever asked, even if it ends their thread
            if len(batch) == 1:
                batch[0].error = error
                return
            for request in batch:
                self._process(stage, [request], turn)

    # -- when it hangs ---------------------------------------------------------------------------------

    def patience(self, what: str) -> float:
        """How many times as long as usual a call may take."""
        return FIRST if what == "open" or self.time.count == self._fresh_at else 1.0

    def _hung(self, turn: Turn, call: Call) -> None:
        """The watchdog's: who waits for this batch is told; another thread goes on with a new instance."""
        assert turn.stage is not None
        user = next((r.user for r in self._running), None) or next(iter(self._users), None)
        turn.leave_behind(turn.stage)
        self._hangs += 1
        error = HungError(f"the shared stage's '{call.what}' did not return within {call.seconds:.1f} s")
        for request in self._running:
            if not request.done.is_set():
                request.error = error
                request.done.set()
        self._running = ()
        if user is not None:
            user.notify("stage-hung", f"'{call.what}' did not return in time: shared by {len(self._users)}")
        if call.what == "close":
            self._over.set()
        elif self._closing or user is None or self._hangs >= HANGS:
            self._end("hangs again and again")
        else:
            self._launch(self._made(user), opens=True)

    def _end(self, why: str) -> None:
        """No request is answered any more."""
        with self._changed:
            self._ended = why
            waiting, self._waiting = self._waiting, []
            self._changed.notify_all()
        for request in waiting:
            request.error = StageError(why)
            request.done.set()
        self._over.set()


class SharedStage(Stage):
    """Stands in one source's graph for the stage that an `Owner` runs for all of them."""

    waits = True

    def __init__(self, params: Any, owner: Owner) -> None:
        super().__init__(params)
        self._owner = owner

    def open(self, stream: StreamInfo) -> None:
        """Join the stage's users."""
        self._owner.join(self, stream)

    def process(self, *values: Any) -> Any:
        """Have it done."""
        return self._owner.run(self, values)

    def close(self) -> None:
        """Leave."""
        self._owner.leave(self)


class Owners:
    """The shared stages of a run.

    Of recordings: an owner for each that more than one source uses with equal options. Of cameras: for
    each, since more may join while the run lasts; what no camera uses any more is to be forgotten.
    """

    def __init__(self, plans: Sequence[Plan], live: bool = False, watchdog: Watchdog | None = None) -> None:
        self._live = live
        #: looks after all threads of the run, live only
        self.watchdog = watchdog
        self._lock = threading.Lock()
        self._gone: deque[Owner] = deque(maxlen=_GONE)
        self._owners: list[tuple[StageEntry, Owner]] = []
        for entry, names in _users(plans):
            if live or len(names) > 1:
                self._owners.append((entry, Owner(entry, watchdog)))

    def of(self, entry: StageEntry) -> Owner | None:
        """The owner of this stage; None where the source has it for itself."""
        with self._lock:
            for known, owner in self._owners:
                if _equal(known, entry):
                    return owner
            if not (self._live and entry.spec.traits.shared):
                return None
            self._owners.append((entry, Owner(entry, self.watchdog)))
            return self._owners[-1][1]

    def forget(self, plans: Sequence[Plan]) -> bool:
        """Close what none of these sources uses; False where somebody is still inside of it."""
        used = [entry for entry, _ in _users(plans)]
        with self._lock:
            unused = [o for entry, o in self._owners if not any(_equal(entry, u) for u in used)]
            idle = [owner for owner in unused if not owner.has_users]
            self._owners = [(entry, owner) for entry, owner in self._owners if owner not in idle]
            self._gone.extend(idle)
        for owner in idle:
            owner.close()
        return len(idle) == len(unused)

    def __iter__(self) -> Iterator[Owner]:
        """Those at work, and the newest of those that have gone."""
        with self._lock:
            return iter([*self._gone, *(owner for _, owner in self._owners)])

    def __len__(self) -> int:
        return len(self._owners)


def _users(plans: Sequence[Plan]) -> list[tuple[StageEntry, set[str]]]:
    """A pattern for each different shared stage, and who uses it; options need not have a hash."""
    users: list[tuple[StageEntry, set[str]]] = []
    for plan in plans:
        for entry in plan.stages:
            if entry.spec.traits.shared:
                found = next((names for e, names in users if _equal(e, entry)), None)
                if found is None:
                    users.append((entry, found := set()))
                found.add(plan.source.name)
    return users


def _equal(a: StageEntry, b: StageEntry) -> bool:
    return a.spec is b.spec and bool(a.params == b.params)


def _one_of_each_first(requests: Sequence[_Request]) -> list[_Request]:
    """In order of arrival, but one per source before a second of any."""
    turn: dict[str, int] = {}
    ranked = []
    for position, request in enumerate(requests):
        rank = turn[request.user.source] = turn.get(request.user.source, -1) + 1
        ranked.append((rank, position, request))
    return [request for _, _, request in sorted(ranked, key=lambda r: r[:2])]
