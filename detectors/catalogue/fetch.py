"""Get a model's file from one of its places: https only, size limited, hash checked, all or nothing."""

from __future__ import annotations

import tarfile
import urllib.request
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from hashlib import sha256
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO
from urllib.parse import urldefrag, urlsplit

from detectors.catalogue import store
from detectors.catalogue.card import ModelFile
from vidstream.errors import ModelError

#: opens an address for reading
Opener = Callable[[str], AbstractContextManager[IO[bytes]]]

_TIMEOUT_S = 30.0
_CHUNK = 1 << 18
#: unpacked bytes read in search of a file inside an archive
_ARCHIVE_LIMIT = 1 << 30
#: what a place can fail with; each failure is told, then the next place is tried
_FAILURES = (OSError, ModelError, HTTPException, tarfile.TarError, zlib.error, EOFError)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def fetch(name: str, into: Path | None = None, *, open_url: Opener | None = None) -> list[Path]:
    """The model's files in the folder `into` (the cache), each fetched unless it is there and whole.

    ModelError: the name is not known, or no place gave the right file; it says what each one did.
    """
    card = store.card(name, into)
    folder = into or store.cache_folder()
    return [_fetched(name, entry, folder, open_url or open_https) for entry in card.files.values()]


def _fetched(name: str, entry: ModelFile, folder: Path, open_url: Opener) -> Path:
    target = folder / entry.file
    if target.is_file() and _whole(name, entry, target):
        return target
    failures = []
    for place in entry.places:
        try:
            _download(entry, place, target, open_url)
        except _FAILURES as error:
            failures.append(f"{place}: {error}")
        else:
            return target
    raise ModelError(
        "could not be fetched: " + ("; ".join(failures) or "its card names no place"),
        where=f"model '{name}'",
        fix=f"check the network, or put {entry.file} into {folder}",
    )


def _whole(name: str, entry: ModelFile, path: Path) -> bool:
    try:
        entry.read(path, name)
    except ModelError:
        return False
    return True


def _download(entry: ModelFile, place: str, target: Path, open_url: Opener) -> None:
    url, member = urldefrag(place)
    with open_url(url) as response, store.new_file(target) as part:
        if not member:
            _copy(entry, response, part)
            return
        with tarfile.open(fileobj=response, mode="r|gz") as archive:
            _copy(entry, _member(archive, member), part)


def _copy(entry: ModelFile, source: IO[bytes], target: IO[bytes]) -> None:
    """Copy what must be the model's file; ModelError as soon as it cannot be."""
    seen, digest = 0, sha256()
    while chunk := source.read(_CHUNK):
        seen += len(chunk)
        if seen > entry.size:
            raise ModelError(f"more than the {entry.size} bytes expected")
        digest.update(chunk)
        target.write(chunk)
    if seen != entry.size:
        raise ModelError(f"{seen} bytes came, {entry.size} expected")
    if digest.hexdigest() != entry.sha256:
        raise ModelError("another file came: its SHA-256 differs")


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    unpacked = 0
    for entry in archive:
        if entry.name == name and (found := archive.extractfile(entry)) is not None:
            return found
        unpacked += entry.size
        if unpacked > _ARCHIVE_LIMIT:
            break
    raise ModelError(f"the archive holds no {name}")


def open_https(url: str) -> AbstractContextManager[IO[bytes]]:
    """Open an address, following redirects, but only over https (or http on this very machine)."""
    _refuse_open(url)
    opener = urllib.request.build_opener(_CheckedRedirects)
    request = urllib.request.Request(url, headers={"User-Agent": "vidstream"})  # noqa: S310 - checked above
    response: AbstractContextManager[IO[bytes]] = opener.open(request, timeout=_TIMEOUT_S)
    return response


def _refuse_open(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ModelError(f"refused '{parts.scheme}': models come over https only")


class _CheckedRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect must not lead from https to anything weaker."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """The next request, if its address is allowed."""
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            raise ModelError("refused: it leads from https to an open connection")
        _refuse_open(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)
