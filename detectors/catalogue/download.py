"""A part of a web file onto the disk: goes on where an earlier try stopped, one process at a time."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO, NamedTuple
from urllib.error import HTTPError

from detectors.catalogue.remote import NoRangesError
from detectors.catalogue.web import open_url, patiently
from vidstream.errors import ModelError

if sys.platform != "win32":
    import fcntl

_CHUNK = 1 << 16

#: told now and then: bytes that are here, bytes in all (0: not known)
Progress = Callable[[int, int], None]


class Span(NamedTuple):
    """What to fetch of a file: `length` bytes from `start` (None: all the rest), at most `limit`."""

    url: str
    limit: int
    start: int = 0
    length: int | None = None


def part_path(target: Path, span: Span) -> Path:
    """Where the span is kept until it is complete: beside the file that is made of it."""
    key = sha256(f"{span.url} {span.start} {span.length}".encode()).hexdigest()[:12]
    return target.with_name(f".{target.name}.{key}.part")


@contextmanager
def held(path: Path) -> Iterator[IO[bytes]]:
    """The file, for this process alone: another one that fetches the same waits until it is done."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.open("a+b")
    while not _locked(part, path):
        part.close()
        part = path.open("a+b")
    try:
        yield part
    finally:
        empty = not part.seek(0, os.SEEK_END) and _is_at(path, part)
        part.close()
        if empty:  # nothing came, or nothing is left to go on from
            path.unlink(missing_ok=True)


def _locked(part: IO[bytes], path: Path) -> bool:
    """Wait for the file; False where the one who had it has finished and taken it away."""
    if sys.platform != "win32":  # there, two at a time spoil each other's part, and the hash tells
        fcntl.flock(part, fcntl.LOCK_EX)
    return _is_at(path, part)


def _is_at(path: Path, part: IO[bytes]) -> bool:
    """Whether the open file is still the one at the path."""
    try:
        return os.path.samestat(os.fstat(part.fileno()), path.stat())
    except FileNotFoundError:
        return False


def complete(span: Span, part: IO[bytes], progress: Progress) -> None:
    """Append to the part what is missing of the span.

    OSError: the line broke, and again when tried again; what came is kept. ModelError: more than the limit.
    """
    if span.length is not None and span.length > span.limit:
        raise ModelError(f"it takes {span.length} bytes, more than the {span.limit} bytes expected")
    patiently(lambda: _go_on(span, part, progress))


def _go_on(span: Span, part: IO[bytes], progress: Progress) -> None:
    have = part.seek(0, os.SEEK_END)
    if span.length is not None and have >= span.length:
        return
    end = span.start + span.length if span.length is not None else None
    try:
        answer = open_url(span.url, span.start + have, end)
    except HTTPError as error:
        if error.code == 416 and have:  # nothing is left to fetch
            error.close()
            return
        raise
    with answer:
        if answer.status != 206 and span.start:
            raise NoRangesError("the server gives whole files only")
        if answer.status != 206:
            part.truncate(0)
            have = 0
        total = _total(have, answer.headers.get("Content-Length"), span)
        while data := answer.read(_CHUNK):
            have += len(data)
            if have > span.limit:
                raise ModelError(f"it is more than the {span.limit} bytes expected")
            part.write(data)
            progress(have, total)
        part.flush()
    if have < total:
        raise ConnectionError(f"cut off after {have} of {total} bytes")


def _total(have: int, promised: str | None, span: Span) -> int:
    """How many bytes there will be in the end; 0 where the server does not say."""
    total = have + int(promised) if promised and promised.isdecimal() else 0
    if total > span.limit:
        raise ModelError(f"it is more than the {span.limit} bytes expected: {total}")
    return total
