"""OC-SORT: observation-centric SORT (Cao, Pang, Weng, Khirodkar and Kitani, CVPR 2023)."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

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
    #: (K, 2, T) centres of the last K detections, oldest first, and (K, T) when they were seen
    places: Float64
    times: Float64
    #: (2, T) unit vector of the motion between two detections `delta_t` apart; zeros while it is unknown
    direction: Float64
    #: (5, 4, T) the filter's state at the last detection
    anchor: State


class OcSortTracker(Tracker):
    """What was observed is trusted more than what was estimated, above all after a gap.

    The paper reports a track after three detections in a row, and after a gap again; here `n_init` counts
    once, and a track that is found again is reported at once.

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

    def on_gap(self) -> None:
        """Time or place has jumped: forget all tracks, and when the detector ran."""
        super().on_gap()
        self._runs: list[float] = []

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
        late = (times < self._now() - self.params.delta_t - _TICK).sum(axis=0)
        chosen = np.minimum(late, len(times) - 1)
        return places[chosen, :, np.arange(len(chosen))].T

    def _absorb(self, rows: Rows, detections: Detections, cols: Rows, pts: float) -> None:
        tracks, boxes = self._tracks, detections.boxes[cols].T
        again = tracks.misses[rows] > 0
        if again.any():
            self._re_update(rows[again], boxes[:, again], pts)
        super()._absorb(rows, detections, cols, pts)
        centres = (boxes[:2] + boxes[2:]) / 2
        step = centres - self._earlier[:, rows]
        tracks.direction[:, rows] = step / np.maximum(np.hypot(*step), 1e-6)
        tracks.last[:, rows] = boxes
        tracks.anchor[..., rows] = tracks.state.take(rows, axis=-1)
        tracks.places[..., rows] = np.concatenate([tracks.places[1:, :, rows], centres[None]])
        tracks.times[:, rows] = np.concatenate([tracks.times[1:, rows], np.full((1, len(rows)), pts)])

    def _re_update(self, rows: Rows, boxes: Float32, pts: float) -> None:
        """Section 4.1: filter the gap again, as if the way from the last detection had been observed.

        The virtual observations lie on a straight line (eq. 5), at the moments when the detector ran.
        """
        tracks, kalman = self._tracks, self._filter
        order = np.argsort(tracks.seen_at[rows], kind="stable")  # longest gaps first: they begin first
        rows, boxes = rows[order], boxes[:, order]
        state, last, seen_at = tracks.anchor[..., rows], tracks.last[:, rows], tracks.seen_at[rows]
        runs = self._runs[bisect_left(self._runs, seen_at[0]) :]
        share = (np.array(runs[1:])[:, None] - seen_at) / (pts - seen_at)
        virtual = last + share[:, None] * (boxes - last)  # (runs between, 4, tracks)
        measured = kalman.model.measure(virtual.transpose(0, 2, 1).reshape(-1, 4)).reshape(4, *share.shape)
        begun = np.searchsorted(seen_at, runs, side="right").tolist()
        for k, (before, run) in enumerate(pairwise([*runs, pts])):
            ahead = kalman.predict(state[..., : begun[k]], (run - before) * self._rate)
            if k < len(share):
                ahead = kalman.update(ahead, measured[:, k, : begun[k]])
            state[..., : begun[k]] = ahead
        tracks.state[..., rows] = state

    def _born(self, detections: Detections, pts: float) -> ObservedTracks:
        born = super()._born(detections, pts)
        common: dict[str, Any] = {f.name: getattr(born, f.name) for f in fields(born)}
        count, centres = len(born), _centres(detections.boxes)
        return ObservedTracks(
            **common,
            last=detections.boxes.T.astype(np.float64),
            places=np.repeat(centres[None], self._reach, axis=0),
            times=np.full((self._reach, count), pts),
            direction=np.zeros((2, count)),
            anchor=born.state.copy(),
        )

    def _remember(self, detections: Detections, source: Rows) -> None:
        now = self._now()
        del self._runs[: bisect_left(self._runs, self._tracks.seen_at.min(initial=now))]
        self._runs.append(now)

    def _now(self) -> float:
        assert self._pts is not None  # set before anything is associated
        return self._pts

    def _follow_camera(self, motion: Float64) -> None:
        super()._follow_camera(motion)
        tracks, turn = self._tracks, motion[:, :2]
        tracks.anchor = self._filter.warp(tracks.anchor, motion)
        tracks.last = warp_boxes(motion, tracks.last.T).T
        tracks.places = turn @ tracks.places + motion[:, 2:]
        turned = turn @ tracks.direction
        tracks.direction = turned / np.maximum(np.hypot(*turned), 1e-6)


def _centres(boxes: Array) -> Float64:
    """(2, N) middle points of (N, 4) boxes."""
    corners = boxes.T.astype(np.float64)
    middle: Float64 = (corners[:2] + corners[2:]) / 2
    return middle
