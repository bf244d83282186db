"""Collecting faults, and showing the line that each stands in: never with a secret in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from difflib import SequenceMatcher

from vidstream.config.nodes import Place
from vidstream.errors import ConfigError, Problem
from vidstream.graph.kinds import ValuePath
from vidstream.types.values import redact

#: with so many faults the rest is not looked for
_MOST = 200
#: a line is cut to so many characters around the fault; so many before them are searched for passwords
_SHOWN = 110
_AROUND = 400
_LONGEST = 400
#: so many characters in common with a value of the environment are no chance: in a message about that
#: value, and in any message
_TELLING = 4
_CERTAIN = 8

_REFERENCE = re.compile(r"\$\{[^{}]*\}")
_SECRET_KEY = re.compile(
    r"(?i)\b(\w*(?:password|passwd|pwd|token|secret)['\"]?\s*:\s*)(?!['\"]?\$\{)[^\s,}\]]+"
)


class Faults:
    """All faults of one description, each once; `secrets` are (name, value) pairs of the environment."""

    def __init__(self) -> None:
        self._found: dict[Problem, None] = {}
        self.secrets: set[tuple[str, str]] = set()

    @property
    def found(self) -> tuple[Problem, ...]:
        """What was noted so far."""
        return tuple(self._found)

    def add(self, what: str, place: Place, path: ValuePath = (), *, fix: str = "") -> None:
        """Note a fault; raises ConfigError when there are very many."""
        where = ".".join(map(str, path))
        if place.file in (f"--set {where}", f"--{where}"):  # the position says it already
            where = ""
        where, what, fix = (_line(masked(self._veiled(text))) for text in (where, what, fix))
        problem = Problem(visible(place.file), place.line, place.column, where, what, fix, excerpt(place))
        self._found[problem] = None
        if len(self._found) >= _MOST:
            self.stop()

    def extend(self, problems: Iterable[Problem]) -> None:
        """Take over faults that were found elsewhere."""
        self._found.update(dict.fromkeys(problems))

    def stop(self) -> None:
        """Raise all that was found, if any was."""
        if self._found:
            raise ConfigError(self._found)

    def _veiled(self, text: str) -> str:
        for name, value in self.secrets:
            if len(value) >= _CERTAIN:
                text = text.replace(value, f"${{env:{name}}}")
        return text


def veil(text: str, secrets: Iterable[tuple[str, str]]) -> str:
    """A message about a value that holds text of the environment, without that text.

    >>> veil("expected a number between 0 and 1, got 42", [("LIMIT", "42")])
    'expected a number between 0 and 1, got ${env:LIMIT}'
    """
    for name, value in secrets:
        shown = f"${{env:{name}}}"
        if ", got " in text and "${" not in text:
            text = f"{text.partition(', got ')[0]}, got {shown}"
        text = text.replace(f"'{value}'", f"'{shown}'")
        if len(value) < _TELLING:
            continue
        text = text.replace(value, shown)
        rest = _REFERENCE.sub("", text)
        # parts of it may be left, where a message shortened it or took it for a path
        if (
            SequenceMatcher(None, rest, value[:_LONGEST], autojunk=False).find_longest_match().size
            >= _TELLING
        ):
            return f"the value of {shown} does not fit"
    return text


def excerpt(place: Place) -> str:
    """The line of a place with carets under the span, or nothing where there is no line."""
    if not place.line:
        return ""
    first = max(0, place.column - 1 - _AROUND)
    near = visible(place.text[first : place.column + _AROUND])
    line, start, width = _masked_span(near, place.column - 1 - first, place.width)
    cut = max(0, start - _SHOWN * 2 // 3) if len(line) > _SHOWN else 0
    if cut:
        line, start = "..." + line[cut + 3 :], start - cut
    if len(line) > _SHOWN:
        line = line[: _SHOWN - 3] + "..."
    width = max(1, min(width, len(line) - start))
    carets = " " * _cells(line[:start]) + "^" * max(1, _cells(line[start : start + width]))
    return f"{place.line:>5} | {line}\n{'':>5} | {carets}"


def masked(text: str) -> str:
    """Text of a file without the passwords that are written out in it; ``${env:NAME}`` stays."""
    # a reference is no password yet, and the reader needs to see it
    bare = _REFERENCE.sub("***", text)
    return text if _mask(bare) == bare else _mask(text)


def visible(text: str) -> str:
    """The text with one printable character for each of its own: nothing moves a terminal's cursor."""
    return "".join(c if c.isprintable() else " " if c == "\t" else "?" for c in text)


def _mask(text: str) -> str:
    return _SECRET_KEY.sub(r"\1***", redact(text))


def _masked_span(line: str, start: int, width: int) -> tuple[str, int, int]:
    """The same for a line with a span in it, which moves."""
    if masked(line) == line:
        return line, start, width
    begin = len(_mask(line[:start]))
    return _mask(line), begin, len(_mask(line[: start + width])) - begin


def _line(text: str) -> str:
    text = visible(text.replace("\n", " "))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _cells(text: str) -> int:
    """How many columns of a terminal the text takes."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) != 0 for c in text)
