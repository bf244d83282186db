"""A source's pictures as encoded packets: as they were received, or encoded here."""

from __future__ import annotations

from dataclasses import replace

from vidstream.graph.footage import EncodedPacket, Footage
from vidstream.sinks.bitstream import COPIED
from vidstream.sinks.encoder import PictureEncoder
from vidstream.types import FrameInfo, Image


class Reel:
    """Gives the packets that have come since it was last asked.

    Where the source gives none, or in a coding that MP4 cannot take, the pictures are encoded; `missing`
    counts packets that were overwritten before anybody took them.
    """

    def __init__(self, footage: Footage, rate: float, place: str) -> None:
        self.missing = 0
        self._footage = footage
        self._rate = rate
        self._place = place
        self._next = 0
        #: whether packets are copied; None until one has been seen
        self._copying: bool | None = None
        self._encoder: PictureEncoder | None = None
        self._encoding = (0, 0, 0)
        self._number = 0

    def look_again(self) -> None:
        """Time has jumped: what follows may be encoded otherwise."""
        self._copying = self._encoder = None

    def take(self, image: Image | None, frame: FrameInfo | None) -> list[EncodedPacket]:
        """The packets that are new; a picture is encoded where they cannot be had otherwise."""
        packets = [] if self._copying is False else self._received()
        if self._copying or image is None or frame is None:
            return packets
        return self._encoded(image, frame)

    def _received(self) -> list[EncodedPacket]:
        packets = self._footage.since(self._next)
        if not packets:
            return packets
        self._copying = packets[-1].codec.name in COPIED
        if not self._copying:
            return []
        self._encoder = None
        if self._next:
            self.missing += packets[0].number - self._next
        self._next = packets[-1].number + 1
        return packets

    def _encoded(self, image: Image, frame: FrameInfo) -> list[EncodedPacket]:
        wanted = frame.segment, image.width, image.height
        if self._encoder is None or wanted != self._encoding:
            self._encoding = wanted
            self._encoder = PictureEncoder(
                wanted[1:], rate=self._rate, preset="ultrafast", quality=23, place=self._place
            )
        packets = []
        for packet in self._encoder.encode(image.pixels, frame.pts, segment=frame.segment, mono=frame.mono):
            packets.append(replace(packet, number=self._number))
            self._number += 1
        return packets
