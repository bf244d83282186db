"""HTTP as a webhook needs it: one POST at a time, with limits on everything that comes back."""

from __future__ import annotations

import base64
import http.client
import re
import socket
import ssl
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from vidstream.errors import ParamError

#: bytes of an answer's body that are read; what it says is not looked at
_ANSWER: Final = 64 * 1024
#: so many redirects in a row are followed, all of them on the same host
_REDIRECTS: Final = 3
_PORTS: Final = {"http": 80, "https": 443}


class Answer(NamedTuple):
    """What a server said: its status, and for how many seconds it asks to be left alone (or its date)."""

    status: int
    retry_after: str = ""

    def seconds(self, now: float) -> float:
        """`retry_after` as seconds from `now` (UTC seconds); 0 where it says nothing sensible."""
        if re.fullmatch(r"\d{1,9}", self.retry_after):
            return float(self.retry_after)
        with suppress(ValueError, TypeError, OverflowError):
            return max(0.0, parsedate_to_datetime(self.retry_after).timestamp() - now)
        return 0.0


def check_url(text: str, option: str) -> Iterable[ParamError]:
    """Whether messages can be sent there."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in _PORTS and parts.hostname and (parts.port or 1) > 0
        good = good and not re.search(r"[\s\x00-\x1f\x7f]", text)
    except ValueError:  # a port that is no number, a bracket too few
        good = False
    if not good:
        fix = "give an address such as https://example.org/hook"
        yield ParamError("is no http or https address", path=(option,), fix=fix)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a POST goes. Prints as scheme, host and port alone: paths are often secrets, too."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, parts: SplitResult) -> Place:
        """That of an address that was checked."""
        return cls(parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


class Poster:
    """Sends to one address, over a connection that stays open. Used by one thread, but for `abort`.

    `seconds` bound each step as well as the whole of a request. Certificates are verified. What the
    environment says of proxies is not looked at: only `proxy` counts.
    """

    def __init__(self, url: str, seconds: float, ca: Path | None = None, proxy: str = "") -> None:
        parts = urlsplit(url)
        self.place = Place.of(parts)
        self._path = _path(parts)
        self._headers = _login(parts, "Authorization")
        self._seconds = seconds
        self._ca = ca
        self._proxy = urlsplit(proxy) if proxy else None
        self._connection: http.client.HTTPConnection | None = None
        self._expired = threading.Event()

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """The answer to one message. Raises OSError or HTTPException where none came."""
        self._expired.clear()
        timer = threading.Timer(self._seconds, self._expire)
        timer.daemon = True
        timer.start()
        try:
            return self._posted(body, {**headers, **self._headers})
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            if self._expired.is_set():
                raise TimeoutError("timed out") from error
            raise
        finally:
            timer.cancel()

    def abort(self) -> None:
        """Break off what is under way. From any thread."""
        connection = self._connection
        wire = connection.sock if connection is not None else None
        if wire is not None:
            with suppress(OSError):  # it is over already
                wire.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection; the next `post` makes a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _expire(self) -> None:
        self._expired.set()
        self.abort()

    def _posted(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        path = self._path
        for _ in range(_REDIRECTS + 1):
            response = self._sent(path, body, headers)
            answer = Answer(response.status, (response.getheader("Retry-After") or "").strip())
            target = response.getheader("Location") or ""
            self._finish(response)
            if response.status not in (307, 308):  # after others, a POST would become a GET
                return answer
            moved = self._moved(path, target)
            if not moved:
                return answer
            path = moved
        return answer

    def _moved(self, path: str, target: str) -> str:
        """The path that a redirect leads to; empty where it leads elsewhere or nowhere."""
        try:
            parts = urlsplit(urljoin(f"{self.place}{path}", target))
            return _path(parts) if target and Place.of(parts) == self.place else ""
        except ValueError:
            return ""

    def _sent(self, path: str, body: bytes, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        """The head of an answer. A connection that was closed meanwhile is made anew, once."""
        fresh = self._connection is None or self._connection.sock is None
        try:
            return self._once(path, body, headers)
        except (http.client.RemoteDisconnected, ConnectionError):
            self.close()
            if fresh or self._expired.is_set():
                raise
            return self._once(path, body, headers)

    def _once(self, path: str, body: bytes, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        connection = self._connection = self._connection or self._connect()
        proxied = self._proxy is not None and self.place.scheme == "http"
        more = _login(self._proxy, "Proxy-Authorization") if self._proxy and proxied else {}
        connection.request("POST", f"{self.place}{path}" if proxied else path, body, {**headers, **more})
        return connection.getresponse()

    def _connect(self) -> http.client.HTTPConnection:
        place, via = self.place, Place.of(self._proxy) if self._proxy else None
        host, port = (via.host, via.port) if via else (place.host, place.port)
        if place.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=self._seconds)
        context = ssl.create_default_context(cafile=self._ca)
        connection = http.client.HTTPSConnection(host, port, timeout=self._seconds, context=context)
        if self._proxy:
            connection.set_tunnel(place.host, place.port, _login(self._proxy, "Proxy-Authorization"))
        return connection

    def _finish(self, response: http.client.HTTPResponse) -> None:
        """Read the rest, within limits; the status counts, whatever becomes of it."""
        try:
            response.read(_ANSWER)
            if response.isclosed():
                return
        except (OSError, http.client.HTTPException, ValueError):  # the status has been said
            pass
        self.close()


def _path(parts: SplitResult) -> str:
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    return f"{path}?{quote(parts.query, safe='/%:@!$&()*+,;=?~')}" if parts.query else path


def _login(parts: SplitResult, header: str) -> dict[str, str]:
    """User name and password of an address as a header."""
    if parts.username is None:
        return {}
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {header: "Basic " + base64.b64encode(login.encode()).decode()}
