"""What all cameras of a run share towards one MQTT broker: a connection that comes back for ever."""

from __future__ import annotations

import random
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from vidstream.graph.clock import Clock
from vidstream.graph.stage import Notify
from vidstream.sinks.messages.outbox import Outbox, document
from vidstream.sinks.messages.session import Broker, Session, SessionError
from vidstream.sinks.messages.spool import Spool
from vidstream.sinks.rows import event_row
from vidstream.types import Event

#: seconds until the next try: at first, at most, and where the broker refuses our name or password
_SOON, _LATE, _RARELY = 0.5, 30.0, 60.0
#: a connection that held for so many seconds was a good one
_HEALTHY: Final = 10.0
#: seconds between two rounds where nothing happens
_ROUND: Final = 0.5
#: seconds to send what waits at the end; how long the broker may be silent meanwhile; and to say goodbye
_FAREWELL, _SILENCE, _GOODBYE = 1.0, 0.5, 0.3

#: the newest value of a topic: its bytes, or what makes them on the connection's own thread
Payload = bytes | Callable[[], bytes | None]


class Message(NamedTuple):
    """An event on its way to a topic."""

    topic: str
    retain: bool
    event: Event
    segment: int

    def packed(self, wall: float) -> bytes:
        """As it waits in the spool."""
        payload = document(event_row(self.event, self.segment), wall)
        return b"%d%b\0%b" % (self.retain, self.topic.encode(), payload)


def unpacked(data: bytes) -> tuple[str, bytes, bool] | None:
    """Topic, payload and whether it is retained; None for what is no message of ours."""
    topic, nul, payload = data.partition(b"\0")
    if not nul or topic[:1] not in (b"0", b"1"):
        return None
    return topic[1:].decode("utf-8", "replace"), payload, topic[:1] == b"1"


@dataclass(slots=True)
class _Newest:
    payload: Payload
    retain: bool
    #: seconds between two messages at least
    period: float
    sent: float = -1e9


