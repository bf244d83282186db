"""Random graphs and sources, what they must give, and witnesses of what the engine did with them.

A stage's behaviour is a `Brain`: a plain object that turns numbers into a number. The engine runs brains in
stages, on as many threads as it likes; `interpret` runs the same brains in plain loops. Both have to agree.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from vidstream.graph.description import Description, Plan, RunOptions, SourceEntry, StageEntry, When
from vidstream.graph.source import Frame, Source, source
from vidstream.graph.stage import Recall, Stage, stage
from vidstream.types import Counts, FrameInfo, Gap, StreamInfo, View


def mix(*parts: Any) -> int:
    """A number that depends on all of its parts."""
    return zlib.crc32(repr(parts).encode())


class BoomError(Exception):
    """Raised where a sketch says so."""


# -- what a test draws -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shot:
    """A frame that a source gives."""

    pts: float
    segment: int = 0
    wide: bool = False
    skipped: int = 0


@dataclass(frozen=True)
class Sketch:
    """A stage as drawn. `kind` says which ports it has; `inputs` are ids of stages before it."""

    id: str
    kind: str = "root"  # root (the picture), needs (a value), maybe (one or two), many
    inputs: tuple[str, ...] = ()
    heavy: bool = False
    stateful: bool = True
    workers: int = 1
    every: int = 1
    period: float = 0.0
    when: tuple[str, float, float] | None = None  # (stage, at_least, hold)
    on_error: str = "skip"
    fails: Mapping[int, int] = field(default_factory=dict)  # frame -> so many calls of it fail
    absent: int = 0  # one value in so many is None
    holds_back: bool = False
    naps: bool = False
    ahead: bool = False  # it looks ahead, and finds that all it gave was right


@dataclass(frozen=True)
class Drawn:
    """A graph, a source for it, and how the source ends."""

    stages: tuple[Sketch, ...]
    shots: tuple[Shot, ...]
    breaks: bool = False


class Brain:
    """What a stage does, free of threads and frames."""

    def __init__(self, sketch: Sketch, calls: Counter[tuple[str, int]]) -> None:
        self.sketch = sketch
        self.state = 0
        #: how often a brain of this stage was asked about a frame: copies and successors fail no more often
        self.calls = calls

    def gap(self) -> None:
        """Time jumped."""
        self.state = mix(self.state, "gap")

    def step(self, seq: int, values: Sequence[int | None]) -> int | None:
        """The value for a frame."""
        self.calls[self.sketch.id, seq] += 1
        if self.calls[self.sketch.id, seq] <= self.sketch.fails.get(seq, 0):
            raise BoomError(f"frame {seq}")
        seen = self.state if self.sketch.stateful else 0
        value = self.state = mix(self.sketch.id, seq, tuple(values), seen)
        return None if self.sketch.absent and value % self.sketch.absent == 0 else value

    def flush(self) -> int | None:
        """What was held back."""
        return mix(self.state, "flush") if self.sketch.holds_back and self.sketch.stateful else None


def magnitude(value: int | None) -> int:
    """How much a value says, to conditions."""
    return 0 if value is None else value % 5


# -- the plain interpretation ------------------------------------------------------------------------------


@dataclass
class Expected:
    """What a run must give."""

    packets: list[tuple[int, dict[str, int | None]]] = field(default_factory=list)
    log: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)
    ran: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    failed: Counter[str] = field(default_factory=Counter)
    decoded: int = 0


class PlainGate:
    """`every`, `period` and `when`, as their documentation has them."""

    def __init__(self, sketch: Sketch) -> None:
        self.sketch = sketch
        self.arrived = 0
        self.restart()

    def restart(self) -> None:
        """A new segment."""
        self.next_due: float | None = None
        self.held_until: float | None = None

    def lets_through(self, pts: float, ready: bool, values: Mapping[str, int | None]) -> bool:
        """Whether the stage runs on a frame that gave these values so far."""
        on = True
        if self.sketch.when is not None:
            stage_id, at_least, hold = self.sketch.when
            on = magnitude(values[stage_id]) >= at_least
            if on:
                self.held_until = pts + hold
            elif self.held_until is not None and pts < self.held_until:
                on = True
        if not ready:
            return False
        self.arrived += 1
        if (self.arrived - 1) % self.sketch.every or not on:
            return False
        return self.is_due(pts)

    def is_due(self, pts: float) -> bool:
        """At most one per period, on a grid that a pause starts anew."""
        period = self.sketch.period
        if not period:
            return True
        soon = pts + period / 100  # time stamps are rounded
        if self.next_due is not None and soon < self.next_due:
            return False
        if self.next_due is None or soon >= self.next_due + period:
            self.next_due = pts
        self.next_due += period
        return True


def interpret(drawn: Drawn) -> Expected:
    """Frame by frame, stage by stage, with nothing but loops."""
    expected = Expected()
    calls: Counter[tuple[str, int]] = Counter()
    brains = {s.id: Brain(s, calls) for s in drawn.stages}
    gates = {s.id: PlainGate(s) for s in drawn.stages}
    before: Shot | None = None
    seq = -1
    for shot in drawn.shots:
        seq += 1 + shot.skipped
        expected.decoded += 1 + shot.skipped
        if _jumps(before, shot):
            for stage_id, brain in brains.items():
                brain.gap()
                gates[stage_id].restart()
        before = shot
        values = _one_frame(drawn, brains, gates, seq, shot.pts, expected)
        if values is not None:
            expected.packets.append((seq, values))
            expected.log.append((seq, tuple(v for v in values.values() if v is not None)))
    rest = _the_end(drawn, brains, max(seq, 0), expected)
    if rest:
        expected.log.append((max(seq, 0), rest))
    return expected


def _jumps(before: Shot | None, shot: Shot) -> bool:
    if before is None:
        return shot.wide
    return before.segment != shot.segment or before.wide != shot.wide


def _one_frame(
    drawn: Drawn,
    brains: dict[str, Brain],
    gates: Mapping[str, PlainGate],
    seq: int,
    pts: float,
    expected: Expected,
) -> dict[str, int | None] | None:
    """The values of a frame; None where a stage failed on it."""
    values: dict[str, int | None] = {s.id: None for s in drawn.stages}
    for sketch in drawn.stages:
        given = [values[i] for i in sketch.inputs]
        ready = not (sketch.kind == "needs" and given[0] is None)
        if not gates[sketch.id].lets_through(pts, ready, values):
            continue
        try:
            values[sketch.id] = _attempt(sketch, brains[sketch.id], seq, given)
            expected.ran[sketch.id].append(seq)
        except BoomError:
            if sketch.on_error == "restart":
                brains[sketch.id] = Brain(sketch, brains[sketch.id].calls)
            if sketch.on_error != "pass":
                expected.failed[sketch.id] += 1
                return None
    return values


def _attempt(sketch: Sketch, brain: Brain, seq: int, given: Sequence[int | None]) -> int | None:
    shown = [v for v in given if v is not None] if sketch.kind == "many" else given
    for _ in range(2 if sketch.on_error == "retry" else 0):
        try:
            return brain.step(seq, shown)
        except BoomError:
            continue
    return brain.step(seq, shown)


def _the_end(drawn: Drawn, brains: Mapping[str, Brain], seq: int, expected: Expected) -> tuple[int, ...]:
    """What is held back goes through the stages behind, and out of the log's end."""
    values: dict[str, int | None] = {}
    for sketch in drawn.stages:
        given = [values[i] for i in sketch.inputs]
        value = None
        if any(v is not None for v in given):
            shown = [v for v in given if v is not None] if sketch.kind == "many" else given
            with suppress(BoomError):
                value = brains[sketch.id].step(seq, shown)
                expected.ran[sketch.id].append(seq)
        flushed = brains[sketch.id].flush()
        values[sketch.id] = value if flushed is None else flushed
    return tuple(v for v in values.values() if v is not None)


