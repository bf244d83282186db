"""What waits to be sent, on disk: a bounded queue of records that survives a kill at any byte."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from vidstream.errors import SinkError
from vidstream.sinks.base import write_error
from vidstream.sinks.messages.segments import Marker, Record, Segment

#: largest record: a receiver that chokes on one would hold up all that wait behind it
LARGEST: Final = 256 * 1024
#: bytes kept in memory while the disk takes nothing
_IN_MEMORY: Final = 1024 * 1024
#: seconds until a disk that took nothing is tried again
_AGAIN: Final = 5.0
#: seconds that a spool's last user may take to let go of it: a run that ends, or a stage that is replaced
_PATIENCE = 2.0


@dataclass(slots=True)
class Losses:
    """Records that were never delivered, by reason."""

    #: gave way to newer ones, because the spool was full
    full: int = 0
    #: neither disk nor memory had room for them
    disk: int = 0
    #: waited longer than they may
    old: int = 0
    #: larger than a record may be
    large: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.full + self.disk + self.old + self.large


class Spool:
    """First in, first out, on disk. Safe to use from several threads of one process.

    Each record has a number, which goes up by one. `read` gives the oldest ones, `drop` takes them away up
    to a number, once they are delivered. Where more than `limit` bytes wait, the oldest go. While the disk
    takes nothing (full, gone, read-only), up to 1 MiB of new records is kept in memory, in order.

    On disk are segments (`0000000000000001.records`), a file `delivered` with the number up to which all is
    done, and `lock`, held as long as the spool is open: a second process is refused. A kill loses nothing
    that `append` has taken, for the operating system has it by then; at a power cut, what came after the
    last `sync` may be lost. A record that was torn, or damaged since, ends its segment where it begins.
    A record whose delivery was not noted before a kill is given again.

    Raises SinkError where the folder cannot be used.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.limit = limit
        self.lost = Losses()
        #: why the disk took nothing when it was last tried; None where it works
        self.trouble: SinkError | None = None
        self._folder = folder
        self._segment_bytes = max(4096, min(1 << 20, limit // 8))
        self._tried = 0.0
        self._lock = threading.Lock()
        self._segments: deque[Segment] = deque()
        self._closed = False
        with contextlib.ExitStack() as failed:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                self._guard = failed.enter_context((folder / "lock").open("ab"))
                _lock(self._guard, folder, _PATIENCE)
                self._marker = failed.enter_context(Marker(folder / "delivered"))
                self._load()
            except SinkError:
                raise
            except OSError as error:
                raise write_error(error, f"spool '{folder}'") from error
            failed.pop_all()

    def __len__(self) -> int:
        with self._lock:
            return sum(segment.end - max(segment.first, self._head) for segment in self._waiting())

    @property
    def size(self) -> int:
        """Bytes of the records that wait."""
        with self._lock:
            return self._size

    def append(self, data: bytes, now: float, wall: float) -> bool:
        """Take a record; False where it is lost. `now` is monotonic; `wall`, UTC seconds, is kept with it."""
        with self._lock:
            if self._closed:
                return False
            if len(data) > min(LARGEST, self.limit // 2):
                self.lost.large += 1
                return False
            size = self._written(Record(self._next, wall, data), now)
            if not size:
                self.lost.disk += 1
                return False
            self._next += 1
            self._size += size
            while self._size > self.limit:
                self.lost.full += 1
                self._advance(max(self._head, next(self._waiting()).first) + 1)
            return True

    def read(self, number: int, most: int) -> list[Record]:
        """Up to `most` records from this number on, or from the oldest where that comes later."""
        with self._lock:
            found: list[Record] = []
            for segment in list(self._waiting()):
                at = max(number, self._head, segment.first)
                while at < segment.end and len(found) < most:
                    records = segment.read(at, most - len(found))
                    if not records:  # the disk does not give back what it took
                        self.lost.disk += segment.cut(at)
                        self._recount()
                        break
                    found += records
                    at = records[-1].number + 1
            return found

    def drop(self, number: int) -> None:
        """All up to this number is delivered, or given up."""
        with self._lock:
            if number >= self._head and not self._closed:
                self._advance(min(number + 1, self._next))

    def drop_older(self, wall: float) -> int:
        """Give up what came before this time of day (UTC seconds); gives how many."""
        gone = 0
        while (oldest := self.read(0, 1)) and oldest[0].wall < wall:
            self.drop(oldest[0].number)
            gone += 1
        self.lost.old += gone
        return gone

    def sync(self) -> None:
        """Have the disk itself hold all that was taken until now."""
        with self._lock, contextlib.suppress(OSError):  # `append` finds out, and tells
            for segment in self._segments:
                segment.sync()

    def close(self) -> None:
        """Let go of the folder. Whatever waits, waits for the next one who opens it."""
        self.sync()
        with self._lock:
            self._closed = True
            for segment in self._segments:
                segment.close()
            self._segments.clear()
            self._size = 0
            self._marker.close()
            self._guard.close()

    # -- under the lock --------------------------------------------------------------------------------

    def _load(self) -> None:
        for path in sorted(self._folder.glob("*.records")):
            with contextlib.suppress(ValueError):  # a file of somebody else's
                self._segments.append(Segment.load(path))
        end = max((segment.end for segment in self._segments), default=1)
        self._head = self._marker.read()
        self._next = max(end, self._head)
        self._trim()
        self._recount()

    def _waiting(self) -> Iterator[Segment]:
        return (segment for segment in self._segments if segment.end > self._head)

    def _recount(self) -> None:
        self._size = sum(segment.size_from(self._head) for segment in self._waiting())

    def _written(self, record: Record, now: float) -> int:
        """Bytes it took; 0 where nothing had room for it."""
        if self.trouble is None or now - self._tried >= _AGAIN:
            try:
                size = self._on_disk(record)
            except OSError as error:
                self.trouble, self._tried = write_error(error, f"spool '{self._folder}'"), now
            else:
                self.trouble = None
                return size
        return self._in_memory(record)

    def _on_disk(self, record: Record) -> int:
        last = self._segments[-1] if self._segments else None
        if last is None or last.memory or last.end != record.number or last.size >= self._segment_bytes:
            fresh = Segment.make(self._folder / f"{record.number:016}.records", record.number)
            try:
                size = fresh.append(record)
            except OSError:
                fresh.remove()
                raise
            if last is not None:
                last.rest()
            self._segments.append(fresh)
            self._trim()
            return size
        return last.append(record)

    def _in_memory(self, record: Record) -> int:
        held = sum(segment.size for segment in self._segments if segment.memory)
        if held + len(record.data) > _IN_MEMORY:
            return 0
        last = self._segments[-1] if self._segments else None
        if last is None or not last.memory or last.size >= _IN_MEMORY // 16:
            if last is not None:
                last.rest()
            last = Segment.in_memory(record.number)
            self._segments.append(last)
        return last.append(record)

    def _advance(self, head: int) -> None:
        for segment in self._waiting():
            self._size -= segment.size_from(self._head) - segment.size_from(head)
            if segment.end >= head:
                break
        self._head = head
        with contextlib.suppress(OSError):  # at worst it is given again after a restart
            self._marker.write(head)
        self._trim()

    def _trim(self) -> None:
        """Remove the segments of which nothing waits; the newest one stays to be written on."""
        while self._segments and self._segments[0].end <= self._head:
            oldest = self._segments[0]
            if len(self._segments) == 1 and not oldest.memory and oldest.size < self._segment_bytes:
                return
            with contextlib.suppress(OSError):  # it is looked at again at the next start
                oldest.remove()
            self._segments.popleft()


def _lock(file: IO[bytes], folder: Path, seconds: float) -> None:
    """Hold an open file against all others; SinkError where somebody else does, and does not let go."""
    end = time.monotonic() + seconds
    while not _taken(file):
        if time.monotonic() >= end:
            what = "is in use: another run, or another stage of this one, keeps its messages there"
            fix = "give each its own folder with 'spool'"
            raise SinkError(what, where=f"spool '{folder}'", fix=fix)
        time.sleep(0.02)


def _taken(file: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
