"""Video files."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import chain, dropwhile, islice
from typing import Literal

import av

from vidstream.errors import ParamError, SourceError
from vidstream.graph.source import Frame, Source, source
from vidstream.sources.address import accepts
from vidstream.sources.decoding import Decoded, Video
from vidstream.sources.faults import OpenError, named
from vidstream.sources.hardware import Decode, accelerator
from vidstream.sources.limits import FILE_FORMATS, TOO_LARGE
from vidstream.sources.opening import Opening
from vidstream.sources.pixels import Converter
from vidstream.sources.playback import Playback, Rules
from vidstream.sources.recorder import Recorder
from vidstream.sources.timeline import MaxFps
from vidstream.types import StreamInfo
from vidstream.types.values import InputFile, Seconds

_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": FILE_FORMATS}
#: what FFmpeg says to a file that is no video: it knows no reader for it, or the reader makes no sense of it
_NO_VIDEO = (av.error.InvalidDataError, av.error.ArgumentError, av.error.EOFError)
#: decoder threads: CPU time is the same with one (measured), and more than four only hold frames
_THREADS = min(4, os.cpu_count() or 1)
#: a recording may end so much earlier than its header promises before that is worth telling
_SHORT_S = 1.0
#: seconds ahead of the wanted place to search; without an index the first try may land behind it
_RUN_UPS_S = (0, 10, 60)


@source("file", accepts=accepts("file"))
class VideoFile(Source):
    """A video file: every frame, each at its true time, whatever the frame rate does.

    Times come from the container's time stamps. Where a frame has none, it counts as one nominal period after
    the one before (that of 25 frames/s where no rate is known). Phone clips are turned upright; of several
    video streams the main one is read, sound is passed over. A file that is damaged or cut short is read as
    far as it goes: the damage is reported ("file-damaged"), frames that show it are marked.

    Example::

        source: {uri: clips/gate.mkv, fps: 10, start: 2m, start_time: "2026-05-01T08:00:00+02:00"}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """Which file, and how much of it."""

        uri: InputFile  #: the file
        fps: MaxFps | None = None  #: use at most so many frames per second, evenly chosen
        start: Seconds = 0.0  #: begin so far into the file
        #: what becomes of frames that show damage: they are marked, or left out and counted as skipped
        damaged: Literal["keep", "drop"] = "keep"
        #: what decodes: the processor, a graphics card, or (auto) that where there is one
        decode: Decode = "cpu"
        loop: bool = False  #: start over at the end, for ever
        #: when recording began: `container` (what the file tells, if it does), `none`, or a date and time
        start_time: str = "container"

        def __post_init__(self) -> None:
            if self.start_time not in ("container", "none"):
                _utc_seconds(self.start_time)

    params: Params

    def __init__(self, params: Params) -> None:
        super().__init__(params)
        self._frames: Generator[Frame, None, None] | None = None
        self._ahead: Frame | None = None
        self._convert = Converter()

    @classmethod
    def ends(cls, params: Params) -> bool:
        """Not where it loops."""
        return not params.loop

    def open(self) -> StreamInfo:
        """Open the file and decode its first frame, which alone tells the true size."""
        with named(f"source '{self.name}'"):
            _check_regular(self.params.uri)
            video = self._open_video()
            info = self._describe(video)
            self._frames = self._play(video)
            self._ahead = next(self._frames, None)
            if self._ahead is None:
                what = f"'{self.params.uri}' holds no picture that can be decoded"
                what += f" at or after {self.params.start:g} s" if self.params.start else ""
                raise SourceError(what, fix=f"check the file ({TOO_LARGE})", retry=False)
        height, width = self._ahead.pixels.shape[:2]
        return replace(info, width=width, height=height)

    def read(self) -> Frame | None:
        """The next frame, or None at the end."""
        if self.stopping.is_set() or self._frames is None:
            return None
        frame, self._ahead = self._ahead, None
        if frame is not None:
            return frame
        with named(f"source '{self.name}'"):
            return next(self._frames, None)

    def close(self) -> None:
        """Close the file."""
        if self._frames is not None:
            self._frames.close()

    def _open_video(self) -> Video:
        path = os.fspath(self.params.uri)
        try:
            # the prefix keeps a name such as "http:x" from being taken for an address
            opening = Opening(
                f"file:{path}",
                _OPTIONS,
                lambda pixels: _THREADS,
                accelerator=partial(accelerator, self.params.decode),
            )
            return Video(opening, self._complain)
        except OpenError as error:
            what = error.what
            if issubclass(error.kind, _NO_VIDEO):
                what = "not a video in a known format, or damaged or cut short"
            what = f"'{path}' cannot be opened: {what}"
            raise SourceError(what, fix="check the file", retry=False) from None
        except SourceError as error:
            raise SourceError(f"'{path}' {error.what}", fix=error.fix, retry=False) from None

    def _play(self, video: Video) -> Generator[Frame, None, None]:
        """Frames from first to last, over and over with `loop`; closes the video."""
        segment = 0
        with closing(video):
            while True:
                last = None
                for frame in self._once(video, segment):
                    last = replace(frame, segment=segment + frame.segment)
                    yield last
                if last is None or not self.params.loop:
                    return
                segment = last.segment + 1
                video.rewind()

    def _once(self, video: Video, segment: int) -> Iterator[Frame]:
        begin, footage = self._begin(video), self.footage
        playback = Playback(
            video,
            Rules(self.params.fps, drop_damaged=self.params.damaged == "drop"),
            Recorder(
                video, lambda p: footage.put(replace(p, segment=segment + p.segment)), lambda: footage.wanted
            ),
            self._convert,
            lambda elapsed, utc: None if begin is None else begin + elapsed,
            self.notify,
        )
        yield from playback.frames(_pictures_from(video, self.params.start))
        promised = video.duration
        read = self.params.start + playback.end + video.period
        if promised is not None and promised > read + _SHORT_S:
            self._complain(f"it ends after {read:.1f} s of the {promised:.1f} s it promises")

    def _begin(self, video: Video) -> float | None:
        """UTC seconds of the first frame."""
        if self.params.start_time == "none":
            return None
        given = self.params.start_time != "container"
        began = _utc_seconds(self.params.start_time) if given else video.created
        return None if began is None else began + self.params.start

    def _describe(self, video: Video) -> StreamInfo:
        fps, duration = video.fps, video.duration
        rest = None if duration is None else max(0.0, duration - self.params.start)
        frames = round(rest * fps) if rest and fps else video.frames
        thinned = min(fps, self.params.fps) if fps and self.params.fps else fps
        return StreamInfo(self.name, *video.size, thinned, rest, frames, uri=str(self.params.uri))

    def _complain(self, what: str) -> None:
        self.notify("file-damaged", f"'{self.params.uri}': {what}")


