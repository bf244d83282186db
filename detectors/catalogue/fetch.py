"""Get a model's files from one of their places: size limited, hash checked, resumable, all or nothing."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from gzip import BadGzipFile
from hashlib import new as new_hash
from hashlib import sha256
from http.client import HTTPException
from io import SEEK_END, BufferedReader
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from detectors.catalogue import store
from detectors.catalogue.archives import Packed, chunks, find_in_zip, from_tar, unpacked
from detectors.catalogue.card import ModelFile, Original
from detectors.catalogue.download import Span, complete, held, part_path
from detectors.catalogue.installed import installed
from detectors.catalogue.places import Download, locate
from detectors.catalogue.remote import NoRangesError, RemoteFile
from detectors.catalogue.web import file_path
from vidstream.errors import ModelError

#: told now and then: the file's name, bytes that are here, bytes in all (0: not known)
Report = Callable[[str, int, int], None]

#: archives larger than this are not fetched
_ARCHIVE_LIMIT = 2 << 30
#: bytes of a remote archive read to find out where a member lies
_CONTENTS_LIMIT = 1 << 24
_BUFFER = 1 << 10
#: what a place can fail with; each failure is told, then the next place is tried
_FAILURES = (OSError, ModelError, HTTPException, tarfile.TarError, zlib.error, EOFError)
#: what tells that something else came than what was wanted
_WRONG = (ModelError, tarfile.TarError, zlib.error, EOFError, BadGzipFile)


def fetch(name: str, into: Path | None = None, *, report: Report | None = None) -> list[Path]:
    """The model's files in the folder `into` (the cache), each fetched unless it is there and whole.

    What came when the line broke is kept, and a later call goes on from there; of two processes that fetch
    the same file, one waits for the other. ModelError: the name is not known, or no place gave the right
    file; it says what each one did.
    """
    card = store.card(name, into)
    folder = into or store.cache_folder()
    tell = report or (lambda _name, _have, _total: None)
    return [_fetched(name, entry, folder, tell) for entry in card.files.values()]


def _fetched(name: str, entry: ModelFile, folder: Path, report: Report) -> Path:
    target = folder / entry.file
    if store.is_whole(name, entry, target):
        return target
    ways: dict[str, Callable[[], None]] = {}
    if (local := installed(entry)) is not None:
        ways[str(local)] = partial(_copy, entry, local, target)
    ways.update({place: partial(_bring, name, entry, place, target, report) for place in entry.places})
    failures = []
    for way, take_it in ways.items():
        try:
            take_it()
        except _FAILURES as error:
            failures.append(f"{way}: {error}")
        else:
            for left in folder.glob(f".{entry.file}.*.part"):
                left.unlink(missing_ok=True)
            return target
    raise ModelError(
        "could not be fetched: " + ("; ".join(failures) or "its card names no place"),
        where=f"model '{name}'",
        fix=f"check the network, or put {entry.file} into {folder}",
    )


def _copy(entry: ModelFile, path: Path, target: Path) -> None:
    with path.open("rb") as file:
        _keep(entry, target, chunks(file))


def _bring(name: str, entry: ModelFile, place: str, target: Path, report: Report) -> None:
    """Fetch what a place has, and make the model's file of it."""
    what = locate(place)
    source = entry.source
    if urlsplit(what.url).scheme == "file":
        _keep(entry, target, _from_archive(file_path(what.url), what))
        return
    packed = _find_packed(what)
    if packed is not None:
        span = Span(what.url, max(source.size, 1 << 10) * 2, packed.start, packed.length)
    else:
        span = Span(what.url, _ARCHIVE_LIMIT if what.member else source.size)
    path = part_path(target, span)
    with held(path) as part:
        old = part.seek(0, SEEK_END)
        while not store.is_whole(name, entry, target):  # another process may have brought it meanwhile
            try:
                complete(span, part, lambda have, total: report(entry.file, have, total))
                part.seek(0)
                _keep(entry, target, _content(part, path, what, packed))
            except _WRONG:
                part.truncate(0)  # there is nothing to go on from
                if not old:
                    raise
                old = 0  # what an earlier try left was not a part of it: try without
        part.truncate(0)


def _content(part: IO[bytes], path: Path, what: Download, packed: Packed | None) -> Iterator[bytes]:
    """What is wanted of what came."""
    if packed is not None:
        return unpacked(part, packed.length, deflated=packed.deflated)
    if not what.member:
        return chunks(part)
    _check_archive(part, what)
    return _from_archive(path, what)


def _find_packed(what: Download) -> Packed | None:
    """Where the wanted file lies in a remote zip archive; None: it is no such, or must come as a whole."""
    if not (what.member and what.is_zip):
        return None
    try:
        with BufferedReader(RemoteFile(what.url, _CONTENTS_LIMIT), _BUFFER) as archive:
            return find_in_zip(archive, what.member)
    except NoRangesError:
        return None


def _from_archive(path: Path, what: Download) -> Iterator[bytes]:
    if not what.is_zip:
        yield from from_tar(path, what.member)
        return
    with path.open("rb") as archive:
        packed = find_in_zip(archive, what.member)
        archive.seek(packed.start)
        yield from unpacked(archive, packed.length, deflated=packed.deflated)


def _check_archive(part: IO[bytes], what: Download) -> None:
    """ModelError unless what came has the hash that the registry states: before anything reads in it."""
    algorithm, expected = what.hash
    if not algorithm:
        return
    digest = new_hash(algorithm)
    for data in chunks(part):
        digest.update(data)
    if digest.hexdigest() != expected:
        raise ModelError(f"the archive is not the one the registry states: its {algorithm} differs")


def _keep(entry: ModelFile, target: Path, data: Iterable[bytes]) -> None:
    """Write the model's file, made of what came where it has to be."""
    with store.new_file(target) as out:
        if entry.made_from is None:
            for piece in _checked(entry, data):
                out.write(piece)
        else:
            from detectors.dnn.onnx_edit import apply_steps

            original = b"".join(_checked(entry.made_from, data))
            made = apply_steps(original, entry.made_from.steps, f"file {entry.file}")
            for piece in _checked(entry, [made]):
                out.write(piece)


def _checked(expected: ModelFile | Original, data: Iterable[bytes]) -> Iterator[bytes]:
    """Pass on what must be the file expected; ModelError as soon as it cannot be."""
    seen, digest = 0, sha256()
    for piece in data:
        seen += len(piece)
        if seen > expected.size:
            raise ModelError(f"it is more than the {expected.size} bytes expected")
        digest.update(piece)
        yield piece
    if seen != expected.size:
        raise ModelError(f"{seen} bytes came, {expected.size} expected")
    if digest.hexdigest() != expected.sha256:
        raise ModelError("another file came: its SHA-256 differs")
