"""The files that the page is made of: read once, known by name; no path ever comes from a request."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from vidstream.web.http import HttpError, Request, Response

_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "html": "text/html; charset=utf-8",
        "css": "text/css; charset=utf-8",
        "js": "text/javascript; charset=utf-8",
        "svg": "image/svg+xml",
    }
)


@dataclass(frozen=True, slots=True)
class File:
    """One of them."""

    data: bytes
    kind: str
    tag: str


class Files:
    """All of them."""

    def __init__(self) -> None:
        self._files: dict[str, File] = {}
        for item in files("vidstream.web").joinpath("static").iterdir():
            kind = _KINDS.get(item.name.rpartition(".")[2])
            if kind is not None:
                data = item.read_bytes()
                self._files[item.name] = File(data, kind, f'"{hashlib.sha256(data).hexdigest()[:16]}"')

    def answer(self, name: str, request: Request) -> Response:
        """A file, or that the browser has it already."""
        found = self._files.get(name)
        if found is None:
            raise HttpError(404, "there is no such file")
        headers = {"ETag": found.tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == found.tag:
            return Response(304, b"", found.kind, headers)
        return Response(200, found.data, found.kind, headers)
