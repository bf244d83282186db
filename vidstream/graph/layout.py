"""A graph laid out for drawing: which box stands where, and what leads to what."""

from __future__ import annotations

from dataclasses import dataclass

from vidstream.graph.description import SOURCE_ID, Description, Plan, SourceEntry, Wiring
from vidstream.graph.engine import wire_all


@dataclass(frozen=True, slots=True)
class Box:
    """A stage (or source) as drawn: `row` is its distance from the source."""

    id: str
    use: str
    role: str  # "source", "stage", "sink"
    row: int
    column: int
    remarks: str = ""


@dataclass(frozen=True, slots=True)
class Arrow:
    """A value on its way; optional ones (`when`) are dashed."""

    start: str
    end: str
    label: str
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """One graph: several sources share it where their stages are the same."""

    #: names of the sources, and the same with their kinds
    names: tuple[str, ...]
    sources: tuple[str, ...]
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def layout(description: Description) -> list[Layout]:
    """A layout for each different graph."""
    found: dict[tuple[tuple[Box, ...], tuple[Arrow, ...]], list[SourceEntry]] = {}
    for plan, wiring in zip(description.plans, wire_all(description), strict=True):
        found.setdefault((_boxes(plan, wiring), _arrows(wiring)), []).append(plan.source)
    return [
        Layout(
            tuple(source.name for source in sources),
            tuple(f"{source.name} ({source.spec.name})" for source in sources),
            boxes,
            arrows,
        )
        for (boxes, arrows), sources in found.items()
    ]


def _boxes(plan: Plan, wiring: Wiring) -> tuple[Box, ...]:
    rows = {SOURCE_ID: 0}
    columns: dict[int, int] = {}
    boxes = [Box(SOURCE_ID, plan.source.spec.name, "source", 0, 0)]
    for entry in wiring.order:
        before = [stage for slots in wiring.bindings[entry.id].values() for stage, _ in slots]
        rows[entry.id] = row = 1 + max((rows[stage] for stage in before), default=0)
        column = columns.get(row, 0)
        columns[row] = column + 1
        role = "sink" if entry.spec.traits.sink else "stage"
        remarks = [f"every {entry.every}"] if entry.every > 1 else []
        remarks += [f"every {entry.period:g} s"] if entry.period else []
        remarks += [f"{entry.workers} workers"] if entry.workers > 1 else []
        option = entry.spec.cls.hindsight(entry.params)
        remarks += [f"{option}: in a second pass"] if option else []
        boxes.append(Box(entry.id, entry.spec.name, role, row, column, ", ".join(remarks)))
    return tuple(boxes)


def _arrows(wiring: Wiring) -> tuple[Arrow, ...]:
    labels: dict[tuple[str, str, bool], list[str]] = {}
    for entry in wiring.order:
        for slots in wiring.bindings[entry.id].values():
            for stage, port in slots:
                labels.setdefault((stage, entry.id, False), []).append(port)
        for stage, _ in wiring.conditions[entry.id]:
            labels.setdefault((stage, entry.id, True), []).append("when")
    return tuple(
        Arrow(start, end, ", ".join(dict.fromkeys(ports)), dashed)
        for (start, end, dashed), ports in labels.items()
    )
