"""Times of frames: from a container's time stamps to seconds since the segment's start."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Annotated, TypeAlias

from vidstream.types.values import Range, Unit

#: At most so many frames per second.
MaxFps: TypeAlias = Annotated[float, Unit("frames/s"), Range(0.0, open_low=True)]

#: stamps that fall back further than this are a new beginning (spliced recordings), not a muxer's slip
JUMP_BACK_S = 1.0


class Timeline:
    """Places frames in time by their stamps, exactly: no frame rate is involved where stamps are good.

    Where they are not: a missing stamp counts as one nominal `period` after the frame before; one that is
    not later than the frame before, as half a period after it (so that a swapped or doubled stamp leaves no
    lasting shift); one that falls back by more than a second starts a new segment.

    >>> line = Timeline(Fraction(1, 1000), period=0.04)
    >>> [line.place(stamp) for stamp in (5000, 5040, None, 5121, 5121, 5160)]
    [0.0, 0.04, 0.08, 0.121, 0.141, 0.16]
    """

    def __init__(self, time_base: Fraction, period: float) -> None:
        self.segment = 0
        #: seconds since the segment's start, and since the first frame of all, of the frame placed last
        self.pts = 0.0
        self.elapsed = 0.0
        self._base = time_base
        self._period = period
        self._origin: int | None = None
        self._before = 0.0
        self._started = self._splits = False

    def split(self) -> None:
        """Begin a new segment with the next frame."""
        self._splits = self._started

    def place(self, stamp: int | None) -> float:
        """Seconds since the segment's start of the next frame; `stamp` is in units of the time base."""
        if self._started:
            self._advance(stamp)
        elif stamp is not None:
            self._origin = stamp
        self._started = True
        self.elapsed = self._before + self.pts
        return self.pts

    def _advance(self, stamp: int | None) -> None:
        pts = self._seconds(stamp)
        if self._splits:
            self._splits = False
            step = self._period if pts is None else max(0.0, pts - self.pts)
            self._begin(stamp, step)
        elif pts is None:
            self.pts += self._period
        elif pts > self.pts:
            self.pts = pts
        elif pts >= self.pts - JUMP_BACK_S:
            self.pts += self._period / 2
        else:
            self._begin(stamp, self._period)

    def _begin(self, stamp: int | None, step: float) -> None:
        """A new segment, so many seconds after the frame before."""
        self._before = self.elapsed + step
        self._origin, self.pts = stamp, 0.0
        self.segment += 1

    def _seconds(self, stamp: int | None) -> float | None:
        if stamp is None:
            return None
        if self._origin is None:  # the first stamp of a stream that began without any
            self._origin = stamp - round((self.pts + self._period) / self._base)
        return float((stamp - self._origin) * self._base)


class Thinner:
    """Lets at most `fps` frames per second through, by their times, evenly: one per slot of 1 / fps.

    >>> thin = Thinner(10)
    >>> [n for n in range(11) if thin.wanted(0, n / 25)]
    [0, 3, 5, 8, 10]
    """

    #: of a slot: stamps rounded to milliseconds fall just short of theirs
    _EARLY = 0.1

    def __init__(self, fps: float | None) -> None:
        self._fps = fps
        self._slot = (-1, -1)
        self._skipped = 0

    def wanted(self, segment: int, pts: float) -> bool:
        """Whether to deliver the frame of this time; one that is not wanted is counted."""
        if self._fps is None:
            return True
        slot = (segment, math.floor(pts * self._fps + self._EARLY))
        if slot == self._slot:
            self._skipped += 1
            return False
        self._slot = slot
        return True

    def skip(self) -> None:
        """Count a frame that is left out for another reason."""
        self._skipped += 1

    def skipped(self) -> int:
        """How many frames were left out since this was asked last."""
        skipped, self._skipped = self._skipped, 0
        return skipped
