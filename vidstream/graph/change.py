"""What is different between two descriptions, camera by camera, and what became of the wish for it."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from vidstream.errors import VidstreamError
from vidstream.graph.description import Description, Plan, RunOptions, StageEntry, Wiring

#: options of a run that take effect at once; the others need a new start
AT_ONCE = frozenset({"staleness", "revive", "metrics", "on_error"})
#: keys of a stage, beside its options, that can change while the stage runs
_TUNED = ("every", "period", "when", "on_error")

#: added    a lane starts
#: removed  its lane ends, in order
#: replaced its lane ends, and another one starts: another address, other stages, other wiring
#: stages   some stages get other options; the lane goes on
Kind: TypeAlias = Literal["added", "removed", "replaced", "stages"]


@dataclass(frozen=True, slots=True)
class Wired:
    """A source's plan, and how its stages are wired."""

    plan: Plan
    wiring: Wiring

    @property
    def name(self) -> str:
        """The source's name."""
        return self.plan.source.name

    @property
    def stages(self) -> Mapping[str, StageEntry]:
        """Its stages by id."""
        return {entry.id: entry for entry in self.plan.stages}


@dataclass(frozen=True, slots=True)
class Difference:
    """What is to happen to one source."""

    source: str
    kind: Kind
    #: in words, such as ``find (confidence)``
    words: str
    #: the entries that take the place of those with the same id, and those that are new
    stages: Sequence[StageEntry] = ()


def differences(old: Iterable[Wired], new: Iterable[Wired]) -> list[Difference]:
    """What has to happen, source by source; nothing is said of those that stay as they are."""
    before, after = {w.name: w for w in old}, {w.name: w for w in new}
    found = [Difference(name, "added", "") for name in after if name not in before]
    found += [Difference(name, "removed", "") for name in before if name not in after]
    changed = (_difference(before[name], after[name]) for name in after if name in before)
    return found + [difference for difference in changed if difference]


def same_source(old: Wired, new: Wired) -> bool:
    """Whether both read the same, in the same way."""
    return not _source_words(old, new)


def in_words(found: Iterable[Difference], run: Sequence[str] = (), later: Sequence[str] = ()) -> str:
    """All of it in one line: ``+dock, -gate, cam3: find (confidence)``.

    `run` are options of the run that have changed, `later` those that would need a new start.
    """
    signs = {"added": "+", "removed": "-"}
    parts = [f"{signs[d.kind]}{d.source}" for d in found if d.kind in signs]
    alike: dict[str, list[str]] = {}
    for difference in found:
        if difference.kind not in signs:
            alike.setdefault(difference.words, []).append(difference.source)
    parts += [f"{', '.join(sources)}: {words}" for words, sources in alike.items()]
    parts += [f"run ({', '.join(run)})"] if run else []
    parts += [f"at the next start: run ({', '.join(later)})"] if later else []
    return ", ".join(parts) or "nothing has changed"


def run_options(old: RunOptions, new: RunOptions) -> tuple[RunOptions, list[str], list[str]]:
    """(the options to go on with, those that change at once, those that need a new start)."""
    changed = differing(old, new)
    now = [name for name in changed if name in AT_ONCE]
    later = [name for name in changed if name not in AT_ONCE]
    return replace(old, **{name: getattr(new, name) for name in now}), now, later


def differing(old: Any, new: Any) -> list[str]:
    """The fields in which two values of one dataclass differ."""
    fields = dataclasses.fields(old)
    return [f.name for f in fields if not bool(getattr(old, f.name) == getattr(new, f.name))]


def _difference(old: Wired, new: Wired) -> Difference | None:
    source = _source_words(old, new)
    if source:
        return Difference(new.name, "replaced", source, _changed(old, new))
    graph = _graph_words(old, new)
    if graph:
        return Difference(new.name, "replaced", graph, _changed(old, new))
    changed = _changed(old, new)
    words = ", ".join(_stage_words(old.stages[entry.id], entry) for entry in changed)
    return Difference(new.name, "stages", words, changed) if changed else None


def _source_words(old: Wired, new: Wired) -> str:
    before, after = old.plan.source, new.plan.source
    if before.spec is not after.spec:
        return f"source ({after.spec.name})"
    options = differing(before.params, after.params)
    return f"source ({', '.join(options)})" if options else ""


def _graph_words(old: Wired, new: Wired) -> str:
    """How the graphs differ, beyond the options of their stages."""
    before, after = old.stages, new.stages
    words = [f"+{name}" for name in after if name not in before]
    words += [f"-{name}" for name in before if name not in after]
    both = [name for name in after if name in before]
    words += [f"{n} ({after[n].spec.name})" for n in both if before[n].spec is not after[n].spec]
    words += [f"{n} (workers)" for n in both if before[n].workers != after[n].workers]
    words += [f"{n} (inputs)" for n in both if not words and _feed(old.wiring, n) != _feed(new.wiring, n)]
    if not words and [e.id for e in old.wiring.order] != [e.id for e in new.wiring.order]:
        words.append("order")
    return ", ".join(words)


def _feed(wiring: Wiring, stage: str) -> object:
    return wiring.bindings[stage], wiring.conditions[stage]


def _changed(old: Wired, new: Wired) -> list[StageEntry]:
    """Stages of the new plan that the old one has not, or has otherwise."""
    before = old.stages
    return [e for e in new.plan.stages if e.id not in before or not same_stage(before[e.id], e)]


def same_stage(old: StageEntry, new: StageEntry) -> bool:
    """Whether one does what the other does, as far as its inputs are the same."""
    tuned = all(getattr(old, key) == getattr(new, key) for key in _TUNED)
    return tuned and old.workers == new.workers and same_instance(old, new)


def same_instance(old: StageEntry, new: StageEntry) -> bool:
    """Whether the stage itself can stay, with other gates perhaps."""
    return old.spec is new.spec and bool(old.params == new.params)


def _stage_words(old: StageEntry, new: StageEntry) -> str:
    names = [] if same_instance(old, new) else differing(old.params, new.params)
    names += [key for key in _TUNED if getattr(old, key) != getattr(new, key)]
    return f"{new.id} ({', '.join(names)})"


class Change:
    """A wish for another description, and what became of it. Safe to use from several threads."""

    def __init__(self, description: Description, wired: Sequence[Wired]) -> None:
        self.description = description
        self.wired = wired
        #: what is done, in one line; known when it has been carried out
        self.summary = ""
        #: why it was refused: the old graph runs on
        self.error: VidstreamError | None = None
        self._settled = threading.Event()

    @property
    def settled(self) -> bool:
        """Whether it has been carried out, or refused."""
        return self._settled.is_set()

    @property
    def applied(self) -> bool:
        """Whether it has been carried out."""
        return self.settled and self.error is None

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is settled; gives `applied`. Not on the thread that runs the engine."""
        self._settled.wait(timeout)
        return self.applied

    def settle(self, summary: str, error: VidstreamError | None = None) -> None:
        """The engine's: say what became of it."""
        self.summary, self.error = summary, error
        self._settled.set()
