"""sink.video: the pictures as a video file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from vidstream.graph.stage import stage
from vidstream.sinks.base import Sink
from vidstream.types import FrameInfo, Image, StreamInfo
from vidstream.types.values import OutputFile, Range

if TYPE_CHECKING:
    from vidstream.sinks.mp4 import Mp4Writer

#: frames per second assumed where a source names none
_USUAL_RATE = 25.0


class TimeLine:
    """Times of a recording that never run back: a new segment goes on where the last one ended.

    >>> line = TimeLine(step=0.04)
    >>> [round(line.at(segment, pts), 2) for segment, pts in [(0, 0.0), (0, 0.1), (1, 0.0), (1, 0.5)]]
    [0.0, 0.1, 0.2, 0.7]
    """

    def __init__(self, step: float) -> None:
        self._step = step
        self._offset = 0.0
        self._segment: int | None = None
        self._last = 0.0

    def at(self, segment: int, pts: float) -> float:
        """Seconds since the start for a frame at `pts` of its segment."""
        if self._segment is None:
            self._segment, self._last = segment, pts
            return pts
        if segment != self._segment:  # one frame's time after the last frame
            self._segment = segment
            self._offset = self._last + self._step - pts
        seconds = pts + self._offset
        if seconds > self._last:
            self._step = seconds - self._last
        self._last = seconds
        return seconds


@stage("sink.video", heavy=True, sink=True)
class VideoSink(Sink):
    """Write the pictures to an H.264 MP4 file, with their true times.

    The file is made of parts of one second at most, so that it plays after the process was killed, and
    in browsers. Each picture is shown from its own time stamp on: a source with a varying rate stays
    true to the millisecond. After a reconnect, loop or seek the time goes on without a hole.

    Where the pictures change size, a new file goes on with the time line: ``gate.mp4``, ``gate-2.mp4``
    ... The format needs an even size: an odd width or height gains a copy of its last column or row.

    CPU time per 1080p picture of a busy street, and size of the file: ultrafast 13 ms and 99 kB,
    superfast 21 ms and 48 kB, veryfast 37 ms and 42 kB, faster 53 ms, fast 86 ms, medium 106 ms (no
    smaller).

    Example::

        graph:
          file: {use: sink.video, path: "${source}.mp4"}
    """

    suffixes: ClassVar[tuple[str, ...]] = (".mp4", ".m4v")

    @dataclass(frozen=True, slots=True)
    class Params:
        """Options."""

        path: OutputFile  #: the file to write, .mp4
        #: effort of compression; slower ones make smaller files
        preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium"] = "superfast"
        quality: Annotated[int, Range(1, 51)] = 23  #: x264's crf: 18 looks like the original, 30 is small
        #: show the pictures at this even rate instead of at their own times (time lapse)
        fps: Annotated[float, Range(0, 1000, open_low=True)] | None = None

    params: Params
    _writer: Mp4Writer | None = None
    _target: Path | None = None
    _parts = 0

    def open(self, stream: StreamInfo) -> None:
        """Take possession of the file: what can go wrong with its place shows here."""
        target = self.prepare(stream)
        self.write_empty(target)
        self._target = target
        self._rate = self.params.fps or stream.fps or _USUAL_RATE
        self._line = TimeLine(1 / self._rate)
        self._size = (0, 0)
        self._frames = 0

    def process(self, image: Image, frame: FrameInfo) -> None:
        """Add one picture."""
        size = image.width, image.height
        if self._writer is None or size != self._size:
            self._writer = self._next_file(size)
        seconds = self._line.at(frame.segment, frame.pts)
        if self.params.fps is not None:
            seconds = self._frames / self.params.fps
        self._frames += 1
        self._writer.write(image.pixels, seconds)

    def flush(self) -> None:
        """Complete the file."""
        if self._writer is not None:
            self._writer.close()

    def close(self) -> None:
        """Complete the file, if that has not been done; a file without pictures is taken away."""
        self.flush()
        if self._target is not None and self._parts == 0:
            self._target.unlink(missing_ok=True)

    def _next_file(self, size: tuple[int, int]) -> Mp4Writer:
        from vidstream.sinks.mp4 import Mp4Writer

        if self._writer is not None:
            self._writer.close()
        self._size = size
        self._parts += 1
        assert self._target is not None, "open comes before process"
        target = self._target
        if self._parts > 1:
            target = target.with_stem(f"{target.stem}-{self._parts}")
            self.notify("size-changed", f"pictures are now {size[0]}x{size[1]}: going on in '{target.name}'")
        return Mp4Writer(
            target,
            size,
            rate=self._rate,
            preset=self.params.preset,
            quality=self.params.quality,
            place=self.place(target),
        )
