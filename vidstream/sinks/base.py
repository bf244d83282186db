"""What every sink that writes files shares: paths that stay in their folder, errors that say what to do."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from vidstream.errors import ParamError, SinkError
from vidstream.graph.stage import Stage
from vidstream.types import StreamInfo

_ELSEWHERE = "choose another folder with --out DIR"
_REASONS: dict[int, tuple[str, str]] = {
    errno.ENOSPC: ("the disk is full", f"free some space, or {_ELSEWHERE}"),
    errno.EDQUOT: ("the disk quota is used up", f"free some space, or {_ELSEWHERE}"),
    errno.EFBIG: ("the file has reached the largest size allowed", "raise the limit (ulimit -f)"),
    errno.EACCES: ("no permission", f"change the permissions, or {_ELSEWHERE}"),
    errno.EPERM: ("no permission", f"change the permissions, or {_ELSEWHERE}"),
    errno.EROFS: ("the disk is read-only", _ELSEWHERE),
    errno.ENOENT: ("its folder is gone", f"leave the folder in place while the run lasts, or {_ELSEWHERE}"),
    errno.ENOTDIR: ("a part of its path is a file, not a folder", "rename that file, or change the path"),
    errno.EEXIST: ("a part of its path is a file, not a folder", "rename that file, or change the path"),
    errno.EISDIR: ("it is a folder", "name a file"),
    errno.ENAMETOOLONG: ("its name is too long", "shorten the path"),
    errno.ELOOP: ("its links lead in a circle", "change the path"),
    errno.EIO: ("the disk reports an error", f"check the disk, or {_ELSEWHERE}"),
}


def write_error(error: OSError, place: str) -> SinkError:
    """The one error a person sees when something cannot be written to `place`."""
    reason, fix = _REASONS.get(error.errno or 0, (error.strerror or str(error), _ELSEWHERE))
    return SinkError(f"cannot be written: {reason}", where=place, fix=fix)


def output_path(root: Path, path: Path) -> Path:
    """`path` as an absolute one that lies under `root`, links followed.

    Absolute paths are allowed where they lie under `root`. Raises SinkError for anything outside.
    """
    where = f"path '{path}'"
    try:
        top = root.resolve()
        target = (top / path).resolve()
        taken = target.exists() and not target.is_file()
    except RuntimeError as error:  # Python before 3.13 says so of links that lead in a circle
        raise write_error(OSError(errno.ELOOP, ""), where) from error
    except OSError as error:
        raise write_error(error, where) from error
    if not target.is_relative_to(top):
        raise SinkError(
            f"lies outside the output folder '{top}'",
            where=where,
            fix="use a path inside it, or choose the folder with --out DIR",
        )
    if taken:
        raise SinkError("exists, but is not a regular file", where=where, fix="name a file")
    return target


def append_whole(file: BinaryIO | FileIO, data: bytes, size: int) -> int:
    """Append to a file without a buffer, which has so many bytes and stands at its end: all of it or nothing.

    Gives the new size. Raises OSError; the file then holds what it held before, and may be written on.
    """
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError:
        with suppress(OSError):  # why it could not be written is what counts
            file.truncate(size)
            file.seek(size)
        raise
    return size + len(data)


def write_whole(target: Path, data: bytes) -> None:
    """Write a document that appears complete or not at all, replacing an older one. Raises OSError."""
    part = target.with_name(f".{target.name}.part")
    try:
        part.write_bytes(data)
        part.replace(target)
    except OSError:
        part.unlink(missing_ok=True)
        raise


class Sink(Stage):
    """Base of the sinks that write to ``params.path``."""

    #: file name endings that are understood; empty = any
    suffixes: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def check(cls, params: Any) -> Iterable[ParamError]:
        """What is wrong with the path, as far as it shows before anything opens."""
        path: Path = params.path
        if not path.is_absolute() and Path(os.path.normpath(path)).parts[:1] == (os.pardir,):
            yield ParamError(
                f"'{path}' leads out of the output folder",
                path=("path",),
                fix="leave out '..', or choose the folder with --out DIR",
            )
        if not path.name:
            yield ParamError(f"'{path}' is a folder", path=("path",), fix="name a file")
        elif cls.suffixes and path.suffix.lower() not in cls.suffixes:
            yield ParamError(
                f"'{path.name}' does not end in {' or '.join(cls.suffixes)}",
                path=("path",),
                fix=f"{cls.spec.name} writes no other format",
            )

    def place(self, target: Path) -> str:
        """Where an error happened: the stage and the file."""
        return f"{self.stage_id or self.spec.name} ('{target}')"

    def locate(self, stream: StreamInfo) -> Path:
        """The absolute path to write; SinkError where it must not be written."""
        for problem in self.check(self.params):
            raise SinkError(problem.what, where=self.stage_id or self.spec.name, fix=problem.fix)
        target = output_path(self.out_root, self.params.path)
        if _same_file(target, stream.uri):
            raise SinkError(
                "is the recording being read", where=self.place(target), fix="write to another file"
            )
        return target

    def prepare(self, stream: StreamInfo) -> Path:
        """The absolute path to write, its folder made."""
        target = self.locate(stream)
        self.make_folder(target.parent)
        return target

    def make_folder(self, folder: Path) -> None:
        """Make a folder, and those above it."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(error, self.place(folder)) from error

    def write_empty(self, target: Path) -> None:
        """Make `target` an empty file, so that what hinders writing shows before the first frame."""
        try:
            target.write_bytes(b"")
        except OSError as error:
            raise write_error(error, self.place(target)) from error

    def write_document(self, target: Path, data: bytes) -> None:
        """Write a whole file at once, atomically."""
        try:
            write_whole(target, data)
        except OSError as error:
            raise write_error(error, self.place(target)) from error


def _same_file(target: Path, uri: str) -> bool:
    try:
        return target.samefile(uri.removeprefix("file://"))
    except (OSError, ValueError):  # one of them is no file
        return False
