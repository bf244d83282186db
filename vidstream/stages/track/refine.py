"""What a tracker reported of a whole recording, made better when its end is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from trackers.offline import History, RefineParams, refine
from vidstream.geometry import Float32, centres
from vidstream.types import Detections, FrameInfo, Ids, Tracks

#: numbers kept of a descriptor. Of 64, distances between two are right to a fifth (Johnson and
#: Lindenstrauss 1984); an hour of ten people at 30 frames/s is 430 MB with them, and 3 GB with all 672.
_KEPT = 64
#: frames that are put together at a time, so that there are not as many small arrays as frames
_TOGETHER = 1000


@dataclass(frozen=True)  # without slots: a stage's options derive from this and from its tracker's
class RefineOption:
    """Whether to look ahead."""

    #: in a recording: read it twice, and give tracks that are smoothed, filled where an object was hidden,
    #: and joined where it was found again
    refine: bool | RefineParams = False

    @property
    def refinement(self) -> RefineParams | None:
        """How to refine; None where nothing is to be refined."""
        given = self.refine
        return given if isinstance(given, RefineParams) else RefineParams() if given else None


class Chapter:
    """What was seen between two jumps in time: nothing is joined or filled across them."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.names: dict[int, str] = {}
        self._size = size
        self._seqs: list[int] = []
        self._times: list[float] = []
        self._tracks = _Growing()
        self._detections = _Growing()

    def __len__(self) -> int:
        return len(self._seqs)

    def add(self, frame: FrameInfo, detections: Detections | None, tracks: Tracks) -> None:
        """A frame's tracks, and what they were made of: None where the detector did not run."""
        number = len(self._seqs)
        self._seqs.append(frame.seq)
        self._times.append(frame.pts)
        self.names.update(tracks.names)
        seen = tracks[tracks.seen_now()]  # the others are guesses, which hindsight need not make
        if seen:
            looks = None if seen.features is None else _shorter(seen.features)
            self._tracks.add(History.of(number, frame.pts, seen.replace(features=looks)))
        if detections:
            self._detections.add(History.of(number, frame.pts, detections.replace(features=None)))

    def refined(self, params: RefineParams, above: int) -> Story:
        """The refined tracks; their ids are larger than `above`. The chapter is empty afterwards."""
        times = np.array(self._times)
        tracks = refine(
            self._tracks.taken(),
            params,
            detections=self._detections.taken(),
            frame_times=times,
            size=self._size,
        )
        edges = np.searchsorted(tracks.frames, np.arange(len(times) + 1))
        return Story(np.array(self._seqs, np.int64), edges, tracks, _velocities(tracks), above, self.names)


@dataclass(frozen=True, slots=True, eq=False)
class Story:
    """A chapter as it is told in the end."""

    #: int64 (F,) numbers of its frames
    seqs: Ids
    #: int64 (F + 1,) row at which each frame's tracks begin
    edges: Ids
    tracks: History
    #: float32 (R, 2) of the boxes' centres, pixels per second
    velocities: Float32
    #: what is added to ids, so that none is used again
    above: int
    names: Mapping[int, str] = field(default_factory=dict)

    @property
    def highest(self) -> int:
        """The highest id."""
        return self.above + int(self.tracks.ids.max(initial=0))

    def at(self, seq: int) -> Tracks | None:
        """The tracks of a frame; None where the tracker was not called."""
        number = int(np.searchsorted(self.seqs, seq))
        if number == len(self.seqs) or self.seqs[number] != seq:
            return None
        rows = slice(self.edges[number], self.edges[number + 1])
        tracks = self.tracks
        extra = {
            # between two detections a place is known, not guessed: it counts like one that was seen
            "since_update": np.zeros(rows.stop - rows.start, np.float32),
            "velocities": self.velocities[rows],
            "observed": tracks.observed[rows],
        }
        ids = tracks.ids[rows] + self.above
        return Tracks(
            tracks.boxes[rows],
            tracks.scores[rows],
            tracks.class_ids[rows],
            ids,
            extra=extra,
            names=self.names,
        )


class _Growing:
    """A history that gets longer frame by frame."""

    def __init__(self) -> None:
        self._bundles: list[History] = []
        self._latest: list[History] = []

    def add(self, rows: History) -> None:
        self._latest.append(rows)
        if len(self._latest) == _TOGETHER:
            self._bundles.append(History.concat(self._latest))
            self._latest = []

    def taken(self) -> History:
        """All of it, which is not kept here any longer: there may be hours of it."""
        rows = History.concat([*self._bundles, *self._latest])
        self._bundles, self._latest = [], []
        return rows


def _velocities(tracks: History) -> Float32:
    """From the frame before to the frame behind, as far as the track was there: float32 (R, 2)."""
    order = np.lexsort((tracks.frames, tracks.ids))
    ids, times, frames = tracks.ids[order], tracks.times[order], tracks.frames[order]
    places = centres(tracks.boxes[order]).astype(np.float64)
    rows = np.arange(len(order))
    joined = (ids[1:] == ids[:-1]) & (frames[1:] == frames[:-1] + 1)
    before, behind = rows.copy(), rows.copy()
    before[1:] -= joined
    behind[:-1] += joined
    seconds = times[behind] - times[before]
    moved = places[behind] - places[before]
    velocities = np.zeros((len(order), 2), np.float32)
    velocities[order] = moved / np.where(seconds > 0, seconds, np.inf)[:, None]
    return velocities


def _shorter(features: Float32) -> Float32:
    """Unit rows of at most 64 numbers, nearly as far from each other as the long ones."""
    size = features.shape[1]
    if size <= _KEPT:
        return features
    short = features @ _directions(size)
    return np.asarray(short / np.maximum(np.linalg.norm(short, axis=1, keepdims=True), 1e-9), np.float32)


@cache
def _directions(size: int) -> Float32:
    return np.random.default_rng(size).normal(size=(size, _KEPT)).astype(np.float32)
