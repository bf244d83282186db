"""What all cameras of a run share towards one web server: a thread that delivers what waits, in order."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from vidstream.graph.clock import Clock
from vidstream.graph.stage import Notify
from vidstream.sinks.messages.outbox import Outbox, document
from vidstream.sinks.messages.post import Answer, Poster
from vidstream.sinks.messages.segments import Record
from vidstream.sinks.messages.spool import Spool
from vidstream.types.values import Secret, Uri

#: seconds until the next try: at first, at most, and at most where the receiver names a time
_SOON, _LATE, _LONGEST = 1.0, 60.0, 3600.0
#: seconds to deliver what waits at the end, where the receiver is there
_FAREWELL: Final = 1.0
#: bytes of a body, where many messages go together
_BODY: Final = 1_000_000
#: answers that say: not now (timeout, too many requests, and those of gateways)
_NOT_NOW: Final = frozenset({408, 429, 502, 503, 504})

Verdict = Literal["delivered", "later", "refused"]


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who is told, and how."""

    url: Uri
    secret: Secret | None
    headers: tuple[tuple[str, Secret], ...]
    timeout: float
    ca: Path | None
    proxy: Uri | None
    batch: int
    attempts: int
    max_age: float

    def poster(self) -> Poster:
        """What sends there."""
        proxy = self.proxy.reveal() if self.proxy else ""
        return Poster(self.url.reveal(), self.timeout, self.ca, proxy)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over timestamp, dot and body (RFC 2104), in hexadecimal."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class Courier:
    """Delivers messages to one receiver. Safe to use from several threads; nothing holds its callers up."""

    def __init__(self, receiver: Receiver, spool: Spool, clock: Clock, notify: Notify) -> None:
        #: messages that the receiver refused, or failed on too often
        self.refused = 0
        self.outbox = Outbox(spool, lambda row, wall: document(row(), wall), clock, notify)
        self.outbox.arrived = self._wake
        self._receiver = receiver
        self._poster = receiver.poster()
        self._clock = clock
        self._notify = notify
        self._trouble = ""
        self._failures = 0
        self._woken = threading.Event()
        self._closing = threading.Event()
        #: ends the wait for the next try
        self._hurry = threading.Event()
        self._end = float("inf")
        self._thread = threading.Thread(target=self._run, name=f"webhook {self._poster.place}", daemon=True)
        self._thread.start()

    def adopt(self, receiver: Receiver, limit: int) -> None:
        """Go on with these options: a changed secret, for instance, while the run goes on."""
        self.outbox.resize(limit)
        if receiver != self._receiver:
            self._receiver = receiver
            where = self._poster.place
            self._notify("receiver-changed", f"{where}: the shared connection goes on with other options")
            self._hurry.set()

    def close(self) -> None:
        """Deliver what waits as far as that is possible in 2 s. The rest waits in the spool."""
        self.outbox.settle(0.2)
        self._end = self._clock.monotonic() + _FAREWELL
        self._closing.set()
        self._hurry.set()
        self._woken.set()
        self._thread.join(_FAREWELL)
        self._poster.abort()
        self._thread.join(0.3)
        self.outbox.close(0.2)

    # -- the own thread --------------------------------------------------------------------------------

    def _run(self) -> None:
        delay, most, receiver = _SOON, self._receiver.batch, self._receiver
        while self._clock.monotonic() < self._end:
            if receiver is not self._receiver:
                receiver, most = self._receiver, self._receiver.batch
                self._poster.close()
                self._poster = receiver.poster()
            records = self._waiting(most)
            if not records:
                break
            verdict, asked = self._deliver(records)
            if verdict != "later":
                delay, most = _SOON, receiver.batch
            elif self._closing.is_set():
                break
            else:
                most = len(records)  # the same delivery again, with the same id
                spread = delay * random.uniform(0.7, 1.0)  # noqa: S311 - keeps clients apart, guards nothing
                self._clock.wait(self._hurry, max(spread, min(asked, _LONGEST)))
                self._hurry.clear()
                delay = min(2 * delay, _LATE)
        self._poster.close()

    def _waiting(self, most: int) -> Sequence[Record]:
        """What is to be delivered next; waits until there is something. Empty at the end only."""
        while True:
            self._woken.clear()
            self.outbox.expire(self._receiver.max_age)
            records = _fitting(self.outbox.read(0, most))
            if records or self._closing.is_set():
                return records
            self._woken.wait()

    def _deliver(self, records: Sequence[Record]) -> tuple[Verdict, float]:
        """One try; gives what came of it, and the seconds that the receiver asks for."""
        verdict: Verdict = "later"
        asked = 0.0
        try:
            answer = self._post(records)
        except TimeoutError:
            why = "it does not answer in time"
        except OSError as error:
            why = (error.strerror or str(error)).rstrip(".")
        except (http.client.HTTPException, ValueError) as error:  # their texts may carry the address
            why = f"it answers with what is no HTTP ({type(error).__name__})"
        else:
            verdict, why = self._judged(answer)
            asked = answer.seconds(self._clock.time())
        self._conclude(verdict, why, records)
        return verdict, asked

    def _judged(self, answer: Answer) -> tuple[Verdict, str]:
        status = answer.status
        why = f"it answers {status} {http.client.responses.get(status, '')}".rstrip()
        if 200 <= status < 300:
            return "delivered", ""
        if status in _NOT_NOW:
            return "later", why
        if status >= 500:
            self._failures += 1
            return ("later", why) if self._failures < self._receiver.attempts else ("refused", why)
        return "refused", f"{why}, a redirect that is not followed" if 300 <= status < 400 else why

    def _conclude(self, verdict: Verdict, why: str, records: Sequence[Record]) -> None:
        """Take away what is done, and tell what has changed."""
        where, count = self._poster.place, len(records)
        if verdict == "delivered":
            self.outbox.done(records[-1].number, count)
            if self._trouble:
                self._notify("receiver-back", f"{where}: takes messages again; what waited is sent")
            self._trouble = ""
        elif verdict == "refused":
            self.outbox.done(records[-1].number, count, delivered=False)
            self.refused += count
            self._notify("receiver-refused", f"{where}: {why}: the messages are dropped; check the address")
        elif why != self._trouble:
            self._trouble = why
            self._notify("receiver-lost", f"{where}: {why}; messages wait on disk, and are tried again")
        if verdict != "later":
            self._failures = 0

    def _post(self, records: Sequence[Record]) -> Answer:
        joined = b",".join(record.data for record in records)
        name = hashlib.sha256(joined).hexdigest()[:32]
        body = b'{"v":1,"type":"delivery","delivery":"%b","events":[%b]}' % (name.encode(), joined)
        timestamp = str(int(self._clock.time()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "vidstream",
            "X-Vidstream-Delivery": name,
            "X-Vidstream-Timestamp": timestamp,
        }
        if self._receiver.secret is not None:
            signed = signature(self._receiver.secret.reveal(), timestamp, body)
            headers["X-Vidstream-Signature"] = f"sha256={signed}"
        return self._poster.post(body, headers | {k: v.reveal() for k, v in self._receiver.headers})

    def _wake(self) -> None:
        self._woken.set()


def _fitting(records: Sequence[Record]) -> Sequence[Record]:
    """As many of them as one body may hold, one at least."""
    size = 0
    for count, record in enumerate(records):
        size += len(record.data)
        if count and size > _BODY:
            return records[:count]
    return records
