"""Wiring: which output goes to which input, and in which order the stages run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from vidstream.errors import ParamError, did_you_mean
from vidstream.graph.description import SOURCE_ID, Slot, StageEntry, Wiring
from vidstream.graph.kinds import Reading
from vidstream.graph.ports import InputPort, OutputPort
from vidstream.graph.stage import StageSpec
from vidstream.types import View

SOURCE_SLOT: Slot = (SOURCE_ID, "view")
_SOURCE_OUTPUTS = (OutputPort("view", View),)


def wire(stages: Sequence[StageEntry], reading: Reading, known: Iterable[StageSpec] = ()) -> Wiring:
    """Bind every port and order the stages; every problem is noted in `reading`.

    `known` are the stages there are: they serve to suggest what could give a missing input.
    """
    return _Wirer(stages, reading, known).wire()


class _Wirer:
    def __init__(self, stages: Sequence[StageEntry], reading: Reading, known: Iterable[StageSpec]) -> None:
        self.stages = stages
        self.reading = reading
        self.known = tuple(known)
        self.position = {entry.id: i for i, entry in enumerate(stages)}
        self.bindings: dict[str, dict[str, tuple[Slot, ...]]] = {}
        self.conditions: dict[str, tuple[Slot, ...]] = {}

    def wire(self) -> Wiring:
        for entry in self.stages:
            self._check(entry)
            self.bindings[entry.id] = self._explicit(entry)
            self.conditions[entry.id] = self._condition(entry)
        for entry in self.stages:
            self._defaults(entry)
            self._check_inputs(entry)
        return Wiring(tuple(self._ordered()), self.bindings, self.conditions)

    def _check(self, entry: StageEntry) -> None:
        at = ("graph", entry.id)
        option = entry.spec.cls.memory(entry.params)
        if entry.workers > 1 and (option or not entry.spec.traits.stateless):
            name = f"{entry.spec.name} with '{option}'" if option else entry.spec.name
            what = f"{name} keeps state from frame to frame and cannot have several workers"
            self.reading.fail(what, (*at, "workers"), fix="take 'workers' away")
        elif entry.workers > 1 and (entry.spec.traits.lossy or entry.spec.traits.main_thread):
            what = f"{entry.spec.name} shows the newest frame, one at a time, and cannot have several workers"
            self.reading.fail(what, (*at, "workers"), fix="take 'workers' away")
        self._note(entry, entry.spec.cls.check(entry.params))

    def _check_inputs(self, entry: StageEntry) -> None:
        wired = [port for port, slots in self.bindings[entry.id].items() if slots]
        self._note(entry, entry.spec.cls.check_inputs(entry.params, wired))

    def _note(self, entry: StageEntry, problems: Iterable[ParamError]) -> None:
        for problem in problems:
            path = ("graph", entry.id, *problem.path)
            self.reading.fail(problem.what, path, fix=problem.fix, at_key=problem.at_key or not problem.path)

    # -- references ------------------------------------------------------------------------------------

    def _outputs(self, stage_id: str) -> tuple[OutputPort, ...]:
        if stage_id == SOURCE_ID:
            return _SOURCE_OUTPUTS
        return self.stages[self.position[stage_id]].spec.signature.outputs

    def _resolve(self, ref: str, at: tuple[str | int, ...]) -> list[tuple[Slot, OutputPort]]:
        """The outputs that `id` or `id.port` names; none after noting a problem."""
        stage_id, _, port = ref.partition(".")
        if stage_id != SOURCE_ID and stage_id not in self.position:
            ids = [*self.position, SOURCE_ID]
            hint = did_you_mean(stage_id, ids) or f"there are {', '.join(ids)}"
            self.reading.fail(f"there is no stage '{stage_id}'", at, fix=hint)
            return []
        outputs = self._outputs(stage_id)
        found = [((stage_id, o.name), o) for o in outputs if port in ("", o.name)]
        if not found:
            gives = ", ".join(f"{stage_id}.{o.name}" for o in outputs)
            hint = f"there is {gives}" if gives else f"'{stage_id}' gives nothing: it is a sink"
            self.reading.fail(f"there is no output '{ref}'", at, fix=hint)
        return found

    def _explicit(self, entry: StageEntry) -> dict[str, tuple[Slot, ...]]:
        bound: dict[str, tuple[Slot, ...]] = {}
        ports = {p.name: p for p in entry.spec.signature.inputs}
        for name, refs in entry.bindings.items():
            if name == "":
                bound.update(self._fitting(entry, refs))
            elif name not in ports:
                at = ("graph", entry.id, "in", name)
                hint = did_you_mean(name, list(ports)) or f"it has {', '.join(ports) or 'none'}"
                self.reading.fail(f"{entry.spec.name} has no input '{name}'", at, fix=hint, at_key=True)
            elif not refs and not ports[name].optional:
                self.reading.fail(f"input '{name}' cannot be left out", ("graph", entry.id, "in", name))
            else:
                bound[name] = self._named(entry, ports[name], refs)
        return bound

    def _named(self, entry: StageEntry, port: InputPort, refs: Sequence[str]) -> tuple[Slot, ...]:
        """The slots for ``in: {port: refs}``."""
        at = ("graph", entry.id, "in", port.name)
        if len(refs) > 1 and not port.many:
            self.reading.fail(f"input '{port.name}' takes one {port.type.__name__}, got {len(refs)}", at)
            return ()
        slots: list[Slot] = []
        for ref in refs:
            named = self._resolve(ref, at)
            fitting = [slot for slot, output in named if issubclass(output.type, port.type)]
            if named and not fitting:
                gives = _listed(output.type.__name__ for _, output in named)
                what = f"input '{port.name}' takes {port.type.__name__}, but '{ref}' gives {gives}"
                self.reading.fail(what, at)
            elif len(fitting) > 1:
                self._ambiguous(port, fitting, at)
            slots += fitting
        return tuple(slots)

    def _fitting(self, entry: StageEntry, refs: Sequence[str]) -> dict[str, tuple[Slot, ...]]:
        """The slots for ``in: refs``: every port that fits; optional ports that do not are left unbound."""
        at = ("graph", entry.id, "in")
        bound: dict[str, tuple[Slot, ...]] = {p.name: () for p in entry.spec.signature.inputs if p.optional}
        for ref in refs:
            named = self._resolve(ref, at)
            takers = [
                (port, slot)
                for port in entry.spec.signature.inputs
                for slot, output in named
                if issubclass(output.type, port.type)
            ]
            if named and not takers:
                gives = _listed(output.type.__name__ for _, output in named)
                self.reading.fail(f"{entry.spec.name} has no input for {gives}, which '{ref}' gives", at)
            for port, slot in takers:
                bound[port.name] = (*bound.get(port.name, ()), slot)
        for port in entry.spec.signature.inputs:
            if len(bound.get(port.name, ())) > 1 and not port.many:
                self._ambiguous(port, bound[port.name], at)
        return bound

    def _condition(self, entry: StageEntry) -> tuple[Slot, ...]:
        if entry.when is None:
            return ()
        return tuple(slot for slot, _ in self._resolve(entry.when.stage, ("graph", entry.id, "when")))

    def _ambiguous(self, port: InputPort, slots: Sequence[Slot], at: tuple[str | int, ...]) -> None:
        choices = _listed(".".join(slot) for slot in slots)
        what = f"input '{port.name}' could be {choices.replace(' and ', ' or ')}"
        self.reading.fail(what, at, fix=f"choose one: in: {{{port.name}: {'.'.join(slots[0])}}}")

    # -- defaults --------------------------------------------------------------------------------------

    def _defaults(self, entry: StageEntry) -> None:
        for port in entry.spec.signature.inputs:
            if port.name in self.bindings[entry.id] or port.name in entry.bindings:
                continue
            before = self.stages[: self.position[entry.id]]
            slots = self._all_earlier(before, port) if port.many else self._nearest(entry, before, port)
            self.bindings[entry.id][port.name] = slots

    def _nearest(self, entry: StageEntry, before: Sequence[StageEntry], port: InputPort) -> tuple[Slot, ...]:
        """The nearest earlier stage that gives the port's type; the source at last."""
        candidates = [(e.id, e.spec.signature.outputs) for e in reversed(before)]
        for stage_id, outputs in [*candidates, (SOURCE_ID, _SOURCE_OUTPUTS)]:
            fitting = [(stage_id, o.name) for o in outputs if issubclass(o.type, port.type)]
            if len(fitting) > 1:
                self._ambiguous(port, fitting, ("graph", entry.id))
            if fitting:
                return (fitting[0],)
        if not port.optional:
            self._missing(entry, port)
        return ()

    def _missing(self, entry: StageEntry, port: InputPort) -> None:
        kind = port.type.__name__
        later = [e.id for e in self.stages if _gives(e.spec, port.type) and e.id != entry.id]
        names = [spec.name for spec in self.known if _gives(spec, port.type)]
        if later:
            hint = f"'{later[0]}' gives it: put it before, or write in: {{{port.name}: {later[0]}}}"
        elif names:
            hint = f"put one before it: {', '.join(sorted(names)[:4])}"
        else:
            hint = ""
        self.reading.fail(
            f"needs {kind}, which no earlier stage gives", ("graph", entry.id), fix=hint, at_key=True
        )

    def _all_earlier(self, before: Sequence[StageEntry], port: InputPort) -> tuple[Slot, ...]:
        """All earlier givers, less those whose value a later giver of the same kind was made from."""
        slots: list[Slot] = []
        for entry in before:
            given = [
                (entry.id, o.name) for o in entry.spec.signature.outputs if issubclass(o.type, port.type)
            ]
            if given:
                replaces = not entry.spec.traits.adds
                refined = {s for taken in self.bindings[entry.id].values() for s in taken if replaces}
                slots = [s for s in slots if s not in refined] + given
        return tuple(slots)

    # -- order -----------------------------------------------------------------------------------------

    def _ordered(self) -> list[StageEntry]:
        """Topological order, as close to the written one as the references allow."""
        waiting = {e.id: self._needs(e) for e in self.stages}
        order: list[StageEntry] = []
        while waiting:
            ready = next((i for i, needs in waiting.items() if not needs & waiting.keys()), None)
            if ready is None:
                cycle = _cycle(waiting)
                chain = " -> ".join([*cycle, cycle[0]])
                self.reading.fail(f"runs in a circle: {chain}", ("graph", cycle[0]), at_key=True)
                return list(self.stages)
            order.append(self.stages[self.position[ready]])
            del waiting[ready]
        return order

    def _needs(self, entry: StageEntry) -> set[str]:
        taken = [*self.bindings[entry.id].values(), self.conditions[entry.id]]
        return {stage_id for slots in taken for stage_id, _ in slots}


def _gives(spec: StageSpec, kind: type) -> bool:
    return any(issubclass(o.type, kind) for o in spec.signature.outputs)


def _cycle(waiting: Mapping[str, set[str]]) -> list[str]:
    """One circle among stages that all wait for each other."""
    path = [next(iter(waiting))]
    while True:
        following = next(n for n in sorted(waiting[path[-1]]) if n in waiting)
        if following in path:
            return path[path.index(following) :]
        path.append(following)


def _listed(words: Iterable[str]) -> str:
    """``a, b and c``."""
    parts = list(words)
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
