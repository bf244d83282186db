"""A stage made ready to run: its arguments resolved to slots, its gates, its error policy."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from time import perf_counter
from types import NoneType
from typing import Any, Final

from vidstream.errors import StageError
from vidstream.graph.description import OnError, Slot, StageEntry, Wiring
from vidstream.graph.gates import Gate
from vidstream.graph.item import Item
from vidstream.graph.metrics import Histogram, StageMetrics
from vidstream.graph.stage import Stage
from vidstream.graph.tape import Revision
from vidstream.graph.watchdog import FIRST
from vidstream.graph.wiring import SOURCE_SLOT
from vidstream.types import Detections, Events, Gap, Image, StreamInfo

#: seconds that a failing sink rests under `on_error: restart`, at first and at most
RESTS: Final = (1.0, 60.0)
#: an argument is fetched by (kind, slot): the frame's info, one value, or all values present
_FRAME: Final = 0
_ONE: Final = 1
_MANY: Final = 2


class Node:
    """One stage of one source. `wants` and `call` are the engine's innermost loop: every line counts."""

    #: what the source was, or has become with the last gap; a restarted stage is opened with it
    stream: StreamInfo

    def __init__(
        self,
        entry: StageEntry,
        wiring: Wiring,
        index: Mapping[Slot, int],
        policy: OnError,
        make: Callable[[], Stage],
    ) -> None:
        self.id = entry.id
        self.entry = entry
        self.policy = policy
        self.traits = entry.spec.traits
        self.make = make
        self.stage = make()
        self.metrics = StageMetrics(entry.id, entry.spec.name, entry.workers)
        self.failures_in_a_row = 0
        self.restarts_in_a_row = 0
        self.disabled = False
        #: a sink that failed, and is to be opened again after a pause
        self.resting = False
        self._due = self._rest = 0.0
        self._fresh_at = 0
        #: where what the stage knows in hindsight is collected
        self.revision: Revision | None = None
        outputs = entry.spec.signature.outputs
        self.outputs = tuple(index[entry.id, o.name] for o in outputs)
        self._kinds = tuple((o.type, NoneType) if o.nullable else (o.type,) for o in outputs)
        #: the type that a single output nearly always has: looking no further costs next to nothing
        self._usual = outputs[0].type if len(outputs) == 1 else None
        #: boxes are made where pictures are looked at: there it is worth a microsecond or two to check them
        looks = any(issubclass(port.type, Image) for port in entry.spec.signature.inputs)
        self._checks = looks and any(issubclass(o.type, Detections) for o in outputs)
        self.gate = Gate.of(entry, [index[s] for s in wiring.conditions[entry.id]])
        self._arguments, self._required, self._wired = _arguments(entry, wiring, index)

    def wants(self, item: Item) -> bool:
        """True where the stage is to run on this frame; asked once per frame, in order."""
        slots = item.slots
        gate = self.gate
        if gate is not None:
            gate.look(item)  # also where inputs are missing, for a condition may have to be held
        for slot in self._required:
            if slots[slot] is None:
                return False
        return gate is None or item.final or gate.opens(item)

    def time_jumped(self, gap: Gap) -> None:
        """A frame with a gap arrived, be it dead or not wanted: stream time starts anew."""
        self.stream = gap.stream
        if self.gate is not None:
            self.gate.reset()

    def call(self, item: Item, stage: Stage) -> float:
        """Run `stage` (this node's, or a worker's copy) on the frame; gives the seconds it took.

        The stage's exceptions come through; StageError where what it gave is not what it said.
        """
        start = perf_counter()
        result = stage.process(*self._values(item))  # type: ignore[attr-defined]  # each has its own signature
        seconds = perf_counter() - start
        if self._checks:
            _check_numbers(result)
        if type(result) is self._usual:
            item.slots[self.outputs[0]] = result
        elif self.outputs:
            self._store(item.slots, "process", result, self._kinds)
        return seconds

    def process_flushed(self, item: Item) -> None:
        """Run on what earlier stages flushed, if there is any."""
        if self.wants(item) and any(item.slots[slot] is not None for slot in self._wired):
            self.metrics.time.add(self.call(item, self.stage))

    def flush(self, item: Item) -> None:
        """Let the stage flush; its events come behind those it gave for what others flushed."""
        flushed = self.stage.flush()
        if flushed is None or not self.outputs:
            return
        before = [item.slots[slot] for slot in self.outputs]
        self._store(item.slots, "flush", flushed, [(*kinds, NoneType) for kinds in self._kinds])
        for slot, value in zip(self.outputs, before, strict=True):
            item.slots[slot] = _joined(value, item.slots[slot])

    def revise(self) -> None:
        """Have what the stage knows in hindsight; of an instance that a restart replaces, before that."""
        if self.revision is not None:
            self.revision.parts.append(self.stage.revise())

    def thin(self, every: int) -> None:
        """Run only on every n-th of the frames that it would run on."""
        if self.gate is None and every > 1:
            self.gate = Gate(self.entry, ())
        if self.gate is not None:
            self.gate.thin = every

    def put(self, stage: Stage) -> None:
        """Go on with this instance."""
        self.stage = stage

    def gone(self, why: str) -> Stage:
        """Stands for an instance that there is not: every call says why."""
        return _Gone(why)

    def give_up(self, why: str) -> None:
        """There is no instance to run."""
        self.stage = _Gone(why)

    def was_opened(self) -> None:
        """A new instance has just been opened."""
        self._fresh_at = self.metrics.time.count

    def patience(self, what: str) -> float:
        """How many times as long as usual a call may take: networks are prepared with their first frame."""
        if what == "process" and self.stage.waits:
            return float("inf")
        fresh = what == "open" or self.metrics.time.count == self._fresh_at
        return FIRST if self.traits.heavy and fresh else 1.0

    def rest(self) -> None:
        """A sink that failed is closed and opened again only after a pause: the longer, the oftener it fails.

        Where it held out ten times as long as it rested, the pauses are short again.
        """
        now = time.monotonic()
        held_out = now - self._due > 10 * self._rest
        self._rest = RESTS[0] if held_out else min(2 * self._rest, RESTS[1])
        self._due = now + self._rest
        self.resting = True

    def has_rested(self) -> bool:
        """Whether the pause is over."""
        return time.monotonic() >= self._due

    def _values(self, item: Item) -> list[Any]:
        values: list[Any] = []
        for kind, where in self._arguments:
            if kind == _ONE:
                values.append(item.slots[where])
            elif kind == _FRAME:
                values.append(item.frame)
            else:
                values.append(tuple(v for i in where if (v := item.slots[i]) is not None))
        return values

    def _store(self, slots: list[Any], method: str, result: Any, kinds: Sequence[tuple[type, ...]]) -> None:
        """Put one value per output in its place, or none where one of them has no business there."""
        several = len(kinds) > 1
        values = result if several and isinstance(result, tuple) else (result,)
        if several and result is None:
            values = (None,) * len(kinds)
        if len(values) != len(kinds) or not all(map(isinstance, values, kinds)):
            said = ", ".join(" or ".join(k.__name__ for k in kind) for kind in kinds)
            got = ", ".join(type(value).__name__ for value in values)
            raise StageError(f"'{method}' must give ({said}), but gave ({got})".replace("NoneType", "None"))
        for slot, value in zip(self.outputs, values, strict=True):
            slots[slot] = value


