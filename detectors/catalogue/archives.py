"""One file out of an archive, without unpacking the rest: bounded in every direction, no name is a path."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from vidstream.errors import ModelError

#: unpacked bytes passed over in search of a file inside an archive
_SEARCH_LIMIT = 4 << 30
#: bytes read at once: a header that wants more is a trap
_READ_LIMIT = 1 << 24
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_CHUNK = 1 << 18


class Packed(NamedTuple):
    """Where a file's bytes lie in a zip archive, as they are packed."""

    start: int
    length: int
    deflated: bool


def find_in_zip(archive: IO[bytes], member: str) -> Packed:
    """Where a member lies in a zip archive. ModelError: it is not in there, or packed in an unusual way."""
    try:
        with zipfile.ZipFile(archive) as opened:
            found = opened.getinfo(member)
        archive.seek(found.header_offset)
        header = _LOCAL_HEADER.unpack(archive.read(_LOCAL_HEADER.size))
    except KeyError as error:
        raise ModelError(f"the archive holds no {member}") from error
    except ModelError:
        raise
    except (zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, ValueError) as error:
        raise ModelError(f"it is no zip archive that can be read: {error}") from error
    flags, method, name_size, extra_size = header[2], header[3], header[9], header[10]
    if method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or flags & 1:
        raise ModelError(f"{member} is packed in a way that is not supported")
    start = found.header_offset + _LOCAL_HEADER.size + name_size + extra_size
    return Packed(start, found.compress_size, method == zipfile.ZIP_DEFLATED)


def unpacked(source: IO[bytes], length: int, *, deflated: bool) -> Iterator[bytes]:
    """The next `length` bytes of `source`, unpacked, a little at a time, whatever they promise to grow to."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    while length > 0 and (data := source.read(min(_CHUNK, length))):
        length -= len(data)
        if not deflated:
            yield data
            continue
        while data and not inflate.eof:
            yield inflate.decompress(data, _CHUNK)
            data = inflate.unconsumed_tail


def from_tar(path: Path, member: str) -> Iterator[bytes]:
    """A member of a tar.gz file. ModelError where it is not in there, or is no regular file.

    ``*/model.onnx`` is `model.onnx` in the archive's one folder, whatever that is called.
    """
    with _Bounded(path) as archive, tarfile.open(fileobj=archive, mode="r:") as opened:
        for entry in opened:
            name = f"*/{entry.name.partition('/')[2]}" if member.startswith("*/") else entry.name
            if name == member and entry.isreg() and (found := opened.extractfile(entry)) is not None:
                yield from chunks(found)
                return
    raise ModelError(f"the archive holds no {member}")


def chunks(source: IO[bytes]) -> Iterator[bytes]:
    """All of a file, a little at a time."""
    while data := source.read(_CHUNK):
        yield data


class _Bounded(gzip.GzipFile):
    """Reads a packed file, up to a limit."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "rb")

    def read(self, size: int | None = -1) -> bytes:
        """As a file does it. ModelError beyond the limits."""
        self._check(size is not None and 0 <= size <= _READ_LIMIT)
        return super().read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As a file does it. ModelError beyond the limits."""
        self._check(whence != io.SEEK_END and offset <= _SEARCH_LIMIT)
        return super().seek(offset, whence)

    @staticmethod
    def _check(reasonable: bool) -> None:
        if not reasonable:
            raise ModelError("the archive unpacks to more than is reasonable")
