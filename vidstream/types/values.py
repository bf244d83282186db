"""Value types for parameters: what a YAML scalar means once it has been read.

Annotate a field of a stage's ``Params`` with one of these and the reader, the JSON Schema, the
help pages and the error messages all follow from it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, NewType, TypeAlias


@dataclass(frozen=True, slots=True)
class Range:
    """Bounds of a number, both ends included unless `open_low`."""

    low: float | None = None
    high: float | None = None
    open_low: bool = False

    def __contains__(self, value: float) -> bool:
        if self.low is not None and (value < self.low or (self.open_low and value == self.low)):
            return False
        return self.high is None or value <= self.high

    def __str__(self) -> str:
        if self.low is not None and self.high is not None:
            return f"between {self.low:g} and {self.high:g}"
        if self.low is not None:
            return f"above {self.low:g}" if self.open_low else f"{self.low:g} or more"
        return f"{self.high:g} or less"


@dataclass(frozen=True, slots=True)
class Unit:
    """The unit a number is in, as the help pages show it."""

    name: str


#: A duration. YAML: a number of seconds, or ``500ms``, ``2s``, ``5m``, ``1h``, ``7d``.
Seconds: TypeAlias = Annotated[float, Unit("s"), Range(0.0)]
#: An amount of data. YAML: a number of bytes, or ``500MB``, ``2GB``, ``4GiB``.
Bytes: TypeAlias = Annotated[int, Unit("B"), Range(0)]
#: A share between 0 and 1.
Ratio: TypeAlias = Annotated[float, Range(0.0, 1.0)]
#: A whole number of 1 or more.
Positive: TypeAlias = Annotated[int, Range(1)]
#: A length in pixels.
Pixels: TypeAlias = Annotated[int, Unit("px"), Range(0)]
#: An angle in degrees.
Degrees: TypeAlias = Annotated[float, Unit("deg")]

#: A file that must exist when the graph is checked (relative to the YAML file that names it).
InputFile = NewType("InputFile", Path)
#: A folder that must exist when the graph is checked.
InputFolder = NewType("InputFolder", Path)
#: A folder of files, or a pattern such as ``frames/*.jpg``, with at least one match.
InputPattern = NewType("InputPattern", Path)
#: A file that will be written; it has to stay under the output root.
OutputFile = NewType("OutputFile", Path)
#: The same, but stages of one kind may write one file together: those of all cameras of a run.
SharedFile = NewType("SharedFile", Path)
#: A name that the stage knows, or a file (relative to the YAML file that names it): a text with a separator
#: or an ending such as ``.xml`` is a file.
FileOrName = NewType("FileOrName", str)
#: The id of another stage or of the source, checked while wiring.
StageId = NewType("StageId", str)
#: A model: a catalogue name or a path to a file.
ModelName = NewType("ModelName", str)


@dataclass(frozen=True, slots=True)
class Point:
    """A place in the picture. YAML: ``[0.5, 1.0]`` in fractions, or ``{px: [640, 360]}``.

    >>> Point(0.5, 1.0).at(640, 480)
    (320.0, 480.0)
    >>> Point(10, 20, px=True).at(640, 480)
    (10.0, 20.0)
    """

    x: float
    y: float
    px: bool = False

    def at(self, width: int, height: int) -> tuple[float, float]:
        """The point in pixels of a picture of this size."""
        return (float(self.x), float(self.y)) if self.px else (self.x * width, self.y * height)


@dataclass(frozen=True, slots=True)
class Line:
    """Two points, from `a` to `b`; the left-hand side is the one on the left when walking there."""

    a: Point
    b: Point


@dataclass(frozen=True, slots=True)
class Polygon:
    """Three or more corners, in order, closed by itself."""

    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle. YAML: ``[x1, y1, x2, y2]`` in fractions, or ``{px: [x1, y1, x2, y2]}``."""

    a: Point
    b: Point

    def at(self, width: int, height: int) -> tuple[float, float, float, float]:
        """The box as x1 y1 x2 y2 in pixels of a picture of this size."""
        return (*self.a.at(width, height), *self.b.at(width, height))


@dataclass(frozen=True, slots=True)
class Colour:
    """A colour. YAML: ``red``, ``"#ff8800"`` or ``[255, 136, 0]`` (all red, green, blue)."""

    red: int
    green: int
    blue: int

    @property
    def bgr(self) -> tuple[int, int, int]:
        """In OpenCV's order."""
        return (self.blue, self.green, self.red)


@dataclass(frozen=True, slots=True)
class Uri:
    """Where a source is. Prints without its password; `reveal` it only to the library that opens it.

    >>> print(Uri("rtsp://viewer:hunter2@10.0.0.5/1"))
    rtsp://viewer:***@10.0.0.5/1
    """

    _text: str = field(repr=False)

    def reveal(self) -> str:
        """The whole address."""
        return self._text

    def __str__(self) -> str:
        return redact(self._text)


_PASSWORD = re.compile(r"(?<=://)([^/@\s:]*):[^/\s]*(?=@)")
_TOKEN = re.compile(r"(?i)([?&](?:password|passwd|pwd|token|key|secret|auth|sig)=)[^&\s'\"]+")


def redact(text: str) -> str:
    """`text` with the passwords of addresses in it replaced by ``***``.

    >>> redact("cannot open http://cam/stream?user=a&token=s3cret")
    'cannot open http://cam/stream?user=a&token=***'
    """
    return _TOKEN.sub(r"\1***", _PASSWORD.sub(r"\1:***", text))


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that never prints itself; `reveal` it only where it is sent.

    >>> f"password is {Secret('hunter2')}"
    'password is ***'
    """

    _text: str = field(repr=False)

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __str__(self) -> str:
        return "***"
