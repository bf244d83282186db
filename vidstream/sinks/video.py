"""sink.video: the pictures as video files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from vidstream.errors import ParamError
from vidstream.graph.stage import stage
from vidstream.sinks.base import Sink
from vidstream.sinks.dating import Dating
from vidstream.sinks.naming import NumberedNames, TimedNames, check_fields, has_fields
from vidstream.sinks.retention import Kept, Retention
from vidstream.types import FrameInfo, Gap, Image, SourceStatus, StreamInfo
from vidstream.types.values import OutputFile, Range, Unit

if TYPE_CHECKING:
    from vidstream.sinks.encoder import PictureEncoder
    from vidstream.sinks.recorder import Recorder

#: frames per second assumed where a source names none
_USUAL_RATE = 25.0
#: how long a segment lasts where only the path's fields ask for segments
_USUAL_SEGMENT = 600.0


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

    def at(self, segment: int, pts: float, hole: float = 0.0) -> float:
        """Seconds since the start for a frame at `pts` of its segment; `hole` is what a new one lost."""
        if self._segment is None:
            self._segment, self._last = segment, pts
            return pts
        if segment != self._segment:  # one frame's time after the last frame
            self._segment = segment
            self._offset = self._last + max(self._step, hole) - pts
        seconds = pts + self._offset
        if seconds > self._last and not hole:
            self._step = seconds - self._last
        self._last = seconds
        return seconds


@stage("sink.video", heavy=True, sink=True)
class VideoSink(Sink):
    """Write the pictures to H.264 MP4 files, with their true times.

    A file is made of parts of half a second, so that it plays after the process was killed, and in browsers:
    a kill costs half a second at most. Each picture is shown from its own time stamp on: a source with a
    varying rate stays true to the millisecond.

    **One file**: after a reconnect, loop or seek the time goes on without a hole. Where the pictures change
    size, a new file goes on with the time line: ``gate.mp4``, ``gate-2.mp4`` ... A camera's recording never
    replaces an older file: it takes the next number.

    **Segments**: with `segment`, `segment_size`, or a time in the path, one file follows the other, each
    beginning at zero with a keyframe, without a picture lost between them. They are cut at whole multiples of
    `segment` on the clock: 10:10, 10:20 ... Fields of the path are %Y %m %d %H %M %S: the UTC time at which
    the file begins (a recording without a time of day counts from 1970-01-01 00:00:00). A path without any
    gets ``-20261120T101000Z`` behind its name. A name that is taken gets ``_2``, so that a clock that is put
    back overwrites nothing. A file under way is called ``NAME.part.mp4``; what a killed process left under
    such a name is repaired at the next start. A camera that is away for 10 s ends a segment; shorter holes
    keep their true length. `keep` deletes the oldest of these files, and no others.

    A camera's files are written on a thread of their own. A full disk, a folder that has gone, a file that
    may not grow is said within a second (``disk-full``, ``disk-failed``, ``file-limit``), all else goes on,
    and recording does, too, as soon as it can (``disk-back``). A slow disk holds nobody up: 32 MB wait for
    it, then pictures are left out and counted (``recording-behind``). Files are handed to the system at
    once and to the medium itself when they are complete: what a power cut costs is up to the file system.

    The format needs an even size: an odd width or height gains a copy of its last column or row.

    CPU time per 1080p picture of a busy street, and size of the file: ultrafast 13 ms and 99 kB,
    superfast 21 ms and 48 kB, veryfast 37 ms and 42 kB, faster 53 ms, fast 86 ms, medium 106 ms (no
    smaller).

    Example::

        graph:
          file: {use: sink.video, path: "${source}.mp4"}
          week: {use: sink.video, path: "${source}/%Y-%m-%d/%H-%M-%S.mp4", segment: 10m, keep: {age: 7d}}
    """

    suffixes: ClassVar[tuple[str, ...]] = (".mp4", ".m4v")

    @dataclass(frozen=True, slots=True)
    class Params:
        """Options."""

        path: OutputFile  #: the file to write, .mp4; for segments with the fields of a time
        #: effort of compression; slower ones make smaller files
        preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium"] = "superfast"
        quality: Annotated[int, Range(1, 51)] = 23  #: x264's crf: 18 looks like the original, 30 is small
        #: show the pictures at this even rate instead of at their own times (time lapse)
        fps: Annotated[float, Range(0, 1000, open_low=True)] | None = None
        #: a new file every so often (10 min, where the path carries a time)
        segment: Annotated[float, Unit("s"), Range(1.0)] | None = None
        segment_size: Annotated[int, Unit("B"), Range(100_000)] | None = (
            None  #: a new file before one gets larger
        )
        keep: Kept | None = None  #: delete the oldest segments: {age: 7d, size: 200GB, free: 5GB}, or 7d

    params: Params
    _recorder: Recorder | None = None
    _empty: Path | None = None

    @classmethod
    def check(cls, params: Any) -> Iterable[ParamError]:
        """Are the fields of the path known, and is there something to delete?"""
        yield from super().check(params)
        yield from check_fields(params.path)
        if params.keep is not None and not _in_segments(params):
            what = "needs segments: a single file grows for ever"
            yield ParamError(what, path=("keep",), fix="give segment: 10m, or segment_size: 500MB")

    def open(self, stream: StreamInfo) -> None:
        """Take possession of the place; what can go wrong with a recording's shows here."""
        from vidstream.sinks.recorder import Recorder
        from vidstream.sinks.segments import Cut, Segments

        params, live = self.params, stream.live
        self._segmented = _in_segments(params)
        target = self.locate(stream)
        names: TimedNames | NumberedNames
        if self._segmented:
            names = TimedNames(self.out_root, params.path, (params.path.suffix,))
        else:
            names = NumberedNames(target, overwrite=not live)
        if not live:
            self.make_folder(names.folder if isinstance(names, TimedNames) else target.parent)
            if not self._segmented:
                self.write_empty(target)
                self._empty = target
        usual = None if params.segment_size else _USUAL_SEGMENT
        seconds = params.segment or (usual if self._segmented else None)
        self._dating = Dating()
        self._cut = Cut(seconds, params.segment_size)
        segments = Segments(names, self.clock, from_zero=self._segmented, sync=self._segmented and live)
        retention = None
        if params.keep is not None and isinstance(names, TimedNames):
            retention = Retention(names, params.keep, self.clock, self.notify)
        self._live = live
        self._rate = params.fps or stream.fps or _USUAL_RATE
        self._line = TimeLine(1 / self._rate)
        self._encoder: PictureEncoder | None = None
        self._size = (0, 0)
        self._frames = 0
        self._must_cut = True
        self._key = False
        self._hole = 0.0
        self._recorder = Recorder(segments, retention, self, target, live=live)

    def on_gap(self, gap: Gap) -> None:
        """Footage goes on with a keyframe; after a long absence in a new segment."""
        self._key = True
        if self._segmented and self._live and gap.seconds is not None:
            from vidstream.sinks.segments import LONG_GAP

            self._hole = gap.seconds
            self._must_cut = self._must_cut or gap.seconds > LONG_GAP

    def on_status(self, status: SourceStatus) -> None:
        """A camera that is away for long ends a segment."""
        if self._recorder is not None and self._segmented:
            self._recorder.away = not status.arriving

    def process(self, image: Image, frame: FrameInfo) -> None:
        """Add one picture."""
        assert self._recorder is not None, "open comes before process"
        encoder = self._encoder_for(image)
        at = self._line.at(frame.segment, frame.pts, self._hole)
        self._hole = 0.0
        seconds = at if self.params.fps is None else self._frames / self.params.fps
        self._frames += 1
        wall, better = self._dating.at(at, self._wall(frame, at))
        self._cut.put_off(better)
        cut = self._must_cut or self._cut.is_due(at)
        key = cut or self._key or self._recorder.needs_key
        for packet in encoder.encode(image.pixels, seconds, key=key):
            if cut:
                wall = self._cut.begin(at, wall)
            self._cut.add(packet)
            self._recorder.write(packet, wall, cut=cut)
        self._must_cut = self._key = False

    def flush(self) -> None:
        """Complete the file."""
        if self._recorder is not None:
            self._recorder.close()

    def close(self) -> None:
        """Complete the file, if that has not been done; a file without pictures is taken away."""
        self.flush()
        if self._empty is not None and self._frames == 0:
            self._empty.unlink(missing_ok=True)

    def _wall(self, frame: FrameInfo, at: float) -> float:
        if frame.wall is not None:
            return frame.wall
        return self.clock.time() if self._live else at

    def _encoder_for(self, image: Image) -> PictureEncoder:
        from vidstream.sinks.encoder import PictureEncoder

        size = image.width, image.height
        if self._encoder is None or size != self._size:
            if self._encoder is not None:
                self._must_cut = True
                self.notify("size-changed", f"pictures are now {size[0]}x{size[1]}: going on in another file")
            self._size = size
            preset, quality = self.params.preset, self.params.quality
            place = self.place(self.params.path)
            self._encoder = PictureEncoder(size, rate=self._rate, preset=preset, quality=quality, place=place)
        return self._encoder


def _in_segments(params: VideoSink.Params) -> bool:
    return params.segment is not None or params.segment_size is not None or has_fields(params.path)
