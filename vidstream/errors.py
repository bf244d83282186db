"""Every error a person may see: one root, each message says where, what, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any


class VidstreamError(Exception):
    """Root of all errors raised on purpose by this project.

    >>> str(SourceError("cannot be opened: no such file", where="source 'gate'", fix="check the path"))
    "source 'gate': cannot be opened: no such file; check the path"
    """

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what = what
        self.where = where
        self.fix = fix
        text = f"{where}: {what}" if where else what
        super().__init__(f"{text}; {fix}" if fix else text)


class UsageError(VidstreamError, ValueError):
    """The command line or a call of the Python API does not make sense."""


class ShapeError(VidstreamError, ValueError):
    """An array has another shape or dtype than its place demands."""


class ParamError(VidstreamError, ValueError):
    """A parameter's value does not fit; `path` leads to it inside the value given.

    `at_key` tells that the fault is the last key of the path, not the value behind it.
    """

    def __init__(
        self, what: str, *, path: tuple[str | int, ...] = (), fix: str = "", at_key: bool = False
    ) -> None:
        super().__init__(what, where=".".join(map(str, path)), fix=fix)
        self.path = path
        self.at_key = at_key


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in a description: where it stands, what is wrong, what to do.

    `line` and `column` count from 1; line 0 stands for a whole file or for an option of the command line.
    `excerpt` is the line with the place marked under it.
    """

    file: str
    line: int
    column: int
    where: str
    what: str
    fix: str = ""
    excerpt: str = ""

    def __str__(self) -> str:
        position = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        text = ": ".join(part for part in (position, self.where, self.what) if part)
        text = f"{text}; {self.fix}" if self.fix else text
        return f"{text}\n{self.excerpt}" if self.excerpt else text


class ConfigError(VidstreamError, ValueError):
    """A description cannot be run; `problems` are all its faults, in the order of file and line."""

    #: so many are printed; all of them are in `problems`
    SHOWN = 100

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.file, p.line, p.column)))
        lines = [str(problem) for problem in self.problems[: self.SHOWN]]
        more = len(self.problems) - len(lines)
        super().__init__("\n".join([*lines, f"... and {more} more"] if more else lines))


class SourceError(VidstreamError, OSError):
    """A source cannot be opened or read. `retry` tells whether trying again can help."""

    def __init__(self, what: str, *, where: str = "", fix: str = "", retry: bool = True) -> None:
        super().__init__(what, where=where, fix=fix)
        self.retry = retry


class SinkError(VidstreamError, OSError):
    """Results cannot be written (full disk, missing folder, wrong size)."""


class StageError(VidstreamError, RuntimeError):
    """A stage failed on a frame or could not be opened."""


class ModelError(VidstreamError, ValueError):
    """A model file is missing, damaged, or not what its card says."""


class MissingDependency(VidstreamError, ImportError):  # noqa: N818 - the field's word for it
    """An optional program or package is not installed; `fix` names the install line."""


def did_you_mean(word: Any, known: Sequence[Any]) -> str:
    """The nearest known word as a hint, or an empty text.

    >>> did_you_mean("confidense", ["confidence", "classes"])
    "did you mean 'confidence'?"
    """
    near = get_close_matches(str(word), [str(k) for k in known], n=1, cutoff=0.6)
    return f"did you mean '{near[0]}'?" if near else ""
