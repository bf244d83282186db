"""Fragmented MP4 files: they play even after the process that wrote them was killed."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, cast

from vidstream.errors import SinkError
from vidstream.graph.footage import EncodedPacket
from vidstream.sinks.base import append_whole, write_error
from vidstream.sinks.bitstream import description, with_lengths
from vidstream.sinks.boxes import Sample, duration_box, head, index, part, whole_parts
from vidstream.sinks.encoder import PictureEncoder
from vidstream.types import Pixels

#: seconds of pictures in a part: what a kill costs at most, plus the picture under way
PART: Final = 0.5


def open_new(path: Path) -> BinaryIO:
    """A new file, locked for as long as it is open, so that nobody takes it for one left behind."""
    file = cast(BinaryIO, path.open("xb", buffering=0))
    lock(file)
    return file


def lock(file: BinaryIO) -> bool:
    """Whether nobody else writes it; from now on, nobody else may."""
    try:
        import fcntl
    except ImportError:  # Windows: what is open there can neither be renamed nor deleted
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


class Mp4File:
    """A file under way: encoded packets go in, whole parts of half a second come out.

    Times in the file count from `origin`. All methods raise OSError; the file then holds the whole parts
    before it, what waited for the next one is lost, and writing may go on with a keyframe. Its first
    packet has to be one, and gives the codec.
    """

    def __init__(self, file: BinaryIO, first: EncodedPacket, origin: float) -> None:
        self._file = file
        self._origin = origin
        base = first.codec.time_base
        self._rate = base.denominator if base.numerator == 1 else 90000
        self._codec = first.codec
        self._delay = max(0, -self._ticks(first.dts))
        self._waiting: list[Sample] = []
        self._last = -1
        self._end = 0
        self._usual = max(1, round(first.duration * self._rate))
        self._places: list[tuple[int, int]] = []
        #: bytes on disk, whole parts only; how many these are; bytes that wait for the next
        self.size = self.parts = self.waiting = 0
        shown = self._ticks(first.pts) + self._delay if first.pts == origin else 0
        self._head = head(self._rate, first.codec.width, first.codec.height, _described(first), shown)
        self._append(self._head)

    def add(self, packet: EncodedPacket) -> None:
        """Add a picture; the part before it goes to disk where it is long enough."""
        sample = self._sample(packet)
        if self._waiting:
            self._usual = self._waiting[-1].duration = sample.dts - self._waiting[-1].dts
            span = sample.dts - self._waiting[0].dts
            if sample.keyframe or span >= PART * self._rate:
                self._write_part()
        sample.duration = self._usual
        self._waiting.append(sample)
        self.waiting += len(sample.data)

    def flush(self) -> None:
        """Write what waits as a part now; how long its last picture is shown, the next one tells."""
        if self._waiting:
            self._write_part()

    def finish(self) -> None:
        """Complete and close the file."""
        try:
            self.flush()
            with suppress(OSError):  # it plays without these, too
                self._append(index(self._places))
                place, box = duration_box(len(self._head), self._end)
                self._file.seek(place)
                self._file.write(box)
        finally:
            self._file.close()

    def abandon(self) -> None:
        """Close the file as it is."""
        with suppress(OSError):
            self._file.close()

    def is_gone(self) -> bool:
        """Whether somebody has deleted it, or its folder: what is written goes nowhere."""
        return os.fstat(self._file.fileno()).st_nlink == 0

    def sync(self) -> None:
        """Have the machine write it to the medium itself."""
        os.fsync(self._file.fileno())

    def _ticks(self, seconds: float) -> int:
        return round((seconds - self._origin) * self._rate)

    def _sample(self, packet: EncodedPacket) -> Sample:
        dts = max(self._ticks(packet.dts) + self._delay, self._last + 1)
        shift = max(0, self._ticks(packet.pts) + self._delay - dts)
        self._last = dts
        return Sample(with_lengths(self._codec, packet.data), dts, shift, 0, packet.keyframe)

    def _write_part(self) -> None:
        samples, self._waiting, self.waiting = self._waiting, [], 0
        data = part(self.parts + 1, samples)
        place = self.size
        self._append(data)
        self.parts += 1
        self._end = samples[-1].dts + samples[-1].duration
        if samples[0].keyframe:
            self._places.append((samples[0].dts + samples[0].shift, place))

    def _append(self, data: bytes) -> None:
        self.size = append_whole(self._file, data, self.size)


class Mp4Writer:
    """Writes pictures of one size with their times into one file, replacing an older one.

    All methods raise SinkError, naming `place`; the file then holds the whole parts before it.
    """

    def __init__(
        self, target: Path, size: tuple[int, int], *, rate: float, preset: str, quality: int, place: str
    ) -> None:
        self._place = place
        self._encoder = PictureEncoder(size, rate=rate, preset=preset, quality=quality, place=place)
        self._file: Mp4File | None = None
        try:
            self._raw = cast(BinaryIO, target.open("wb", buffering=0))
        except OSError as error:
            raise write_error(error, place) from error

    def write(self, pixels: Pixels, seconds: float) -> None:
        """Add a picture, (H, W, 3) BGR or (H, W) gray, shown from `seconds` on."""
        for packet in self._encoder.encode(pixels, seconds):
            try:
                self._file = self._file or Mp4File(self._raw, packet, 0.0)
                self._file.add(packet)
            except OSError as error:
                raise write_error(error, self._place) from error

    def close(self) -> None:
        """Complete the file. Does nothing the second time."""
        if self._raw.closed:
            return
        try:
            if self._file is not None:
                self._file.finish()
            self._raw.close()
        except OSError as error:
            raise write_error(error, self._place) from error


def _described(first: EncodedPacket) -> bytes:
    try:
        return description(first)
    except ValueError as error:  # PyAV's errors are such, too
        what = f"what the camera sends ({first.codec.name}) cannot be put into a file"
        raise SinkError(what, fix="set the camera to H.264") from error


def repair(path: Path) -> int | None:
    """Cut off what a kill left unfinished; gives the number of whole parts, None where it is being written.

    The file stays as old as it was. Raises OSError.
    """
    with path.open("r+b", buffering=0) as file:
        raw = cast(BinaryIO, file)
        if not lock(raw):
            return None
        stat = os.fstat(file.fileno())
        end, parts = whole_parts(raw)
        if end < stat.st_size:
            file.truncate(end)
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        return parts
