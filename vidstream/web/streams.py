"""Answers without an end: pictures as they are made, events and states as they come."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from vidstream.web.bell import heard
from vidstream.web.http import HttpError, Response, Send, Stream
from vidstream.web.looks import Look
from vidstream.web.state import sources
from vidstream.web.studio import Feed, Picture, Studio
from vidstream.web.watcher import Watcher

_BOUNDARY: Final = "picture"
MULTIPART: Final = f"multipart/x-mixed-replace; boundary={_BOUNDARY}"
EVENT_STREAM: Final = "text/event-stream"
#: seconds after which something is sent even where nothing is new, so that either side notices an end
_ALIVE: Final = 5.0
#: seconds to wait for one picture
_PATIENCE: Final = 5.0


@contextmanager
def _joined(studio: Studio, looks: Sequence[Look]) -> Iterator[list[Feed]]:
    """Feeds of these looks, as long as the block lasts."""
    with ExitStack() as stack:
        feeds: list[Feed] = []
        for look in looks:
            feed = studio.join(look)
            if feed is None:
                raise HttpError(503, "too many different pictures are being looked at", {"Retry-After": "5"})
            stack.callback(studio.leave, feed)
            feeds.append(feed)
        yield feeds


def pictures(watcher: Watcher, looks: Sequence[Look]) -> Stream:
    """All looks in one answer, as parts with the source's name and the picture's age, the newest only.

    While one part is on its way to a slow reader, newer pictures replace older ones that wait.
    """

    async def run(send: Send) -> None:
        ear = asyncio.Event()
        with ExitStack() as stack:
            feeds = stack.enter_context(_joined(watcher.studio, looks))
            for feed in feeds:
                stack.enter_context(feed.bell.heard_by(ear))
            sent = dict.fromkeys(feeds, 0)
            while True:
                for feed in feeds:
                    version, picture = feed.version, feed.picture
                    if picture is not None and version != sent[feed]:
                        sent[feed] = version
                        await send(_part(watcher, feed, picture))
                if not await heard(ear, _ALIVE):
                    await send(b"\r\n")  # between two parts, where it means nothing

    return Stream(MULTIPART, run)


def _part(watcher: Watcher, feed: Feed, picture: Picture) -> bytes:
    age = "" if picture.mono is None else f"{max(0.0, watcher.clock.monotonic() - picture.mono):.3f}"
    head = (
        f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture.data)}\r\n"
        f"X-Source: {feed.look.source}\r\nX-Frame: {picture.seq}\r\nX-Age: {age}\r\n\r\n"
    )
    return head.encode("ascii") + picture.data + b"\r\n"


async def picture(watcher: Watcher, look: Look) -> Response:
    """One picture, the newest."""
    with _joined(watcher.studio, [look]) as (feed,), feed.bell.hear() as ear:
        if feed.picture is None:
            await heard(ear, _PATIENCE)
        found = feed.picture
    if found is None:
        raise HttpError(503, f"no picture of {look.source} yet", {"Retry-After": "1"})
    headers = {"X-Frame": str(found.seq), "X-Stale": str(found.grey).lower()}
    if found.mono is not None:
        headers["X-Age"] = f"{max(0.0, watcher.clock.monotonic() - found.mono):.3f}"
    return Response(200, found.data, "image/jpeg", headers)


def happenings(watcher: Watcher, last: str) -> Stream:
    """Server-sent events: ``event`` with an id to resume from, and ``state`` once a second.

    What comes while a slow reader is waited for is sent afterwards, as far as it is still in the ring; of
    states only the newest.
    """
    book = watcher.happenings

    async def run(send: Send) -> None:
        ear, number, rung = asyncio.Event(), book.seen(last), -1
        with book.bell.heard_by(ear), watcher.bell.heard_by(ear):
            await send(b"retry: 1000\n\n")
            while True:
                for happening in book.after(number):
                    number = happening.number
                    await send(_message("event", book.to_json(happening), f"{book.run}-{number}"))
                if rung != watcher.rung:
                    rung = watcher.rung
                    await send(_states(watcher))
                if not await heard(ear, _ALIVE):
                    await send(b": still here\n\n")

    return Stream(EVENT_STREAM, run)


def _states(watcher: Watcher) -> bytes:
    """The states of all sources, put together once for all who listen."""
    rung, text = watcher.said
    if rung == watcher.rung:
        return text
    rung = watcher.rung
    value = {"run": watcher.happenings.run, "wall": watcher.clock.time(), "sources": sources(watcher)}
    watcher.said = rung, _message("state", value)
    return watcher.said[1]


def _message(kind: str, value: Any, name: str = "") -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return (f"id: {name}\n" if name else "").encode() + f"event: {kind}\ndata: {text}\n\n".encode()