def _check_regular(path: InputFile) -> None:
    """Opening a pipe or a device would wait for ever; an empty file deserves its own words."""
    if not path.exists():
        raise SourceError(f"'{path}' does not exist", fix="check the path", retry=False)
    if not path.is_file():
        raise SourceError(f"'{path}' is not a regular file", fix="name a video file", retry=False)
    if not path.stat().st_size:
        raise SourceError(f"'{path}' is empty", fix="check the file", retry=False)


def _pictures_from(video: Video, start: float) -> Iterator[Decoded]:
    """The pictures from `start` seconds into the recording on, none before."""
    pictures = video.pictures()
    first = next(pictures, None) if start else None
    if first is None:
        return pictures
    if first.stamp is None:  # a bare stream without times cannot be searched, only counted
        return islice(pictures, max(0, round(start / video.period) - 1), None)
    target = first.stamp + round(start / video.time_base)
    found = _searched(video, chain([first], pictures), first.stamp, target)
    return dropwhile(lambda p: p.stamp is not None and p.stamp < target, found)


def _searched(video: Video, pictures: Iterator[Decoded], first: int, target: int) -> Iterator[Decoded]:
    """Pictures from somewhere at or before `target` on; the ones given where the file cannot be searched."""
    for run_up in _RUN_UPS_S:
        place = target - round(run_up / video.time_base)
        if place < first:
            break
        try:
            video.seek(place)
        except SourceError:
            return pictures
        found = next(landed := video.pictures(), None)
        if found is not None and found.stamp is not None and found.stamp <= target:
            return chain([found], landed)
    video.rewind()
    return video.pictures()


def _utc_seconds(text: str) -> float:
    """UTC seconds of an ISO date and time; local time where it names no zone."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise ParamError(
            f"expected container, none or a date and time, got '{text}'",
            path=("start_time",),
            fix="write it as 2026-05-01T08:00:00+02:00",
        ) from None
