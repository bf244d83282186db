"""Packets as they come in, copied for the footage and placed in time as their pictures are."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from av.packet import Packet
from av.video.stream import VideoStream

from vidstream.graph.footage import Codec, EncodedPacket
from vidstream.sources.decoding import Video

#: packets that may wait for their pictures: more than any codec and its threads hold back
_MOST_WAITING = 64


@dataclass(slots=True)
class _Waiting:
    """A packet whose picture is still to come; stamps are in units of the time base."""

    stamp: int | None
    lead: int
    duration: int
    keyframe: bool
    data: bytes
    extradata: bytes
    mono: float
    #: segment and seconds, once its picture has been placed
    place: tuple[int, float] | None = None


class Recorder:
    """Hands packets to `put`, in the order of decoding, from a keyframe on.

    A packet's time is known when its picture is placed on the time line of the frames. One that gives no
    picture goes where its stamp says. Nothing is copied where nobody wants it, but the first packets, for
    stages say what they want only when the source is open.
    """

    def __init__(
        self, video: Video, put: Callable[[EncodedPacket], None], wanted: Callable[[], bool]
    ) -> None:
        self._video = video
        self._put = put
        self._wanted = wanted
        self._waiting: deque[_Waiting] = deque()
        self._early: deque[EncodedPacket] | None = deque()
        #: whether the packets since the last keyframe are all there
        self._whole = False
        self._codec: Codec | None = None
        #: of the picture placed last: its segment, and seconds to add to what stamps say
        self._line = 0, 0.0
        self._size = video.size
        video.meet = self._meet

    def _meet(self, packet: Packet[VideoStream] | None) -> None:
        """Copy a packet; None: what follows does not follow on."""
        if packet is None or (self._early is None and not self._wanted()):
            self._waiting.clear()
            self._whole = False
            return
        self._whole |= packet.is_keyframe
        if not self._whole or not packet.size:
            return
        fresh = packet.has_sidedata("new_extradata")
        self._waiting.append(
            _Waiting(
                self._video.stamp_of(packet),
                0 if packet.pts is None or packet.dts is None else packet.pts - packet.dts,
                packet.duration or 0,
                packet.is_keyframe,
                bytes(packet),
                bytes(packet.get_sidedata("new_extradata")) if fresh else self._video.extradata,
                time.monotonic(),
            )
        )
        if len(self._waiting) > _MOST_WAITING:
            self._hand_over()

    def place(self, stamp: int | None, segment: int, pts: float, size: tuple[int, int]) -> None:
        """A picture has been placed."""
        waiting = next(
            (w for w in self._waiting if w.place is None and (w.stamp == stamp or stamp is None)), None
        )
        if waiting is None:
            return
        waiting.place = segment, pts
        self._size = size
        if stamp is not None:
            self._line = segment, pts - float(stamp * self._video.time_base)
        while self._waiting and (self._waiting[0].place is not None or self._is_passed(self._waiting[0])):
            self._hand_over()

    def _is_passed(self, head: _Waiting) -> bool:
        """Whether pictures that are shown later are there already, so that this one will not come."""
        return any(
            w.place is not None and (head.stamp is None or (w.stamp is not None and w.stamp > head.stamp))
            for w in self._waiting
        )

    def _hand_over(self) -> None:
        waiting, base = self._waiting.popleft(), self._video.time_base
        if waiting.place is not None:
            segment, pts = waiting.place
        elif waiting.stamp is not None:
            segment, pts = self._line[0], float(waiting.stamp * base) + self._line[1]
        else:
            return
        packet = EncodedPacket(
            self._codec_of(waiting),
            segment,
            pts,
            pts - float(waiting.lead * base),
            float(waiting.duration * base) or self._video.period,
            waiting.keyframe,
            waiting.data,
            waiting.mono,
        )
        if self._early is not None:
            self._early.append(packet)
            if self._wanted():
                early, self._early = self._early, None
                for packet in early:
                    self._put(packet)
            elif len(self._early) >= _MOST_WAITING:
                self._early = None
        else:
            self._put(packet)

    def _codec_of(self, waiting: _Waiting) -> Codec:
        """The coding, one object as long as nothing changes."""
        codec = Codec(self._video.codec, *self._size, self._video.time_base, waiting.extradata)
        if codec != self._codec:
            self._codec = codec
        assert self._codec is not None
        return self._codec
