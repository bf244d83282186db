"""A file on a server, read in parts."""

from __future__ import annotations

import io
from typing import Any

from detectors.catalogue.web import open_url, patiently
from vidstream.errors import ModelError

#: bytes at the end that are read first: an archive's table of contents is there
_TAIL = 1 << 16


class NoRangesError(ModelError):
    """The server gives whole files only."""


class RemoteFile(io.RawIOBase):
    """A file on a server, read in parts: for the table of contents of an archive.

    NoRangesError where the server gives whole files only; ModelError where more than `budget` bytes are read.
    """

    def __init__(self, url: str, budget: int) -> None:
        self._url, self._budget, self._at = url, budget, 0
        tail, total = self._get(None, None)
        self._tail_at, self._tail, self.size = total - len(tail), tail, total

    def _get(self, start: int | None, end: int | None) -> tuple[bytes, int]:
        """Bytes from `start` to before `end` (None: the last ones), and how many the file has."""
        headers = {"Range": f"bytes=-{_TAIL}"} if start is None else None

        def get() -> tuple[bytes, int]:
            with open_url(self._url, start or 0, end, headers) as answer:
                told = str(answer.headers.get("Content-Range", "")).rpartition("/")[2]
                if answer.status != 206 or not told.isdecimal():
                    raise NoRangesError("the server gives whole files only")
                return answer.read(self._budget + 1), int(told)

        data, total = patiently(get)
        self._budget -= len(data)
        if self._budget < 0:
            raise ModelError("its table of contents is too long")
        return data, total

    def seekable(self) -> bool:
        """It is."""
        return True

    def readable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go there."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise OSError("before the file's start")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with the next bytes, less of it at the end."""
        start = self._at
        end = min(self.size, start + len(buffer))
        if start >= end:
            return 0
        if start >= self._tail_at:
            data = self._tail[start - self._tail_at : end - self._tail_at]
        elif end - start > self._budget:
            raise ModelError("its table of contents is too long")
        else:
            data, _ = self._get(start, end)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
