"""Keys of the YAML that belong to the engine: how each is read, and what it means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from vidstream.config.nodes import Key
from vidstream.graph.description import OnError, Ref, When
from vidstream.graph.kinds import (
    INVALID,
    Duration,
    Flag,
    Listing,
    Number,
    Reading,
    Schema,
    Text,
    ValuePath,
    wrong,
)
from vidstream.graph.params import Parameter, kind_of, params_schema, read_params
from vidstream.types.values import Positive, Range

STAGE_ID: Final = re.compile(r"[a-z][a-z0-9_]*")
SOURCE_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
#: ``stage.option``, or further into an option's value
OPTION: Final = re.compile(r"[a-z][a-z0-9_]*(\.[^.]+)+")
_REF: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?")

_REF_SCHEMA: Final[Schema] = {"type": "string", "pattern": f"^{_REF.pattern}$"}


@dataclass(frozen=True, slots=True)
class Rate:
    """How often a stage runs: every `frames`-th frame, at most once per `period` seconds."""

    frames: int = 1
    period: float = 0.0


@dataclass(frozen=True, slots=True)
class Every:
    """A number of frames, or a duration with its unit."""

    def read(self, value: Any, path: ValuePath, reading: Reading) -> Any:
        """As `Rate`. A number with a point but without a unit could mean either, and is refused."""
        silent = Reading()
        if isinstance(value, str):
            period = Duration(Range(0.0, open_low=True)).read(value, path, silent)
            return wrong(self, value, path, reading) if period is INVALID else Rate(period=period)
        frames = Number(whole=True, bounds=Range(1)).read(value, path, silent)
        return wrong(self, value, path, reading) if frames is INVALID else Rate(frames=frames)

    def schema(self) -> Schema:
        """As JSON Schema."""
        text = next(s for s in Duration().schema()["anyOf"] if s["type"] == "string")
        return {"anyOf": [{"type": "integer", "minimum": 1}, text]}

    def describe(self) -> str:
        """In words."""
        return "a number of frames (3) or a duration with its unit (500ms, 2s)"


@dataclass(frozen=True, slots=True)
class Condition:
    """A stage's id, or the fields of `When`."""

    def read(self, value: Any, path: ValuePath, reading: Reading) -> Any:
        """As `When`."""
        if isinstance(value, Mapping):
            made = read_params(When, value, path, reading)
            return (
                INVALID if made is INVALID or _ref(made.stage, (*path, "stage"), reading) is INVALID else made
            )
        return INVALID if _ref(value, path, reading) is INVALID else When(value)

    def schema(self) -> Schema:
        """As JSON Schema."""
        fields = params_schema(When)
        fields["properties"]["stage"].update(_REF_SCHEMA)
        return {"anyOf": [_REF_SCHEMA, fields]}

    def describe(self) -> str:
        """In words."""
        return "the id of a stage, or {stage: id, at_least: 1, hold: 2s}"


@dataclass(frozen=True, slots=True)
class Inputs:
    """Where inputs come from: a reference, several, or one or several for each port."""

    def read(self, value: Any, path: ValuePath, reading: Reading) -> Any:
        """As port -> references; the port "" stands for all ports that fit."""
        if not isinstance(value, Mapping):
            refs = _refs(value, path, reading)
            return INVALID if refs is INVALID else {"": refs}
        bound = {
            port: () if given is None else _refs(given, (*path, port), reading)
            for port, given in value.items()
        }
        return INVALID if INVALID in bound.values() else bound

    def schema(self) -> Schema:
        """As JSON Schema."""
        several = {"type": "array", "items": _REF_SCHEMA, "minItems": 1, "uniqueItems": True}
        port = {"anyOf": [_REF_SCHEMA, several, {"type": "null"}]}
        return {"anyOf": [_REF_SCHEMA, several, {"type": "object", "additionalProperties": port}]}

    def describe(self) -> str:
        """In words."""
        return "a stage's id or id.port, a list of them, or a mapping from inputs to them"


@dataclass(frozen=True, slots=True)
class OptionTable:
    """Options of stages by ``stage.option``, with any values."""

    def read(self, value: Any, path: ValuePath, reading: Reading) -> Any:
        """As path -> value."""
        if not isinstance(value, Mapping):
            return wrong(self, value, path, reading)
        for key in value:
            if not isinstance(key, str) or not OPTION.fullmatch(key):
                fix = "write stage.option: value"
                reading.fail(f"'{key}' leads to no option", (*path, key), fix=fix, at_key=True)
        return {tuple(key.split(".")): v for key, v in value.items() if isinstance(key, str)}

    def schema(self) -> Schema:
        """As JSON Schema."""
        return {"type": "object", "propertyNames": {"pattern": f"^{OPTION.pattern}$"}}

    def describe(self) -> str:
        """In words."""
        return "a mapping such as {stage.option: value}"


def _refs(value: Any, path: ValuePath, reading: Reading) -> Any:
    if not isinstance(value, list):
        ref = _ref(value, path, reading)
        return INVALID if ref is INVALID else (ref,)
    if not value:
        return reading.fail("the list is empty", path, fix="name a stage, or leave 'in' out")
    refs = [_ref(item, (*path, i), reading) for i, item in enumerate(value)]
    if INVALID in refs:
        return INVALID
    again = next((i for i, ref in enumerate(refs) if ref in refs[:i]), None)
    if again is not None:
        return reading.fail(f"'{refs[again]}' is named twice", (*path, again), fix="name it once")
    return tuple(refs)


def _ref(value: Any, path: ValuePath, reading: Reading) -> Ref | Any:
    if isinstance(value, str) and _REF.fullmatch(value):
        return value
    return wrong(Text("the id of a stage, or id.port"), value, path, reading)


#: keys of every entry under `graph:`
STAGE_KEYS: Final[Mapping[Key, Parameter]] = {
    p.name: p
    for p in (
        Parameter("use", Text("the name of a stage"), "which stage this is; 'stages' lists all"),
        Parameter(
            "in", Inputs(), "where its inputs come from; left out: the nearest earlier stage that fits"
        ),
        Parameter("every", Every(), "run on every n-th frame (3), or once per so much time (500ms)"),
        Parameter(
            "max_fps", Number(bounds=Range(0.0, open_low=True)), "run at most so many times per second"
        ),
        Parameter("sources", Listing(Text("the name of a source")), "only for these sources"),
        Parameter("when", Condition(), "only on frames where another stage has something"),
        Parameter("on_error", kind_of(OnError), "what a failure does to the frame; left out: run.on_error"),
        Parameter("workers", kind_of(Positive), "threads that share its frames (stages without memory only)"),
        Parameter("enabled", Flag(), "false leaves it out"),
    )
}

#: keys of every source in its long form
SOURCE_KEYS: Final[Mapping[Key, Parameter]] = {
    p.name: p
    for p in (
        Parameter("use", Text("a kind of source"), "which kind it is; left out: found from the address"),
        Parameter("set", OptionTable(), "options of stages for this source only: {stage.option: value}"),
    )
}
