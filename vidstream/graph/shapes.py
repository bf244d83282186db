"""Kinds of values that are drawn: points, lines, polygons, boxes, colours."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vidstream.errors import ParamError, did_you_mean
from vidstream.graph.kinds import INVALID, Listing, Number, Reading, Schema, ValuePath, shown, wrong
from vidstream.types.values import Box, Colour, Line, Point, Polygon, Range


@dataclass(frozen=True, slots=True)
class Coordinates:
    """A point, line, polygon or box: numbers in fractions of the picture, or in pixels under ``px``."""

    shape: type[Point] | type[Line] | type[Polygon] | type[Box]

    def read(self, value: Any, path: ValuePath, reading: Reading) -> Any:
        """The shape; every fault is named with the place inside the value."""
        if isinstance(value, self.shape):
            return value
        px = isinstance(value, Mapping) and set(value) == {"px"}
        numbers, at = (value["px"], (*path, "px")) if px else (value, path)
        if not isinstance(numbers, list | tuple):
            return wrong(self, value, path, reading)
        if self.shape is Point:
            return self._point(numbers, px, at, reading)
        if self.shape is Box:
            return self._box(numbers, px, at, reading)
        return self._path(numbers, px, at, reading)

    def _point(self, numbers: Sequence[Any], px: bool, path: ValuePath, reading: Reading) -> Any:
        pair = self._numbers(numbers, 2, px, path, reading)
        return INVALID if pair is INVALID else Point(pair[0], pair[1], px)

    def _box(self, numbers: Sequence[Any], px: bool, path: ValuePath, reading: Reading) -> Any:
        four = self._numbers(numbers, 4, px, path, reading)
        if four is INVALID:
            return INVALID
        if four[2] <= four[0] or four[3] <= four[1]:
            return reading.fail("the box is empty", path, fix="give x1, y1, x2, y2 with x1 < x2 and y1 < y2")
        return Box(Point(four[0], four[1], px), Point(four[2], four[3], px))

    def _path(self, corners: Sequence[Any], px: bool, path: ValuePath, reading: Reading) -> Any:
        enough = len(corners) == 2 if self.shape is Line else len(corners) >= 3
        if not enough:
            return wrong(self, corners, path, reading)
        points = [
            Coordinates(Point).read(
                {"px": c} if px and not isinstance(c, Mapping) else c, (*path, i), reading
            )
            for i, c in enumerate(corners)
        ]
        if INVALID in points:
            return INVALID
        if self.shape is Line and points[0] == points[1]:
            return reading.fail("the line's two points are the same", path, fix="give two different points")
        return Line(*points) if self.shape is Line else Polygon(tuple(points))

    def _numbers(self, values: Sequence[Any], count: int, px: bool, path: ValuePath, reading: Reading) -> Any:
        if len(values) != count:
            return wrong(self, values, path, reading)
        item = Number() if px else Number(bounds=Range(0.0, 1.0))
        read = [item.read(v, (*path, i), reading) for i, v in enumerate(values)]
        if INVALID in read and not px:
            last = reading.problems[-1]
            reading.problems[-1] = ParamError(
                last.what,
                path=last.path,
                fix="fractions of the picture are meant; write {px: [...]} for pixels",
            )
        return INVALID if INVALID in read else read

    def schema(self) -> Schema:
        """As JSON Schema."""

        def of(item: Schema) -> Schema:
            pair = {"type": "array", "items": item, "minItems": 2, "maxItems": 2}
            if self.shape is Point:
                return pair
            if self.shape is Box:
                return {"type": "array", "items": item, "minItems": 4, "maxItems": 4}
            corner = {"anyOf": [pair, Coordinates(Point).schema()]} if item == _FRACTION else pair
            line = self.shape is Line
            return {"type": "array", "items": corner, "minItems": 2 if line else 3} | (
                {"maxItems": 2} if line else {}
            )

        pixels = {"type": "object", "properties": {"px": of({"type": "number"})}, "required": ["px"]}
        return {"anyOf": [of(_FRACTION), pixels | {"additionalProperties": False}]}

    def describe(self) -> str:
        """In words."""
        return {
            Point: "a point [x, y]",
            Line: "a line of two points [[x, y], [x, y]]",
            Polygon: "a polygon of three or more points [x, y]",
            Box: "a box [x1, y1, x2, y2]",
        }[self.shape]


_FRACTION: Schema = {"type": "number", "minimum": 0, "maximum": 1}

#: names people expect, as red, green, blue
COLOURS: dict[str, tuple[int, int, int]] = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "gray": (128, 128, 128),
    "red": (230, 57, 70),
    "orange": (244, 140, 6),
    "yellow": (255, 209, 0),
    "green": (46, 196, 110),
    "teal": (18, 170, 170),
    "cyan": (72, 202, 228),
    "blue": (58, 110, 230),
    "purple": (140, 82, 220),
    "magenta": (214, 51, 170),
    "pink": (255, 143, 171),
    "brown": (140, 94, 60),
}


@dataclass(frozen=True, slots=True)
class ColourKind:
    """A colour by name, ``"#rrggbb"`` or three numbers."""

    def read(self, value: Any, path: ValuePath, reading: Reading) -> Any:
        """As red, green, blue."""
        if isinstance(value, Colour):
            return value
        if isinstance(value, str) and value in COLOURS:
            return Colour(*COLOURS[value])
        if isinstance(value, str) and re.fullmatch(r"#[0-9a-fA-F]{6}", value):
            return Colour(*bytes.fromhex(value[1:]))
        byte = Number(whole=True, bounds=Range(0, 255))
        if isinstance(value, list | tuple):
            triple = Listing(byte, length=3).read(value, path, Reading())
            if triple is not INVALID:
                return Colour(*triple)
        return reading.fail(
            f"expected {self.describe()}, got {shown(value)}", path, fix=did_you_mean(value, tuple(COLOURS))
        )

    def schema(self) -> Schema:
        """As JSON Schema."""
        byte = Number(whole=True, bounds=Range(0, 255))
        hexadecimal = {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"}
        return {"anyOf": [{"enum": list(COLOURS)}, hexadecimal, Listing(byte, length=3).schema()]}

    def describe(self) -> str:
        """In words."""
        return 'a colour (a name such as red, "#rrggbb", or [red, green, blue])'
