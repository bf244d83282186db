"""Amounts of data as parameters: ``500MB``, ``2GB``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from vidstream.graph.kinds import INVALID, Number, Reading, Schema, ValuePath, wrong
from vidstream.types.values import Range

_PATTERN = r"(\d+(?:\.\d+)?)\s*(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)"
_AMOUNT = re.compile(_PATTERN)
_SCALE = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SCALE |= {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


@dataclass(frozen=True, slots=True)
class ByteSize:
    """A number of bytes, or a number with its unit; kB, MB ... count by 1000, KiB, MiB ... by 1024."""

    bounds: Range | None = None

    def read(self, value: Any, path: ValuePath, reading: Reading) -> Any:
        """``1000000``, ``500MB``, ``1.5GB``, ``4GiB``."""
        if isinstance(value, str) and (match := _AMOUNT.fullmatch(value.strip())):
            value = round(float(match[1]) * _SCALE[match[2]])
        size = Number(whole=True, bounds=self.bounds).read(value, path, Reading())
        return wrong(self, value, path, reading) if size is INVALID else size

    def schema(self) -> Schema:
        """As JSON Schema."""
        number = Number(whole=True, bounds=self.bounds).schema()
        return {"anyOf": [number, {"type": "string", "pattern": rf"^\s*{_PATTERN}\s*$"}]}

    def describe(self) -> str:
        """In words."""
        return "an amount of data (bytes, or 500MB, 2GB, 4GiB)"
