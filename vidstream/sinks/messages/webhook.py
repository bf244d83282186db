"""sink.webhook: events for a web server. docs/messages.md describes what it is sent."""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlsplit

from vidstream.errors import ParamError
from vidstream.graph.stage import Stage, stage
from vidstream.sinks.messages.courier import Courier, Receiver
from vidstream.sinks.messages.outbox import spool_folder
from vidstream.sinks.messages.post import Place, check_url
from vidstream.sinks.messages.spool import Spool
from vidstream.sinks.plain import utc
from vidstream.sinks.rows import VERSION, event_row
from vidstream.types import Events, FrameInfo, SourceStatus, StreamInfo
from vidstream.types.values import InputFile, Positive, Range, Seconds, Secret, SharedFile, Unit, Uri


@stage("sink.webhook", sink=True)
class WebhookSink(Stage):
    """Send events to a web server, each as one signed POST of JSON, in order.

    With `secret`, every POST carries ``X-Vidstream-Signature``, so that the receiver knows who sent it, and
    ``X-Vidstream-Delivery``, which stays the same where one is sent twice.

    A receiver that is not there holds nothing up: events wait on disk, also across restarts, and are sent
    once it is back, or given up when they are older than `max_age`. What it refuses (400, 404 ...) is
    dropped and counted; where it says 429 or 503, it is left alone for as long as it asks.

    Example::

        graph:
          motion: {use: detect.motion}
          track: {use: track.sort}
          yard: {use: count.zone, zones: {yard: [[0, 0], [1, 0], [1, 1], [0, 1]]}}
          tell: {use: sink.webhook, url: "http://localhost:8123/api/webhook/yard"}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """Options."""

        url: Uri  #: where to, http or https; user name and password in it are sent as Basic authentication
        secret: Secret | None = None  #: what deliveries are signed with, such as ${env:HOOK_SECRET}
        headers: Mapping[str, Secret] = field(default_factory=dict)  #: more of them, such as Authorization
        kinds: tuple[str, ...] = ()  #: only events of these kinds (default: all)
        states: bool = False  #: also tell what becomes of the cameras: live, lost ...
        batch: Annotated[int, Range(1, 1000)] = 1  #: where several wait, send so many in one POST
        timeout: Annotated[float, Unit("s"), Range(0.1, 300)] = 10.0  #: an answer must be there by then
        attempts: Positive = 10  #: an event on which the receiver itself fails (500) so often is dropped
        max_age: Seconds = 7 * 86400.0  #: what waits for longer is given up
        ca: InputFile | None = None  #: certificates to verify the receiver with, where it is not a public one
        proxy: Uri | None = None  #: a proxy to go through; those named in the environment are not used
        spool: SharedFile | None = None  #: folder in which events wait (default: one under spool/)
        backlog: Annotated[int, Unit("MB"), Range(1, 100_000)] = 64  #: where more waits, the oldest go

    params: Params
    _courier: Courier | None = None

    @classmethod
    def check(cls, params: Any) -> Iterable[ParamError]:
        """Are the addresses and headers such that they can be sent?"""
        yield from check_url(params.url.reveal(), "url")
        if params.proxy is not None:
            yield from check_url(params.proxy.reveal(), "proxy")
        for name, value in params.headers.items():
            text = value.reveal()
            if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or not re.fullmatch(r"[ -~]*", text):
                fix = "use printable ASCII letters, and no blanks in the name"
                yield ParamError("cannot be sent as a header", path=("headers", name), fix=fix)

    @classmethod
    def check_inputs(cls, params: Any, wired: Collection[str]) -> Iterable[ParamError]:
        """There must be something to send."""
        if not wired and not params.states:
            fix = "put a stage that gives events (count.line, count.zone) before it"
            yield ParamError("has nothing to send", fix=fix)

    def open(self, stream: StreamInfo) -> None:
        """Join the courier of the run."""
        params = self.params
        self._kinds = frozenset(params.kinds)
        headers = tuple(sorted(params.headers.items(), key=lambda item: item[0]))
        receiver = Receiver(
            params.url,
            params.secret,
            headers,
            params.timeout,
            params.ca,
            params.proxy,
            params.batch,
            params.attempts,
            params.max_age,
        )
        parts = urlsplit(params.url.reveal())
        place, asked = Place.of(parts), f"{parts.path}?{parts.query}"
        default = f"webhook-{self.stage_id}-{place.host}-{place.port}-{zlib.crc32(asked.encode()):08x}"
        folder = spool_folder(self.out_root, params.spool, default, self.stage_id)
        limit = params.backlog * 1_000_000
        self._key = ("sink.webhook", place, Secret(asked), folder)
        self._courier = self.commons.join(
            self._key, lambda: Courier(receiver, Spool(folder, limit), self.clock, self.notify)
        )
        self._courier.adopt(receiver, limit)

    def process(self, frame: FrameInfo, events: tuple[Events, ...] = ()) -> None:
        """Hand over what happened."""
        assert self._courier is not None, "open comes before process"
        for event in (event for part in events for event in part):
            if not self._kinds or event.kind in self._kinds:
                self._courier.outbox.put(partial(event_row, event, frame.segment))

    def on_status(self, status: SourceStatus) -> None:
        """Hand over what has become of the camera."""
        if self.params.states and (courier := self._courier) is not None:
            courier.outbox.put(partial(_state_row, status))

    def close(self) -> None:
        """Leave the courier."""
        if self._courier is not None:
            self._courier = None
            self.commons.leave(self._key)


def _state_row(status: SourceStatus) -> dict[str, Any]:
    return {
        "v": VERSION,
        "type": "state",
        "source": status.source,
        "wall": utc(status.wall),
        "state": status.state,
        "cause": status.cause,
    }
