"""The page of a run: everything put together, started with it and gone with it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
from collections.abc import Callable
from typing import Final, Self

from vidstream.graph.clock import Clock, SystemClock
from vidstream.graph.engine import Engine
from vidstream.web.access import Access
from vidstream.web.address import Address
from vidstream.web.api import Api
from vidstream.web.http import HttpError, Request, Response, Stream
from vidstream.web.routes import Route, Router
from vidstream.web.server import Limits, Server, problem
from vidstream.web.watcher import Watcher

log = logging.getLogger("vidstream.web")

#: seconds between two samples of what stands where
_SAMPLE: Final = 1.0
_STYLE: Final = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;display:grid;place-items:center;"
    "min-height:90vh;margin:0;background:light-dark(#f5f5f2,#111315);color:light-dark(#1c1f21,#e8eaea)}"
    "form{display:grid;gap:14px;width:min(320px,86vw)}h1{font-size:20px;margin:0;font-weight:650}"
    "p{margin:0;opacity:.75}input,button{font:inherit;padding:10px 12px;border-radius:9px;border:1px solid "
    "light-dark(#c9cbc6,#3a3f43);background:light-dark(#fff,#1a1d20);color:inherit}"
    "button{background:#1d6b58;border-color:#1d6b58;color:#fff;font-weight:600;cursor:pointer}"
    ":focus-visible{outline:3px solid #4a9c86;outline-offset:2px}"
)
_LOGIN: Final = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>vidstream</title>'
    '<meta name="viewport" content="width=device-width,initial-scale=1">'
    f"<style>{_STYLE}</style>"
    '<form method="post" action="/login"><h1>vidstream</h1>'
    "<p><label for=token>The token of this page</label></p>"
    '<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>'
    "<button>Show the cameras</button></form></html>"
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'{style}; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY.format(style=""),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Page:
    """``with Page(engine, Address.read("8080"), token):`` around ``engine.run()``.

    Entering takes the port and raises UsageError where that cannot be. `reload` is called, on a thread of
    its own, where the page is told to read the YAML file again; it gives a line for people.
    """

    def __init__(
        self,
        engine: Engine,
        address: Address,
        token: str | None = None,
        *,
        reload: Callable[[], str] | None = None,
        clock: Clock | None = None,
        limits: Limits | None = None,
    ) -> None:
        address.check(token)
        self._engine = engine
        self._token = token
        self._reload = reload
        self.watcher = Watcher(engine, clock or SystemClock())
        self.server = Server(address, self._answer, headers, limits)
        self.routes: tuple[Route, ...] = ()
        self._access: Access | None = None
        self._router: Router | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return self.server.address.url

    def __enter__(self) -> Self:
        self.server.bind()
        self._access = Access(self.server.address, self._token)
        api = Api(self.watcher, self._reload)
        self.routes = api.routes
        if self._token is not None:
            login = Route(
                "/login",
                self._log_in,
                "Take a token (the field 'token' of a form), give a cookie.",
                kind="text/plain",
                method="POST",
                status=303,
                open=True,
            )
            self.routes = api.routes = (*api.routes, login)
        self._router = Router(self.routes, self._access, _refusal)
        for lane in self.watcher.lanes():  # not when the first event comes, on the graph's own thread
            self.watcher.offer(lane.name)
        self._engine.watch(self.watcher.frame, self.watcher.status)
        self.watcher.happenings.start()
        self.server.start(self._sample)
        return self

    def __exit__(self, *_: object) -> None:
        self.server.close()
        self.watcher.close()

    async def _answer(self, request: Request) -> Response | Stream:
        assert self._router is not None, "requests come between enter and exit"
        if self._token is not None and request.path == "/" and "token" in request.query:
            assert self._access is not None, "requests come between enter and exit"
            self._access.check_origin(request)
            return self._exchange(request, request.query["token"])
        return await self._router.answer(request)

    async def _log_in(self, request: Request) -> Response:
        return self._exchange(request, request.form().get("token", ""))

    def _exchange(self, request: Request, token: str) -> Response:
        """A cookie for the token, so that it stands in no address and no script can read it."""
        assert self._access is not None, "requests come between enter and exit"
        if not self._access.is_right(token, request.client):
            return _refusal(request)
        return Response(303, b"", "text/plain", {"Location": "/", "Set-Cookie": self._access.login()})

    async def _sample(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            try:
                self.watcher.sample()
            except Exception:
                log.warning("the page could not take down what stands where", exc_info=True)
            await asyncio.sleep(_SAMPLE)


def _refusal(request: Request) -> Response:
    """To a browser the form to log in with, to a program an error."""
    if "text/html" not in request.headers.get("accept", ""):
        return problem(HttpError(401, "a token is needed", {"WWW-Authenticate": "Bearer"}))
    policy = _POLICY.format(style=f" 'sha256-{_STYLE_HASH}'")
    return Response(401, _LOGIN.encode(), "text/html; charset=utf-8", {"Content-Security-Policy": policy})


def headers(answer: Response | Stream) -> dict[str, str]:
    """What every answer carries; its own headers come before."""
    own = dict(answer.headers) if isinstance(answer, Response) else {}
    return {**_HEADERS, **own}
