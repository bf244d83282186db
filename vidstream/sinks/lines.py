"""Text files that grow by whole records, and the base of the sinks that write them."""

from __future__ import annotations

import os
from pathlib import Path

from vidstream.sinks.base import Sink, append_whole, write_error
from vidstream.types import StreamInfo


class LineFile:
    """A UTF-8 file that is written one record at a time, without a buffer.

    What has been written survives a kill at any moment: a write costs 1-3 us, a buffer would save less
    than that per frame. Where the disk fills up within a record, its beginning is taken back, so that
    the file holds whole records only; once there is room again, writing goes on.
    """

    def __init__(self, target: Path, place: str, *, anew: bool = True) -> None:
        self._place = place
        try:
            self._file = target.open("wb" if anew or not target.exists() else "r+b", buffering=0)
            self._size = self._file.seek(0, os.SEEK_END)
        except OSError as error:
            raise write_error(error, place) from error

    @property
    def is_empty(self) -> bool:
        """Whether nothing stands in it."""
        return self._size == 0

    def write(self, text: str) -> None:
        """Append complete lines. Raises SinkError, naming the file."""
        try:
            self._size = append_whole(self._file, text.encode("utf-8", "replace"), self._size)
        except OSError as error:
            raise write_error(error, self._place) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class LineSink(Sink):
    """Base of the sinks that write lines of text.

    The file is begun anew with the run. Where the sink is opened again within a run, because its options
    changed or its source was started again, it goes on where it ended.
    """

    _file: LineFile | None = None

    def open(self, stream: StreamInfo) -> None:
        """Make the file."""
        target = self.prepare(stream)
        anew = self.commons.is_first(("file", target))
        self._file = LineFile(target, self.place(target), anew=anew)

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been written."""
        return self._file is not None and self._file.is_empty

    def write(self, text: str) -> None:
        """Append complete lines."""
        assert self._file is not None, "open comes before process"
        if text:
            self._file.write(text)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
