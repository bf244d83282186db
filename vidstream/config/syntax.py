"""What the YAML parser complains about, in words that say what to do."""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol

import yaml

from vidstream.config.nodes import Place


class Mark(Protocol):
    """A position as the parser gives it, counted from 0."""

    line: int
    column: int


class Advice(NamedTuple):
    """A fault of syntax: what, what to do, and whether it is better shown where its context began."""

    what: str
    fix: str
    at_start: bool = False


_QUOTES = "put the text in quotes"
_ADVICE: tuple[tuple[str, Advice], ...] = (
    (r"found character '\\t'", Advice("a tab stands where spaces belong", "indent with spaces")),
    (r"found character '(.)'", Advice(r"a text cannot begin with \1", _QUOTES)),
    (
        "mapping values are not allowed",
        Advice(
            "a ':' cannot stand here",
            "put a text that holds ': ' in quotes, or look above for a key without a space after its ':'",
        ),
    ),
    (
        "could not find expected ':'",
        Advice("a key without ':'", "write 'key: value' with a space after the colon", at_start=True),
    ),
    (
        "quoted scalar.*found unexpected",
        Advice("a quote is opened but not closed", "close it, or write '' for a quote inside", at_start=True),
    ),
    (
        "expected the node content, but found '<(?:stream|document) (?:start|end)>'",
        Advice("the file ends too early", "close what is open: a '[', a '{' or a quote"),
    ),
    (
        "expected the node content, but found '(.+)'",
        Advice(r"a value is missing before '\1'", "write it, or put the text in quotes"),
    ),
    (
        "parsing a flow .*but got ':'",
        Advice("a ':' cannot stand here", "put a text that holds ': ' in quotes"),
    ),
    (
        "parsing a flow sequence",
        Advice("a '[' is not closed, or a ',' is missing", "close it with ']'", at_start=True),
    ),
    (
        "parsing a flow mapping",
        Advice("a '{' is not closed, or a ',' is missing", "close it with '}'", at_start=True),
    ),
    (
        "(found unknown escape character|expected escape sequence)",
        Advice(r"in double quotes a \ begins an escape", r"use single quotes, or write \\"),
    ),
    (
        "scanning an alias",
        Advice("a '*' refers to an anchor", "put a text that begins with * in quotes", at_start=True),
    ),
    (
        "scanning an anchor",
        Advice("a '&' names an anchor", "put a text that begins with & in quotes", at_start=True),
    ),
    (
        "sequence entries are not allowed",
        Advice("a list cannot begin here", "begin each '- ' on a line of its own"),
    ),
    (
        "expected <block end>",
        Advice("the indentation does not fit the lines above", "line keys of one mapping up"),
    ),
    (
        "expected '<document start>'",
        Advice("something follows after the end of the file's value", "line the keys up"),
    ),
    ("tag", Advice("a '!' begins a tag", "put a text that begins with ! in quotes", at_start=True)),
)


def place_of(file: str, lines: list[str], mark: Mark, end: Mark | None = None) -> Place:
    """The place of a mark; a span over several lines is cut at the end of its first."""
    text = lines[mark.line] if mark.line < len(lines) else ""
    stop = end.column if end is not None and end.line == mark.line else len(text)
    width = 1 if end is None else max(1, stop - mark.column)
    return Place(file, mark.line + 1, mark.column + 1, width, text)


def explained(error: yaml.MarkedYAMLError, file: str, lines: list[str]) -> tuple[Advice, Place]:
    """A parser's complaint and its place."""
    start, at = error.context_mark, error.problem_mark
    here = at or start
    if here is None:
        return Advice(str(error), ""), Place(file)
    if _bare_reference(here, lines):
        fix = 'inside { } and [ ] write "${name}" in quotes'
        return Advice("a ${...} stands here without quotes", fix), place_of(file, lines, here)
    advice = _advice(f"{error.context} {error.problem}", str(error.problem))
    return advice, place_of(file, lines, start if advice.at_start and start is not None else here)


def _advice(complaint: str, fallback: str) -> Advice:
    for pattern, advice in _ADVICE:
        if match := re.search(pattern, complaint, re.DOTALL):
            return advice._replace(what=match.expand(advice.what) if match.groups() else advice.what)
    return Advice(fallback, "")


def _bare_reference(mark: Mark, lines: list[str]) -> bool:
    """In flow style the ``{`` of an unquoted ``${name}`` opens a mapping."""
    text = lines[mark.line] if mark.line < len(lines) else ""
    return text[mark.column : mark.column + 1] == "{" and text[: mark.column].endswith("$")
