"""Runs with a page on a free port, cameras that do as they are told, and a client that hides nothing."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vidstream.graph.engine import Engine
from vidstream.graph.source import Frame, Source, source
from vidstream.graph.stage import Stage, stage
from vidstream.types import Counts, Event, Events, FrameInfo, SourceState, StreamInfo, Tracks
from vidstream.web.page import Page

TOKEN = "a-token-for-tests-only-0123456789"


class Strings:
    """What moves a puppet camera."""

    def __init__(self) -> None:
        self.playing = threading.Event()
        self.playing.set()
        self.camera: Puppet | None = None
        self.damaged = False

    def say(self, state: SourceState, cause: str = "") -> None:
        """Come into a state; frames come only in those that let them."""
        assert self.camera is not None
        if state == "live":
            self.playing.set()
        else:
            self.playing.clear()
        self.camera.announce(state, cause)


STRINGS: dict[str, Strings] = {}


@source("puppet", accepts=lambda uri: uri.startswith("puppet:"))
class Puppet(Source):
    """A camera of 20 frames/s with a square that moves, as long as its strings let it."""

    live = True

    @dataclass(frozen=True, slots=True)
    class Params:
        uri: str = "puppet:"  #: address
        size: tuple[int, int] = (320, 180)  #: width and height

    params: Params

    def open(self) -> StreamInfo:
        self._strings = STRINGS.setdefault(self.name, Strings())
        self._strings.camera = self
        self._number = 0
        self.announce("connecting", "")
        self.announce("live", "")
        return StreamInfo(self.name, *self.params.size, fps=20.0, live=True, uri=self.params.uri)

    def read(self) -> Frame | None:
        while not self.stopping.wait(0.05):
            if self._strings.playing.is_set():
                width, height = self.params.size
                pixels = np.full((height, width, 3), (60, 90, 40), np.uint8)
                x = self._number * 5 % (width - 40)
                pixels[60:100, x : x + 40] = (40, 90, 250)
                self._number += 1
                return Frame(pixels, self._number / 20, damaged=self._strings.damaged)
        return None

    def close(self) -> None:
        self._strings.camera = None


@stage("puppet.find")
class Find(Stage):
    """One track where the square is, a count that grows, an event every so many frames."""

    @dataclass(frozen=True, slots=True)
    class Params:
        each: int = 10  #: frames from event to event
        name: str = "door"  #: of the line
        label: str = "square"  #: class

    params: Params

    def process(self, frame: FrameInfo) -> tuple[Tracks, Counts, Events]:
        x = float(frame.seq * 5 % (frame.width - 40))
        tracks = Tracks.of([[x, 60, x + 40, 100]], track_ids=[1], names={0: self.params.label})
        counts = Counts({self.params.name: {"in": float(frame.seq)}})
        if frame.seq % self.params.each:
            return tracks, counts, Events()
        event = Event(
            "line_crossed",
            frame.source,
            frame.seq,
            frame.pts,
            name=self.params.name,
            track_id=1,
            class_name=self.params.label,
            box=(x, 60.0, x + 40, 100.0),
            data={"direction": "in"},
        )
        return tracks, counts, Events((event,))


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """Asks; `headers` go along every time."""

    port: int
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, path: str, method: str = "GET", body: str | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, {**self.headers, **named})
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    @contextmanager
    def stream(self, path: str, **headers: str) -> Iterator[http.client.HTTPResponse]:
        """An answer without an end."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", path, headers={**self.headers, **named})
        answer = connection.getresponse()
        try:
            yield answer
        finally:
            answer.close()
            connection.close()


def parts(answer: http.client.HTTPResponse) -> Iterator[tuple[dict[str, str], bytes]]:
    """The parts of an endless multipart answer."""
    while True:
        head: dict[str, str] = {}
        while (line := answer.readline().strip()) or "content-length" not in head:
            name, _, value = line.decode().partition(":")
            head[name.lower()] = value.strip()
        yield head, answer.read(int(head["content-length"]))


def wait_for(true: Callable[[], Any], seconds: float = 40.0) -> Any:
    """Wait until it is; gives what it gave."""
    until = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.02)
    return found


@dataclass
class Running:
    """A run with its page."""

    engine: Engine
    page: Page
    client: Client
    #: change over to these sources
    change: Callable[[Mapping[str, Any]], None]

    def strings(self, name: str) -> Strings:
        return STRINGS[name]

    def first(self) -> None:
        """Wait until every source has given a picture."""
        names = [lane.name for lane in self.engine.lanes]
        wait_for(lambda: all(name in self.page.watcher.studio.newest for name in names))


GRAPH = {"find": "puppet.find", "draw": {"use": "draw.overlay", "hud": False}}
