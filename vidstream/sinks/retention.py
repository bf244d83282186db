"""What is deleted, and when: recordings by age, by their size together, and for the room that they leave."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, TypeAlias

from vidstream.errors import ParamError
from vidstream.graph.clock import Clock
from vidstream.graph.stage import Notify
from vidstream.sinks.naming import Found, TimedNames
from vidstream.types.values import Bytes, Range, Seconds, Unit

#: seconds between two looks at all files, and at the room on the disk
_PERIOD: Final = 10.0
_ROOM_PERIOD: Final = 1.0


@dataclass(frozen=True, slots=True)
class Keep:
    """What is kept; the oldest files go first."""

    age: Seconds | None = None  #: files whose last picture is older are deleted
    size: Bytes | None = None  #: most bytes of all files together, the one under way counted
    free: Bytes | None = None  #: bytes that stay free on the disk

    def __post_init__(self) -> None:
        for name in ("age", "size", "free"):
            if getattr(self, name) == 0:
                raise ParamError("nothing would be kept", path=(name,), fix="leave it out, or give more")
        if self.age is None and self.size is None and self.free is None:
            raise ParamError("says nothing", fix="give age (7d), size (200GB) or free (5GB)")


#: what options say: all of `Keep`, or how old files may get
Kept: TypeAlias = Keep | Annotated[float, Unit("s"), Range(0.0, open_low=True)]


class Retention:
    """Deletes the oldest files with names of ours, and nothing else. Used by one thread at a time."""

    def __init__(self, names: TimedNames, keep: Kept, clock: Clock, notify: Notify) -> None:
        self._names = names
        self._keep = keep if isinstance(keep, Keep) else Keep(age=keep)
        self._clock = clock
        self._notify = notify
        self._next_look = self._next_room = -_PERIOD

    def look(self, *, now: bool = False) -> int:
        """Delete what has to go, where it is time to look; gives the number of recordings that went."""
        clock = self._clock.monotonic()
        if now or clock >= self._next_look:
            self._next_look, self._next_room = clock + _PERIOD, clock + _ROOM_PERIOD
            return self._sweep()
        if self._keep.free is not None and clock >= self._next_room:
            self._next_room = clock + _ROOM_PERIOD
            if _room(self._names.folder) < self._keep.free:
                return self._sweep()
        return 0

    def _sweep(self) -> int:
        groups = _groups(self._names.found())
        total = sum(size for _, size, _ in groups)
        room = _room(self._names.folder) if self._keep.free is not None else 0
        done = 0
        for files, size, changed in groups:
            if not all(f.complete for f in files):  # under way
                continue
            if not self._has_to_go(changed, total, room):
                break
            if self._delete(files):
                total, room, done = total - size, room + size, done + 1
        return done

    def _has_to_go(self, changed: int, total: int, room: int) -> bool:
        keep = self._keep
        if keep.age is not None and self._clock.time() - changed / 1e9 > keep.age:
            return True
        if keep.size is not None and total > keep.size:
            return True
        return keep.free is not None and room < keep.free

    def _delete(self, files: Iterable[Found]) -> bool:
        """Delete a recording and what lies beside it, then the folders that this leaves empty."""
        for file in files:
            try:
                file.path.unlink(missing_ok=True)
            except OSError as error:
                self._notify("not-deleted", f"'{file.path.name}' cannot be deleted: {error.strerror}")
                return False
            for folder in self._names.folders_between(file.path):
                with suppress(OSError):  # not empty
                    folder.rmdir()
        return True


def _groups(found: Iterable[Found]) -> list[tuple[list[Found], int, int]]:
    """Files of one clip together: (files, bytes, last change), oldest first."""
    together: dict[str, list[Found]] = defaultdict(list)
    for file in found:
        together[file.key].append(file)
    groups = [
        (files, sum(f.size for f in files), max(f.changed for f in files)) for files in together.values()
    ]
    return sorted(groups, key=lambda group: group[2])


def _room(folder: Path) -> int:
    """Bytes that this user may still write on the disk of a folder, which may not be there yet."""
    for place in (folder, *folder.parents):
        with suppress(OSError):
            return shutil.disk_usage(place).free
    return 0
