"""A tracker that measures how exact its detector is, and filters accordingly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trackers.appearance import Embedder
from trackers.assignment import Pairs, Rows
from trackers.base import TrackTable
from trackers.botsort import BotSortParams, BotSortTracker
from trackers.camera_motion import scale_of
from trackers.noise import SPAN, NoiseMeter
from vidstream.geometry import Float64
from vidstream.types import Detections
from vidstream.types.values import Ratio


@dataclass(frozen=True, slots=True)
class AdaptiveParams(BotSortParams):
    """Settings of the adaptive tracker."""

    recency: Ratio = 0.1  #: what a second out of sight adds to the cost of a match, beside 1 - overlap


@dataclass(slots=True)
class MeasuredTracks(TrackTable):
    """Tracks that remember their last detections."""

    #: (5, 4, T) coordinates of the last five detections, oldest first
    recent: Float64
    #: detector runs in a row that found the track
    streak: Rows


class AdaptiveTracker(BotSortTracker):
    """BoT-SORT, with noise that is measured instead of assumed, and tracks seen lately before others.

    Published noise constants fit one detector and one frame rate. Here the jitter of the boxes and the
    freedom of motion are told from the tracks themselves (see `trackers.noise`) and go into the filter: boxes
    of a shaky detector are smoothed, those of a good one are believed. Of two tracks that fit a detection
    the one out of sight for less time is preferred: a soft form of DeepSORT's cascade.

    >>> tracker = AdaptiveTracker()
    >>> for k in range(3):
    ...     tracks = tracker.update(Detections.of([[k, 0, k + 10, 20]]), pts=k / 30)
    >>> tracks.track_ids.tolist()
    [1]
    """

    params: AdaptiveParams
    _tracks: MeasuredTracks

    def __init__(self, params: AdaptiveParams | None = None, embedder: Embedder | None = None) -> None:
        self._meter = NoiseMeter()
        super().__init__(params or AdaptiveParams(), embedder, self._meter.model)

    def reset(self) -> None:
        """Begin a new run, and measure anew."""
        self._meter.reset()
        super().reset()

    def _fused(self, pairs: Pairs, detections: Detections) -> Pairs:
        fused = super()._fused(pairs, detections)
        waited = np.minimum(self._now() - self._tracks.seen_at[pairs.rows], 1.0)
        return fused._replace(cost=fused.cost + self.params.recency * waited)

    def _absorb(self, rows: Rows, detections: Detections, cols: Rows, pts: float) -> None:
        tracks = self._tracks
        measured = self._filter.model.measure(detections.boxes[cols])
        tracks.streak[rows] = np.where(tracks.misses[rows] > 0, 1, tracks.streak[rows] + 1)
        tracks.recent[..., rows] = np.concatenate([tracks.recent[1:, :, rows], measured[None]])
        self._meter.ran(pts)
        sure = detections.scores[cols] >= self.params.high_score
        self._meter.add(tracks.recent[..., rows[sure & (tracks.streak[rows] >= SPAN)]], self._rate)
        super()._absorb(rows, detections, cols, pts)

    def _born(self, detections: Detections, pts: float) -> MeasuredTracks:
        born = super()._born(detections, pts)
        recent = np.repeat(born.state[:1], SPAN, axis=0)
        return born.widened(MeasuredTracks, recent=recent, streak=np.ones(len(born), np.int64))

    def _follow_camera(self, motion: Float64) -> None:
        super()._follow_camera(motion)
        recent, turn = self._tracks.recent, motion[:, :2]
        recent[:, :2] = turn @ recent[:, :2] + motion[:, 2:]
        recent[:, 2:] *= scale_of(motion)
