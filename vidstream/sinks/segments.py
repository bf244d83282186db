"""A recording in files: where one ends and the next begins, how they are named, what a kill left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from vidstream.errors import SinkError
from vidstream.graph.clock import Clock
from vidstream.graph.footage import EncodedPacket
from vidstream.graph.stage import Notify
from vidstream.sinks.mp4 import PART, Mp4File, open_new, repair
from vidstream.sinks.naming import Place, TimedNames

#: seconds that a camera may be away before a segment ends
LONG_GAP: Final = 10.0
#: what begins so little before a boundary belongs to it: pictures do not arrive evenly
_EARLY = 0.5


class Names(Protocol):
    """Gives names for new files."""

    def places(self, wall: float) -> Iterator[Place]:
        """Free names for what begins at `wall` (UTC seconds), the nicest first."""


class Cut:
    """When a segment is over: at whole multiples of its length on the clock (10:10, 10:20 ...), or by size.

    How long a segment lasts is settled as it begins, in the recording's own time: a clock that is put
    forward or back meanwhile changes nothing.
    """

    def __init__(self, seconds: float | None, size: int | None) -> None:
        self._seconds = seconds
        self._most = size
        self._until = float("inf")
        self._size = self._group = self._largest = 0

    def begin(self, at: float, wall: float) -> float:
        """A segment begins `at` this time, which is `wall` on the clock; gives the time of its name."""
        self._size = self._group = self._largest = 0
        if self._seconds is None:
            return wall
        rest = self._seconds - wall % self._seconds
        if rest > _EARLY:
            self._until = at + rest
            return wall
        self._until = at + rest + self._seconds
        return wall + rest

    def put_off(self, seconds: float) -> None:
        """The segment began so much earlier than it was said to."""
        self._until += seconds

    def add(self, packet: EncodedPacket) -> None:
        """What it has grown by."""
        if packet.keyframe:
            self._group = 0
        self._size += len(packet.data)
        self._group += len(packet.data)
        self._largest = max(self._largest, self._group)

    def is_due(self, at: float) -> bool:
        """Whether the picture `at` this time belongs into the next one."""
        full = self._most is not None and self._size > 0 and self._size + self._largest > self._most
        return full or at >= self._until - 1e-6


class Segments:
    """Writes packets into one file after the other. Raises OSError; the next keyframe goes on in a new file.

    Used by one thread at a time.
    """

    def __init__(self, names: Names, clock: Clock, *, from_zero: bool, sync: bool = False) -> None:
        self.names = names
        self._clock = clock
        self._from_zero = from_zero
        self._sync = sync
        self._file: Mp4File | None = None
        self._place: Place | None = None
        self._waiting_since = 0.0
        #: the file that was completed last
        self.last: Path | None = None
        #: whether the last file that was closed holds any part
        self.had_parts = False
        #: where to make folders; told of each
        self.make_folder: Callable[[Path], None] = lambda folder: folder.mkdir(parents=True, exist_ok=True)

    @property
    def is_open(self) -> bool:
        """Whether a file is under way."""
        return self._file is not None

    @property
    def parts(self) -> int:
        """How many parts of the file under way are on disk."""
        return self._file.parts if self._file else 0

    def write(self, packet: EncodedPacket, wall: float, *, cut: bool = False) -> None:
        """Add a packet, to a new file where `cut` says so or none is under way: it needs a keyframe then."""
        if cut:
            self.finish()
        if self._file is None:
            if not packet.keyframe:
                return
            self._open(packet, wall)
        assert self._file is not None, "just opened"
        try:
            if not self._file.waiting:
                self._waiting_since = self._clock.monotonic()
            before = self._file.parts
            self._file.add(packet)
            if self._file.parts > before:
                self._wrote_part()
        except OSError:
            self.abandon()
            raise

    def idle(self) -> None:
        """Write what has waited long enough, where no further picture comes."""
        if self._file is None or not self._file.waiting:
            return
        if self._clock.monotonic() - self._waiting_since >= PART:
            try:
                self._file.flush()
                self._wrote_part()
            except OSError:
                self.abandon()
                raise

    def finish(self) -> None:
        """Complete the file under way and give it its name."""
        file, self._file = self._file, None
        if file is None:
            return
        try:
            file.flush()
            if self._sync:
                file.sync()
            file.finish()
        except OSError:
            self._file = file
            self.abandon()
            raise
        self._name(file)

    def abandon(self) -> None:
        """Close the file under way as it is: its whole parts stay, under its name."""
        file, self._file = self._file, None
        if file is None:
            return
        file.abandon()
        with suppress(OSError):
            self._name(file)

    def _wrote_part(self) -> None:
        self._waiting_since = self._clock.monotonic()
        if self._file is not None and self._file.is_gone():
            self._file.abandon()
            self._file = None
            raise FileNotFoundError(2, "the file under way was deleted")

    def _open(self, packet: EncodedPacket, wall: float) -> None:
        for place in self.names.places(wall):
            self.make_folder(place.part.parent)
            try:
                raw = open_new(place.part)
            except FileExistsError:  # another process writes it, or left it behind
                continue
            self._place = place
            try:
                self._file = Mp4File(raw, packet, packet.pts if self._from_zero else 0.0)
            except (OSError, SinkError):
                raw.close()
                place.part.unlink(missing_ok=True)
                raise
            return
        raise FileExistsError(17, "all names are taken")

    def _name(self, file: Mp4File) -> None:
        assert self._place is not None, "a file has a place"
        place, self._place = self._place, None
        self.had_parts = file.parts > 0
        if file.parts == 0:
            place.part.unlink(missing_ok=True)
            return
        if place.part != place.final:
            place.part.rename(place.final)
        self.last = place.final


def take_up(names: TimedNames, notify: Notify) -> int:
    """Complete what a killed process left behind: cut to whole parts, and named; gives how many."""
    done = 0
    for found in names.found():
        if found.complete or found.path.suffix not in (".mp4", ".m4v"):
            continue
        try:
            parts = repair(found.path)
            if parts is None:
                continue
            if parts == 0:
                found.path.unlink()
                notify("recording-repaired", f"'{found.path.name}' was left behind empty, and is removed")
                continue
            final = _unused(Path(found.key + found.path.suffix))
            found.path.rename(final)
        except OSError as error:
            notify(
                "recording-left",
                f"'{found.path.name}' was left behind and cannot be repaired: {error.strerror}",
            )
            continue
        notify("recording-repaired", f"'{final.name}' was left behind by a process that was killed: it plays")
        done += 1
    return done


def _unused(path: Path) -> Path:
    number = 2
    free = path
    while free.exists():
        free = path.with_stem(f"{path.stem}_{number}")
        number += 1
    return free
