"""What one camera's sink remembers between frames: tracks under way, and numbers last written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from vidstream.sinks.events.rows import CountRow, TrackRow
from vidstream.types import Counts, FrameInfo, Tracks

#: a track is written when it begins, so often while it lasts, and when it has not been seen for so long
PERIOD, LOST = 10.0, 5.0
#: seconds between looks for tracks that have ended
_LOOK = 1.0


@dataclass(slots=True)
class _Track:
    """An object that is followed."""

    number: int
    track_id: int
    first: FrameInfo
    first_time: float
    last: FrameInfo
    class_name: str
    box: list[float]
    #: when it was last seen, and last written, in stream time
    seen: float
    written: float = float("-inf")
    frames: int = 0
    best: float = -1.0
    best_pts: float = 0.0
    best_score: float = 0.0
    best_box: list[float] | None = None

    def see(self, frame: FrameInfo, box: list[float], score: float, name: str, now: float) -> None:
        """It is on this frame. The best picture of it is the one on which it is surest and largest."""
        self.last, self.box, self.class_name, self.seen = frame, box, name, now
        self.frames += 1
        worth = score * (box[2] - box[0]) * (box[3] - box[1])
        if worth > self.best:
            self.best, self.best_pts, self.best_score, self.best_box = worth, frame.pts, score, box

    def row(self, last_time: float, *, ended: bool) -> TrackRow:
        """What is known of it."""
        a, b = self.first, self.last
        columns = (
            *(self.number, a.source, self.track_id, self.class_name, self.frames, int(ended)),
            *(a.segment, a.pts, a.wall, self.first_time),
            *(b.segment, b.pts, b.wall, last_time),
        )
        return TrackRow(columns, self.box, self.best_pts, self.best_score, self.best_box or self.box)


class TrackHistory:
    """One row per track, kept up to date. `number` gives the numbers of new ones, `time` UTC seconds."""

    def __init__(self, number: Callable[[], int], time: Callable[[], float]) -> None:
        self._number = number
        self._time = time
        self._tracks: dict[int, _Track] = {}
        self._looked = 0.0

    def see(self, tracks: Tracks, frame: FrameInfo, now: float) -> Iterator[TrackRow]:
        """Rows to write, after a frame with these tracks at this stream time."""
        for (box, score, name, track_id), seen in zip(tracks.rows(), tracks.seen_now().tolist(), strict=True):
            if not seen:
                continue
            track = self._tracks.get(track_id)
            if track is None:
                began = self._utc(frame)
                track = _Track(self._number(), track_id, frame, began, frame, name, box, now)
                self._tracks[track_id] = track
            track.see(frame, box, score, name, now)
            if now - track.written >= PERIOD:
                track.written = now
                yield track.row(self._utc(frame), ended=False)
        if now - self._looked >= _LOOK:
            self._looked = now
            yield from self._ended(now)

    def end(self) -> Iterator[TrackRow]:
        """The stream is over, and all tracks with it."""
        yield from self._ended(float("inf"))

    def _ended(self, now: float) -> Iterator[TrackRow]:
        for track_id in [i for i, track in self._tracks.items() if now - track.seen > LOST]:
            track = self._tracks.pop(track_id)
            yield track.row(self._utc(track.last), ended=True)

    def _utc(self, frame: FrameInfo) -> float:
        return self._time() if frame.wall is None else frame.wall


@dataclass(slots=True)
class _Place:
    """The numbers of one place: as they are, as they were written, and when in stream time."""

    now: dict[str, float]
    written: dict[str, float]
    at: float


class CountHistory:
    """A row for each number that has changed, one place not more often than every `period` seconds."""

    def __init__(self, period: float, time: Callable[[], float]) -> None:
        self._period = period
        self._time = time
        self._places: dict[str, _Place] = {}
        self._frame: FrameInfo | None = None

    def see(self, counts: Iterable[Counts], frame: FrameInfo, now: float) -> Iterator[CountRow]:
        """Rows to write, after a frame with these numbers at this stream time."""
        self._frame = frame
        for part in counts:
            for name, labels in part.values.items():
                place = self._places.get(name)
                if place is None:
                    place = self._places[name] = _Place({}, {}, float("-inf"))
                place.now.update(labels)  # several stages may count at one place
        for name, place in self._places.items():
            if now - place.at >= self._period and place.now != place.written:
                place.at = now
                yield from self._changed(name, place, frame)

    def end(self) -> Iterator[CountRow]:
        """The last values, where they have not been written yet."""
        for name, place in self._places.items():
            if self._frame is not None:
                yield from self._changed(name, place, self._frame)

    def _changed(self, name: str, place: _Place, frame: FrameInfo) -> Iterator[CountRow]:
        wall = self._time() if frame.wall is None else frame.wall
        for label, value in place.now.items():
            if place.written.get(label) != value:
                place.written[label] = value
                yield CountRow(frame, name, label, value, wall)
