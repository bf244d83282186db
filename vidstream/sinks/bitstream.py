"""H.264 and HEVC as MP4 wants them: pictures with lengths before their units, and a track's description."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

from vidstream.graph.footage import Codec, EncodedPacket

#: codecs that MP4 files and browsers can take as they are
COPIED = frozenset({"h264", "hevc"})

_START = b"\0\0\0\1"


def units(data: bytes) -> Iterator[bytes]:
    """The units of a byte stream (ITU-T H.264, annex B), without their start codes."""
    begin = data.find(b"\0\0\1")
    while begin >= 0:
        begin += 3
        end = data.find(b"\0\0\1", begin)
        yield (data[begin:] if end < 0 else data[begin:end]).rstrip(b"\0")
        begin = end


def with_lengths(codec: Codec, data: bytes) -> bytes:
    """An encoded picture as MP4 holds it: four bytes of length in front of each unit."""
    if is_configuration(codec.extradata):
        return data
    return b"".join(struct.pack(">I", len(unit)) + unit for unit in units(data) if unit)


def is_configuration(extradata: bytes) -> bool:
    """Whether this is MP4's own record (avcC, hvcC), and the pictures' units come with lengths."""
    return extradata[:1] == b"\1"


@lru_cache(maxsize=32)
def _parameter_sets(name: str, extradata: bytes) -> bytes:
    """The parameter sets of a record (ISO/IEC 14496-15, 5.3.3 and 8.3.3) as a byte stream."""
    found: list[bytes] = []
    if name == "h264":
        place = 5
        for mask in (0x1F, 0xFF):
            count, place = extradata[place] & mask, place + 1
            place = _take(extradata, place, count, found)
    else:
        place = 23
        for _ in range(extradata[22]):
            (count,) = struct.unpack_from(">H", extradata, place + 1)
            place = _take(extradata, place + 3, count, found)
    return b"".join(_START + unit for unit in found)


def _take(data: bytes, place: int, count: int, found: list[bytes]) -> int:
    for _ in range(count):
        (length,) = struct.unpack_from(">H", data, place)
        found.append(data[place + 2 : place + 2 + length])
        place += 2 + length
    return place


def _as_stream(packet: EncodedPacket) -> bytes:
    """Parameter sets and picture as a byte stream."""
    codec, data = packet.codec, packet.data
    if not is_configuration(codec.extradata):
        return codec.extradata + data
    found = [_parameter_sets(codec.name, codec.extradata)]
    place = 0
    while place + 4 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        found += [_START, data[place + 4 : place + 4 + length]]
        place += 4 + length
    return b"".join(found)


def description(packet: EncodedPacket) -> bytes:
    """The ``stsd`` box for what begins with this keyframe, as libavformat writes it.

    Raises ValueError where the parameter sets are missing or damaged.
    """
    import av

    try:
        data = _short_file(packet)
        place = data.index(b"stsd") - 4
    except (av.FFmpegError, ValueError, IndexError, struct.error) as error:
        raise ValueError(f"{packet.codec.name}: {error}") from error
    (length,) = struct.unpack_from(">I", data, place)
    # hvc1 says that the parameter sets are in here, where they are; some players take nothing else
    return data[place : place + length].replace(b"hev1", b"hvc1", 1)


def _short_file(packet: EncodedPacket) -> bytes:
    """An MP4 file of one picture."""
    import av

    codec, base, written = packet.codec, Fraction(1, 1000), io.BytesIO()
    options = {"movflags": "delay_moov+default_base_moof+frag_custom"}
    with av.open(written, "w", format="mp4", options=options) as container:
        stream = container.add_mux_stream(codec.name, width=codec.width, height=codec.height, time_base=base)
        sample = av.Packet(_as_stream(packet))
        sample.stream, sample.time_base, sample.is_keyframe = stream, base, True
        sample.pts = sample.dts = 0
        container.mux(sample)
    return written.getvalue()
