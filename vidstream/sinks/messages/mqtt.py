"""sink.mqtt: events, counts and states of cameras for an MQTT broker. docs/messages.md describes topics."""

from __future__ import annotations

import importlib.util
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final, Literal

from vidstream.errors import MissingDependency, ParamError
from vidstream.graph.stage import Stage, stage
from vidstream.sinks.messages.homeassistant import Device
from vidstream.sinks.messages.link import Link, Message
from vidstream.sinks.messages.outbox import spool_folder
from vidstream.sinks.messages.picture import jpeg
from vidstream.sinks.messages.session import Broker
from vidstream.sinks.messages.spool import Spool
from vidstream.sinks.messages.topics import check_prefix, level
from vidstream.sinks.plain import plain, utc
from vidstream.sinks.rows import VERSION, encode
from vidstream.types import Counts, Events, FrameInfo, Image, SourceStatus, StreamInfo
from vidstream.types.values import InputFile, Range, Seconds, Secret, SharedFile, Unit

Retained = Literal["state", "counts", "events", "snapshot"]

#: seconds between two pictures at least
_SNAPSHOTS: Final = 1.0
_INSTALL: Final = "pip install paho-mqtt==2.1.0"


@stage("sink.mqtt", sink=True)
class MqttSink(Stage):
    """Publish events, counts and the state of each camera to an MQTT broker.

    Events go to ``PREFIX/SOURCE/events`` as JSON, the newest counts to ``PREFIX/SOURCE/counts/PLACE``, what
    has become of the camera to ``PREFIX/SOURCE/state`` and ``PREFIX/SOURCE/availability`` (online, offline);
    ``PREFIX/availability`` is the run itself, and turns to offline also where it is killed. With
    ``discovery: homeassistant`` cameras show up in Home Assistant by themselves.

    All cameras of a run share one connection. A broker that is not there holds nothing up: events wait on
    disk, also across restarts, and are sent in order once it is back; of all else the newest is sent.

    Example::

        graph:
          motion: {use: detect.motion}
          track: {use: track.sort}
          yard: {use: count.zone, zones: {yard: [[0, 0], [1, 0], [1, 1], [0, 1]]}}
          home: {use: sink.mqtt, host: localhost, discovery: homeassistant}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """Options."""

        host: str  #: the broker's name or address
        port: Annotated[int, Range(1, 65535)] | None = None  #: its port (default: 1883, with tls 8883)
        tls: bool = False  #: encrypt, and verify the broker's certificate
        ca: InputFile | None = None  #: certificates to verify it with, where it is not a public one
        username: str | None = None  #: who we are there
        password: Secret | None = None  #: such as ${env:MQTT_PASSWORD}
        client_id: str | None = None  #: name of the connection (default: a new one each time)
        prefix: str = "vidstream"  #: what all topics begin with; different for each run
        qos: Literal[0, 1] = 1  #: 1: events are kept until the broker has acknowledged them; 0: until sent
        #: what the broker keeps for those who come later, beside availability
        retain: tuple[Retained, ...] = ("state", "counts", "snapshot")
        kinds: tuple[str, ...] = ()  #: only events of these kinds (default: all)
        counts_period: Seconds = 1.0  #: the counts of a place are sent at most once in so much time
        snapshot: bool = False  #: with each event, publish the picture (JPEG) to PREFIX/SOURCE/snapshot
        snapshot_width: Annotated[int, Unit("px"), Range(64, 4096)] = 640  #: it is no wider than this
        discovery: str | None = None  #: `homeassistant`: where that looks for devices; tell it of cameras
        spool: SharedFile | None = None  #: folder in which events wait (default: one under spool/)
        backlog: Annotated[int, Unit("MB"), Range(1, 100_000)] = 64  #: where more waits, the oldest go

    params: Params
    _link: Link | None = None

    @classmethod
    def check(cls, params: Any) -> Iterable[ParamError]:
        """Is paho there, and are the topics such that a broker takes them?"""
        if importlib.util.find_spec("paho") is None:
            yield ParamError("needs the package paho-mqtt", fix=_INSTALL)
        if not params.host or any(c.isspace() or c in "/@" for c in params.host):
            fix = "give a name or an address alone; port, username and password have their own options"
            yield ParamError(f"'{params.host}' is no host", path=("host",), fix=fix)
        if params.password is not None and not params.username:
            yield ParamError("a password needs a user name", path=("password",), fix="give 'username' too")
        yield from check_prefix(params.prefix, "prefix")
        if params.discovery:
            yield from check_prefix(params.discovery, "discovery")

    @classmethod
    def check_inputs(cls, params: Any, wired: Collection[str]) -> Iterable[ParamError]:
        """A picture must come from somewhere."""
        if params.snapshot and "image" not in wired:
            fix = "wire 'image' to a stage that gives one"
            yield ParamError("there is no picture", path=("snapshot",), fix=fix)

    def open(self, stream: StreamInfo) -> None:
        """Join the connection of the run; it is made on its own thread."""
        if importlib.util.find_spec("paho") is None:
            raise MissingDependency("needs the package paho-mqtt", where=self.stage_id, fix=_INSTALL)
        params = self.params
        self._base = f"{params.prefix}/{level(self.source or stream.source)}"
        self._counted: dict[str, dict[str, float]] = {}
        self._kinds = frozenset(params.kinds)
        self._period = params.counts_period
        self._state_said = False
        self._link = self._joined()
        self._device: Device | None = None
        if params.discovery:
            self._device = Device(params.prefix, self.source or stream.source, params.discovery)
            if params.snapshot:
                self._device.picture()
            self._introduce(True)

    def process(
        self,
        frame: FrameInfo,
        image: Image | None = None,
        counts: tuple[Counts, ...] = (),
        events: tuple[Events, ...] = (),
    ) -> None:
        """Hand over what is new."""
        link = self._link
        assert link is not None, "open comes before process"
        if not self._state_said:  # opened anew within a run: nothing has become of the camera since
            self._say_state("live", "", self.clock.time(), True)
        for part in counts:
            for place, labels in part.values.items():
                self._count(link, place, labels)
        happened = False
        for event in (event for part in events for event in part):
            if not self._kinds or event.kind in self._kinds:
                happened = True
                if self._device is not None:
                    self._introduce(self._device.event(event.kind, event.name))
                retain = "events" in self.params.retain
                link.send(Message(f"{self._base}/events", retain, event, frame.segment))
        if happened and self.params.snapshot and image is not None:
            picture = partial(jpeg, image, self.params.snapshot_width)
            retain = "snapshot" in self.params.retain
            link.say(f"{self._base}/snapshot", picture, retain=retain, period=_SNAPSHOTS)

    def on_status(self, status: SourceStatus) -> None:
        """Say what has become of the camera."""
        self._say_state(status.state, status.cause, status.wall, status.arriving)

    def close(self) -> None:
        """Say that the camera is not watched any more, and leave the connection."""
        if self._link is not None:
            self._say_state("ended", "", self.clock.time(), False)
            self._link = None
            self.commons.leave(self._key)

    def _say_state(self, state: str, cause: str, wall: float, arriving: bool) -> None:
        link = self._link
        if link is None:
            return
        self._state_said = True
        link.say(f"{self._base}/availability", b"online" if arriving else b"offline")
        row = {"v": VERSION, "state": state, "cause": cause, "since": utc(wall)}
        link.say(f"{self._base}/state", encode(row).encode(), retain="state" in self.params.retain)

    def _count(self, link: Link, place: str, labels: Any) -> None:
        before = self._counted.get(place, {})
        now = {**before, **labels}
        if now == before:
            return
        self._counted[place] = now
        if self._device is not None:
            news = [self._device.count(place, label) for label in labels]
            self._introduce(any(news))
        topic = f"{self._base}/counts/{level(place)}"
        retain = "counts" in self.params.retain
        link.say(topic, partial(_document, now), retain=retain, period=self._period)

    def _introduce(self, news: bool) -> None:
        if news and self._device is not None and self._link is not None:
            self._link.say(self._device.topic, self._device.document())

    def _joined(self) -> Link:
        """The connection of all that have the same broker, prefix and spool."""
        params = self.params
        port = params.port or (8883 if params.tls else 1883)
        broker = Broker(
            params.host,
            port,
            params.tls,
            params.ca,
            params.username or "",
            params.password,
            params.client_id or "",
            params.qos,
        )
        default = f"mqtt-{broker.host}-{port}-{params.prefix}"
        folder = spool_folder(self.out_root, params.spool, default, self.stage_id)
        limit = params.backlog * 1_000_000
        self._key = ("sink.mqtt", params.host, port, params.prefix, folder)
        link = self.commons.join(
            self._key, lambda: Link(broker, params.prefix, Spool(folder, limit), self.clock, self.notify)
        )
        link.adopt(broker, limit)
        return link


def _document(labels: dict[str, float]) -> bytes:
    return encode(plain(labels)).encode("utf-8", "replace")
