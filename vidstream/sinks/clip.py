"""sink.clip: what happened, as a short film with a picture of its best moment."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from vidstream.errors import ParamError
from vidstream.graph.stage import stage
from vidstream.sinks.base import Sink
from vidstream.sinks.dating import Dating
from vidstream.sinks.naming import TimedNames, check_fields
from vidstream.sinks.retention import Kept, Retention
from vidstream.sinks.roll import Clip, Roll
from vidstream.sinks.snapshot import Moment, Moments
from vidstream.types import Detections, Event, Events, FrameInfo, Gap, Image, SourceStatus, StreamInfo
from vidstream.types.values import OutputFile, Range, Unit

if TYPE_CHECKING:
    from vidstream.sinks.clip_store import Saved
    from vidstream.sinks.writing import Writing

#: seconds of packets that the source keeps beyond what clips begin with, should the graph be slow
_SPARE = 10.0
#: the same for recordings, which are read ahead, however slow the graph is: the footage's size limits it
_SPARE_OF_FILES = 3600.0
#: seconds after which a clip of a camera that has gone is completed
_LONG_AWAY = 5.0
#: frames per second assumed where a source names none
_USUAL_RATE = 25.0


@stage("sink.clip", sink=True, adds=True)
class ClipSink(Sink):
    """Save a clip of everything that happens, from before it happened, with a picture of the best moment.

    Each event of an earlier stage, or only those whose kinds are named in `on`, makes a clip from `before`
    to `after` it. Clips that would overlap become one, up to `longest`. Beside ``NAME.mp4`` lie
    ``NAME.jpg``, the picture in which what it is about is biggest, sharpest and not cut by the edge, and
    ``NAME.json`` with its times and events. When all are complete, the stage itself gives an event
    ``clip_saved`` that names them, for messages (`sink.mqtt`, `sink.webhook`) and logs behind it.

    The film is copied from what the camera sends (H.264, HEVC), without encoding anything: it looks as the
    camera sent it, costs next to no time, and its times are those of the pictures. It begins at the camera's
    keyframe at `before` or earlier. From sources that send something else (webcams, MJPEG, pictures,
    synthetic ones) the pictures that reach this stage are encoded all the time, about 9 ms of CPU time for
    each of 1080p. A clip ends where a camera breaks off; what follows, follows on its own.

    Names carry the UTC time at which the film begins, as those of `sink.video` do. A camera's clips are
    written on a thread of their own: a full, slow or vanished disk is said within a second, holds nobody up,
    and later clips are written when it is back. `keep` deletes the oldest clips.

    Example::

        graph:
          motion: {use: detect.motion}
          track: {use: track.sort}
          cross: {use: count.line, lines: {middle: [[0.5, 0.0], [0.5, 1.0]]}}
          clip: {use: sink.clip, path: "clips/${source}.mp4", before: 2s, after: 2s, keep: {age: 30d}}
    """

    suffixes: ClassVar[tuple[str, ...]] = (".mp4", ".m4v")

    @dataclass(frozen=True, slots=True)
    class Params:
        """Options."""

        path: OutputFile  #: name of the files, .mp4, with the fields of a time, or with one put behind it
        on: tuple[str, ...] = ()  #: kinds of events that make a clip, such as line_crossed; all, if left out
        before: Annotated[float, Unit("s"), Range(0.0, 60.0)] = 5.0  #: how long before the event it begins
        after: Annotated[float, Unit("s"), Range(0.0, 600.0)] = 5.0  #: how long after the event it ends
        longest: Annotated[float, Unit("s"), Range(1.0, 3600.0)] = (
            60.0  #: a clip ends after so long, whatever happens
        )
        snapshot: bool = True  #: save the picture of the best moment
        keep: Kept | None = None  #: delete the oldest clips: {age: 30d, size: 20GB, free: 5GB}, or 30d

        def __post_init__(self) -> None:
            if self.longest < self.before + self.after:
                raise ParamError(
                    "is shorter than before and after together", path=("longest",), fix="give more"
                )

    params: Params
    _writing: Writing
    _opened = False

    @classmethod
    def check(cls, params: Any) -> Iterable[ParamError]:
        """Are the fields of the path known?"""
        yield from super().check(params)
        yield from check_fields(params.path)

    @classmethod
    def check_inputs(cls, params: Any, wired: Collection[str]) -> Iterable[ParamError]:
        """Events must come from somewhere."""
        if "events" not in wired:
            fix = "put a counter (count.line, count.zone) before it"
            yield ParamError("waits for events, which no earlier stage gives", fix=fix)

    def open(self, stream: StreamInfo) -> None:
        """Ask the source to keep what it receives; what a killed process left behind is taken up."""
        from vidstream.sinks.clip_store import ClipStore
        from vidstream.sinks.reel import Reel
        from vidstream.sinks.segments import Segments
        from vidstream.sinks.writing import Writing

        params, live = self.params, stream.live
        target = self.locate(stream)
        names = TimedNames(self.out_root, params.path, (params.path.suffix, ".jpg", ".json"))
        segments = Segments(names, self.clock, from_zero=True, sync=live)
        keep = Retention(names, params.keep, self.clock, self.notify) if params.keep else None
        self._live = live
        self._store = ClipStore(segments, self.out_root, self.source)
        self._saved: deque[Saved] = deque()
        self._reel = Reel(self.footage, stream.fps or _USUAL_RATE, self.place(target))
        self._roll = Roll()
        self._moments = Moments(params.before)
        self._clip: Clip | None = None
        self._last: FrameInfo | None = None
        self._away_since: float | None = None
        self._behind = False
        self._tidied = 0.0
        self._dating = Dating()
        #: UTC seconds at time zero of the segment
        self._zero = 0.0
        # the writer's thread may end a clip, too: see `_look`
        self._lock = threading.Lock()
        self.footage.keep(params.before + (_SPARE if live else _SPARE_OF_FILES))
        self._writing = Writing(segments, keep, self, target, live=live, tick=self._look)
        self._opened = True

    def on_gap(self, gap: Gap) -> None:
        """A clip ends where time jumps, or where the pictures change their size."""
        with self._lock:
            self._gather(None, None)
            self._end()
        self._reel.look_again()
        self._moments.clear()
        self._dating = Dating()

    def on_status(self, status: SourceStatus) -> None:
        """A camera that has gone ends a clip, should no further picture do that."""
        self._away_since = None if status.arriving else self.clock.monotonic()

    def process(
        self,
        image: Image,
        frame: FrameInfo,
        events: tuple[Events, ...] = (),
        objects: Detections | None = None,
    ) -> Events:
        """Follow what comes in, begin and end clips; gives what has been saved since the last frame."""
        params = self.params
        with self._lock:
            self._last = frame
            self._zero = self._dating.at(frame.pts, self._wall(frame))[0] - frame.pts
            self._gather(image, frame)
            if params.snapshot and objects is not None:
                self._moments.see(image, frame, objects, self._clip.tracks if self._clip else ())
            for event in (e for part in events for e in part):
                if not params.on or event.kind in params.on:
                    self._happened(event, image, frame)
            self._advance(frame)
            if abs(frame.pts - self._tidied) >= 1.0:
                self._tidied = frame.pts
                self._roll.forget(frame.segment, frame.pts - params.before)
        return self._news(frame)

    def flush(self) -> Events | None:
        """Complete the clip under way."""
        with self._lock:
            self._gather(None, None)
            self._end()
        self._writing.close(_nothing)
        return None if self._last is None else self._news(self._last)

    def close(self) -> None:
        """Complete the clip under way, if that has not been done."""
        if self._opened:
            with self._lock:
                self._end()
            self._writing.close(_nothing)

    # -- the clip under way; the lock is held ----------------------------------------------------------

    def _gather(self, image: Image | None, frame: FrameInfo | None) -> None:
        """Take in the packets that have come."""
        before = self._reel.missing
        for packet in self._reel.take(image, frame):
            if self._roll.add(packet) and self._clip is not None:
                self._clip.waiting.append(packet)
        if before == 0 < self._reel.missing:
            self.notify("footage-missing", "the graph stood still for so long that clips will have holes")

    def _happened(self, event: Event, image: Image, frame: FrameInfo) -> None:
        params, clip = self.params, self._clip
        if clip is not None and (frame.segment != clip.segment or frame.pts > clip.latest):
            self._end()
            clip = None
        if clip is None:
            moment = Moment(0.0, image, frame, event.track_id, event.box)
            begin = max(0.0, frame.pts - params.before)
            packets = self._roll.since(frame.segment, begin)
            latest = begin + params.longest
            clip = Clip(frame.segment, begin, frame.pts, latest, self._zero, moment, packets)
            self._clip, self._behind = clip, False
        clip.add(event, frame.pts + params.after)

    def _advance(self, frame: FrameInfo) -> None:
        """Write what is there; a clip is over when no other that begins now would overlap it."""
        clip = self._clip
        if clip is None:
            return
        self._write(clip)
        if self.params.snapshot and clip.best is None and frame.pts > clip.end:
            clip.best = self._moments.best(clip.tracks, clip.begin) or clip.first
        wait = self.params.before if clip.end < clip.latest else 0.0
        if frame.segment != clip.segment or frame.pts > clip.end + wait:
            self._end()

    def _end(self) -> None:
        clip, self._clip = self._clip, None
        if clip is None:
            return
        self._write(clip)
        if self.params.snapshot and clip.best is None:
            clip.best = self._moments.best(clip.tracks, clip.begin) or clip.first
        self._writing.do(partial(self._save, clip))

    def _write(self, clip: Clip) -> None:
        for packet, first in clip.ready():
            if self._behind and not first:
                continue
            job = partial(self._store.add, packet, clip.wall, first=first)
            if not self._writing.do(job, len(packet.data)):
                self._behind = True
                self.notify("recording-behind", "the disk is slower than the camera: a clip is cut short")

    def _wall(self, frame: FrameInfo) -> float:
        if frame.wall is not None:
            return frame.wall
        return self.clock.time() if self._live else frame.pts

    # -- on the writer's thread ------------------------------------------------------------------------

    def _save(self, clip: Clip) -> None:
        saved = self._store.finish(clip)
        if saved is not None:
            self._writing.disk.works()
            self._saved.append(saved)
        self._writing.clean_up()

    def _look(self) -> None:
        away = self._away_since
        if self._clip is not None and away is not None and self.clock.monotonic() - away > _LONG_AWAY:
            with self._lock:
                self._end()

    # -- what is told ----------------------------------------------------------------------------------

    def _news(self, frame: FrameInfo) -> Events:
        told = []
        while self._saved:
            saved = self._saved.popleft()
            first = saved.clip.events[0]
            told.append(
                Event(
                    "clip_saved",
                    frame.source,
                    frame.seq,
                    frame.pts,
                    frame.wall,
                    name=first.name,
                    track_id=first.track_id,
                    class_name=first.class_name,
                    box=first.box,
                    data=saved.data | {"kind": first.kind},
                )
            )
        return Events(tuple(told))


def _nothing() -> None:
    """There is no last job: clips are completed one by one."""
