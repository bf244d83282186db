"""Kinds of values: how an annotation reads a plain value, describes itself, and becomes a JSON Schema.

One object per kind serves the YAML reader, the Python API, the help pages and the editors' schema, so
that the four never disagree.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

from vidstream.errors import ParamError, did_you_mean
from vidstream.types.values import Range, Secret, Uri

ValuePath: TypeAlias = tuple[str | int, ...]
Schema: TypeAlias = dict[str, Any]

#: what `read` gives where it has reported a problem instead of a value
INVALID: Final = object()


@dataclass(slots=True)
class Reading:
    """Collects every problem of one description; `base` is the folder that relative inputs start from."""

    base: Path = field(default_factory=Path)
    problems: list[ParamError] = field(default_factory=list)

    def fail(self, what: str, path: ValuePath, *, fix: str = "", at_key: bool = False) -> Any:
        """Note a problem; gives INVALID so that callers can return it."""
        self.problems.append(ParamError(what, path=path, fix=fix, at_key=at_key))
        return INVALID


class Kind(Protocol):
    """What one annotation means."""

    def read(self, value: Any, path: ValuePath, reading: Reading) -> Any:
        """The typed value, or INVALID after noting why not."""

    def schema(self) -> Schema:
        """As JSON Schema."""

    def describe(self) -> str:
        """In words, for help pages and messages: "a number between 0 and 1"."""


def shown(value: Any) -> str:
    """A value as messages show it, kept short."""
    if isinstance(value, Secret | Uri):
        return str(value)
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value)
    return text if len(text) <= 40 else text[:36] + "...'"


def wrong(kind: Kind, value: Any, path: ValuePath, reading: Reading) -> Any:
    """Note that `value` is not of this kind."""
    return reading.fail(f"expected {kind.describe()}, got {shown(value)}", path)


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false."""

    def read(self, value: Any, path: ValuePath, reading: Reading) -> Any:
        """Only real booleans: `yes` and 1 stay what they are."""
        return value if isinstance(value, bool) else wrong(self, value, path, reading)

    def schema(self) -> Schema:
        """As JSON Schema."""
        return {"type": "boolean"}

    def describe(self) -> str:
        """In words."""
        return "true or false"


@dataclass(frozen=True, slots=True)
class Number:
    """A whole or real number within bounds."""

    whole: bool = False
    bounds: Range | None = None

    def read(self, value: Any, path: ValuePath, reading: Reading) -> Any:
        """Booleans and non-finite numbers are refused; whole numbers pass as real ones."""
        fits = isinstance(value, int if self.whole else int | float) and not isinstance(value, bool)
        if not fits or not math.isfinite(value):
            return wrong(self, value, path, reading)
        if self.bounds is not None and value not in self.bounds:
            return wrong(self, value, path, reading)
        return value if self.whole else float(value)

    def schema(self) -> Schema:
        """As JSON Schema."""
        schema: Schema = {"type": "integer" if self.whole else "number"}
        if self.bounds is not None:
            if self.bounds.low is not None:
                schema["exclusiveMinimum" if self.bounds.open_low else "minimum"] = self.bounds.low
            if self.bounds.high is not None:
                schema["maximum"] = self.bounds.high
        return schema

    def describe(self) -> str:
        """In words."""
        noun = "a whole number" if self.whole else "a number"
        return noun if self.bounds is None else f"{noun} {self.bounds}"