# -- witnesses ---------------------------------------------------------------------------------------------


class Life:
    """What was called on one instance of a stage."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.calls: list[tuple[str, int]] = []
        self.busy = threading.Lock()


class Witness:
    """Sees every call of every stage, and what the source handed out."""

    def __init__(self) -> None:
        self.lives: list[Life] = []
        self.log: list[tuple[int, tuple[int, ...]]] = []
        self.wrongs: list[str] = []
        self.handed_out = 0
        self.calls: Counter[tuple[str, int]] = Counter()
        self.source_calls: list[str] = []

    def born(self, owner: str) -> Life:
        """A new instance is opened."""
        life = Life(owner)
        self.lives.append(life)
        return life

    @contextmanager
    def watch(self, life: Life, what: str, number: int = -1) -> Iterator[None]:
        """During a call: nobody else may be inside, and nothing comes after the close."""
        if not life.busy.acquire(blocking=False):
            self.wrongs.append(f"{life.owner}: {what} while another thread is inside")
            yield
            return
        if any(call == "close" for call, _ in life.calls):
            self.wrongs.append(f"{life.owner}: {what} behind close")
        life.calls.append((what, number))
        try:
            yield
        finally:
            life.busy.release()

    def check(self, restarts: int) -> None:
        """Every life is well-formed; so many were cut short, because the stage was opened again."""
        assert self.wrongs == []
        for life in self.lives:
            names = [name for name, _ in life.calls]
            assert names[0] == "open"
            assert names[-1] == "close"
            assert names.count("open") == names.count("close") == 1, names
            assert names.count("flush") <= 1, names
            if "flush" in names:
                tail = [n for n in names[names.index("flush") :] if n != "revise"]
                assert tail == ["flush", "close"], names
            self._check_order(life)
        unflushed = [
            x.owner for x in self.lives if {"process", "flush"} & dict(x.calls).keys() == {"process"}
        ]
        assert len(unflushed) <= restarts, unflushed

    @staticmethod
    def _check_order(life: Life) -> None:
        """Frames come in order, and a gap comes before the first frame of another segment."""
        frames = [number for name, number in life.calls if name == "process" and number >= 0]
        plain = [number & 0xFFFFFF for number in frames]
        once = [n for i, n in enumerate(plain) if i == 0 or plain[i - 1] != n]  # retries, and the end
        assert once == sorted(set(once)), f"{life.owner}: {plain}"
        segment = None
        told = True
        for name, number in life.calls:
            if name == "on_gap":
                told = True
            elif name == "process" and number >= 0:
                if segment is not None and number >> 24 != segment:
                    assert told, f"{life.owner} was not told of segment {number >> 24}"
                segment, told = number >> 24, False


@dataclass(frozen=True)
class Held:
    """Parameters of a stage in these graphs."""

    sketch: Sketch
    witness: Witness


def counts(value: int | None) -> Counts | None:
    """A number as it travels."""
    return None if value is None else Counts({str(value): {"n": value % 5}})


def number(value: Counts | None) -> int | None:
    """The number again."""
    return None if value is None else int(next(iter(value.values)))


class Thinking(Stage):
    """A brain with ports."""

    Params = Held
    params: Held

    def open(self, stream: StreamInfo) -> None:
        self.life = self.params.witness.born(self.params.sketch.id)
        self.brain = Brain(self.params.sketch, self.params.witness.calls)
        self.given: dict[int, Counts | None] = {}
        with self.params.witness.watch(self.life, "open"):
            pass

    def think(self, frame: FrameInfo, values: Sequence[Counts | None]) -> Counts | None:
        place = frame.seq | frame.segment << 24
        with self.params.witness.watch(self.life, "process", place):
            if self.params.sketch.naps and frame.seq % 3 == 0:
                time.sleep(0.0003)
            value = counts(self.brain.step(frame.seq, [number(v) for v in values]))
            if self.params.sketch.ahead:
                self.given[frame.seq] = value
            return value

    def on_gap(self, gap: Gap) -> None:
        with self.params.witness.watch(self.life, "on_gap"):
            self.brain.gap()

    def flush(self) -> Counts | None:
        with self.params.witness.watch(self.life, "flush"):
            return counts(self.brain.flush())

    def close(self) -> None:
        with self.params.witness.watch(self.life, "close"):
            pass


class Ahead(Thinking):
    """Looks ahead where that is asked for."""

    @classmethod
    def hindsight(cls, params: Held) -> str:
        return "sketch" if params.sketch.ahead else ""

    def revise(self) -> Recall:
        with self.params.witness.watch(self.life, "revise"):
            return lambda frame: self.given.get(frame.seq)


class Root(Thinking):
    """Takes the picture."""

    def process(self, image: View, frame: FrameInfo) -> Counts | None:
        return self.think(frame, [])


class Needs(Thinking):
    """Runs only where there is a value."""

    def process(self, a: Counts, frame: FrameInfo) -> Counts | None:
        return self.think(frame, [a])


class Maybe(Thinking):
    """Runs on every frame, with a value or without."""

    def process(self, a: Counts | None, frame: FrameInfo, b: Counts | None = None) -> Counts | None:
        return self.think(frame, [a, b] if len(self.params.sketch.inputs) > 1 else [a])


class Many(Thinking):
    """Takes all the values there are."""

    def process(self, frame: FrameInfo, many: tuple[Counts, ...] = ()) -> Counts | None:
        return self.think(frame, many)


def _class(base: type[Thinking], heavy: bool, stateless: bool) -> type[Stage]:
    bases = (base,) if stateless else (Ahead, base)
    made = type(base.__name__, bases, {"__doc__": base.__doc__, "__module__": __name__})
    return stage(f"random.{base.__name__.lower()}", heavy=heavy, stateless=stateless)(made)


CLASSES = {
    (name, heavy, stateless): _class(base, heavy, stateless)
    for name, base in (("root", Root), ("needs", Needs), ("maybe", Maybe), ("many", Many))
    for heavy in (False, True)
    for stateless in (False, True)
}


@stage("random.log", sink=True)
class Log(Thinking):
    """Writes down everything."""

    def process(self, frame: FrameInfo, many: tuple[Counts, ...] = ()) -> None:
        with self.params.witness.watch(self.life, "process", frame.seq | frame.segment << 24):
            values = tuple(n for v in many if (n := number(v)) is not None)
            self.params.witness.log.append((frame.seq, values))

    def flush(self) -> None:
        with self.params.witness.watch(self.life, "flush"):
            pass


@dataclass(frozen=True)
class Script:
    """Parameters of the source."""

    shots: Sequence[Shot]
    witness: Witness
    breaks: bool = False
    endless: bool = False
    delay: float = 0.0


@source("random.script", accepts=lambda uri: False)
class ScriptSource(Source):
    """Plays what was drawn."""

    Params = Script
    params: Script

    def open(self) -> StreamInfo:
        self.params.witness.source_calls.append("open")
        self.at = 0
        return StreamInfo(self.name, 8, 6, fps=10.0)

    def read(self) -> Frame | None:
        if self.stopping.is_set():
            return None
        shots = self.params.shots
        if self.at >= len(shots) and not (self.params.endless and shots):
            if self.params.breaks:
                raise BoomError("the rest cannot be read")
            return None
        loops, index = divmod(self.at, max(1, len(shots)))
        self.at += 1
        if self.params.delay:
            time.sleep(self.params.delay)
        shot = shots[index]
        self.params.witness.handed_out += 1 + shot.skipped
        pixels = np.zeros((6, 16 if shot.wide else 8, 3), np.uint8)
        segment = shot.segment + loops * (shots[-1].segment + 1)
        return Frame(pixels, shot.pts, segment, skipped=shot.skipped)

    def close(self) -> None:
        self.params.witness.source_calls.append("close")


@source("random.camera", accepts=lambda uri: False)
class ScriptCamera(ScriptSource):
    """The same, as a camera."""

    live = True


def entries(drawn: Drawn, witness: Witness) -> tuple[StageEntry, ...]:
    """The stages of a drawn graph, with a log of everything at their end."""
    made = [_entry(sketch, witness) for sketch in drawn.stages]
    log = Sketch("log", "many", tuple(s.id for s in drawn.stages))
    made.append(StageEntry("log", Log.spec, Held(log, witness), {"many": log.inputs}))
    return tuple(made)


def _entry(sketch: Sketch, witness: Witness) -> StageEntry:
    spec = CLASSES[sketch.kind, sketch.heavy, not sketch.stateful].spec
    ports: dict[str, tuple[str, ...]] = {"image": ("source",)} if sketch.kind == "root" else {}
    if sketch.kind == "many":
        ports = {"many": sketch.inputs}
    elif sketch.kind != "root":
        ports = {"a": sketch.inputs[:1], "b": sketch.inputs[1:]}
        if sketch.kind == "needs":
            del ports["b"]
    when = None if sketch.when is None else When(*sketch.when)  # type: ignore[arg-type]  # a plain id will do
    return StageEntry(
        sketch.id,
        spec,
        Held(sketch, witness),
        ports,
        sketch.every,
        sketch.period,
        when,
        sketch.on_error,  # type: ignore[arg-type]
        sketch.workers,
    )


def description(
    graphs: Mapping[str, tuple[Drawn, Witness]], *, camera: bool = False, run: RunOptions, **options: Any
) -> Description:
    """One source for each drawn graph."""
    cls = ScriptCamera if camera else ScriptSource
    return Description(
        tuple(
            Plan(
                SourceEntry(name, cls.spec, Script(drawn.shots, witness, drawn.breaks, **options)),
                entries(drawn, witness),
            )
            for name, (drawn, witness) in graphs.items()
        ),
        replace(run, revive=0.0),  # one life is what is watched
    )
