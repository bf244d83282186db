"""Who may see the page: a token, compared in constant time; guesses are slowed down; names are checked."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections import OrderedDict
from collections.abc import Callable

from vidstream.web.address import Address
from vidstream.web.http import HttpError, Request

#: seconds that a login lasts
LASTS = 30 * 86_400
#: wrong tokens from one address that cost nothing; each one more doubles the wait, from _WAIT to _LONGEST
_FREE, _WAIT, _LONGEST = 3, 0.5, 60.0
#: addresses whose wrong tokens are remembered
_ADDRESSES = 1024
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]{1,253})(?::[0-9]{1,5})?")
_COOKIE = re.compile(r"([0-9]{1,12})\.([0-9a-f]{64})")


class Access:
    """Decides whether a request is answered at all.

    With a token: by ``Authorization: Bearer TOKEN``, or by the cookie that a login gives. Without one: to
    whoever is on this machine and calls the page by a name of this machine; a foreign name in Host would
    mean that a web site has had its own name lead here (DNS rebinding).
    """

    def __init__(
        self, address: Address, token: str | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.token = token
        self._clock = clock
        self._names = {"localhost", "127.0.0.1", "[::1]", address.host, f"[{address.host}]"}
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()
        # cookies of two pages on one machine share a jar, whatever their ports
        self.cookie_name = f"vidstream_{address.port}"

    def check_origin(self, request: Request) -> None:
        """Raise HttpError where a web site of somebody else asks through the user's browser."""
        match = _HOST.fullmatch(request.headers.get("host", ""))
        if match is None:
            raise HttpError(400, "the Host header is missing or no name")
        if self.token is None and match[1].lower() not in self._names:
            raise HttpError(421, "the page is not served under this name without a token")
        site = request.headers.get("sec-fetch-site", "none")
        opened = request.headers.get("sec-fetch-mode") == "navigate" and request.method == "GET"
        if site in ("cross-site", "same-site") and not opened:
            raise HttpError(403, "other sites may not use the page")

    def allows(self, request: Request) -> bool:
        """Whether the request shows the token or a login. Raises HttpError 429 after many wrong ones."""
        if self.token is None or self._is_login(request.cookie(self.cookie_name)):
            return True
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self.is_right(shown.strip(), request.client)

    def is_right(self, shown: str, client: str) -> bool:
        """Compare a token. While an address has to wait after wrong ones, none of its tokens is looked at."""
        assert self.token is not None
        now = self._clock()
        wrong, until = self._wrong.get(client, (0, 0.0))
        if now < until:
            seconds = str(max(1, round(until - now)))
            raise HttpError(429, "too many wrong tokens; wait", {"Retry-After": seconds})
        if hmac.compare_digest(shown.encode(), self.token.encode()):
            self._wrong.pop(client, None)
            return True
        wait = min(_LONGEST, _WAIT * 2 ** (wrong - _FREE)) if wrong >= _FREE else 0.0
        self._wrong[client] = min(wrong + 1, 100), now + wait
        self._wrong.move_to_end(client)
        while len(self._wrong) > _ADDRESSES:
            self._wrong.popitem(last=False)
        return False

    def login(self) -> str:
        """A Set-Cookie value: signed with the token, so that it ends with it, and says nothing about it."""
        until = int(time.time()) + LASTS
        value = f"{until}.{self._signature(until)}"
        return f"{self.cookie_name}={value}; Path=/; Max-Age={LASTS}; HttpOnly; SameSite=Strict"

    def _is_login(self, cookie: str) -> bool:
        match = _COOKIE.fullmatch(cookie)
        if match is None:
            return False
        until = int(match[1])
        return hmac.compare_digest(match[2], self._signature(until)) and time.time() < until

    def _signature(self, until: int) -> str:
        key = (self.token or "").encode()
        return hmac.new(key, f"vidstream login {until}".encode(), hashlib.sha256).hexdigest()
