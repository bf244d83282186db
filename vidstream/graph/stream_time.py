"""A stream's own clock: goes on over reconnects and loops, and never backwards."""

from __future__ import annotations

from vidstream.types import FrameInfo, Gap


class StreamTime:
    """Seconds that have gone by in a stream. Steps of the wall clock are not felt.

    `at` is asked once per frame, in order; `skip` is told of gaps, whose length counts where it is known.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._segment = -1
        self._pts = 0.0

    def at(self, frame: FrameInfo) -> float:
        """The time of this frame."""
        if frame.segment == self._segment:
            self.now += max(0.0, frame.pts - self._pts)
        self._segment, self._pts = frame.segment, frame.pts
        return self.now

    def skip(self, gap: Gap) -> None:
        """The stream was away."""
        self.now += gap.seconds or 0.0
