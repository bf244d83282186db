"""Frames of an opened video: placed in time, thinned out, converted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import av

from vidstream.errors import SourceError
from vidstream.graph.source import Frame
from vidstream.graph.stage import Notify
from vidstream.sources.decoding import Decoded, Video
from vidstream.sources.faults import words
from vidstream.sources.fresh import FreshByArrival, FreshByStamp, Freshness
from vidstream.sources.pixels import Converter
from vidstream.sources.recorder import Recorder
from vidstream.sources.timeline import Thinner, Timeline
from vidstream.types import Pixels

_NANOSECOND = Fraction(1, 1_000_000_000)


@dataclass(frozen=True, slots=True)
class Rules:
    """Which pictures become frames, and at what times."""

    #: at most so many frames per second
    fps: float | None
    #: leave out frames that show damage
    drop_damaged: bool
    #: place pictures by when they come, for streams whose time stamps are made up
    arrival: bool = False
    #: leave out pictures that come too late to pass for new
    fresh: bool = False
    #: pictures of another size begin a new segment; in a recording, time runs on
    split: bool = False


class Playback:
    """Turns decoded pictures into frames.

    `wall` gives a frame's UTC time from the seconds since the first one and what the stream says. A change
    of the picture's size is reported ("format-changed").
    """

    def __init__(
        self,
        video: Video,
        rules: Rules,
        recorder: Recorder,
        convert: Converter,
        wall: Callable[[float, float | None], float | None],
        notify: Notify,
    ) -> None:
        self._rules = rules
        self._recorder = recorder
        self._timeline = Timeline(_NANOSECOND if rules.arrival else video.time_base, video.period)
        self._thinner = Thinner(rules.fps)
        self._freshness = _freshness(rules, video.period)
        self._convert = convert
        self._wall = wall
        self._notify = notify
        self._size: tuple[int, int] | None = None

    @property
    def end(self) -> float:
        """Seconds from the first picture to the one placed last."""
        return self._timeline.elapsed

    def frames(self, pictures: Iterable[Decoded]) -> Iterator[Frame]:
        """The frames wanted, as the pictures come; none is held while the next is waited for."""
        return filter(None, map(self._frame, pictures))

    def _frame(self, picture: Decoded) -> Frame | None:
        """The picture as a frame, or None where it is left out."""
        pts = self._place(picture)
        timeline, thinner = self._timeline, self._thinner
        if not self._is_fit(picture):
            thinner.skip()
            return None
        if not thinner.wanted(timeline.segment, pts):
            return None
        return Frame(
            self._pixels(picture.frame),
            pts,
            timeline.segment,
            self._wall(timeline.elapsed, picture.utc),
            picture.damaged,
            thinner.skipped(),
        )

    def _place(self, picture: Decoded) -> float:
        frame, timeline = picture.frame, self._timeline
        size = frame.width, frame.height
        if self._size not in (None, size):
            self._notify("format-changed", f"pictures are {size[0]} x {size[1]} pixels from here on")
            if self._rules.split:
                timeline.split()
        self._size = size
        pts = timeline.place(time.monotonic_ns() if self._rules.arrival else picture.stamp)
        self._recorder.place(picture.stamp, timeline.segment, pts, size)
        return pts

    def _is_fit(self, picture: Decoded) -> bool:
        """Whether it is fresh, and whole enough."""
        fresh = self._freshness is None or self._freshness.fresh(self._timeline.elapsed, time.monotonic())
        return fresh and not (picture.damaged and self._rules.drop_damaged)

    def _pixels(self, frame: av.VideoFrame) -> Pixels:
        try:
            return self._convert(frame)
        except av.FFmpegError as error:
            raise SourceError(
                f"pictures of the kind {frame.format.name} cannot be converted: {words(error)}", retry=False
            ) from None


def _freshness(rules: Rules, period: float) -> Freshness | None:
    if not rules.fresh:
        return None
    return FreshByArrival(period) if rules.arrival else FreshByStamp()
