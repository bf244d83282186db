"""The stages of one source: its instance of the graph."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from vidstream.config.keys import STAGE_KEYS, Rate
from vidstream.config.nodes import Fields, Key, Leaf, Node, locate
from vidstream.config.reader import Reader
from vidstream.errors import ParamError, did_you_mean
from vidstream.graph.description import SOURCE_ID, StageEntry, Wiring
from vidstream.graph.kinds import INVALID, Reading, ValuePath
from vidstream.graph.params import parameters
from vidstream.graph.registry import Registry
from vidstream.graph.stage import Stage, StageSpec
from vidstream.graph.wiring import wire


class StageReader:
    """Reads the entries of one source's graph, whose values are filled in already."""

    def __init__(self, registry: Registry, reader: Reader, source: str, sources: Collection[str]) -> None:
        self._registry = registry
        self._reader = reader
        self._source = source
        self._sources = sources
        self._entries: list[StageEntry] = []
        self._wiring: Wiring | None = None
        #: ids of stages that are switched off for this source
        self._off: set[str] = set()
        #: True where a stage's ports are unknown, so that missing inputs may be its fault
        self._blind = False

    def stages(self, graph: Fields) -> tuple[list[StageEntry], Wiring | None]:
        """All stages of the source, and their wiring as far as that is possible; faults are noted."""
        for key, node in graph.fields.items():
            self._stage(str(key), node)
            self._blind |= key == SOURCE_ID
        if not self._blind:
            self._wire()
        return self._entries, self._wiring

    def _wire(self) -> None:
        reading = Reading(self._reader.base)
        self._wiring = wire(self._entries, reading, self._registry)
        self._reader.note(self._with_reason(problem) for problem in reading.problems)

    def _with_reason(self, problem: ParamError) -> ParamError:
        """A reference to a stage that exists, but not for this source, deserves a better reason."""
        node = locate(self._reader.root, problem.path).node
        if len(problem.path) < 3 or not isinstance(node, Leaf):
            return problem
        if str(node.value).partition(".")[0] not in self._off:
            return problem
        fix = f"it is switched off for the source '{self._source}'"
        return ParamError(problem.what, path=problem.path, fix=fix, at_key=problem.at_key)

    def _stage(self, stage_id: str, node: Node) -> None:
        path: ValuePath = ("graph", stage_id)
        fields = self._long_form(node, path)
        if fields is not None and not self._concerned(fields, path):
            self._off.add(stage_id)
            return
        spec = None if fields is None else self._spec(fields, path)
        keys = {} if fields is None else self._keys(fields, path)
        if spec is None or fields is None or INVALID in (keys.get("in"), keys.get("when")):
            self._blind = True
        if spec is not None and fields is not None:
            params = self._params(spec, fields, path)
            self._entries.append(self._entry(stage_id, spec, params, keys))

    def _keys(self, fields: Fields, path: ValuePath) -> dict[Key, Any]:
        return {key: self._key(key, node, path) for key, node in fields.fields.items() if key in STAGE_KEYS}

    def _long_form(self, node: Node, path: ValuePath) -> Fields | None:
        if isinstance(node, Leaf) and isinstance(node.value, str) and node.value:
            return Fields({"use": node}, {"use": node.place}, node.place)
        if isinstance(node, Fields):
            return node
        if not isinstance(node, Leaf) or node.value is not INVALID:
            what, fix = "expected a stage", "write its name, or {use: name, option: ...}"
            self._reader.add(what, node, path, fix=fix)
        return None

    def _key(self, key: Key, node: Node, path: ValuePath) -> Any:
        return self._reader.kind(STAGE_KEYS[key].kind, node, (*path, key))

    def _concerned(self, fields: Fields, path: ValuePath) -> bool:
        """Whether the stage is there for this source; sources that do not exist are noted."""
        enabled = fields.fields.get("enabled")
        if enabled is not None and self._key("enabled", enabled, path) is False:
            return False
        if "sources" not in fields.fields:
            return True
        wanted = self._key("sources", fields.fields["sources"], path)
        if wanted is INVALID:
            return True
        for i, name in enumerate(wanted):
            if name not in self._sources:
                known = sorted(self._sources)
                hint = did_you_mean(name, known) or f"there are {', '.join(known)}"
                missing = ParamError(f"there is no source '{name}'", path=(*path, "sources", i), fix=hint)
                self._reader.note([missing])
        return self._source in wanted

    def _spec(self, fields: Fields, path: ValuePath) -> StageSpec | None:
        if "use" not in fields.fields:
            self._reader.at_key("'use' is missing", path, fix="name the stage: use: family.name")
            return None
        node = fields.fields["use"]
        if not isinstance(node, Leaf) or not isinstance(node.value, str) or not node.value:
            return None  # noted when the key is read
        spec = self._registry.stages.get(node.value)
        if spec is None:
            self._reader.add(f"unknown stage '{node.value}'", node, path, fix=self._registry.hint(node.value))
        return spec

    def _params(self, spec: StageSpec, fields: Fields, path: ValuePath) -> Any:
        """The stage's own parameters; keys of the engine count among the words that may have been meant."""
        known = [p.name for p in parameters(spec.params)]
        unknown = [key for key in fields.fields if key not in known and key not in STAGE_KEYS]
        for key in unknown:
            near = did_you_mean(key, [*known, *map(str, STAGE_KEYS)])
            hint = near or f"it has {', '.join(known) or 'no options'}"
            self._reader.at_key(f"unknown option of {spec.name}", (*path, key), fix=hint)
        params = self._reader.params(spec.params, fields.without(*unknown, *STAGE_KEYS), path)
        return INVALID if unknown else params

    def _entry(self, stage_id: str, spec: StageSpec, params: Any, keys: dict[Key, Any]) -> StageEntry:
        good = {key: value for key, value in keys.items() if value is not INVALID}
        rate = self._rate(good, ("graph", stage_id))
        return StageEntry(
            stage_id,
            # what cannot be read cannot be looked at more closely: the base class finds no fault
            spec if params is not INVALID else replace(spec, cls=Stage),
            params,
            good.get("in", {}),
            rate.frames,
            rate.period,
            good.get("when"),
            good.get("on_error"),
            good.get("workers", 1),
        )

    def _rate(self, keys: dict[Key, Any], path: ValuePath) -> Rate:
        rate: Rate = keys.get("every", Rate())
        if "max_fps" not in keys:
            return rate
        if rate.period:
            what = "'every' and 'max_fps' both limit the rate"
            self._reader.at_key(what, (*path, "max_fps"), fix="keep one of them")
        return replace(rate, period=1.0 / keys["max_fps"])
