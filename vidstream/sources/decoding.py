"""An opened recording or network stream: decoded pictures, their time stamps, and what is wrong with them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

import av
from av.packet import Packet
from av.video.stream import VideoStream

from vidstream.errors import SourceError
from vidstream.sources.damage import Damage
from vidstream.sources.faults import BadDataError, words
from vidstream.sources.h264 import MissingFrames
from vidstream.sources.limits import MAX_PIXELS
from vidstream.sources.opening import JPEG, Opening

#: read errors in a row after which the rest of a recording counts as lost
_MAX_READ_ERRORS = 20
#: the same for a stream: a reader of JPEGs looks line by line for the next picture
_MAX_GARBAGE = 500
#: years before this are a muxer's zero, not a time somebody recorded at; those of a camera's clock, one
#: that was never set
_FIRST_YEAR = 1990
_EARLIEST_S = datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded picture; `stamp` is in units of `Video.time_base`, None where the container has none."""

    frame: av.VideoFrame
    stamp: int | None
    damaged: bool
    #: when it was taken, UTC seconds, by the clock of the camera; None where the stream does not tell
    utc: float | None = None


class Video:
    """The video stream of a recording or network address; opening raises SourceError in plain words.

    `complain` is told of damage, in words. A recording's read errors are stepped over; where `wanted` is
    given, it is a network stream: errors are raised, for it has to be opened again. There a read that takes
    longer than its timeout is begun again, as long as `wanted` says that somebody still waits for it: who
    waits, decides for how long.
    """

    def __init__(
        self, opening: Opening, complain: Callable[[str], None], wanted: Callable[[], bool] | None = None
    ) -> None:
        self._opening = opening
        self._complain = complain
        self._most_failures = _MAX_READ_ERRORS if wanted is None else _MAX_GARBAGE
        self._wanted = wanted
        self._damage = Damage()
        self._clock = _CameraClock()
        #: shown every packet before it is decoded, and None where the next one does not follow on
        self.meet: Callable[[Packet[VideoStream] | None], None] = _meet_none
        self._container, self._stream = opening()
        self._missing = self._missing_frames()
        self._salvage = _Salvage() if opening.strict and self.codec == JPEG else None

    def rewind(self) -> None:
        """Stand at the very beginning, by opening anew: a search for it loses pictures in some formats."""
        self._container.close()
        self._damage = Damage()
        self.meet(None)
        self._container, self._stream = self._opening()

    @property
    def format(self) -> str:
        """libavformat's name of the container."""
        return self._container.format.name

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as the header has them, before turning."""
        return self._stream.width, self._stream.height

    @property
    def time_base(self) -> Fraction:
        """Seconds per unit of a stamp."""
        return self._stream.time_base or Fraction(1, 1000)

    @property
    def fps(self) -> float | None:
        """The nominal rate, or None where the container has none."""
        rate = self._stream.average_rate or self._stream.guessed_rate
        return float(rate) if rate and 0 < rate < 1000 else None

    @property
    def period(self) -> float:
        """Nominal seconds between frames; that of 25 frames/s where nothing is known."""
        return 1.0 / (self.fps or 25.0)

    @property
    def frames(self) -> int | None:
        """How many frames the header promises. Often wrong."""
        return self._stream.frames or None

    @property
    def duration(self) -> float | None:
        """Seconds the header promises for the pictures (not the sound); None where it does not say."""
        if self._stream.duration:
            return float(self._stream.duration * self.time_base)
        tagged = _tagged_seconds(self._stream.metadata.get("DURATION", ""))
        if tagged is not None:
            return tagged
        whole = self._container.duration
        return whole / av.time_base if whole and len(self._container.streams) == 1 else None

    @property
    def is_recording(self) -> bool:
        """Whether it has an end of its own: what is sent live has no duration."""
        return bool(self._container.duration)

    @property
    def created(self) -> float | None:
        """When recording began, UTC seconds, as the container tells; None where it does not."""
        for tags in (self._container.metadata, self._stream.metadata):
            # Apple's own key survives an export, which renews creation_time
            for key in ("com.apple.quicktime.creationdate", "creation_time", "DATE_UTC"):
                moment = _moment(tags.get(key, ""))
                if moment is not None:
                    return moment
        return None

    @property
    def codec(self) -> str:
        """libavcodec's name of the coding."""
        return self._stream.codec_context.codec.canonical_name

    @property
    def extradata(self) -> bytes:
        """What a decoder has to know before the first packet."""
        return self._stream.codec_context.extradata or b""

    def stamp_of(self, packet: Packet[VideoStream]) -> int | None:
        """The stamp that the packet's picture will have."""
        return packet.dts if self._by_order else packet.pts

    def pictures(self) -> Iterator[Decoded]:
        """Decoded pictures in the order of showing, from where the container stands.

        None of them is held while the next packet is waited for, which may never come.
        """
        for packet in self._without_stump():
            self.meet(packet)
            if self._missing is not None and self._missing.precede(bytes(packet)):
                self._damage.packet(packet, self._by_order)
                self._complain("pictures are missing")
            yield from self._decoded(packet)

    def _decoded(self, packet: Packet[VideoStream]) -> Iterator[Decoded]:
        self._clock.read(packet, self.time_base)
        try:
            frames = packet.decode()
        except av.FFmpegError:
            self._damage.packet(packet, self._by_order)
            self._complain("some data cannot be decoded")
            frames = self._salvage.decode(packet) if self._salvage is not None else []
        for frame in frames:
            stamp = frame.dts if self._by_order else frame.pts
            if frame.is_corrupt:
                self._complain("some pictures are damaged")
            yield Decoded(frame, stamp, self._damage.shows(frame, stamp), self._clock.at(stamp))

    def seek(self, stamp: int) -> None:
        """Stand at a keyframe at or before `stamp`; SourceError where this container cannot."""
        try:
            self._container.seek(stamp, stream=self._stream)
        except av.FFmpegError as error:
            raise SourceError(f"cannot be searched: {words(error)}") from None
        self._damage = Damage()
        self.meet(None)

    def close(self) -> None:
        """Free everything; pictures already given stay good."""
        self._container.close()
        self.meet = _meet_none  # whoever is met knows this video: a circle

    def _without_stump(self) -> Iterator[Packet[VideoStream]]:
        """All packets but a last one that is cut short: with several threads its failure would take the
        good pictures in front of it along."""
        held: Packet[VideoStream] | None = None
        for packet in self._packets():
            if held is not None:
                self._complain("some data are incomplete")
                if packet.size:
                    self._damage.packet(held, self._by_order)
                    yield held
            held = packet if packet.is_corrupt else None
            if held is None:
                yield packet

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        failures = 0
        while failures < self._most_failures:
            try:
                for packet in self._container.demux(self._stream):
                    failures = 0
                    yield packet
                return
            except av.FFmpegError as error:
                if isinstance(error, av.error.ExitError) and self._wanted is not None and self._wanted():
                    continue
                if self._wanted is not None and not isinstance(error, av.error.InvalidDataError):
                    raise SourceError(words(error)) from None
                failures += 1
                self._complain("some data cannot be read")
        if self._wanted is not None:
            raise BadDataError("sends nothing that can be understood")

    def _missing_frames(self) -> MissingFrames | None:
        """Networks lose pictures, and what follows refers to them; a file has them all."""
        if self._wanted is None or self.codec != "h264":
            return None
        missing = MissingFrames()
        missing.precede(self.extradata)
        return missing

    @property
    def _by_order(self) -> bool:
        """AVI has no presentation times, only the order of packets, which `dts` is."""
        return self.format == "avi"