_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d)")
_SCALE = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True)
class Duration:
    """Seconds, or a number with its unit."""

    bounds: Range | None = None

    def read(self, value: Any, path: ValuePath, reading: Reading) -> Any:
        """``2``, ``0.5``, ``500ms``, ``2m``, ``1h``, ``90d``."""
        if isinstance(value, str) and (match := _DURATION.fullmatch(value.strip())):
            value = float(match[1]) * _SCALE[match[2]]
        number = Number(bounds=self.bounds)
        silent = Reading()
        seconds = number.read(value, path, silent)
        return wrong(self, value, path, reading) if seconds is INVALID else seconds

    def schema(self) -> Schema:
        """As JSON Schema."""
        number = Number(bounds=self.bounds).schema()
        return {"anyOf": [number, {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*(ms|s|m|min|h|d)\s*$"}]}

    def describe(self) -> str:
        """In words."""
        return "a duration (seconds, or 500ms, 2s, 5m, 1h, 7d)"


@dataclass(frozen=True, slots=True)
class Text:
    """A text; where `wrap` is given, it is kept in that type (Secret, Uri, a model's name ...)."""

    what: str = "a text"
    wrap: Any = str

    def read(self, value: Any, path: ValuePath, reading: Reading) -> Any:
        """A number is not a text: quotes make it one."""
        if isinstance(self.wrap, type) and isinstance(value, self.wrap) and value != "":
            return value
        if not isinstance(value, str) or not value:
            hint = "put it in quotes" if isinstance(value, int | float) else ""
            got = "***" if self.wrap is Secret else shown(value)
            return reading.fail(f"expected {self.what}, got {got}", path, fix=hint)
        return self.wrap(value)

    def schema(self) -> Schema:
        """As JSON Schema."""
        return {"type": "string", "minLength": 1}

    def describe(self) -> str:
        """In words."""
        return self.what


@dataclass(frozen=True, slots=True)
class Choice:
    """One word of a fixed set."""

    words: tuple[Any, ...]

    def read(self, value: Any, path: ValuePath, reading: Reading) -> Any:
        """The word itself; a near miss is named."""
        if value in self.words and not isinstance(value, bool):
            return value
        return reading.fail(
            f"expected {self.describe()}, got {shown(value)}", path, fix=did_you_mean(value, self.words)
        )

    def schema(self) -> Schema:
        """As JSON Schema."""
        return {"enum": list(self.words)}

    def describe(self) -> str:
        """In words."""
        words = [str(w) for w in self.words]
        return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


_FILE_ROLES = {
    "file": "a file",
    "folder": "a folder",
    "pattern": "a folder or a pattern such as frames/*.jpg",
    "output": "a path to write to",
    "shared": "a path to write to",
}


@dataclass(frozen=True, slots=True)
class FilePath:
    """A file, folder or pattern: read ones must exist now, written ones are checked when opened."""

    role: str

    def read(self, value: Any, path: ValuePath, reading: Reading) -> Any:
        """Inputs are resolved against the folder of the YAML file, and looked for."""
        if isinstance(value, Path):
            value = str(value)
        if not isinstance(value, str) or not value or "\0" in value:
            return wrong(self, value, path, reading)
        if self.role in ("output", "shared"):
            return Path(value)
        found = reading.base / _expanded(value)
        if self._exists(found):
            return found
        if self.role == "pattern":
            return reading.fail(f"'{found}' matches no file", path, fix="check the path")
        problem = "is not a folder" if self.role == "folder" else "exists, but is not a regular file"
        if not _there(found):
            problem = "does not exist"
        return reading.fail(f"{self.role} '{found}' {problem}", path, fix="check the path")

    def _exists(self, found: Path) -> bool:
        try:
            if self.role == "pattern" and not found.is_dir():
                return next(found.parent.glob(found.name), None) is not None
            return found.is_file() if self.role == "file" else found.is_dir()
        except (OSError, ValueError):  # a name too long, a pattern that is none
            return False

    def schema(self) -> Schema:
        """As JSON Schema."""
        return {"type": "string", "minLength": 1}

    def describe(self) -> str:
        """In words."""
        return _FILE_ROLES[self.role]


@dataclass(frozen=True, slots=True)
class NameOrFile:
    """A name that the stage knows, or a file; the stage's `check` tells which names there are.

    What has a separator, or ends in a dot and one of `endings`, is a path, whatever lies there.
    """

    what: str
    endings: str = r"[A-Za-z][A-Za-z0-9]*"

    def read(self, value: Any, path: ValuePath, reading: Reading) -> Any:
        """A text; where it is a path, resolved against the folder of the YAML file."""
        text = str(value) if isinstance(value, Path) else value
        text = Text(self.what).read(text, path, reading)
        if text is INVALID or not re.fullmatch(rf".*[/\\].*|.*\.({self.endings})", text, re.DOTALL):
            return text
        return wrong(self, value, path, reading) if "\0" in text else str(reading.base / _expanded(text))

    def schema(self) -> Schema:
        """As JSON Schema."""
        return {"type": "string", "minLength": 1}

    def describe(self) -> str:
        """In words."""
        return self.what


def _expanded(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # the home of somebody who does not exist
        return Path(text)


def _there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long
        return False


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of one kind; a single value stands for a list of one. `length` fixes how many."""

    item: Kind
    length: int | None = None

    def read(self, value: Any, path: ValuePath, reading: Reading) -> Any:
        """A tuple of read items."""
        if not isinstance(value, list | tuple):
            if self.length is not None or isinstance(value, Mapping) or value is None:
                return wrong(self, value, path, reading)
            value = [value]
        if self.length is not None and len(value) != self.length:
            return wrong(self, value, path, reading)
        items = tuple(self.item.read(v, (*path, i), reading) for i, v in enumerate(value))
        return INVALID if INVALID in items else items

    def schema(self) -> Schema:
        """As JSON Schema."""
        listing: Schema = {"type": "array", "items": self.item.schema()}
        if self.length is not None:
            return listing | {"minItems": self.length, "maxItems": self.length}
        return {"anyOf": [self.item.schema(), listing]}

    def describe(self) -> str:
        """In words."""
        count = "" if self.length is None else f" of {self.length}"
        return f"a list{count}, each {self.item.describe()}"


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping from names to one kind."""

    item: Kind

    def read(self, value: Any, path: ValuePath, reading: Reading) -> Any:
        """A dict of read items."""
        if not isinstance(value, Mapping):
            return wrong(self, value, path, reading)
        items = {}
        for key, v in value.items():
            if not isinstance(key, str):
                reading.fail(
                    f"expected a name, got {shown(key)}", (*path, key), fix="put it in quotes", at_key=True
                )
                continue
            items[key] = self.item.read(v, (*path, key), reading)
        return INVALID if INVALID in items.values() else items

    def schema(self) -> Schema:
        """As JSON Schema."""
        return {"type": "object", "additionalProperties": self.item.schema()}

    def describe(self) -> str:
        """In words."""
        return f"a mapping, each value {self.item.describe()}"


@dataclass(frozen=True, slots=True)
class OneOf:
    """The first kind that fits; `None` among them stands for "left out"."""

    kinds: tuple[Kind | None, ...]

    def read(self, value: Any, path: ValuePath, reading: Reading) -> Any:
        """Tries each kind. Where none fits: what the only one says whose fault lies inside the value, or the
        names of all.
        """
        if value is None and None in self.kinds:
            return None
        real = [k for k in self.kinds if k is not None]
        if len(real) == 1:
            return real[0].read(value, path, reading)
        trials = []
        for kind in real:
            trial = Reading(reading.base)
            found = kind.read(value, path, trial)
            if found is not INVALID and not trial.problems:
                return found
            trials.append(trial)
        inside = [t for t in trials if all(len(p.path) > len(path) for p in t.problems)]
        if len(inside) == 1:
            reading.problems += inside[0].problems
            return INVALID
        return wrong(self, value, path, reading)

    def schema(self) -> Schema:
        """As JSON Schema."""
        return {"anyOf": [{"type": "null"} if k is None else k.schema() for k in self.kinds]}

    def describe(self) -> str:
        """In words."""
        return " or ".join(k.describe() for k in self.kinds if k is not None)
