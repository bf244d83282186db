"""A merged tree to a description: one instance of the graph for each source."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vidstream.config.instance import instance
from vidstream.config.nodes import Fields, Leaf, Place
from vidstream.config.outputs import OutputFiles
from vidstream.config.overrides import Given, overrides_of, put_over, value_of
from vidstream.config.problems import Faults
from vidstream.config.reader import Reader
from vidstream.config.sources import DEFAULT_NAME, Named, named_sources, source_entry
from vidstream.config.stages import StageReader
from vidstream.config.structure import check_structure, section
from vidstream.config.substitute import Names, Scope, names_used
from vidstream.errors import did_you_mean
from vidstream.graph import hindsight
from vidstream.graph.description import Description, Plan, RunOptions
from vidstream.graph.kinds import INVALID
from vidstream.graph.registry import Registry

#: sources, and stages of one graph
_MAX_ENTRIES: Final = 500
#: stages, and values, in all instances of the graph together
_MAX_STAGES: Final = 10_000
_MAX_VALUES: Final = 200_000


@dataclass(frozen=True, slots=True)
class Origins:
    """Where values came from: the main file, and each source's own tree with everything filled in."""

    main: str
    trees: dict[str, Fields] = field(default_factory=dict)
    paths: dict[str, tuple[str | int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A description that can be run, where its values came from, and what looks unintended."""

    description: Description
    origins: Origins
    warnings: tuple[str, ...] = ()


class Builder:
    """Builds one description; `build` is called once."""

    def __init__(self, main: str, base: Path, registry: Registry, given: Given, faults: Faults) -> None:
        self._main = main
        self._base = base
        self._registry = registry
        self._given = given
        self._faults = faults
        self._overrides = overrides_of(given.overrides, faults)
        self._outputs = OutputFiles()
        self._origins = Origins(main)
        self._values = 0

    def build(self, tree: Fields) -> Loaded:
        """The description; ConfigError holds everything that is wrong."""
        tree = put_over(tree, self._overrides, self._faults)
        check_structure(tree, self._main, self._faults)
        names = Names(self._variables(tree), self._given.environ)
        tree, run = self._run(tree, names)
        sources = named_sources(tree, self._given.source, self._base, self._faults)
        self._check_size(len(sources), len(section(tree, "graph").fields))
        known = {s.name for s in sources} | {str(key) for key in section(tree, "sources").fields}
        plans = [self._plan(tree, source, names, known) for source in sources]
        if not sources:
            self._sourceless(tree, names)
        description = Description(tuple(plan for plan in plans if plan is not None), run)
        for plan, problem in hindsight.problems(description):
            root = self._origins.trees[plan.source.name]
            Reader(root, self._base, self._faults).note([problem])
        self._faults.stop()
        return Loaded(description, self._origins, self._warnings(tree, description))

    def _variables(self, tree: Fields) -> Fields:
        """`vars:` under those of the command line."""
        variables = section(tree, "vars")
        wanted = {*names_used(tree), *map(str, variables.fields)} if self._given.variables else set()
        for name, text in self._given.variables.items():
            place = Place(f"--var {name}")
            if name not in wanted:
                hint = did_you_mean(name, sorted(wanted)) or f"write ${{{name}}} where it is to stand"
                self._faults.add(f"no variable '{name}' is used", place, fix=hint)
            elif (value := value_of(text, place, self._faults)) is not None:
                variables = variables.put(name, value, place)
        return variables

    def _run(self, tree: Fields, names: Names) -> tuple[Fields, RunOptions]:
        if "run" not in tree.fields:
            return tree, RunOptions()
        node = Scope(names, self._faults).fill(tree.fields["run"], ("run",))
        tree = tree.put("run", node)
        if isinstance(node, Leaf) and node.value is None:
            return tree, RunOptions()
        read = Reader(tree, self._base, self._faults).params(RunOptions, node, ("run",))
        return tree, RunOptions() if read is INVALID else read

    def _plan(self, tree: Fields, source: Named, names: Names, known: Collection[str]) -> Plan | None:
        """One source with its stages, or None after noting faults."""
        scope = Scope(names, self._faults, source.name)
        tree, source = instance(tree, source, scope, self._overrides, self._faults)
        self._count(tree)
        self._origins.trees[source.name] = tree
        self._origins.paths[source.name] = source.path
        entry = source_entry(source, self._registry, Reader(tree, source.base, self._faults))
        reader = Reader(tree, self._base, self._faults)
        made = StageReader(self._registry, reader, source.name, known)
        stages, wiring = made.stages(section(tree, "graph"))
        self._outputs.add(source.name, stages, reader)
        return None if entry is None else Plan(entry, tuple(stages), wiring)

    def _sourceless(self, tree: Fields, names: Names) -> None:
        """No source: say so, and look at the graph all the same."""
        nothing = Leaf(None, Place(self._main))
        if self._given.source is None and "sources" not in tree.fields:
            fix = "add 'source: clip.mp4', or give one on the command line"
            self._faults.add("there is no source", nothing.place, fix=fix)
        known = {str(key) for key in section(tree, "sources").fields}
        source = Named(DEFAULT_NAME, ("source",), nothing, self._base)
        tree, _ = instance(
            tree, source, Scope(names, self._faults, source.name), self._overrides, self._faults
        )
        reader = Reader(tree, self._base, self._faults)
        StageReader(self._registry, reader, source.name, known).stages(section(tree, "graph"))

    def _check_size(self, sources: int, stages: int) -> None:
        what = ""
        if max(sources, stages) > _MAX_ENTRIES:
            what = f"more than {_MAX_ENTRIES} {'sources' if sources > stages else 'stages'}"
        elif sources * stages > _MAX_STAGES:
            what = f"{sources} sources with {stages} stages each make more than {_MAX_STAGES} stages"
        if what:
            self._faults.add(what, Place(self._main), fix="use several files")
            self._faults.stop()

    def _count(self, tree: Fields) -> None:
        self._values += section(tree, "graph").size
        if self._values > _MAX_VALUES:
            what = f"the graphs of all sources together hold more than {_MAX_VALUES} values"
            self._faults.add(what, Place(self._main), fix="use several files")
            self._faults.stop()

    def _warnings(self, tree: Fields, description: Description) -> tuple[str, ...]:
        variables = section(tree, "vars")
        used = set(names_used(tree))
        unused = [
            f"{variables.keys[name]}: vars.{name} is never used"
            for name in variables.fields
            if name not in used and variables.keys[name].file == self._main
        ]
        idle = [f"source '{p.source.name}' has no stage" for p in description.plans if not p.stages]
        return (*unused, *idle)