class Link:
    """A connection and what waits for it. Safe to use from several threads; nothing holds its callers up.

    Events wait in a spool and go out in order, each until the broker has acknowledged it. Of other things
    only the newest counts: it is kept in memory, and said again after each reconnect.
    """

    def __init__(self, broker: Broker, prefix: str, spool: Spool, clock: Clock, notify: Notify) -> None:
        self.connected = False
        #: for brokers at which we have no name of our own
        self._client_id = f"vidstream-{secrets.token_hex(5)}"
        self.outbox = Outbox(spool, Message.packed, clock, notify)
        self.outbox.arrived = self._wake
        self._broker = broker
        self._presence = f"{prefix}/availability"
        self._clock = clock
        self._notify = notify
        self._lock = threading.Lock()
        self._newest: dict[str, _Newest] = {}
        self._dirty: dict[str, None] = {}
        self._session: Session | None = None
        #: why there is no connection; empty where there is one
        self._trouble = ""
        self._closing = threading.Event()
        #: ends the wait for the next try
        self._hurry = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"mqtt {broker}", daemon=True)
        self._thread.start()

    # -- from any thread -------------------------------------------------------------------------------

    def send(self, message: Message) -> None:
        """Send an event, now or whenever the broker is back."""
        self.outbox.put(message)

    def say(self, topic: str, payload: Payload, *, retain: bool = True, period: float = 0.0) -> None:
        """What holds from now on; only the newest is sent, and at most one in so many seconds."""
        with self._lock:
            before = self._newest.get(topic)
            sent = before.sent if before else -1e9
            self._newest[topic] = _Newest(payload, retain, period, sent)
            self._dirty[topic] = None
        if not period:
            self._wake()

    def adopt(self, broker: Broker, limit: int) -> None:
        """Go on with these options: a changed password, for instance, while the run goes on."""
        with self._lock:
            changed = broker != self._broker
            if changed:
                self._broker = broker
        self.outbox.resize(limit)
        if changed:
            self._notify("broker-changed", f"{broker}: the shared connection goes on with other options")
            self._hurry.set()
            self._wake()

    def close(self) -> None:
        """Send what waits as far as that is possible in 2 s, say goodbye. The rest waits in the spool."""
        self.outbox.settle(0.2)
        self._closing.set()
        self._hurry.set()
        self._wake()
        self._thread.join(_FAREWELL + 0.5)
        self.outbox.close(0.2)

    # -- the connection's own thread -------------------------------------------------------------------

    def _run(self) -> None:
        delay = _SOON
        while not self._closing.is_set():
            began = self._clock.monotonic()
            refused = False
            try:
                self._connection(self._broker)
                continue
            except OSError as error:
                refused = isinstance(error, SessionError) and error.refused
                self._tell((error.strerror or str(error)).rstrip("."), refused)
            if self._clock.monotonic() - began > _HEALTHY:
                delay = _SOON
            spread = delay * random.uniform(0.7, 1.0)  # noqa: S311 - keeps clients apart, guards nothing
            self._clock.wait(self._hurry, _RARELY if refused else spread)
            self._hurry.clear()
            delay = min(2 * delay, _LATE)

    def _connection(self, broker: Broker) -> None:
        """One connection, until we are closed or have other options; OSError where it is lost before."""
        session = Session(broker, broker.client_id or self._client_id, self._presence)
        try:
            session.connect(self._clock.monotonic, self._closing.is_set)
            self._greet(session)
            self._serve(session, broker)
        finally:
            self.connected, self._session = False, None
            session.close()

    def _tell(self, why: str, refused: bool) -> None:
        if why == self._trouble or self._closing.is_set():
            return
        self._trouble = why
        if refused:
            fix = f"check user name and password; tried again every {_RARELY:g} s"
            self._notify("broker-refused", f"{self._broker}: {why}; events wait on disk; {fix}")
        else:
            self._notify("broker-lost", f"{self._broker}: {why}; events wait on disk until it is back")

    def _greet(self, session: Session) -> None:
        """All that holds is said again: the broker may have forgotten."""
        self._session, self.connected = session, True
        session.publish(self._presence, b"online", True, None)
        with self._lock:
            self._dirty = dict.fromkeys(self._newest)
            for newest in self._newest.values():
                newest.sent = -1e9
        if self._trouble:
            self._trouble = ""
            self._notify("broker-back", f"{self._broker}: connected; what waited is sent")

    def _serve(self, session: Session, broker: Broker) -> None:
        """Send until the end; raises SessionError where the connection is lost."""
        number, end, progress = 0, float("inf"), 0.0
        while broker is self._broker:
            self._say_newest(session)
            number = self._send_waiting(session, number)
            session.turn(_ROUND if end == float("inf") else 0.05)
            now = self._clock.monotonic()
            if names := session.acknowledged():
                progress = now
                self._done([name for name in names if name is not None])
            if self._closing.is_set():
                if end == float("inf"):
                    end, progress = now + _FAREWELL, now
                if now > end or now - progress > _SILENCE or not (self._dirty or len(self.outbox)):
                    self._leave(session)
                    return
        session.close(politely=True)

    def _done(self, numbers: list[int]) -> None:
        if numbers:
            self.outbox.done(numbers[-1], len(numbers))

    def _say_newest(self, session: Session) -> None:
        now = self._clock.monotonic()
        with self._lock:
            hurry = self._closing.is_set()
            due = [t for t in self._dirty if hurry or now - self._newest[t].sent >= self._newest[t].period]
            said = [(topic, self._newest[topic]) for topic in due[: session.room]]
            for topic, newest in said:
                del self._dirty[topic]
                newest.sent = now
        for topic, newest in said:
            made = newest.payload if isinstance(newest.payload, bytes) else newest.payload()
            if made is not None:
                newest.payload = made
                session.publish(topic, made, newest.retain, None)

    def _send_waiting(self, session: Session, number: int) -> int:
        """Hand over what fits; gives the number of the next one."""
        for record in self.outbox.read(number, session.room) if session.room > 0 else ():
            number = record.number + 1
            message = unpacked(record.data)
            if message is None:  # written by something else
                self.outbox.done(record.number, 1, delivered=False)
            else:
                session.publish(*message, record.number)
        return number

    def _leave(self, session: Session) -> None:
        session.publish(self._presence, b"offline", True, None)
        end = self._clock.monotonic() + _GOODBYE
        while not session.idle and self._clock.monotonic() < end:
            session.turn(0.05)
            self._done([name for name in session.acknowledged() if name is not None])
        session.close(politely=True)

    def _wake(self) -> None:
        if (session := self._session) is not None:
            session.wake()
