"""Requests and answers of the page, and how a request is read off the wire: little, and strictly."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, unquote

from vidstream.errors import VidstreamError

#: bytes of a request's line and headers, and of its body
MOST_HEAD, MOST_BODY = 16_384, 4_096
_HEADERS, _FIELDS = 64, 16
_LINE = re.compile(r"([A-Z]{1,10}) (/[\x21-\x7e]{0,4095}) HTTP/1\.([01])")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}):[ \t]*([\x20-\x7e\t\x80-\xff]*?)[ \t]*")
_NOTHING: Mapping[str, str] = MappingProxyType({})


class HttpError(VidstreamError):
    """A request that gets no answer but a status, and in words why."""

    def __init__(self, status: int, what: str, headers: Mapping[str, str] = _NOTHING) -> None:
        super().__init__(what)
        self.status = status
        self.headers = headers


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked. `path` is decoded; names of `headers` are lower case; `client` is who asks."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    client: str = ""
    #: whether the connection may be used again
    keep: bool = True

    def cookie(self, name: str) -> str:
        """The value of a cookie, or an empty text."""
        for part in self.headers.get("cookie", "").split(";"):
            key, _, value = part.strip().partition("=")
            if key == name:
                return value
        return ""

    def form(self) -> dict[str, str]:
        """The fields of a form that was sent."""
        text = self.body.decode("ascii", "replace")
        return dict(_fields(text))


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer."""

    status: int = 200
    body: bytes = b""
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


#: sends some bytes, and returns when they are on their way: a slow reader is waited for here
Send: TypeAlias = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer without an end; `run` sends until it is cancelled."""

    kind: str
    run: Callable[[Send], Awaitable[None]]


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] = _NOTHING) -> Response:
    """Plain values as JSON."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    return Response(status, body, "application/json", headers)


def reason(status: int) -> str:
    """What a status is called."""
    return HTTPStatus(status).phrase


def read_head(head: bytes, client: str) -> tuple[Request, int]:
    """The request (without its body), and how many bytes of body follow. Raises HttpError."""
    lines = head.decode("latin-1").split("\r\n")
    match = _LINE.fullmatch(lines[0])
    if match is None:
        raise HttpError(400, "this is no HTTP request")
    headers = _read_headers(lines[1:])
    if "transfer-encoding" in headers:
        raise HttpError(411, "a body needs its length in Content-Length")
    length = headers.get("content-length", "0")
    if not re.fullmatch(r"[0-9]{1,10}", length):
        raise HttpError(400, "Content-Length is no number")
    if int(length) > MOST_BODY:
        raise HttpError(413, f"a body may have {MOST_BODY} bytes")
    path, _, query = match[2].partition("?")
    keep = match[3] == "1" and headers.get("connection", "").lower() != "close"
    decoded = unquote(path, errors="replace")
    if not decoded.isprintable() or "\\" in decoded:
        raise HttpError(400, "the path holds letters that no path has here")
    return Request(match[1], decoded, dict(_fields(query)), headers, client=client, keep=keep), int(length)


def _read_headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    if len(lines) > _HEADERS:
        raise HttpError(431, f"a request may have {_HEADERS} headers")
    for line in filter(None, lines):
        match = _HEADER.fullmatch(line)
        if match is None:
            raise HttpError(400, "a header cannot be read")
        name = match[1].lower()
        if name in headers and name in ("host", "content-length", "authorization"):
            raise HttpError(400, f"{name} is there twice")
        headers[name] = match[2]
    return headers


def _fields(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_FIELDS)
    except ValueError:
        raise HttpError(400, f"a request may have {_FIELDS} fields") from None
