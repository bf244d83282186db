"""The newest packets of a source, and the clip that is being cut from them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from vidstream.graph.footage import Codec, EncodedPacket
from vidstream.sinks.snapshot import Moment
from vidstream.types import Event

#: events that a clip lists; more are only counted
MOST_EVENTS = 200


@dataclass(slots=True)
class Clip:
    """A clip under way: up to `end` on the time line of one segment, never beyond `latest`."""

    segment: int
    begin: float
    end: float
    latest: float
    #: UTC seconds at time zero of the segment
    zero: float
    #: the frame of its first event, should nothing be better
    first: Moment
    #: packets that belong to it, or may yet
    waiting: deque[EncodedPacket]
    best: Moment | None = None
    events: list[Event] = field(default_factory=list)
    count: int = 0
    codec: Codec | None = None
    #: what was taken out: time of the first picture, and of the end of the last; None before any
    covers: tuple[float, float] | None = None

    def add(self, event: Event, until: float) -> None:
        """Something happened: the clip goes on until then."""
        self.count += 1
        if len(self.events) < MOST_EVENTS:
            self.events.append(event)
        self.end = max(self.end, min(until, self.latest))
        self.best = None  # there may be a better one yet

    @property
    def tracks(self) -> frozenset[int]:
        """Whom it is about."""
        return frozenset(event.track_id for event in self.events if event.track_id >= 0)

    @property
    def wall(self) -> float:
        """UTC seconds of the first picture."""
        return self.zero + (self.covers[0] if self.covers else self.begin)

    def ready(self) -> Iterator[tuple[EncodedPacket, bool]]:
        """Take out what belongs into it by now; True with the first. It ends where the coding changes."""
        while self.waiting and self._takes(self.waiting[0]):
            packet = self.waiting.popleft()
            if packet.segment != self.segment or (self.covers is None and not packet.keyframe):
                continue
            first = self.covers is None
            if first:
                self.codec = packet.codec
            elif packet.codec != self.codec:
                self.end = self.latest = packet.dts
                return
            begin, end = self.covers or (packet.pts, packet.pts)
            self.covers = begin, max(end, packet.pts + packet.duration)
            yield packet, first

    def _takes(self, packet: EncodedPacket) -> bool:
        """Up to the end; and what is shown before a picture that has been taken already."""
        return packet.dts <= self.end or (self.covers is not None and packet.pts < self.covers[1])


class Roll:
    """Packets in decoding order. What comes behind a hole is left out until the next keyframe."""

    def __init__(self) -> None:
        self._packets: deque[EncodedPacket] = deque()
        self._next: int | None = None
        self._whole = False

    def add(self, packet: EncodedPacket) -> bool:
        """Add the newest one; False where it is left out."""
        if packet.number != self._next:
            self._whole = False
        self._next = packet.number + 1
        self._whole |= packet.keyframe
        if self._whole:
            self._packets.append(packet)
        return self._whole

    def since(self, segment: int, pts: float) -> deque[EncodedPacket]:
        """What there is of a segment from the keyframe at `pts` or before it on; else from its first one."""
        found: deque[EncodedPacket] = deque()
        for packet in self._packets:
            if packet.segment != segment:
                continue
            if packet.keyframe and packet.pts <= pts:
                found.clear()
            if found or packet.keyframe:
                found.append(packet)
        return found

    def forget(self, segment: int, pts: float) -> None:
        """Let go of what `since` would not give for this time and later ones."""
        packets = self._packets
        while packets and packets[0].segment < segment:
            packets.popleft()
        keys = [i for i, p in enumerate(packets) if p.keyframe and p.segment == segment and p.pts <= pts]
        for _ in range(keys[-1] if keys else 0):
            packets.popleft()

    def __len__(self) -> int:
        return len(self._packets)
