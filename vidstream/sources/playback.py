"""Frames of an opened video: placed in time, thinned out, converted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

import av

from vidstream.errors import SourceError
from vidstream.graph.source import Frame
from vidstream.graph.stage import Notify
from vidstream.sources.decoding import Decoded
from vidstream.sources.faults import words
from vidstream.sources.pixels import Converter
from vidstream.sources.timeline import Thinner, Timeline
from vidstream.types import Pixels

_NANOSECOND = Fraction(1, 1_000_000_000)


class Playback:
    """Turns decoded pictures into frames.

    A change of the picture's size is reported ("format-changed") and time runs on. `wall` gives a frame's UTC
    time from the seconds since the first one. With `arrival`, frames are placed by when they come, for
    streams whose time stamps are made up.
    """

    def __init__(
        self,
        time_base: Fraction,
        period: float,
        *,
        fps: float | None,
        wall: Callable[[float], float | None],
        notify: Notify,
        arrival: bool = False,
    ) -> None:
        self._timeline = Timeline(_NANOSECOND if arrival else time_base, period)
        self._thinner = Thinner(fps)
        self._convert = Converter()
        self._wall = wall
        self._notify = notify
        self._arrival = arrival
        self._size: tuple[int, int] | None = None

    @property
    def end(self) -> float:
        """Seconds from the first picture to the one placed last."""
        return self._timeline.elapsed

    def frames(self, pictures: Iterable[Decoded]) -> Iterator[Frame]:
        """The frames wanted, as the pictures come."""
        timeline, thinner = self._timeline, self._thinner
        for picture in pictures:
            pts = timeline.place(time.monotonic_ns() if self._arrival else picture.stamp)
            if not thinner.wanted(timeline.segment, pts):
                continue
            frame = Frame(
                self._pixels(picture.frame),
                pts,
                timeline.segment,
                self._wall(timeline.elapsed),
                picture.damaged,
                thinner.skipped(),
            )
            self._watch_size(frame)
            yield frame

    def _pixels(self, frame: av.VideoFrame) -> Pixels:
        try:
            return self._convert(frame)
        except av.FFmpegError as error:
            raise SourceError(
                f"pictures of the kind {frame.format.name} cannot be converted: {words(error)}", retry=False
            ) from None

    def _watch_size(self, frame: Frame) -> None:
        height, width = frame.pixels.shape[:2]
        if self._size not in (None, (width, height)):
            self._notify("format-changed", f"pictures are {width} x {height} pixels from here on")
        self._size = (width, height)