def _meet_none(packet: Packet[VideoStream] | None) -> None:
    """Nobody wants to see packets."""


class _Salvage:
    """Decodes what is left of JPEGs in which a strict decoder found flaws."""

    def __init__(self) -> None:
        codec = av.CodecContext.create(JPEG, "r")
        assert isinstance(codec, av.VideoCodecContext)
        codec.options = {"max_pixels": str(MAX_PIXELS)}
        self._codec = codec

    def decode(self, packet: Packet[VideoStream]) -> list[av.VideoFrame]:
        """The picture, if there is anything of it."""
        try:
            return self._codec.decode(packet)
        except av.FFmpegError:
            return []


class _CameraClock:
    """The time of day by the camera's own clock, which RTP tells now and then (RFC 3550, 6.4.1)."""

    def __init__(self) -> None:
        self._base = Fraction(0)
        self._stamp: int | None = None
        self._utc = 0.0

    def read(self, packet: Packet[VideoStream], base: Fraction) -> None:
        """Take what a packet says."""
        if packet.pts is None or not packet.has_sidedata("prft"):
            return
        micros: int = struct.unpack_from("=q", bytes(packet.get_sidedata("prft")))[0]
        if micros >= _EARLIEST_S * 1_000_000:
            self._stamp, self._utc, self._base = packet.pts, micros / 1e6, base

    def at(self, stamp: int | None) -> float | None:
        """UTC seconds of a picture, None where nothing is known."""
        if stamp is None or self._stamp is None:
            return None
        return self._utc + float((stamp - self._stamp) * self._base)


def _tagged_seconds(text: str) -> float | None:
    """Matroska's ``00:00:04.000000000``."""
    parts = text.strip("\0").split(":")
    try:
        return sum(float(part) * 60.0**n for n, part in enumerate(reversed(parts))) or None
    except ValueError:
        return None


def _moment(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp() if moment.year >= _FIRST_YEAR else None
