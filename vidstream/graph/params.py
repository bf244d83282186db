"""Parameters of a stage: a frozen dataclass read as a specification.

Each field's annotation gives its kind, its default its default, and the ``#:`` comment beside it its
meaning. One reading serves validation, help pages and the JSON Schema.
"""

from __future__ import annotations

import dataclasses
import inspect
import keyword
import re
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Union

from vidstream.errors import ParamError, did_you_mean
from vidstream.graph.kinds import (
    INVALID,
    Choice,
    Duration,
    FilePath,
    Flag,
    Kind,
    Listing,
    NameOrFile,
    Number,
    OneOf,
    Reading,
    Schema,
    Table,
    Text,
    ValuePath,
    wrong,
)
from vidstream.graph.shapes import ColourKind, Coordinates
from vidstream.graph.sizes import ByteSize
from vidstream.types import values as v

#: what the names of networks' files end in
_NETWORKS = "onnx|tflite|weights|cfg|caffemodel|prototxt|pb|pbtxt|pt"

_SCALARS: dict[Any, Kind] = {
    bool: Flag(),
    int: Number(whole=True),
    float: Number(),
    str: Text(),
    v.Point: Coordinates(v.Point),
    v.Line: Coordinates(v.Line),
    v.Polygon: Coordinates(v.Polygon),
    v.Box: Coordinates(v.Box),
    v.Colour: ColourKind(),
    v.Secret: Text("a secret text", v.Secret),
    v.Uri: Text("an address or path", v.Uri),
    v.InputFile: FilePath("file"),
    v.InputFolder: FilePath("folder"),
    v.InputPattern: FilePath("pattern"),
    v.OutputFile: FilePath("output"),
    v.SharedFile: FilePath("shared"),
    v.FileOrName: NameOrFile("a known name, or a file"),
    v.StageId: Text("the id of a stage", v.StageId),
    v.ModelName: NameOrFile("a model's name or file", _NETWORKS),
}


def kind_of(annotation: Any) -> Kind:
    """The kind an annotation stands for; TypeError names an annotation that parameters cannot have."""
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _annotated(args[0], args[1:])
    if origin is Literal:
        return Choice(args)
    if origin in (Union, types.UnionType):
        return OneOf(tuple(None if a is type(None) else kind_of(a) for a in args))
    if origin is tuple:
        return Listing(kind_of(args[0]), None if args[-1] is Ellipsis else len(args))
    if origin is not None and issubclass(origin, Mapping):
        return Table(kind_of(args[1]))
    if dataclasses.is_dataclass(annotation):
        return Nested(annotation)  # type: ignore[arg-type]  # is_dataclass also admits instances
    raise TypeError(f"a parameter cannot have the type {annotation!r}")


def _annotated(base: Any, marks: tuple[Any, ...]) -> Kind:
    bounds = next((m for m in marks if isinstance(m, v.Range)), None)
    if v.Unit("s") in marks:
        return Duration(bounds)
    if v.Unit("B") in marks:
        return ByteSize(bounds)
    if base in (int, float):
        return Number(whole=base is int, bounds=bounds)
    return kind_of(base)


#: the default of a parameter that has none
REQUIRED: Final = object()


@dataclass(frozen=True, slots=True)
class Parameter:
    """One field of a ``Params`` class; ``for_`` and the like are written without their underscore."""

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    default: Any = REQUIRED

    @property
    def required(self) -> bool:
        """True where a value must be given."""
        return self.default is REQUIRED

    @property
    def field(self) -> str:
        """The name of the field: one that is a word of Python itself ends in an underscore."""
        return f"{self.name}_" if keyword.iskeyword(self.name) else self.name

    def schema(self) -> Schema:
        """As JSON Schema, with meaning."""
        return {**self.kind.schema(), "description": self.meaning + (f" [{self.unit}]" if self.unit else "")}


@cache
def parameters(cls: type) -> tuple[Parameter, ...]:
    """The parameters of a dataclass, in order."""
    hints = typing.get_type_hints(cls, include_extras=True)
    meanings = _meanings(cls)
    return tuple(
        Parameter(
            f.name.removesuffix("_"),
            kind_of(hints[f.name]),
            meanings.get(f.name, ""),
            _unit(hints[f.name]),
            _default(f),
        )
        for f in dataclasses.fields(cls)
    )


