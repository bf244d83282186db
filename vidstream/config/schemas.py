"""The JSON Schema of a whole file, for editors: made of the same kinds that the reader reads with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from vidstream.config.keys import SOURCE_KEYS, SOURCE_NAME, STAGE_ID, STAGE_KEYS
from vidstream.config.structure import SECTIONS, VARIABLE, VERSION
from vidstream.graph.description import SOURCE_ID, RunOptions
from vidstream.graph.kinds import Schema
from vidstream.graph.params import parameters, params_schema
from vidstream.graph.registry import Registry
from vidstream.graph.source import SourceSpec
from vidstream.graph.stage import StageSpec

_REFERENCE: Final[Schema] = {"$ref": "#/$defs/reference"}
_SOURCE: Final[Schema] = {"$ref": "#/$defs/source"}


def schema(registry: Registry) -> Schema:
    """JSON Schema (draft 2020-12) of a file with the stages and sources of `registry`.

    It refuses what can be told from one file's shape: unknown keys, wrong types, missing options. As a
    ``${...}`` may stand for any value, a text with one is accepted everywhere.
    """
    stages = {spec.name: _stage(spec) for spec in registry}
    definitions = {
        "reference": {"type": "string", "pattern": r"\$\{", "description": "a value to fill in"},
        "source": _source(registry),
        **{f"key.{name}": _opened(key.schema()) for name, key in STAGE_KEYS.items()},
    }
    properties: dict[str, Schema] = {
        "version": {"const": VERSION},
        "include": {"anyOf": [_FILE, {"type": "array", "items": _FILE}]},
        "vars": {"type": ["object", "null"], "propertyNames": _named(VARIABLE.pattern)},
        "run": _opened({"anyOf": [params_schema(RunOptions), {"type": "null"}]}),
        "source": _SOURCE,
        "sources": _mapping(SOURCE_NAME.pattern, _SOURCE),
        "graph": _mapping(STAGE_ID.pattern, {}),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A graph for video analytics",
        "type": "object",
        "properties": {name: {**part, "description": SECTIONS[name]} for name, part in properties.items()},
        "additionalProperties": False,
        "not": {"required": ["source", "sources"]},
        "allOf": [
            {
                "if": _COMPLETED_ELSEWHERE,
                "then": {"properties": {"graph": {"additionalProperties": _entry(registry, whole=False)}}},
                "else": {"properties": {"graph": {"additionalProperties": _entry(registry, whole=True)}}},
            },
            {
                "if": {"not": {"required": ["include"]}},
                "then": {"required": ["graph"], "dependentRequired": {"sources": ["version"]}},
            },
        ],
        "$defs": definitions | stages,
    }


_FILE: Final[Schema] = {"type": "string", "minLength": 1, "pattern": r"^((?!\$\{).)*$"}
_WITH_SET: Final[Schema] = {"type": "object", "required": ["set"]}
#: options that are missing here may come from an included file, or from a source's `set:`
_COMPLETED_ELSEWHERE: Final[Schema] = {
    "anyOf": [
        {"required": ["include"]},
        {"required": ["source"], "properties": {"source": _WITH_SET}},
        {
            "required": ["sources"],
            "properties": {"sources": {"not": {"additionalProperties": {"not": _WITH_SET}}}},
        },
    ]
}


def _named(pattern: str) -> Schema:
    return {"pattern": f"^{pattern}$", "not": {"const": SOURCE_ID}}


def _mapping(pattern: str, item: Schema) -> Schema:
    names = {"pattern": f"^{pattern}$"} if pattern == SOURCE_NAME.pattern else _named(pattern)
    return {"type": "object", "propertyNames": names, "minProperties": 1, "additionalProperties": item}


def _stage(spec: StageSpec) -> Schema:
    """The keys of a stage's long form; what it requires is told apart, as it may stand elsewhere."""
    shape = params_schema(spec.params)
    shape.pop("required", None)
    shape["properties"] = {
        "use": {"const": spec.name, "description": spec.summary},
        **{str(name): {"$ref": f"#/$defs/key.{name}"} for name in STAGE_KEYS if name != "use"},
        **{name: _opened(part) for name, part in shape["properties"].items()},
    }
    return shape | {"description": spec.summary}


def _entry(registry: Registry, *, whole: bool) -> Schema:
    """An entry of the graph: a bare word, or the long form, told apart by `use`."""
    names = [spec.name for spec in registry]
    needs = {spec.name: [p.name for p in parameters(spec.params) if p.required] for spec in registry}
    words = [name for name in names if not (whole and needs[name])]
    cases = [
        {
            "if": {"properties": {"use": {"const": name}}, "required": ["use"]},
            "then": {"$ref": f"#/$defs/{name}", "required": needs[name] if whole else []},
        }
        for name in names
    ]
    use = {"anyOf": [{"enum": names}, _REFERENCE], "description": STAGE_KEYS["use"].meaning}
    shape: Schema = {"type": "object", "properties": {"use": use}, "allOf": cases}
    return {"anyOf": [{"enum": words}, _REFERENCE, shape | ({"required": ["use"]} if whole else {})]}


def _source(registry: Registry) -> Schema:
    """An address, or the long form of one of the kinds."""
    kinds = [_source_kind(spec) for spec in registry.sources.values()]
    return {"anyOf": [{"type": "string", "minLength": 1}, {"type": "integer", "minimum": 0}, *kinds]}


def _source_kind(spec: SourceSpec) -> Schema:
    use = {"anyOf": [{"const": spec.name}, _REFERENCE], "description": SOURCE_KEYS["use"].meaning}
    shape = params_schema(spec.params, {"set": SOURCE_KEYS["set"].schema()})
    shape["properties"] = {n: _opened(part) for n, part in shape["properties"].items()} | {"use": use}
    return shape | {"description": spec.summary, "anyOf": [{"required": ["use"]}, {"required": ["uri"]}]}


def _opened(part: Schema) -> Schema:
    """The same, with ``${...}`` allowed in the place of every value in it."""
    inner = _opened_inside(part)
    if inner.get("type") == "string" and not {"pattern", "enum", "const"} & inner.keys():
        return inner
    if "anyOf" in inner:
        return {**inner, "anyOf": [*inner["anyOf"], _REFERENCE]}
    described = {"description": inner.pop("description")} if "description" in inner else {}
    return {"anyOf": [inner, _REFERENCE], **described}


def _opened_inside(part: Schema) -> Schema:
    inner: Schema = dict(part)
    if "properties" in part:
        inner["properties"] = {name: _opened(child) for name, child in part["properties"].items()}
    if "anyOf" in part:
        inner["anyOf"] = [_opened_inside(child) for child in part["anyOf"]]
    for name in ("items", "additionalProperties"):
        if isinstance(part.get(name), Mapping):
            inner[name] = _opened(part[name])
    return inner
