"""Label templates: a tiny grammar, so that a text from a YAML file can never reach into objects.

A template is words and fields in braces: ``{name} #{id} {score:.0%}``. Fields are ``name``, ``id``,
``score`` and ``extra.COLUMN``; numbers take ``.Nf`` or ``.N%``. A word with a field that has no value
on a row (no id, no such column, not a number) is left out.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from vidstream.errors import ParamError, did_you_mean
from vidstream.types import Detections

_FIELD = re.compile(r"\{([^{}:]*)(?::([^{}]*))?\}")
_FORMAT = re.compile(r"\.(\d)(f|%)")
_FIELDS = ("name", "id", "score")
_EXTRA = "extra."

#: what objects with an id and without one say by default; whose face it is, where that was found out
FOLLOWED = "{name} {id} {extra.name}"
FOUND = "{name} {score:.0%} {extra.name}"


@dataclass(frozen=True, slots=True)
class Field:
    """One field; `digits` below zero leaves the value as it is."""

    name: str
    digits: int = -1
    percent: bool = False

    def text(self, detections: Detections, row: int) -> str:
        """The value on one row, or an empty text."""
        if self.name == "name":
            return detections.name_of(row)
        if self.name == "id":
            track_id = int(detections.track_ids[row])
            return str(track_id) if track_id >= 0 else ""
        if self.name == "score":
            return self._number(float(detections.scores[row]))
        column = detections.extra.get(self.name.removeprefix(_EXTRA))
        return "" if column is None else self._any(column[row])

    def _any(self, value: Any) -> str:
        if value is None:
            return ""
        try:
            number = float(value)
        except (TypeError, ValueError):
            return str(value)
        return self._number(number)

    def _number(self, number: float) -> str:
        if not math.isfinite(number):
            return ""
        if self.digits < 0:
            return f"{number:g}"
        return f"{number:.{self.digits}%}" if self.percent else f"{number:.{self.digits}f}"


@dataclass(frozen=True, slots=True)
class Template:
    """A template, read and checked.

    >>> d = Detections.of([[0, 0, 9, 9]], scores=0.873, track_ids=4, names={0: "person"})
    >>> Template.read("{name} #{id} {score:.0%} {extra.speed:.1f}m/s").text(d, 0)
    'person #4 87%'
    """

    #: words, each a sequence of literal texts and fields
    words: tuple[tuple[str | Field, ...], ...]

    @classmethod
    def read(cls, text: str) -> Template:
        """Raises ParamError, naming the field, where the text is no template."""
        if text.count("{") != len(_FIELD.findall(text)) or text.count("}") != text.count("{"):
            raise ParamError(f"braces do not match in '{text}'", fix="write fields as {name}")
        # spaces inside braces do not split words
        parts = re.findall(r"(?:\{[^{}]*\}|\S)+", text)
        return cls(tuple(tuple(_pieces(part)) for part in parts))

    def text(self, detections: Detections, row: int) -> str:
        """The label of one row."""
        words = []
        for word in self.words:
            pieces = [p if isinstance(p, str) else p.text(detections, row) for p in word]
            if all(pieces):
                words.append("".join(pieces))
        return " ".join(words)


def _pieces(word: str) -> list[str | Field]:
    pieces: list[str | Field] = []
    end = 0
    for match in _FIELD.finditer(word):
        if match.start() > end:
            pieces.append(word[end : match.start()])
        pieces.append(_field(match[1].strip(), (match[2] or "").strip()))
        end = match.end()
    return pieces + ([word[end:]] if end < len(word) else [])


def _field(name: str, spec: str) -> Field:
    known = name in _FIELDS or (name.startswith(_EXTRA) and name != _EXTRA)
    if not known:
        hint = did_you_mean(name, _FIELDS) or f"known are {', '.join(_FIELDS)} and extra.COLUMN"
        raise ParamError(f"unknown field '{name}' in a label", fix=hint)
    if not spec:
        return Field(name)
    match = _FORMAT.fullmatch(spec)
    if not match or name in ("name", "id"):
        fix = "numbers take a form such as {score:.2f} or {score:.0%}"
        raise ParamError(f"'{spec}' is no format for '{name}'", fix=fix)
    return Field(name, int(match[1]), match[2] == "%")
