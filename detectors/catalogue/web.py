"""Reading from the web, carefully: https only, redirects checked, parts of files, patience with bad lines."""

from __future__ import annotations

import socket
import ssl
import time
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import cache
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import url2pathname

from detectors.catalogue.settings import certificates
from vidstream.errors import ModelError

_TIMEOUT_S = 30.0
#: pauses before trying again what may work another time
_PAUSES_S = (0.5, 2.0, 5.0)
_BUSY = (408, 425, 429, 500, 502, 503, 504)
#: why a host cannot be reached at all: the next place is worth more than another try
_HOPELESS = (ssl.SSLCertVerificationError, socket.gaierror, ConnectionRefusedError, TimeoutError)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")

_T = TypeVar("_T")


def patiently(act: Callable[[], _T]) -> _T:
    """What `act` gives; it is tried again where the line or the server failed, not where the answer is no."""
    for pause in _PAUSES_S:
        try:
            return act()
        except HTTPError as error:
            error.close()
            if error.code not in _BUSY:
                raise
        except URLError as error:
            if isinstance(error.reason, _HOPELESS):
                raise
        except (OSError, HTTPException):
            pass
        time.sleep(pause)
    return act()


def open_url(
    url: str, start: int = 0, end: int | None = None, headers: Mapping[str, str] | None = None
) -> Any:
    """Open an address, from byte `start` to before `end`, as the server allows: look at the answer's status.

    A name and password in the address are sent to its host alone. ModelError: neither https nor this machine.
    """
    refuse_open(url)
    clean, login = split_login(url)
    wanted = {"User-Agent": "vidstream", **login, **(headers or {})}
    if start or end is not None:
        wanted["Range"] = f"bytes={start}-{end - 1 if end is not None else ''}"
    request = urllib.request.Request(clean, headers=wanted)  # noqa: S310 - checked above
    opener = urllib.request.build_opener(
        CheckedRedirects, urllib.request.HTTPSHandler(context=_context(certificates()))
    )
    return opener.open(request, timeout=_TIMEOUT_S)


def read_page(url: str, accept: str, limit: int) -> tuple[bytes, str, str]:
    """A whole page, its content type, and the address it came from in the end.

    ``file:`` addresses are read too: only addresses from the user's own settings may come here.
    """
    if urlsplit(url).scheme == "file":
        path = file_path(url)
        return (path / "index.html" if path.is_dir() else path).read_bytes(), "text/html", url

    def get() -> tuple[bytes, str, str]:
        with open_url(url, headers={"Accept": accept}) as answer:
            page = answer.read(limit + 1)
            return page, answer.headers.get_content_type(), answer.geturl()

    page, kind, came_from = patiently(get)
    if len(page) > limit:
        raise ModelError(f"{split_login(url)[0]} is a page of more than {limit >> 20} MB")
    return page, kind, came_from


def refuse_open(url: str) -> None:
    """ModelError unless the address is https, or http on this very machine."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ModelError(f"refused '{parts.scheme}': models come over https only")


def file_path(url: str) -> Path:
    """The path of a ``file:`` address."""
    return Path(url2pathname(urlsplit(url).path))


def split_login(url: str) -> tuple[str, dict[str, str]]:
    """The address without its name and password, and the header that carries them.

    >>> split_login("https://me:pass@host.org/simple")
    ('https://host.org/simple', {'Authorization': 'Basic bWU6cGFzcw=='})
    """
    parts = urlsplit(url)
    login, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, {}
    header = {"Authorization": "Basic " + b64encode(unquote(login).encode()).decode()}
    return urlunsplit(parts._replace(netloc=host)), header


def with_login_of(url: str, index: str) -> str:
    """The address with the name and password that `index` has, where both are on one host.

    >>> with_login_of("https://host.org/a.whl", "https://me:pass@host.org/simple")
    'https://me:pass@host.org/a.whl'
    """
    login, at, host = urlsplit(index).netloc.rpartition("@")
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{login}@{host}")) if at and parts.netloc == host else url


@cache
def _context(certificate_file: str) -> ssl.SSLContext:
    """The system's certificates (and those of `$SSL_CERT_FILE`), and those the user gave to pip."""
    context = ssl.create_default_context()
    if certificate_file:
        context.load_verify_locations(certificate_file)
    return context


class CheckedRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect must not lead from https to anything weaker, nor take a password to another host."""

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
        refuse_open(newurl)
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        if following is not None and following.host != req.host:
            following.remove_header("Authorization")
        return following
