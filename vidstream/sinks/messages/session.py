"""One connection to an MQTT broker, from its beginning to its loss."""

from __future__ import annotations

import selectors
import socket
import ssl
import struct
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vidstream.types.values import Secret

if TYPE_CHECKING:
    from paho.mqtt.client import Client

#: seconds without a word from the broker until it is asked whether it lives, and again until it is given up
KEEPALIVE: Final = 15
#: seconds that connecting and being accepted may each take
_PATIENCE: Final = 5.0
#: so many messages may be on their way, not acknowledged
WINDOW: Final = 100
#: the broker's answers that say: not you (bad user name or password, not authorized, banned)
_NOT_YOU: Final = (134, 135, 138)


@dataclass(frozen=True, slots=True)
class Broker:
    """Where a broker is, and who we are there."""

    host: str
    port: int
    tls: bool
    ca: Path | None
    username: str
    password: Secret | None
    #: what we are called there; empty: anything
    client_id: str
    qos: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class _Tls(ssl.SSLContext):
    """Keeps hold of the socket it has made: paho forgets to close it where the handshake fails."""

    wire: ssl.SSLSocket | None = None

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        """As ever."""
        self.wire = super().wrap_socket(*args, **options)
        return self.wire


class SessionError(OSError):
    """The connection could not be made, or is lost; `refused`: the broker wants another name or password."""

    def __init__(self, why: str, *, refused: bool = False) -> None:
        super().__init__(why)
        self.refused = refused


class Session:
    """A connection; used by one thread, but for `wake`. Messages are acknowledged in the order they went."""

    def __init__(self, broker: Broker, client_id: str, will: str) -> None:
        """`will` is the topic that says ``offline`` when we die."""
        from paho.mqtt.client import Client, MQTTv311
        from paho.mqtt.enums import CallbackAPIVersion

        self._broker = broker
        self._client: Client = Client(
            CallbackAPIVersion.VERSION2, client_id, protocol=MQTTv311, reconnect_on_failure=False
        )
        self._client.connect_timeout = _PATIENCE
        self._client.max_inflight_messages_set(WINDOW)
        self._client.will_set(will, b"offline", qos=1, retain=True)
        if broker.username:
            password = broker.password.reveal() if broker.password else None
            self._client.username_pw_set(broker.username, password)
        self._client.on_connect = self._on_connect
        self._client.on_publish = self._on_publish
        self._tls: _Tls | None = None
        self._answer: Any = None
        #: what is on its way: [its id, what the sender calls it, whether it is acknowledged]
        self._flying: deque[list[Any]] = deque()
        self._selector = selectors.DefaultSelector()
        self._registered = False
        self._bell, self._button = socket.socketpair()
        for end in (self._bell, self._button):
            end.setblocking(False)
        self._selector.register(self._bell, selectors.EVENT_READ)

    def connect(self, now: Callable[[], float], stopped: Callable[[], bool]) -> None:
        """Connect, and be accepted. Raises SessionError or another OSError."""
        if self._broker.tls:
            self._tls = _Tls(ssl.PROTOCOL_TLS_CLIENT)  # verifies certificate and name
            if self._broker.ca is None:
                self._tls.load_default_certs()
            else:
                self._tls.load_verify_locations(self._broker.ca)
            self._client.tls_set_context(self._tls)
        try:
            self._client.connect(self._broker.host, self._broker.port, KEEPALIVE)
        except ValueError as error:
            raise SessionError(f"the address cannot be used: {error}") from error
        end = now() + _PATIENCE
        while self._answer is None:
            if stopped() or now() > end:
                raise SessionError("it accepts the connection, but does not answer")
            self.turn(0.1)

    def publish(self, topic: str, payload: bytes, retain: bool, name: object) -> None:
        """Send; `name` comes back from `acknowledged`. Not more than `room` at a time."""
        info = self._client.publish(topic, payload, self._broker.qos, retain)
        self._flying.append([info.mid, name, self._broker.qos == 0])

    @property
    def room(self) -> int:
        """How many messages may be sent now."""
        return WINDOW - len(self._flying)

    @property
    def idle(self) -> bool:
        """True where nothing is on its way."""
        return not self._flying and not self._client.want_write()

    def acknowledged(self) -> list[Any]:
        """The names of the messages that have arrived since the last call, in order."""
        names = []
        while self._flying and self._flying[0][2]:
            names.append(self._flying.popleft()[1])
        return names

    def turn(self, seconds: float) -> None:
        """Send and receive what can be; wait for it up to so long. Raises SessionError where it is lost."""
        wire = self._client.socket()
        if wire is None:
            raise self._lost("the connection is lost")
        wish = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._client.want_write() else 0)
        change = self._selector.modify if self._registered else self._selector.register
        change(wire, wish)
        self._registered = True
        decrypted = isinstance(wire, ssl.SSLSocket) and wire.pending() > 0
        ready = {key.fileobj: mask for key, mask in self._selector.select(0 if decrypted else seconds)}
        if self._bell in ready:
            with suppress(BlockingIOError):
                self._bell.recv(4096)
        mask = ready.get(wire, 0) | (selectors.EVENT_READ if decrypted else 0)
        try:
            codes = [self._client.loop_read(WINDOW)] if mask & selectors.EVENT_READ else []
            codes += [self._client.loop_write()] if mask & selectors.EVENT_WRITE else []
            codes.append(self._client.loop_misc())
        except (ValueError, TypeError, LookupError, struct.error) as error:  # paho trusts brokers
            raise SessionError("it sends what is no MQTT") from error
        for code in codes:
            if code:
                raise self._lost(_words(code))

    def wake(self) -> None:
        """End a `turn` that waits. From any thread."""
        with suppress(OSError):  # it rings already, or is over
            self._button.send(b"\0")

    def close(self, *, politely: bool = False) -> None:
        """End it; the broker says our will unless it is told goodbye."""
        client = self._client
        if politely:
            client.disconnect()
        client.on_connect = client.on_publish = None
        wire = client.socket()
        self._selector.close()
        secret = self._tls.wire if self._tls is not None else None
        for end in (self._bell, self._button, wire, secret):
            if end is not None:
                end.close()

    def _on_connect(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        self._answer = reason

    def _on_publish(self, client: Any, data: Any, mid: int, reason: Any, properties: Any) -> None:
        for message in self._flying:  # nearly always the first one
            if message[0] == mid and not message[2]:
                message[2] = True
                return

    def _lost(self, why: str) -> SessionError:
        answer = self._answer
        if answer is not None and answer.is_failure:
            return SessionError(f"it refuses us: {answer}", refused=answer.value in _NOT_YOU)
        return SessionError(why)


def _words(code: Any) -> str:
    from paho.mqtt.client import error_string

    return error_string(code).rstrip(".")