class AgedNode(Node):
    """A sink of a live run: notes how long ago the frames arrived that it is done with."""

    def call(self, item: Item, stage: Any) -> float:
        """The same."""
        age = self.metrics.age = self.metrics.age or Histogram()
        if self.traits.lossy or self.traits.main_thread:  # it shows the frame later, if at all
            stage.arrived, stage.age = item.frame.mono, age
            return super().call(item, stage)
        seconds = super().call(item, stage)
        if not item.final:
            age.add(stage.clock.monotonic() - item.frame.mono)
        return seconds


def _check_numbers(result: Any) -> None:
    """Boxes and scores that are no numbers would spoil trackers for good."""
    for value in result if isinstance(result, tuple) else (result,):
        if isinstance(value, Detections) and not isfinite(value.boxes.sum() + value.scores.sum()):
            raise StageError("'process' gave boxes or scores that are no finite numbers")


def _joined(first: Any, second: Any) -> Any:
    """The later value, where there are two; no event is lost."""
    if isinstance(first, Events) and isinstance(second, Events):
        return Events((*first, *second))
    return first if second is None else second


class _Gone(Stage):
    """In the place of a stage that could not be opened again."""

    def process(self, *values: Any) -> None:
        raise StageError(self.params)


def _arguments(
    entry: StageEntry, wiring: Wiring, index: Mapping[Slot, int]
) -> tuple[list[tuple[int, Any]], tuple[int, ...], tuple[int, ...]]:
    """How to fetch each argument of ``process``; the slots that must be filled; all slots it reads.

    Slot 0 is always None: an optional port that nothing feeds reads from there.
    """
    signature = entry.spec.signature
    arguments: list[tuple[int, Any]] = []
    required: list[int] = []
    wired: list[int] = []
    for port in signature.inputs:
        slots = [index[s] for s in wiring.bindings[entry.id][port.name]]
        wired += slots
        if port.many:
            arguments.append((_MANY, tuple(slots)))
            continue
        arguments.append((_ONE, slots[0] if slots else 0))
        if slots and not port.nullable:
            required.append(slots[0])
    if signature.frame_at >= 0:
        arguments.insert(signature.frame_at, (_FRAME, None))
    return arguments, tuple(required), tuple(wired)


def slot_index(stages: Sequence[StageEntry]) -> dict[Slot, int]:
    """Every output's place in an item's slots; 0 is kept empty, 1 is the source's picture."""
    slots = [(entry.id, output.name) for entry in stages for output in entry.spec.signature.outputs]
    return {slot: i for i, slot in enumerate([SOURCE_SLOT, *slots], start=1)}
