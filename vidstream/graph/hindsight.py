"""Looking ahead: which stages run in which pass over a recording, where some want to see all of it first.

A stage with hindsight runs in a pass before the last one, together with what it is fed by; at the end of
that pass it says what it would have given, had it known. In later passes a `Replay` stands in its place,
and in the place of what fed it, unless that gives pictures which are still needed: those are not kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from vidstream.errors import ParamError
from vidstream.graph.description import SOURCE_ID, Description, Plan, Slot, StageEntry, Wiring
from vidstream.graph.ports import Signature
from vidstream.graph.stage import Stage, StageSpec, Traits
from vidstream.graph.tape import Memory, Revision, Tape
from vidstream.types import FrameInfo, StreamInfo


@dataclass(frozen=True, slots=True)
class Part:
    """What happens in one pass over a source."""

    wiring: Wiring
    #: stages that revise what they gave, when this pass ends
    revisions: Mapping[str, Revision] = field(default_factory=dict)
    #: stages whose values are recorded in this pass
    tapes: Mapping[str, Tape] = field(default_factory=dict)
    #: stages that have run in an earlier pass
    known: frozenset[str] = frozenset()


class Replay(Stage):
    """Stands for a stage that has run in an earlier pass, and gives again what is known of each frame."""

    params: Memory

    def open(self, stream: StreamInfo) -> None:
        """Begin with the first frame."""
        self._recall = self.params.player()

    def process(self, frame: FrameInfo) -> Any:
        """The value, or one for each output, or None."""
        return self._recall(frame)

    def flush(self) -> Any:
        """What was flushed in the earlier pass."""
        return self.params.flushed


def parts(wiring: Wiring) -> tuple[Part, ...]:
    """The passes that a graph takes: one, unless there are stages with hindsight.

    Stages with hindsight that are fed by others of their kind wait for what those have revised.
    """
    levels = _levels(wiring)
    known: dict[str, Memory] = {}
    found: list[Part] = []
    for level in range(max(levels.values(), default=-1) + 1):
        goals = [stage for stage, at in levels.items() if at == level]
        running = _needed(goals, wiring, known)
        revisions = {stage: Revision() for stage in goals}
        fresh = [e for e in wiring.order if e.id in running and e.id not in (*known, *revisions)]
        tapes = {e.id: Tape(e.spec.signature.outputs) for e in fresh}
        found.append(Part(_cut(wiring, running, known), revisions, tapes, frozenset(known)))
        known |= {**revisions, **tapes}
    running = _needed([e.id for e in wiring.order if e.id not in known], wiring, known)
    last = _cut(wiring, running, known) if known else wiring
    return (*found, Part(last, known=frozenset(known)))


def problems(description: Description) -> Iterator[tuple[Plan, ParamError]]:
    """Stages that want to look ahead, where nobody can: in a live run, or in a source without an end."""
    for plan in description.plans:
        why, cure = _unknowable(plan, description)
        for entry in plan.stages if why else ():
            if option := entry.spec.cls.hindsight(entry.params):
                fix = f"take '{option}' away, or {cure}"
                path = ("graph", entry.id, option)
                yield plan, ParamError(f"has to know the whole recording, but {why}", path=path, fix=fix)


def _unknowable(plan: Plan, description: Description) -> tuple[str, str]:
    """Why nobody can look ahead in a source, and what to do about that; empty texts where one can."""
    run, name, source = description.run, plan.source.name, plan.source.spec.cls
    if source.live:
        return f"the source '{name}' is a camera or a stream", "record it, and run this on the recording"
    if run.mode == "live":
        return "the run is live", "set run.mode to offline"
    if description.is_live:
        return "the run is live, for there is a camera or a stream among its sources", "run it without that"
    if run.frames is None and run.duration is None and not source.ends(plan.source.params):
        return f"the source '{name}' has no end", "set run.duration"
    return "", ""


def _levels(wiring: Wiring) -> dict[str, int]:
    """Stages with hindsight -> how many revisions of others they have to wait for."""
    after: dict[str, int] = {SOURCE_ID: 0}
    levels: dict[str, int] = {}
    for entry in wiring.order:
        level = max((after[stage] for stage, _ in _takes(entry.id, wiring)), default=0)
        if entry.spec.cls.hindsight(entry.params):
            levels[entry.id] = level
        after[entry.id] = level + (entry.id in levels)
    return levels


def _takes(stage: str, wiring: Wiring) -> Iterator[Slot]:
    for slots in wiring.bindings[stage].values():
        yield from slots
    yield from wiring.conditions[stage]


def _needed(goals: Iterable[str], wiring: Wiring, known: Mapping[str, Memory]) -> set[str]:
    """The stages that have to run, so that the goals can; what can be played back need not."""
    running: set[str] = set()
    waiting = list(goals)
    while waiting:
        stage = waiting.pop()
        running.add(stage)
        for giver, port in _takes(stage, wiring):
            memory = known.get(giver)
            if memory is not None and memory.keeps(port):
                memory.wanted = True
            elif giver != SOURCE_ID and giver not in running:
                waiting.append(giver)
    return running


def _cut(wiring: Wiring, running: set[str], known: Mapping[str, Memory]) -> Wiring:
    """The stages that run, and in the place of those that have run, their replays."""
    there = [entry for entry in wiring.order if entry.id in running or entry.id in known]
    order = [e if e.id in running else _replay(e, known[e.id]) for e in there]
    bindings = {e.id: wiring.bindings[e.id] if e.id in running else {} for e in there}
    conditions = {e.id: wiring.conditions[e.id] if e.id in running else () for e in there}
    return Wiring(tuple(order), bindings, conditions)


def _replay(entry: StageEntry, memory: Memory) -> StageEntry:
    spec = entry.spec
    outputs = tuple(replace(output, nullable=True) for output in spec.signature.outputs)
    signature = Signature((), outputs, frame_at=0)
    return StageEntry(
        entry.id, StageSpec(f"{spec.name} (again)", Replay, Memory, signature, Traits()), memory
    )