def read_params(cls: type, given: Any, path: ValuePath, reading: Reading) -> Any:
    """An instance of `cls` from a mapping, or INVALID after noting every problem in it."""
    if not isinstance(given, Mapping):
        return reading.fail("expected a mapping of options", path)
    known = {p.name: p for p in parameters(cls)}
    ok = True
    for key in given:
        if key not in known:
            hint = did_you_mean(key, list(known)) or f"known are {', '.join(sorted(known)) or 'none'}"
            reading.fail("unknown option", (*path, key), fix=hint, at_key=True)
            ok = False
    found = {}
    for name, parameter in known.items():
        if name in given:
            found[name] = parameter.kind.read(given[name], (*path, name), reading)
        elif parameter.required:
            reading.fail(f"'{name}' is missing", path, fix=f"give {parameter.kind.describe()}", at_key=True)
            ok = False
    if not ok or INVALID in found.values():
        return INVALID
    return _built(cls, found, path, reading)


def make_params(cls: type, given: Mapping[str, Any], where: str, base: Path | None = None) -> Any:
    """An instance of `cls` from code; the first problem is raised as ParamError."""
    reading = Reading(base or Path())
    made = read_params(cls, given, (where,) if where else (), reading)
    if reading.problems:
        raise reading.problems[0]
    return made


def _built(cls: type, found: Mapping[str, Any], path: ValuePath, reading: Reading) -> Any:
    """Build it; a dataclass may check fields against each other by raising ParamError."""
    try:
        return cls(**{p.field: found[p.name] for p in parameters(cls) if p.name in found})
    except ParamError as error:
        at = (*path, *error.path) if error.path and error.path[0] in found else path
        return reading.fail(error.what, at, fix=error.fix)


@dataclass(frozen=True, slots=True)
class Nested:
    """A mapping read into another dataclass."""

    cls: type

    def read(self, value: Any, path: ValuePath, reading: Reading) -> Any:
        """The dataclass."""
        if isinstance(value, self.cls):
            return value
        if not isinstance(value, Mapping):
            return wrong(self, value, path, reading)
        return read_params(self.cls, value, path, reading)

    def schema(self) -> Schema:
        """As JSON Schema."""
        return params_schema(self.cls)

    def describe(self) -> str:
        """In words."""
        names = [p.name for p in parameters(self.cls)]
        return f"a mapping with {', '.join(names[:3])}{' ...' if len(names) > 3 else ''}"


def inner_parameters(kind: Kind) -> tuple[Parameter, ...]:
    """The parameters of the mapping that a value of this kind is, or may be."""
    if isinstance(kind, Nested):
        return parameters(kind.cls)
    kinds = kind.kinds if isinstance(kind, OneOf) else ()
    return next((parameters(k.cls) for k in kinds if isinstance(k, Nested)), ())


def params_schema(
    cls: type, extra: Mapping[str, Schema] | None = None, required: Sequence[str] = ()
) -> Schema:
    """JSON Schema of a dataclass; `extra` are keys allowed beside its fields."""
    fields = parameters(cls)
    needed = [*required, *(p.name for p in fields if p.required)]
    schema: Schema = {
        "type": "object",
        "properties": {**(extra or {}), **{p.name: p.schema() for p in fields}},
        "additionalProperties": False,
    }
    return schema | ({"required": needed} if needed else {})


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return REQUIRED if field.default is dataclasses.MISSING else field.default


def _unit(annotation: Any) -> str:
    marks = typing.get_args(annotation)
    for mark in marks:
        if isinstance(mark, v.Unit):
            return mark.name
    return next((unit for mark in marks if (unit := _unit(mark))), "")


_FIELD = re.compile(r"\s*(\w+)\s*:[^#\n]*(?:#:\s*(.+))?$")
_BEHIND = re.compile(r"#:\s*(.+)$")


def _meanings(cls: type) -> dict[str, str]:
    """Field name -> the ``#:`` comment behind it or on the lines above it, base classes included."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if not dataclasses.is_dataclass(base):
            continue
        declared = getattr(base, "__meanings__", None)
        found.update(_scan(_source(base)) if declared is None else declared)
    return found


def _source(cls: type) -> str:
    try:
        return inspect.getsource(cls)
    except (OSError, TypeError):  # made at run time, or typed into an interpreter
        return ""


def _scan(source: str) -> dict[str, str]:
    found: dict[str, str] = {}
    above: list[str] = []
    begun = ""  # a field that goes on in the next line
    for line in source.splitlines():
        stripped = line.strip()
        if stripped.startswith("#:"):
            above.append(stripped[2:].strip())
            continue
        if match := _FIELD.match(line):
            begun = match[1] if stripped.endswith(("(", "[")) else ""
            if meaning := match[2] or " ".join(above):
                found[match[1]] = meaning
        elif begun and (behind := _BEHIND.search(line)):
            found[begun] = behind[1]
        above = []
    return found
