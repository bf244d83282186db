"""What a source received, before it was decoded: kept for a while, so that clips need no second encoding."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice

#: most bytes that are kept, whatever time is asked for: half a minute of 16 Mbit/s
MOST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Codec:
    """How packets are encoded: enough to write them into another container."""

    #: libavcodec's name: h264, hevc, mjpeg ...
    name: str
    width: int
    height: int
    time_base: Fraction
    extradata: bytes = b""


@dataclass(frozen=True, slots=True, eq=False)
class EncodedPacket:
    """One encoded picture. `pts` and `dts` are seconds on the time line of the source's frames.

    A frame shown at ``(segment, pts)`` comes from the packet with the same two, to the microsecond.
    """

    codec: Codec
    segment: int
    pts: float
    dts: float
    duration: float
    keyframe: bool
    data: bytes
    #: arrival on the monotonic clock
    mono: float
    #: position in the footage, counting from 0
    number: int = 0


class Footage:
    """The newest packets of a source, from a keyframe on. One writer, any number of readers.

    Nothing is kept until somebody asks for it with `keep`.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._lock = threading.Lock()
        self._packets: deque[EncodedPacket] = deque()
        self._most_bytes = most_bytes
        self._bytes = 0
        self._seconds = 0.0
        self._next = 0
        #: whether the source gives packets at all; set by the first one
        self.has_packets = False

    def keep(self, seconds: float) -> None:
        """Keep at least so much, and the pictures before it back to a keyframe; the longest wish counts."""
        with self._lock:
            self._seconds = max(self._seconds, seconds)

    @property
    def wanted(self) -> bool:
        """Whether anybody wants packets: else a source need not copy them."""
        return self._seconds > 0

    def put(self, packet: EncodedPacket) -> None:
        """Add the newest packet; its `number` is given here."""
        with self._lock:
            self.has_packets = True
            number, self._next = self._next, self._next + 1
            if self._packets or packet.keyframe:
                self._packets.append(replace(packet, number=number))
                self._bytes += len(packet.data)
                self._forget()

    def since(self, number: int) -> list[EncodedPacket]:
        """All packets kept from this number on."""
        with self._lock:
            if not self._packets:
                return []
            skip = max(0, number - self._packets[0].number)
            return list(islice(self._packets, skip, None))

    def _forget(self) -> None:
        """Let go of the oldest group of pictures, as soon as the second is old enough to begin with."""
        while len(self._packets) > 1:
            second = next((i for i, p in enumerate(islice(self._packets, 1, None), 1) if p.keyframe), None)
            full = self._bytes > self._most_bytes
            if not full and (second is None or not self._is_old(self._packets[second])):
                return
            for _ in range(len(self._packets) if second is None else second):
                self._bytes -= len(self._packets.popleft().data)

    def _is_old(self, packet: EncodedPacket) -> bool:
        """By arrival and, as recordings are read faster or slower than they play, by its own time."""
        newest = self._packets[-1]
        played = packet.segment != newest.segment or packet.pts <= newest.pts - self._seconds
        return played and packet.mono <= newest.mono - self._seconds
