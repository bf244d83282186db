"""Folders of pictures, and single ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vidstream.errors import SourceError
from vidstream.graph.source import Frame, Source, source
from vidstream.sources.address import PICTURES, accepts
from vidstream.sources.picture import UnreadableError, read_picture
from vidstream.sources.timeline import MaxFps
from vidstream.types import Pixels, StreamInfo
from vidstream.types.values import InputPattern

_DIGITS = re.compile(r"(\d+)")


@source("images", accepts=accepts("images"))
class ImageFiles(Source):
    """Pictures as a video: a folder, a pattern such as ``shots/*.png``, or a single picture.

    They come in natural order (2.jpg before 10.jpg) and upright as their EXIF data say. They may differ in
    size. One that cannot be read, or is larger than 64 megapixels, is reported ("picture-unreadable") and
    left out; its number and its time stay free.

    Example::

        source: {uri: shots/*.png, fps: 30}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """Which pictures, and how fast they follow each other."""

        uri: InputPattern  #: a folder (its pictures, not those of folders in it), a pattern, or a picture
        fps: MaxFps = 25.0  #: pictures per second, which gives each its time

    params: Params

    def __init__(self, params: Params) -> None:
        super().__init__(params)
        self._frames: Iterator[Frame] = iter(())
        self._ahead: Frame | None = None

    def open(self) -> StreamInfo:
        """List them, and read the first that can be read."""
        files = _listed(self.params.uri)
        where = f"source '{self.name}'"
        if not files:
            raise SourceError(
                f"no picture at '{self.params.uri}'", where=where, fix="check the path", retry=False
            )
        self._frames = self._read_all(files)
        self._ahead = next(self._frames, None)
        if self._ahead is None:
            what = f"none of the {len(files)} pictures at '{self.params.uri}' can be read"
            raise SourceError(what, where=where, fix="check the files", retry=False)
        height, width = self._ahead.pixels.shape[:2]
        fps, duration = self.params.fps, len(files) / self.params.fps
        return StreamInfo(self.name, width, height, fps, duration, len(files), uri=str(self.params.uri))

    def read(self) -> Frame | None:
        """The next picture, or None after the last."""
        if self.stopping.is_set():
            return None
        frame, self._ahead = self._ahead, None
        return frame or next(self._frames, None)

    def close(self) -> None:
        """Nothing stays open."""

    def _read_all(self, files: list[Path]) -> Iterator[Frame]:
        missing = 0
        for number, file in enumerate(files):
            if self.stopping.is_set():
                return
            pixels = self._read(file)
            if pixels is None:
                missing += 1
                continue
            yield Frame(pixels, number / self.params.fps, skipped=missing)
            missing = 0

    def _read(self, file: Path) -> Pixels | None:
        try:
            return read_picture(file)
        except UnreadableError as error:
            self.notify("picture-unreadable", f"'{file}' {error}")
            return None


def natural(path: Path) -> list[str | int]:
    """Sort key that takes numbers in names as numbers.

    >>> sorted([Path("f10.jpg"), Path("F2.jpg"), Path("f1.jpg")], key=natural)[1].name
    'F2.jpg'
    """
    parts = _DIGITS.split(path.name.casefold())
    return [int(part) if n % 2 else part for n, part in enumerate(parts)]


def _listed(path: Path) -> list[Path]:
    """The picture files a path stands for."""
    if path.is_dir():
        found = [f for f in path.iterdir() if f.suffix.lower() in PICTURES and not f.name.startswith(".")]
    elif path.is_file():
        return [path]
    else:
        found = list(path.parent.glob(path.name))
    return sorted((f for f in found if f.is_file()), key=lambda f: (natural(f), f.name))
