"""Fragmented MP4 as bytes: head, parts, index, and where the last whole part of a file ends.

Boxes are those of ISO/IEC 14496-12; numbers in brackets are its sections. A file is written by hand, because
a part has to go out when its time has come, whether or not another picture follows.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
#: sample_depends_on and sample_is_non_sync_sample (8.8.3.1)
_KEY, _OTHER = 0x02000000, 0x01010000
_DURATION_BOX, _TREX = 20, 32
_LONGEST = 0xFFFFFFFF


@dataclass(slots=True)
class Sample:
    """One encoded picture; times are ticks of the file."""

    data: bytes
    dts: int
    #: pts - dts, never negative
    shift: int
    duration: int
    keyframe: bool


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box (4.2)."""
    content = b"".join(parts)
    return struct.pack(">I4s", len(content) + 8, kind) + content


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A box with version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def head(timescale: int, width: int, height: int, description: bytes, delay: int = 0) -> bytes:
    """What a file begins with; `description` is the whole ``stsd`` box.

    `delay` is the time of the first picture, so that it is shown at zero (an edit list, 8.6.6).
    """
    ticks = struct.pack(">4I", 0, 0, timescale, 0)
    movie = full_box(
        b"mvhd", 0, 0, ticks, struct.pack(">IH10x", 0x10000, 0x100), _MATRIX, bytes(24), b"\0\0\0\2"
    )
    shown = struct.pack(">II", width << 16, height << 16)
    track = full_box(b"tkhd", 0, 3, struct.pack(">5I", 0, 0, 1, 0, 0), bytes(16), _MATRIX, shown)
    media = full_box(b"mdhd", 0, 0, ticks, struct.pack(">HH", 0x55C4, 0))
    handler = full_box(b"hdlr", 0, 0, struct.pack(">I4s12x", 0, b"vide"), b"VideoHandler\0")
    place = box(b"dinf", full_box(b"dref", 0, 0, b"\0\0\0\1", full_box(b"url ", 0, 1)))
    empty = (
        full_box(kind, 0, 0, bytes(8 if kind == b"stsz" else 4))
        for kind in (b"stts", b"stsc", b"stsz", b"stco")
    )
    table = box(b"stbl", description, *empty)
    info = box(b"minf", full_box(b"vmhd", 0, 1, bytes(8)), place, table)
    parts = full_box(b"trex", 0, 0, struct.pack(">5I", 1, 1, 0, 0, 0))
    edits = full_box(b"elst", 0, 0, struct.pack(">IIiI", 1, 0, delay, 0x10000))
    track_box = box(
        b"trak", track, *([box(b"edts", edits)] if delay else []), box(b"mdia", media, handler, info)
    )
    extends = box(b"mvex", box(b"free", bytes(_DURATION_BOX - 8)), parts)
    return box(b"ftyp", b"iso5", struct.pack(">I", 512), b"iso5iso6mp41") + box(
        b"moov", movie, track_box, extends
    )


def duration_box(head_length: int, ticks: int) -> tuple[int, bytes]:
    """The place of the box that tells how long the whole file is, once that is known (8.8.2), and the box."""
    return head_length - _TREX - _DURATION_BOX, full_box(b"mehd", 1, 0, struct.pack(">Q", ticks))


def part(number: int, samples: Sequence[Sample]) -> bytes:
    """A movie fragment with its media data (8.8.4); `number` counts from 1."""
    shifted = any(s.shift for s in samples)
    flags = 0x701 | (0x800 if shifted else 0)
    rows = []
    for s in samples:
        kind = _KEY if s.keyframe else _OTHER
        rows.append(struct.pack(">3I", min(s.duration, _LONGEST), len(s.data), kind))
        if shifted:
            rows.append(struct.pack(">I", min(s.shift, _LONGEST)))
    sequence = full_box(b"mfhd", 0, 0, struct.pack(">I", number))
    track = full_box(b"tfhd", 0, 0x020000, struct.pack(">I", 1))
    begin = full_box(b"tfdt", 1, 0, struct.pack(">Q", samples[0].dts))
    length = 8 + len(sequence) + 8 + len(track) + len(begin) + 20 + sum(map(len, rows))
    run = full_box(b"trun", 0, flags, struct.pack(">II", len(samples), length + 8), *rows)
    data = box(b"mdat", *(s.data for s in samples))
    return box(b"moof", sequence, box(b"traf", track, begin, run)) + data


def index(places: Sequence[tuple[int, int]]) -> bytes:
    """Where the parts that begin with a keyframe are (8.8.9): (ticks, offset) each; goes behind the last."""
    rows = b"".join(struct.pack(">QQ3B", ticks, offset, 1, 1, 1) for ticks, offset in places)
    table = full_box(b"tfra", 1, 0, struct.pack(">3I", 1, 0, len(places)), rows)
    return box(b"mfra", table, full_box(b"mfro", 0, 0, struct.pack(">I", len(table) + 8 + 16)))


def whole_parts(file: BinaryIO) -> tuple[int, int]:
    """Where the last whole part of a file ends, and how many there are: what follows a kill cut off."""
    size = file.seek(0, io.SEEK_END)
    place, end, parts, inside = 0, 0, 0, False
    while place + 8 <= size:
        file.seek(place)
        length, kind = struct.unpack(">I4s", file.read(8))
        if length < 8 or place + length > size:
            break
        place += length
        if kind == b"mdat" and inside:
            end, parts = place, parts + 1
        inside = kind == b"moof"
    return end, parts
