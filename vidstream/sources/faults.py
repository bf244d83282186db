"""What goes wrong with sources, in plain words that carry no address and no password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import av

from vidstream.errors import SourceError
from vidstream.types.values import redact


class OpenError(SourceError):
    """A container that FFmpeg could not open; `kind` is the class of its error."""

    def __init__(self, error: av.FFmpegError) -> None:
        super().__init__(words(error))
        self.kind = type(error)


class RefusedError(SourceError):
    """The other side refused the name or the password: trying again soon will not change that."""


class BadDataError(SourceError):
    """The other side sends what cannot be understood."""


def words(error: av.FFmpegError) -> str:
    """What went wrong, without the address that PyAV's own text and `filename` carry, password and all."""
    if isinstance(error, av.error.ExitError):  # how its timeouts show
        return "no answer in time"
    text = redact(str(error.strerror)).strip()
    return text[:1].lower() + text[1:]


@contextmanager
def named(where: str) -> Iterator[None]:
    """Adds to a SourceError from within which source it is about."""
    try:
        yield
    except SourceError as error:
        if error.where:
            raise
        raise SourceError(error.what, where=where, fix=error.fix, retry=error.retry) from None
