"""Where the page listens, and what it takes to listen there."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from vidstream.errors import UsageError

LOOPBACK = "127.0.0.1"
#: letters of the shortest token that is taken
SHORTEST = 16
_FORM = re.compile(r"(?:(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):)?(?P<port>[0-9]{1,5})")
_MAKE_ONE = 'make one with: python -c "import secrets; print(secrets.token_urlsafe(24))"'


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port to listen on; port 0 takes any that is free."""

    host: str
    port: int

    @classmethod
    def read(cls, text: str) -> Address:
        """From ``8080``, ``HOST:PORT`` or ``[::1]:PORT``; without a host, this machine alone is served.

        >>> Address.read("8080"), Address.read("[::]:80").host
        (Address(host='127.0.0.1', port=8080), '::')
        """
        match = _FORM.fullmatch(text)
        if match is None or int(match["port"]) > 65_535:
            raise UsageError(f"--http {text} is no address", fix="write a port, or HOST:PORT")
        return cls((match["host"] or LOOPBACK).strip("[]"), int(match["port"]))

    @property
    def is_loopback(self) -> bool:
        """Whether nobody but this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def url(self) -> str:
        """What to type into a browser on this machine."""
        host = LOOPBACK if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 - compared, not bound
        return f"http://[{host}]:{self.port}/" if ":" in host else f"http://{host}:{self.port}/"

    def check(self, token: str | None) -> None:
        """Raise UsageError where cameras would be shown to a network without asking who is there."""
        if token is None and not self.is_loopback:
            raise UsageError(
                f"--http {self.host}:{self.port} would show the cameras to everybody on the network",
                fix=f"set $VIDSTREAM_TOKEN ({_MAKE_ONE}), or leave the host away",
            )
        if token is not None and (len(token) < SHORTEST or not token.isascii() or not token.isprintable()):
            raise UsageError(
                f"the page's token needs at least {SHORTEST} printable ASCII characters", fix=_MAKE_ONE
            )
