"""What all trackers share: the state of the tracks, their life, and what is reported of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, Self, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from trackers.assignment import Allowed, Matches, Pairs, Rows, iou_pairs
from trackers.kalman import KalmanFilter, MotionModel, State
from trackers.stillness import Stillness
from trackers.zones import Zones
from vidstream.errors import ShapeError, UsageError
from vidstream.geometry import Array, Float64
from vidstream.types import Boxes, Detections, Ids, Pixels, Scores, Tracks
from vidstream.types.values import Polygon, Positive, Range, Ratio, Seconds, Unit

Wider = TypeVar("Wider", bound="TrackTable")
FrameRate: TypeAlias = Annotated[float, Unit("1/s"), Range(0.0, open_low=True)]

#: Time stamps are rounded to the container's clock; durations are compared with this much room.
_TICK = 1e-6
#: Seconds a track waits for a detector that does not run at all (its gate is closed); `max_age` if more.
_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class TrackerParams:
    """What every tracker lets one choose about the life of its tracks."""

    n_init: Positive = 3  #: detections in a row before a track counts as real and is reported
    max_age: Seconds = 1.0  #: a track not seen for longer is given up when the detector next misses it
    coast: Seconds = 0.5  #: while the detector does not run, tracks are reported for this long where expected
    coast_missed: bool = False  #: the same for tracks that the detector did not find when it last ran
    min_score: Ratio = 0.0  #: detections below are not looked at
    birth_score: Ratio = 0.0  #: detections below may continue a track, and never begin one
    score_window: Positive = 1  #: a track's score is the median of this many last detections'
    min_track_score: Ratio = 0.0  #: tracks of a lower score are not reported
    duplicate_iou: Ratio = (
        1.0  #: a track not seen that a seen one covers by more is the same: the younger goes
    )
    birth_zones: tuple[
        Polygon, ...
    ] = ()  #: tracks begin only where they stand in one of these; none = anywhere
    death_zones: tuple[Polygon, ...] = ()  #: a track missed in one of these has left and is given up at once
    still_after: Seconds | None = None  #: what has not moved for so long is still: held fast, kept longer
    still_max_age: Seconds = 30.0  #: `max_age` of what is still
    frame_rate: FrameRate | None = None  #: frames per second of the stream, dropped ones included; none = 30
    same_class: bool = True  #: a track only takes detections of its own class; if not, its detections vote


@dataclass(slots=True)
class TrackTable:
    """The tracks alive, a struct of arrays, oldest first; each array's last axis goes over the tracks.

    A tracker may derive one with more columns.
    """

    #: number of birth, which tells tracks apart inside the tracker
    keys: Ids
    #: what is reported; -1 until the track is confirmed, so that false starts use no numbers up
    ids: Ids
    class_ids: Ids
    #: by how much its detections have voted for its class
    votes: Float64
    #: (score_window, T) of the last detections, in turn; NaN where there was none yet
    scores: Scores
    #: (5, 4, T): see `trackers.kalman`
    state: State
    #: detections so far
    hits: Ids
    #: detector runs since the last detection
    misses: Ids
    #: pts of the last detection
    seen_at: Float64
    confirmed: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.keys)

    def select(self, rows: Rows | Allowed) -> Self:
        """The tracks that `rows` names, every column alike."""
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        return type(self)(*(getattr(self, f.name).take(rows, axis=-1) for f in fields(self)))

    def widened(self, kind: type[Wider], **columns: Array) -> Wider:
        """The same tracks as a table that has these columns more."""
        common: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        return kind(**common, **columns)

    def join(self, other: Self) -> Self:
        """These tracks and then the others."""
        pairs = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return type(self)(*(np.concatenate(pair, axis=-1) for pair in pairs))


class Tracker(ABC):
    """Gives detections of successive frames identities.

    A tracker is a short file: it says in `_associate` who belongs to whom, and may look at pictures in
    `_prepare` and remember things in `_remember`. Everything else happens here.

    Times are the frames' own (`pts`, seconds). Between two calls any time may pass: frames that were
    dropped, or on which the detector did not run, are bridged by prediction.
    """

    def __init__(self, params: TrackerParams, model: MotionModel) -> None:
        self._params = params
        #: the filter's time unit: published noise constants are per frame
        self._rate = params.frame_rate or 30.0
        self._filter = KalmanFilter(model)
        self._entrances, self._exits = Zones(params.birth_zones), Zones(params.death_zones)
        self.reset()

    def reset(self) -> None:
        """Begin a new run: no tracks, and ids start at 1 again."""
        self._next_key = self._next_id = 1
        self.on_gap()

    def on_gap(self) -> None:
        """Time or place has jumped (reconnect, seek): forget all tracks; their ids are not used again."""
        self._tracks = self._born(Detections.empty(), 0.0)
        self._pts: float | None = None
        self._names: Mapping[int, str] = {}
        self._rest = Stillness()

    def resize(self, width: int, height: int) -> None:
        """The size of the pictures, for zones that are given in fractions of it."""
        self._entrances.resize(width, height)
        self._exits.resize(width, height)

    def update(
        self,
        detections: Detections | None,
        *,
        pts: float,
        image: Pixels | None = None,
        motion: Array | None = None,
    ) -> Tracks:
        """The tracks at time `pts` (seconds, never going back).

        `detections=None` says that the detector did not run on this frame: tracks are moved on and
        reported, and none is held against them. No detections (`Detections.empty()`) says that it ran and
        found nothing: a miss for every track. `image` is the picture the boxes lie in, BGR; trackers
        that use no appearance ignore it. `motion` (2, 3) is the camera's: the affine map that takes the
        pixels of the last call's picture to this one's (see `trackers.camera_motion`).

        Gives the confirmed tracks that the detector's last run found, if that was at most `coast` seconds
        ago (`coast_missed` adds those it missed), by ascending id, with the columns ``since_update``
        (float32 seconds, 0 = seen on this frame) and ``velocities`` (float32 (N, 2), pixels per second);
        with `still_after` also ``still_for`` (float32 seconds at one place).
        Where all of them were seen on this frame they also carry the other columns (masks, keypoints,
        features, angles, extra) of their detections.
        """
        self._predict(pts)
        if motion is not None:
            self._follow_camera(np.asarray(motion, np.float64))
        if detections is None:
            return self._report(pts, Detections.empty(), np.full(len(self._tracks), -1))
        if not np.isfinite(detections.boxes).all():
            raise ShapeError("boxes: expected finite numbers, got NaN or infinity", where=type(self).__name__)
        if (low := detections.scores < self._params.min_score).any():
            detections = detections[~low]
        detections = self._prepare(detections, image)
        source = self._correct(self._associate(detections), detections, pts)
        return self._report(pts, detections, source)

    @abstractmethod
    def _associate(self, detections: Detections) -> Matches:
        """Which track (row of `_tracks`, predicted to now) goes with which detection (column).

        Unmatched rows count as missed; unmatched columns become new tracks.
        """

    def _prepare(self, detections: Detections, image: Pixels | None) -> Detections:
        """Detections as `_associate` wants to see them."""
        return detections

    def _remember(self, detections: Detections, source: Rows) -> None:  # noqa: B027 - a hook
        """Called when `_tracks` is up to date; `source` (T,) is the detection behind each, -1 where none.

        What is kept for tracks that are no longer among `_tracks` can go.
        """

    def _follow_camera(self, motion: Float64) -> None:
        """Take everything that is known of the tracks from the last picture's pixels to this one's."""
        self._tracks.state = self._filter.warp(self._tracks.state, motion)

    def _boxes(self) -> Boxes:
        """(T, 4) where the tracks are expected now."""
        return self._filter.model.boxes(self._tracks.state[0])

    def _comparable(self, pairs: Pairs, detections: Detections) -> Pairs:
        """The pairs that classes allow to be matched."""
        if not self._params.same_class:
            return pairs
        return pairs.where(self._tracks.class_ids[pairs.rows] == detections.class_ids[pairs.cols])

    def _now(self) -> float:
        """The time of the frame that is being worked on."""
        assert self._pts is not None  # set before anything is associated
        return self._pts

    def _predict(self, pts: float) -> None:
        last = pts if self._pts is None else self._pts
        if not 0 <= pts - last < np.inf:
            raise UsageError(
                f"time went from {last} to {pts} s",
                where=type(self).__name__,
                fix="call on_gap() when a source starts again",
            )
        self._pts = pts
        gone = last - self._tracks.seen_at > np.maximum(self._max_age(last), _PATIENCE)
        if gone.any():
            self._tracks = self._tracks.select(~gone)
        tracks = self._tracks
        if self._params.still_after is not None:
            tracks.state[1, :, self._is_still(last)] = 0.0
        tracks.state = self._filter.predict(tracks.state, (pts - last) * self._rate)

    def _correct(self, matches: Matches, detections: Detections, pts: float) -> Rows:
        """Take the matches in; (T,) the detection behind each track that is left, -1 where none."""
        self._absorb(matches.rows, detections, matches.cols, pts)
        tracks, source = self._tracks, np.full(len(self._tracks), -1)
        source[matches.rows] = matches.cols
        if len(matches.unmatched_rows):
            tracks.misses[matches.unmatched_rows] += 1
            alive = np.flatnonzero(self._alive(source, pts))
            if len(alive) < len(source):
                self._tracks, source = tracks.select(alive), source[alive]
        born = self._fit_to_begin(detections, matches.unmatched_cols)
        if len(born):
            self._tracks = self._tracks.join(self._born(detections[born], pts))
            source = np.concatenate([source, born])
        self._name_confirmed()
        if self._params.still_after is not None:
            self._rest.update(self._tracks.keys, self._boxes(), source >= 0, pts)
        self._remember(detections, source)
        return source

    def _fit_to_begin(self, detections: Detections, cols: Rows) -> Rows:
        """Those of the detections `cols` that begin tracks."""
        if self._params.birth_score > 0:
            cols = cols[detections.scores[cols] >= self._params.birth_score]
        if self._entrances:
            cols = cols[self._entrances.hold(detections.boxes[cols])]
        return cols

    def _alive(self, source: Rows, pts: float) -> Allowed:
        """(T,) which tracks live on: those just seen, and confirmed ones missed for `max_age` at most."""
        tracks, seen = self._tracks, source >= 0
        waiting = tracks.confirmed & (pts - tracks.seen_at <= self._max_age(pts) + _TICK)
        if self._exits:
            waiting &= ~self._exits.hold(self._boxes())
        alive = seen | waiting
        if self._params.duplicate_iou < 1:
            alive[self._doubled(seen, waiting & ~seen)] = False
        return alive

    def _doubled(self, seen: Allowed, waiting: Allowed) -> Rows:
        """Of each seen and each waiting track that lie on each other, the one that began later."""
        boxes, left, right = self._boxes(), np.flatnonzero(seen), np.flatnonzero(waiting)
        pairs = iou_pairs(boxes[left], boxes[right])
        over = np.flatnonzero(1 - pairs.cost > self._params.duplicate_iou)
        return np.maximum(left[pairs.rows[over]], right[pairs.cols[over]])  # tracks lie oldest first

    def _max_age(self, pts: float) -> Float64 | float:
        """How long each track may go unseen, in seconds."""
        if self._params.still_after is None:
            return self._params.max_age
        return np.where(self._is_still(pts), self._params.still_max_age, self._params.max_age)

    def _is_still(self, pts: float) -> Allowed:
        """(T,) which tracks have been at one place for `still_after`."""
        self._rest.align(self._tracks.keys, self._boxes(), pts)
        still: Allowed = pts - self._rest.since >= (self._params.still_after or 0.0) - _TICK
        return still

    def _name_confirmed(self) -> None:
        """Give tracks that have just been confirmed their ids, oldest first."""
        new = np.flatnonzero(self._tracks.confirmed & (self._tracks.ids < 0))
        self._tracks.ids[new] = np.arange(self._next_id, self._next_id + len(new))
        self._next_id += len(new)

    def _absorb(self, rows: Rows, detections: Detections, cols: Rows, pts: float) -> None:
        """Correct the tracks `rows` by the detections `cols`, pair by pair."""
        tracks, measured = self._tracks, self._filter.model.measure(detections.boxes[cols])
        tracks.state[..., rows] = self._filter.update(tracks.state.take(rows, axis=-1), measured)
        self._vote(rows, detections.class_ids[cols], detections.scores[cols])
        tracks.scores[tracks.hits[rows] % len(tracks.scores), rows] = detections.scores[cols]
        tracks.seen_at[rows], tracks.misses[rows] = pts, 0
        tracks.hits[rows] += 1
        tracks.confirmed[rows] |= tracks.hits[rows] >= self._params.n_init

    def _vote(self, rows: Rows, class_ids: Ids, scores: Scores) -> None:
        """A track is of the class that most of its detections' scores speak for (Boyer and Moore 1981)."""
        if self._params.same_class:
            return
        votes = self._tracks.votes[rows] + np.where(
            class_ids == self._tracks.class_ids[rows], scores, -scores
        )
        self._tracks.votes[rows] = np.abs(votes)
        self._tracks.class_ids[rows[votes < 0]] = class_ids[votes < 0]

    def _born(self, detections: Detections, pts: float) -> TrackTable:
        """New tracks, one per detection."""
        count = len(detections)
        keys = np.arange(self._next_key, self._next_key + count, dtype=np.int64)
        self._next_key += count
        return TrackTable(
            keys,
            ids=np.full(count, -1, np.int64),
            class_ids=detections.class_ids.copy(),
            votes=detections.scores.astype(np.float64),
            scores=self._first_scores(detections.scores),
            state=self._filter.start(self._filter.model.measure(detections.boxes)),
            hits=np.ones(count, np.int64),
            misses=np.zeros(count, np.int64),
            seen_at=np.full(count, pts),
            confirmed=np.full(count, self._params.n_init <= 1),
        )

    def _first_scores(self, scores: Scores) -> Scores:
        window = np.full((self._params.score_window, len(scores)), np.nan, np.float32)
        window[0] = scores
        return window

    def _track_scores(self) -> Scores:
        """(T,) medians of the last scores."""
        window = self._tracks.scores
        return window[0] if len(window) == 1 else np.nanmedian(window, axis=0)

    def _shown(self, pts: float, scores: Scores) -> Rows:
        """The tracks to report, by ascending id."""
        tracks = self._tracks
        shown = tracks.confirmed & (pts - tracks.seen_at <= self._params.coast + _TICK)
        if not self._params.coast_missed:
            # On MOT15, showing what the detector missed for 0.5 s takes MOTA of SORT from 0.39 to 0.19.
            shown &= tracks.misses == 0
        if self._params.min_track_score > 0:
            shown &= scores >= self._params.min_track_score
        rows = np.flatnonzero(shown)
        return rows[np.argsort(tracks.ids[rows])]

    def _report(self, pts: float, detections: Detections, source: Rows) -> Tracks:
        tracks, scores = self._tracks, self._track_scores()
        rows = self._shown(pts, scores)
        source, state = source[rows], tracks.state[:2].take(rows, axis=-1)
        boxes = self._filter.model.boxes(state[0])
        self._names = detections.names or self._names
        carried: dict[str, Any] = {}
        extra: dict[str, Array] = {
            "since_update": (pts - tracks.seen_at[rows]).astype(np.float32),
            "velocities": (state[1, :2].T * self._rate).astype(np.float32),
        }
        if self._params.still_after is not None:
            still = self._is_still(pts)[rows]
            boxes[still] = self._rest.places[rows[still]]
            extra["velocities"][still] = 0.0
            extra["still_for"] = (pts - self._rest.since[rows]).astype(np.float32)
        if (source >= 0).all():
            carried, extra = _carried(detections, source, extra)
        labels = scores[rows], tracks.class_ids[rows], tracks.ids[rows]
        return Tracks(boxes, *labels, extra=extra, names=self._names, **carried)


def _carried(
    detections: Detections, source: Rows, extra: dict[str, Array]
) -> tuple[dict[str, Any], dict[str, Array]]:
    """The optional columns and the extra columns of tracks that all have a detection behind them."""
    optional = {name: getattr(detections, name) for name in ("keypoints", "features", "angles")}
    carried = {name: value[source] for name, value in optional.items() if value is not None}
    if detections.masks is not None:
        carried["masks"] = tuple(detections.masks[i] for i in source.tolist())
    return carried, {**{k: v[source] for k, v in detections.extra.items()}, **extra}
