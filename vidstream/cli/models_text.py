"""How models are shown: a table, a page each, JSON, and the line that tells how far a download is."""

from __future__ import annotations

import dataclasses
import json
import textwrap
import time
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, TextIO

from detectors.catalogue import Card, Entry, InputSpec
from detectors.catalogue.card import Task, Terms

#: what networks for a task are for, and the stage that runs them
TASKS: dict[Task, tuple[str, str]] = {
    "detect": ("boxes around objects", "detect.dnn"),
    "segment": ("boxes with masks", "detect.dnn"),
    "pose": ("boxes with key points", "detect.dnn"),
    "face": ("faces", "detect.faces"),
    "landmarks": ("points of a face", "face.landmarks"),
    "embed": ("the looks of people and faces as vectors", "embed.boxes"),
    "classify": ("what a picture or an object is", "classify.frame"),
    "semantic": ("a class for every pixel", "segment.semantic"),
    "matte": ("what is in front", "segment.matte"),
    "picture": ("pictures from pictures", "effect.network"),
    "text-detect": ("where text is", "detect.text"),
    "text-read": ("what it says", "ocr.network"),
}
#: families of vectors that are of faces
_FACES = ("face", "dlib-resnet")
#: terms that must be seen, and what they mean
_TERMS: dict[Terms, tuple[str, str]] = {
    "permissive": ("permissive", ""),
    "copyleft": (
        "COPYLEFT",
        "what is built with it may have to be under that licence too (AGPL: servers, too)",
    ),
    "research": ("RESEARCH", "not for commercial use"),
    "unknown": ("UNKNOWN", "nobody says what is allowed: ask its authors before using it"),
}
#: letters of a note in the table
_NOTE = 60
#: seconds between two looks of the line
_PAUSE_S = 0.2


def listing(known: Sequence[Entry]) -> str:
    """A table by task: name, size, terms, whether it is here, what it is."""
    order = list(TASKS)
    rows = sorted(known, key=lambda e: (order.index(e.card.task), e.card.name))
    width = max((len(e.card.name) for e in rows), default=0)
    lines: list[str] = []
    for task, group in groupby(rows, key=lambda e: e.card.task):
        lines += [*([""] if lines else []), f"{task}: {TASKS[task][0]}"]
        for card, paths in group:
            size = f"{sum(file.size for file in card.files.values()) / 1e6:6.1f} MB"
            here = "here" if paths else "-" if can_be_fetched(card) else "no place"
            terms = _TERMS[card.terms][0]
            note = textwrap.shorten(card.note, _NOTE, placeholder=" ...")
            lines.append(f"  {card.name:{width}}  {size}  {here:8}  {terms:10}  {note}")
    lines += ["", "models show NAME tells all about one; models fetch NAME gets it"]
    if not all(can_be_fetched(e.card) for e in rows):
        lines.append("no place: to be had by hand alone; models show NAME says what it is")
    used = {e.card.terms for e in rows}
    lines += [f"{word}: {text}" for terms, (word, text) in _TERMS.items() if text and terms in used]
    return "\n".join(lines)


def page(entry: Entry) -> str:
    """Everything about one."""
    card, paths = entry
    what = TASKS[card.task][0]
    facts = [
        ("licence", f"{card.licence} ({_TERMS[card.terms][0]})"),
        ("origin", card.origin),
        ("input", _input(card.input)),
        ("classes", _classes(card)),
        ("options", ", ".join(f"{key}: {value}" for key, value in card.options.items())),
        ("engines", ", ".join(card.engines) or "any"),
    ]
    lines = [f"{card.name}: {what} ({card.task}), family {card.family}"]
    lines += textwrap.wrap(card.note, 100, initial_indent="  ", subsequent_indent="  ")
    for name, value in facts:
        lines += _filled(f"  {name:9}", value) if value else []
    for role, file in card.files.items():
        where = paths[role] if paths else "not here"
        lines.append(f"  {role:9}{file.file}, {file.size} bytes: {where}")
        lines.append(f"           sha256 {file.sha256}")
        lines += [f"           {place}" for place in file.places]
        if file.made_from:
            steps = "; ".join(map(str, file.made_from.steps))
            lines.append(f"           made of what is there ({file.made_from.size} bytes): {steps}")
    lines += ["  graph:", f"    {card.task}: {{use: {stage_of(card)}, model: {card.name}}}"]
    return "\n".join(lines)


def stage_of(card: Card) -> str:
    """The stage that runs a network."""
    return "face.embed" if card.task == "embed" and card.family in _FACES else TASKS[card.task][1]


def as_json(known: Iterable[Entry]) -> str:
    """Cards as JSON; `here` are the files by role, or null."""
    return json.dumps([_plain(card, paths) for card, paths in known], indent=1, default=list)


def can_be_fetched(card: Card) -> bool:
    """Whether a place is known for each of its files."""
    return all(file.places for file in card.files.values())


def terms_note(card: Card) -> str:
    """A line for those who fetch a network that is not free to use; else an empty text."""
    word, meaning = _TERMS[card.terms]
    return f"{card.name}: {word}: {card.licence}: {meaning}" if meaning else ""


def _plain(card: Card, paths: Any) -> dict[str, Any]:
    here = {role: str(path) for role, path in paths.items()} if paths else None
    return {**dataclasses.asdict(card), "names": list(card.names.values()), "here": here}


def _input(spec: InputSpec) -> str:
    fit = {
        "corner": "kept in proportion, padded right and below",
        "centre": "kept in proportion, padded evenly",
        "stretch": "stretched",
        "crop": "kept in proportion, cropped",
    }[spec.fit]
    text = f"{spec.width} x {spec.height} {spec.colour}, {spec.layout}, {fit}"
    if any(spec.mean) or any(value != 1.0 for value in spec.std):
        text += f", (pixel - {_triple(spec.mean)}) / {_triple(spec.std)}"
    return text


def _triple(values: tuple[float, float, float]) -> str:
    if len(set(values)) == 1:
        return f"{values[0]:g}"
    return f"({', '.join(f'{value:g}' for value in values)})"


def _classes(card: Card) -> str:
    names = list(card.names.values())
    if not names:
        return ""
    more = ", ..." if len(names) > 10 else ""
    return f"{len(names)}: {', '.join(names[:10])}{more}"


def _filled(head: str, text: str) -> list[str]:
    return textwrap.wrap(text, 100, initial_indent=head, subsequent_indent=" " * len(head))


class FetchLine:
    """How far a download is, on one line of a terminal; nothing elsewhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._terminal = stream, stream.isatty()
        self._file, self._began, self._from, self._next = "", 0.0, 0, 0.0

    def show(self, file: str, have: int, total: int) -> None:
        """Show it, if it is time: `have` of `total` bytes (0: not known) are here."""
        now = time.monotonic()
        if file != self._file:
            self._file, self._began, self._from = file, now, have
        if not self._terminal or now < self._next:
            return
        self._next = now + _PAUSE_S
        rate = (have - self._from) / max(now - self._began, 1e-3)
        of = f" of {total / 1e6:.1f}" if total else ""
        self._stream.write(f"\r\x1b[K{file} {have / 1e6:.1f}{of} MB, {rate / 1e6:.1f} MB/s")
        self._stream.flush()

    def close(self) -> None:
        """Leave a clean line."""
        if self._terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
        self._file = ""
