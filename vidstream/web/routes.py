"""The table of routes: what is not in it does not exist."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from vidstream.web.access import Access
from vidstream.web.http import HttpError, Request, Response, Stream

Handler: TypeAlias = Callable[..., Awaitable[Response | Stream]]
Schema: TypeAlias = dict[str, Any]

#: the header that a request with an effect must carry: no form and no image of another site can
ACT_HEADER = "x-vidstream"
#: the form of each name in a path; "." and "/" lead nowhere
NAMES = {
    "source": r"[A-Za-z][A-Za-z0-9_-]{0,99}",
    "event": r"[0-9a-f]{1,16}-[0-9]{1,12}",
    "file": r"[a-z][a-z0-9-]{0,30}\.[a-z]{2,5}",
}


@dataclass(frozen=True, slots=True)
class Option:
    """A field of the query."""

    name: str
    meaning: str
    schema: Schema


@dataclass(frozen=True)
class Route:
    """One path and method: who answers, and with what. `answer` is a JSON Schema, where JSON is given."""

    path: str
    handler: Handler = field(repr=False)
    summary: str
    answer: Schema | None = None
    kind: str = "application/json"
    method: str = "GET"
    options: Sequence[Option] = ()
    #: the status where all is well
    status: int = 200
    #: statuses it gives besides that and those that every route gives
    others: Sequence[int] = ()
    #: needs no token: the way to show one
    open: bool = False
    #: has an effect on the run: needs a token and `ACT_HEADER`
    acts: bool = False

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What the path looks like."""
        parts = re.split(r"\{(\w+)\}", self.path)
        text = "".join(f"(?P<{p}>{NAMES[p]})" if i % 2 else re.escape(p) for i, p in enumerate(parts))
        return re.compile(text)


class Router:
    """Finds the route, and lets nobody through who has no business there."""

    def __init__(
        self, routes: Sequence[Route], access: Access, refusal: Callable[[Request], Response]
    ) -> None:
        self.routes = routes
        self._access = access
        self._refusal = refusal

    async def answer(self, request: Request) -> Response | Stream:
        """The answer; HttpError where there is none."""
        self._access.check_origin(request)
        found = [(route, m) for route in self.routes if (m := route.pattern.fullmatch(request.path))]
        is_open = any(route.open and route.method == request.method for route, _ in found)
        if not is_open and not self._access.allows(request):
            return self._refusal(request)
        if not found:
            raise HttpError(404, "there is nothing here; /api/v1/openapi.json lists what there is")
        for route, match in found:
            if route.method == request.method:
                self._check_act(route, request)
                return await route.handler(request, **match.groupdict())
        allowed = ", ".join(sorted({route.method for route, _ in found}))
        raise HttpError(405, f"only {allowed} goes here", {"Allow": allowed})

    def _check_act(self, route: Route, request: Request) -> None:
        if not route.acts:
            return
        if self._access.token is None:
            raise HttpError(403, "only a page with a token takes orders: set $VIDSTREAM_TOKEN")
        if request.headers.get(ACT_HEADER) != "1":
            raise HttpError(403, "an order needs the header X-Vidstream: 1")
