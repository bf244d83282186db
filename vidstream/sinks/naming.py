"""Names of files that carry the time at which they begin, and how to know them again."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vidstream.errors import ParamError, did_you_mean
from vidstream.sinks.base import output_path

#: fields of a time in a path, and what they look like
_FIELDS: Final = {
    "%Y": r"\d{4}",
    "%m": r"\d{2}",
    "%d": r"\d{2}",
    "%H": r"\d{2}",
    "%M": r"\d{2}",
    "%S": r"\d{2}",
}
_FIELD = re.compile(r"%(.?)")
#: what is put behind the name of a path without fields
_SUFFIX = "-%Y%m%dT%H%M%SZ"
#: what marks a file that is not complete yet: it plays all the same
PART_MARK: Final = ".part"
_LATEST = 253402300799.0  # the last second of the year 9999
_MOST = 100_000


def has_fields(path: Path) -> bool:
    """Whether a path carries a time."""
    return "%" in str(path)


def check_fields(path: Path) -> Iterable[ParamError]:
    """What is wrong with the fields of a path."""
    for letter in _FIELD.findall(str(path)):
        if f"%{letter}" not in _FIELDS:
            known = did_you_mean(f"%{letter}", list(_FIELDS)) or f"known are {', '.join(_FIELDS)}"
            yield ParamError(f"unknown field '%{letter}'", path=("path",), fix=known)


@dataclass(frozen=True, slots=True)
class Place:
    """A name for a new file: what it is called while it is written, and when it is complete."""

    part: Path
    final: Path


@dataclass(frozen=True, slots=True)
class Found:
    """A file of ours. `complete` tells that its name says so; `key` is the same for files of one clip."""

    path: Path
    key: str
    size: int
    #: when it was last written, UTC nanoseconds
    changed: int
    complete: bool


class TimedNames:
    """Names with a time: ``gate/2026-11-20/10-15-00.mp4`` for the pattern ``gate/%Y-%m-%d/%H-%M-%S.mp4``.

    A path without fields gets ``-20261120T101500Z`` behind its name. Times are UTC. Names that are taken
    get ``_2``, ``_3`` ...: nothing is ever written over, also where the clock is put back.
    """

    def __init__(self, root: Path, path: Path, suffixes: Sequence[str]) -> None:
        self._root = root
        self._path = path if has_fields(path) else path.with_stem(path.stem + _SUFFIX)
        endings = "|".join(re.escape(suffix) for suffix in suffixes)
        *folders, name = self._path.parts
        self._suffixes = tuple(suffixes)
        self._levels = [re.compile(_pattern(folder)) for folder in folders]
        stem = _pattern(Path(name).stem)
        self._name = re.compile(rf"({stem}(?:_\d+)?)({re.escape(PART_MARK)})?({endings})")
        self._fixed = next((i for i, folder in enumerate(folders) if "%" in folder), len(folders))

    @property
    def folder(self) -> Path:
        """The folder that all of them lie in, or below."""
        return output_path(self._root, Path(*self._path.parts[: self._fixed], "x")).parent

    def places(self, wall: float) -> Iterator[Place]:
        """Names for what begins at `wall` (UTC seconds) that are free now, the nicest first."""
        stamp = time.gmtime(min(max(wall, 0.0), _LATEST))
        wanted = Path(time.strftime(str(self._path), stamp))
        for number in range(1, _MOST):
            named = wanted if number == 1 else wanted.with_stem(f"{wanted.stem}_{number}")
            final = output_path(self._root, named)
            if not any(final.with_suffix(suffix).exists() for suffix in self._suffixes):
                yield Place(final.with_stem(final.stem + PART_MARK), final)

    def found(self) -> list[Found]:
        """All files that carry such a name, oldest first. Links are not followed."""
        files = list(self._walk(self.folder, self._levels[self._fixed :]))
        return sorted(files, key=lambda f: (f.changed, f.path))

    def folders_between(self, path: Path) -> Iterator[Path]:
        """The folders of a file's name that carry a time, innermost first: they may go when empty."""
        for _ in range(len(self._levels) - self._fixed):
            path = path.parent
            yield path

    def _walk(self, folder: Path, levels: Sequence[re.Pattern[str]]) -> Iterator[Found]:
        try:
            with os.scandir(folder) as entries:
                listed = list(entries)
        except OSError:  # gone meanwhile, or not there yet
            return
        for entry in listed:
            if levels:
                if levels[0].fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                    yield from self._walk(Path(entry.path), levels[1:])
            elif (match := self._name.fullmatch(entry.name)) and entry.is_file(follow_symlinks=False):
                try:
                    stat = entry.stat(follow_symlinks=False)
                except OSError:  # gone meanwhile
                    continue
                key = str(folder / match[1])
                yield Found(Path(entry.path), key, stat.st_size, stat.st_mtime_ns, match[2] is None)


class NumberedNames:
    """One name, and ``-2``, ``-3`` ... behind it for what goes on in a further file."""

    def __init__(self, target: Path, *, overwrite: bool) -> None:
        self._target = target
        self._overwrite = overwrite
        self._next = 1

    def places(self, wall: float) -> Iterator[Place]:
        """The next names; where files may be written over, these are removed first."""
        while self._next < _MOST:
            number, self._next = self._next, self._next + 1
            path = self._target if number == 1 else self._target.with_stem(f"{self._target.stem}-{number}")
            if self._overwrite:
                path.unlink(missing_ok=True)
            if not path.exists():
                yield Place(path, path)


def _pattern(text: str) -> str:
    """A path's component with fields as a regular expression."""
    parts = re.split(r"(%.)", text)
    return "".join(_FIELDS.get(part, re.escape(part)) for part in parts)
