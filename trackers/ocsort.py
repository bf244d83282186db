"""OC-SORT: observation-centric SORT (Cao, Pang, Weng, Khirodkar and Kitani, CVPR 2023)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trackers.assignment import Matches, Pairs, Rows, iou_pairs, match
from trackers.base import Tracker, TrackerParams, TrackTable
from trackers.camera_motion import warp_boxes
from trackers.kalman import UVSR, State
from vidstream.geometry import Array, Float32, Float64
from vidstream.types import Detections
from vidstream.types.values import Ratio, Seconds

#: what leaving a pair unmatched costs: as published, the sum of overlaps is made as large as can be
_NO_OVERLAP = 1.0
#: time stamps are rounded
_TICK = 1e-6
#: seconds after any time stamp
_FAR = 1e9


@dataclass(frozen=True, slots=True)
class OcSortParams(TrackerParams):
    """Settings of OC-SORT."""

    min_score: Ratio = 0.6  #: detections below are not looked at; 0.1 gives low ones to tracks left over
    high_score: Ratio = 0.6  #: detections below are only taken by tracks that no better one was found for
    birth_score: Ratio = 0.6  #: detections below may continue a track, and never begin one
    iou_threshold: Ratio = 0.3  #: least overlap of a track and the detection it takes
    momentum: Ratio = 0.2  #: weight of the direction of motion beside the overlap
    delta_t: Seconds = 0.1  #: directions are taken between detections that lie this far apart


@dataclass(slots=True)
class ObservedTracks(TrackTable):
    """Tracks that remember what was seen of them, beside what the filter makes of it."""

    #: (4, T) the last detection's box
    last: Float64
    #: (K, 2, T) centres of the last K detections, in turn, and (K, T) when they were seen
    places: Float64
    times: Float64
    #: (2, T) unit vector of the motion between two detections `delta_t` apart; zeros while it is unknown
    direction: Float64
    #: (5, 4, T) the filter's state if the object had stood, and been seen, at its last place ever since
    standing: State
    #: (2, 4, T) by how much it would differ had each coordinate grown by one a second
    ramp: Float64


class OcSortTracker(Tracker):
    """What was observed is trusted more than what was estimated, above all after a gap.

    Other than in the published code, the detection that begins a track is an observation like any other;
    `n_init` counts once and not again after each gap, and a miss before ends the track, as for all trackers
    here; over a gap area and ratio change evenly, not width and height; what does not overlap by
    `iou_threshold` takes no part in the assignment.

    >>> tracker = OcSortTracker(OcSortParams(n_init=1))
    >>> for k in range(3):
    ...     tracks = tracker.update(Detections.of([[k, 0, k + 10, 20]]), pts=k / 30)
    >>> tracks.track_ids.tolist()
    [1]
    """

    _tracks: ObservedTracks

    def __init__(self, params: OcSortParams | None = None) -> None:
        self.params = params or OcSortParams()
        rate = self.params.frame_rate or 30.0
        self._reach = max(1, round(self.params.delta_t * rate))
        super().__init__(self.params, UVSR())

    def _associate(self, detections: Detections) -> Matches:
        """Overlap and momentum (section 4.2), low scores where they are asked for, recovery (section 4.3)."""
        high = detections.scores >= self.params.high_score
        pairs = self._overlapping(self._boxes(), detections)
        self._earlier = self._places_before()
        if high.all():
            matches = match(self._with_momentum(pairs, detections), _NO_OVERLAP)
        else:
            sure = high[pairs.cols]
            matches = match(self._with_momentum(pairs.where(sure), detections), _NO_OVERLAP)
            matches = matches.then(pairs.where(~sure), _NO_OVERLAP)
        if len(matches.unmatched_rows) and high[matches.unmatched_cols].any():
            where_seen = self._overlapping(self._tracks.last.T, detections)
            matches = matches.then(where_seen.where(high[where_seen.cols]), _NO_OVERLAP)
        return matches

    def _overlapping(self, boxes: Array, detections: Detections) -> Pairs:
        """The pairs that overlap enough."""
        pairs = iou_pairs(boxes, detections.boxes)
        return self._comparable(pairs.where(pairs.cost <= 1 - self.params.iou_threshold), detections)

    def _with_momentum(self, pairs: Pairs, detections: Detections) -> Pairs:
        """Eq. 2 to 4: less cost where the way to a detection continues the track's direction.

        As published, the angle between the two is taken from a right angle, as a share of half a turn,
        and counts by the detection's score.
        """
        towards = _centres(detections.boxes)[:, pairs.cols] - self._earlier[:, pairs.rows]
        along = (towards * self._tracks.direction[:, pairs.rows]).sum(axis=0)
        cosine = along / np.maximum(np.hypot(*towards), 1e-6)
        momentum = np.arcsin(np.clip(cosine, -1, 1)) / np.pi
        weight = self.params.momentum * detections.scores[pairs.cols]
        return pairs._replace(cost=pairs.cost - weight * momentum)

    def _places_before(self) -> Float64:
        """(2, T) centres of the tracks' oldest detections of the last `delta_t`, or of their last ones."""
        times, places = self._tracks.times, self._tracks.places
        late = times < self._now() - self.params.delta_t - _TICK
        chosen = np.where(late, _FAR - times, times).argmin(axis=0)
        return places[chosen, :, np.arange(len(chosen))].T

    def _absorb(self, rows: Rows, detections: Detections, cols: Rows, pts: float) -> None:
        tracks, boxes = self._tracks, detections.boxes[cols].T
        oldest = tracks.hits[rows] % self._reach
        again = np.flatnonzero(tracks.misses[rows])
        if len(again):
            self._re_update(rows[again], boxes[:, again], pts)
        super()._absorb(rows, detections, cols, pts)
        centres = (boxes[:2] + boxes[2:]) / 2
        step = centres - self._earlier[:, rows]
        tracks.direction[:, rows] = step / np.maximum(np.hypot(*step), 1e-6)
        tracks.last[:, rows] = boxes
        tracks.places[oldest, :, rows] = centres.T
        tracks.times[oldest, rows] = pts
        tracks.standing[..., rows] = tracks.state.take(rows, axis=-1)
        tracks.ramp[..., rows] = 0.0

    def _re_update(self, rows: Rows, boxes: Float32, pts: float) -> None:
        """Section 4.1: the filter as if the way since the last detection had been observed, a straight line.

        A Kalman filter is linear: what it makes of a line is what it makes of standing still, plus the slope
        times what it makes of a line of slope one. Both are kept up to date while a track is not seen, so
        that nothing has to be gone through again.
        """
        tracks, model = self._tracks, self._filter.model
        way = model.measure(boxes.T) - model.measure(tracks.last[:, rows].T)
        slope = way / np.maximum(pts - tracks.seen_at[rows], _TICK)
        state = tracks.standing[..., rows]
        state[:2] += slope * tracks.ramp[..., rows]
        tracks.state[..., rows] = self._filter.predict(state, (pts - self._last_run) * self._rate)

    def _go_on_unseen(self, rows: Rows, pts: float) -> None:
        """Observe the tracks `rows` virtually: where they were last, and one further per second (eq. 5)."""
        tracks, kalman = self._tracks, self._filter
        standing = tracks.standing.take(rows, axis=-1)
        moving = standing.copy()
        moving[:2] += tracks.ramp[..., rows]
        last = kalman.model.measure(tracks.last[:, rows].T)
        both = kalman.predict(
            np.concatenate([standing, moving], axis=-1), (pts - self._last_run) * self._rate
        )
        both = kalman.update(both, np.concatenate([last, last + (pts - tracks.seen_at[rows])], axis=-1))
        tracks.standing[..., rows] = both[..., : len(rows)]
        tracks.ramp[..., rows] = both[:2, :, len(rows) :] - both[:2, :, : len(rows)]

    def _born(self, detections: Detections, pts: float) -> ObservedTracks:
        born = super()._born(detections, pts)
        count, centres = len(born), _centres(detections.boxes)
        return born.widened(
            ObservedTracks,
            last=detections.boxes.T.astype(np.float64),
            places=np.repeat(centres[None], self._reach, axis=0),
            times=np.full((self._reach, count), pts),
            direction=np.zeros((2, count)),
            standing=born.state.copy(),
            ramp=np.zeros((2, 4, count)),
        )

    def _remember(self, detections: Detections, source: Rows) -> None:
        now, unseen = self._now(), np.flatnonzero(source < 0)
        if len(unseen):
            self._go_on_unseen(unseen, now)
        self._last_run = now

    def _follow_camera(self, motion: Float64) -> None:
        super()._follow_camera(motion)
        tracks, turn = self._tracks, motion[:, :2]
        tracks.standing = self._filter.warp(tracks.standing, motion)
        tracks.last = warp_boxes(motion, tracks.last.T).T
        tracks.places = turn @ tracks.places + motion[:, 2:]
        turned = turn @ tracks.direction
        tracks.direction = turned / np.maximum(np.hypot(*turned), 1e-6)


def _centres(boxes: Array) -> Float64:
    """(2, N) middle points of (N, 4) boxes."""
    corners = boxes.T.astype(np.float64)
    middle: Float64 = (corners[:2] + corners[2:]) / 2
    return middle
