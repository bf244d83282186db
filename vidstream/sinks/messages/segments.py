"""The files of a spool: segments of records, and the mark up to which all is delivered."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import zlib
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from vidstream.sinks.base import append_whole

#: before each record: its number, when it came (UTC seconds), its length, and a checksum of these and of it
_HEAD: Final = struct.Struct("<QdI")
_SUM: Final = struct.Struct("<I")
_PREFIX: Final = _HEAD.size + _SUM.size
#: a mark: a number and its checksum
_MARK: Final = struct.Struct("<QI")


class Record(NamedTuple):
    """Something that waits: its number, when it came (UTC seconds), and what it is."""

    number: int
    wall: float
    data: bytes


def _packed(record: Record) -> bytes:
    head = _HEAD.pack(record.number, record.wall, len(record.data))
    return head + _SUM.pack(zlib.crc32(record.data, zlib.crc32(head))) + record.data


def _unpacked(buffer: bytes, at: int) -> Record | None:
    """The record that begins there; None where it is torn or damaged."""
    if len(buffer) - at < _PREFIX:
        return None
    number, wall, length = _HEAD.unpack_from(buffer, at)
    data = buffer[at + _PREFIX : at + _PREFIX + length]
    (checksum,) = _SUM.unpack_from(buffer, at + _HEAD.size)
    if len(data) != length or checksum != zlib.crc32(data, zlib.crc32(buffer[at : at + _HEAD.size])):
        return None
    return Record(number, wall, data)


@dataclass(slots=True)
class Segment:
    """Records one behind the other, from number `first` on: in one file, or in memory (`path` is None).

    A file is open only while it is written on, or for as long as a read takes.
    """

    path: Path | None
    first: int
    #: where each record ends: eight bytes for each that waits are all that is kept in memory
    ends: array[int]
    file: BinaryIO | None = None
    unsynced: bool = False

    @classmethod
    def make(cls, path: Path, first: int) -> Segment:
        """A new, empty file."""
        return cls(path, first, array("Q"), path.open("w+b", buffering=0))

    @classmethod
    def in_memory(cls, first: int) -> Segment:
        """One that no disk is needed for."""
        return cls(None, first, array("Q"), io.BytesIO())

    @classmethod
    def load(cls, path: Path) -> Segment:
        """What a file holds; behind the last good record it is cut off. ValueError for another's file."""
        segment = cls(path, int(path.stem), array("Q"))
        buffer = path.read_bytes()
        while (record := _unpacked(buffer, segment.size)) and record.number == segment.end:
            segment.ends.append(segment.size + _PREFIX + len(record.data))
        if segment.size < len(buffer):
            os.truncate(path, segment.size)
        return segment

    @property
    def memory(self) -> bool:
        """True where no disk is behind it."""
        return self.path is None

    @property
    def end(self) -> int:
        """The number behind the last record's."""
        return self.first + len(self.ends)

    @property
    def size(self) -> int:
        """Bytes of all records."""
        return self.ends[-1] if self.ends else 0

    def size_from(self, number: int) -> int:
        """Bytes of the records from this number on."""
        before = min(number - self.first, len(self.ends))
        return self.size - (self.ends[before - 1] if before > 0 else 0)

    def append(self, record: Record) -> int:
        """Write a record behind the last one; gives its bytes. OSError leaves what was there before."""
        file = self.file or self._reopened()
        data = _packed(record)
        file.seek(self.size)
        self.ends.append(append_whole(file, data, self.size))
        self.unsynced = True
        return len(data)

    def read(self, number: int, most: int) -> list[Record]:
        """Up to `most` records from this number on; fewer where the disk does not give them back."""
        begin = self.ends[number - self.first - 1] if number > self.first else 0
        last = min(self.end, number + most)
        try:
            buffer = self._bytes(begin, self.ends[last - self.first - 1])
        except OSError:
            return []
        found: list[Record] = []
        for at in range(number, last):
            offset = (self.ends[at - self.first - 1] if at > self.first else 0) - begin
            record = _unpacked(buffer, offset)
            if record is None or record.number != at:
                break
            found.append(record)
        return found

    def cut(self, number: int) -> int:
        """Forget the records from this number on; gives how many."""
        gone = self.end - number
        del self.ends[number - self.first :]
        return gone

    def sync(self) -> None:
        """Have the disk itself hold them."""
        if self.unsynced and self.file is not None and self.path is not None:
            self.unsynced = False
            os.fsync(self.file.fileno())

    def rest(self) -> None:
        """It is not written on for now."""
        if self.path is not None and self.file is not None:
            self.sync()
            self.close()

    def close(self) -> None:
        """Close the file."""
        if self.file is not None:
            self.file.close()
            self.file = None

    def remove(self) -> None:
        """Close and delete it."""
        self.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def _reopened(self) -> BinaryIO:
        assert self.path is not None, "what is in memory is never closed"
        self.file = self.path.open("r+b", buffering=0)
        return self.file

    def _bytes(self, begin: int, end: int) -> bytes:
        if self.file is not None:
            self.file.seek(begin)
            return self.file.read(end - begin)
        assert self.path is not None, "what is in memory is never closed"
        with self.path.open("rb", buffering=0) as file:
            file.seek(begin)
            return file.read(end - begin)


class Marker:
    """A number that goes up, in a file: two places are written in turn, so that one is always whole."""

    def __init__(self, path: Path) -> None:
        path.touch()
        self._file = path.open("r+b", buffering=0)
        self._turn = 0
        if path.stat().st_size < 2 * _MARK.size:
            with contextlib.suppress(OSError):  # a full disk is no reason not to begin
                self._file.write(bytes(2 * _MARK.size))  # its room, once and for all

    def read(self) -> int:
        """The number; 1 where none was ever written."""
        self._file.seek(0)
        data = self._file.read(2 * _MARK.size).ljust(2 * _MARK.size, b"\0")
        numbers = []
        for place in (0, 1):
            number, checksum = _MARK.unpack_from(data, place * _MARK.size)
            numbers.append(number if number and checksum == _checksum(number) else 0)
        self._turn = int(numbers[0] > numbers[1])
        return max(1, *numbers)

    def write(self, number: int) -> None:
        """Keep a number."""
        self._file.seek(self._turn * _MARK.size)
        self._file.write(_MARK.pack(number, _checksum(number)))
        self._turn = 1 - self._turn

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Marker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _checksum(number: int) -> int:
    return zlib.crc32(number.to_bytes(8, "little"))
