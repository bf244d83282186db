"""A graph as described, before anything opens: what YAML is read into and what code builds directly.

A description is a template that has been instantiated for each source: `${source}` is filled in and
`set:` applied, so every source has its own stages with their own parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from vidstream.graph.source import SourceSpec
from vidstream.graph.stage import StageSpec
from vidstream.types.values import OutputFile, Positive, Seconds, StageId

#: the id under which a source's own picture is bound: ``in: {image: source}``
SOURCE_ID = "source"

OnError: TypeAlias = Literal["skip", "pass", "retry", "restart", "stop_source", "stop"]
#: a stage's output as written: ``id`` or ``id.port``
Ref: TypeAlias = str
#: one output of one stage: (stage id, port name)
Slot: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class When:
    """Run a stage only on frames where another stage has something to say."""

    stage: StageId  #: stage (or stage.port) whose value decides
    at_least: float = 1.0  #: how many objects, texts or events, or how large a count, it takes
    hold: Seconds = 0.0  #: stay on for so long after it was last true


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run: the `run:` section."""

    #: auto: any camera or stream -> live, only files -> offline; live paces files by their time stamps
    mode: Literal["auto", "live", "offline"] = "auto"
    on_error: OnError = "skip"  #: what a stage's failure does to the frame, unless the stage says otherwise
    threads: Literal["auto"] | Positive = "auto"  #: threads per source; 1 runs everything on one
    parallel: Literal["auto"] | Positive = "auto"  #: how many recordings are processed at the same time
    queue: Positive = 8  #: frames that may wait before a thread (offline)
    staleness: Seconds = 0.5  #: live: a frame older than this is dropped before a heavy stage
    hang: Seconds = 4.0  #: live: a stage that does not return for so long is replaced; 0 = never
    #: live, where the machine is too slow: detectors run less often (adaptive), or frames are dropped (drop)
    load: Literal["adaptive", "drop"] = "adaptive"
    #: live: pause before a camera that a failing stage has ended starts anew; 0 = never
    revive: Seconds = 30.0
    out: OutputFile = field(default=OutputFile(Path()))  #: folder that every output path is under
    metrics: OutputFile | None = None  #: write per-stage figures and the ledger to this JSON file
    duration: Seconds | None = None  #: stop each source after so much of it
    frames: Positive | None = None  #: stop each source after so many frames


@dataclass(frozen=True, slots=True)
class StageEntry:
    """One stage of one source's graph."""

    id: str
    spec: StageSpec
    params: Any
    #: explicit bindings: port -> references (empty = deliberately unbound); "" stands for "all that fit"
    bindings: Mapping[str, tuple[Ref, ...]] = field(default_factory=dict)
    #: run on every n-th frame that arrives
    every: int = 1
    #: run at most once per so many seconds of stream time
    period: float = 0.0
    when: When | None = None
    on_error: OnError | None = None
    workers: int = 1


@dataclass(frozen=True, slots=True)
class Wiring:
    """What goes where: stages in running order, and for each the slots of each input port."""

    order: tuple[StageEntry, ...]
    bindings: Mapping[str, Mapping[str, tuple[Slot, ...]]]
    #: stage id -> slots that decide its `when:`
    conditions: Mapping[str, tuple[Slot, ...]]


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """One source by name."""

    name: str
    spec: SourceSpec
    params: Any


@dataclass(frozen=True, slots=True)
class Plan:
    """A source and the stages that its frames go through, in the order written.

    `wiring` is there where the stages have been checked and wired already; else the engine does it.
    """

    source: SourceEntry
    stages: tuple[StageEntry, ...]
    wiring: Wiring | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Description:
    """Everything a run needs to know."""

    plans: tuple[Plan, ...]
    run: RunOptions = field(default_factory=RunOptions)

    @property
    def is_live(self) -> bool:
        """Whether frames may be dropped to keep up: any camera makes a run live, unless the mode is given."""
        auto = self.run.mode == "auto"
        return self.run.mode == "live" or (auto and any(p.source.spec.cls.live for p in self.plans))
