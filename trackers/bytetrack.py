"""ByteTrack: multi-object tracking by associating every detection box (Zhang et al., ECCV 2022)."""

from __future__ import annotations

from dataclasses import dataclass

from trackers.assignment import Matches, Pairs, Rows, iou_pairs, match
from trackers.base import Tracker, TrackerParams, TrackTable
from trackers.kalman import XYAH, MotionModel
from vidstream.types import Detections
from vidstream.types.values import Positive, Ratio


@dataclass(frozen=True, slots=True)
class ByteTrackParams(TrackerParams):
    """Settings of ByteTrack."""

    n_init: Positive = 2  #: detections in a row before a track counts as real and is reported
    min_score: Ratio = 0.1  #: detections below are not looked at
    high_score: Ratio = 0.6  #: detections below are only taken by tracks that no better one was found for
    birth_score: Ratio = 0.7  #: detections below may continue a track, and never begin one
    iou_threshold: Ratio = 0.2  #: least overlap, times its score, of a high detection and its track
    low_iou_threshold: Ratio = 0.5  #: least overlap of a low detection and its track
    new_iou_threshold: Ratio = 0.3  #: least overlap, times score, for tracks that have just begun


class ByteTrackTracker(Tracker):
    """Detections of low score are no noise where a track expects them: they are people half hidden.

    Tracks that begin with a run's first detections are confirmed at once, as in the published code.

    >>> tracker = ByteTrackTracker()
    >>> for k, score in enumerate([0.9, 0.9, 0.9, 0.2, 0.9]):
    ...     tracks = tracker.update(Detections.of([[k, 0, k + 10, 20]], scores=score), pts=k / 30)
    ...     print(tracks.track_ids.tolist(), end=" ")
    [1] [1] [1] [1] [1]
    """

    params: ByteTrackParams
    #: coordinates whose rate is set to nothing while a track is not seen: here the height's
    _frozen = slice(3, 4)

    def __init__(self, params: ByteTrackParams | None = None) -> None:
        self._begin(params or ByteTrackParams(), XYAH())

    def _begin(self, params: ByteTrackParams, model: MotionModel) -> None:
        self.params = params
        super().__init__(params, model)

    def on_gap(self) -> None:
        """Time or place has jumped: forget all tracks, and begin as on a first frame."""
        self._started = True  # until there are tracks again, none is born to be confirmed
        super().on_gap()
        self._started = False

    def _associate(self, detections: Detections) -> Matches:
        """Algorithm 1: high detections first, then low ones for the tracks that were seen just now."""
        tracks, params = self._tracks, self.params
        high = detections.scores >= params.high_score
        pairs = self._comparable(iou_pairs(self._boxes(), detections.boxes), detections)
        sure, old = high[pairs.cols], tracks.confirmed[pairs.rows]
        matches = match(self._fused(pairs.where(sure & old), detections), 1 - params.iou_threshold)  # line 15
        if not sure.all():
            seen = tracks.misses[pairs.rows] == 0
            matches = matches.then(pairs.where(~sure & old & seen), 1 - params.low_iou_threshold)  # line 19
        if not old.all():  # as published: tracks of a single detection choose last
            begun = self._fused(pairs.where(sure & ~old), detections)
            matches = matches.then(begun, 1 - params.new_iou_threshold)
        # What nobody sees keeps its size, as published: a box half hidden seems to shrink.
        tracks.state[1, self._frozen, matches.unmatched_rows] = 0
        return matches

    def _born(self, detections: Detections, pts: float) -> TrackTable:
        tracks = super()._born(detections, pts)
        tracks.confirmed |= not self._started
        return tracks

    def _remember(self, detections: Detections, source: Rows) -> None:
        self._started = True

    def _fused(self, pairs: Pairs, detections: Detections) -> Pairs:
        """What matching high detections costs: 1 - IoU x score, so that sure detections choose first."""
        return pairs._replace(cost=1 - (1 - pairs.cost) * detections.scores[pairs.cols])
