"""BoT-SORT: robust associations for multi-pedestrian tracking (Aharon, Orfaig and Bobrovsky 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from trackers.appearance import Ema, Embedder
from trackers.assignment import Pairs, Rows
from trackers.bytetrack import ByteTrackParams, ByteTrackTracker
from trackers.camera_motion import METHODS, CameraMotion
from trackers.kalman import XYWH, MotionModel
from vidstream.geometry import Array
from vidstream.types import Detections, Pixels, Tracks
from vidstream.types.values import Ratio


@dataclass(frozen=True, slots=True)
class BotSortParams(ByteTrackParams):
    """Settings of BoT-SORT."""

    camera: Literal["sparse_flow", "ecc", "orb"] | None = "sparse_flow"  #: how its motion is told
    proximity: Ratio = 0.5  #: looks count only for detections that overlap the track by more
    max_distance: Ratio = 0.25  #: looks count only up to this cosine distance
    alpha: Ratio = 0.9  #: how much of a track's looks is kept when it shows new ones


class BotSortTracker(ByteTrackTracker):
    """ByteTrack whose tracks follow the camera, with width in the filter's state, and looks beside overlap.

    The camera's motion is the `motion` given, or is told from the images given. Looks are the detections'
    `features`, or what `embedder` makes of the images; without either overlap decides alone.

    >>> tracker = BotSortTracker()
    >>> for k in range(3):
    ...     tracks = tracker.update(Detections.of([[k, 0, k + 10, 20]]), pts=k / 30)
    >>> tracks.track_ids.tolist()
    [1]
    """

    params: BotSortParams
    _frozen = slice(2, 4)

    def __init__(
        self,
        params: BotSortParams | None = None,
        embedder: Embedder | None = None,
        model: MotionModel | None = None,
    ) -> None:
        params = params or BotSortParams()
        self._embed = embedder
        self._camera: CameraMotion | None = None if params.camera is None else METHODS[params.camera]()
        self._begin(params, model or XYWH())

    def on_gap(self) -> None:
        """Time or place has jumped: forget all tracks, their looks and the last picture."""
        super().on_gap()
        self._looks = Ema(self.params.alpha)
        if self._camera is not None:
            self._camera.reset()

    def update(
        self,
        detections: Detections | None,
        *,
        pts: float,
        image: Pixels | None = None,
        motion: Array | None = None,
    ) -> Tracks:
        """See `Tracker.update`; where no `motion` is given it is told from the images (section 3.2)."""
        if motion is None and image is not None and self._camera is not None:
            moving = None if detections is None else detections.boxes
            motion = self._camera.update(image, moving).matrix
        return super().update(detections, pts=pts, image=image, motion=motion)

    def _prepare(self, detections: Detections, image: Pixels | None) -> Detections:
        if self._embed is None or image is None or detections.features is not None:
            return detections
        return detections.replace(features=self._embed(image, detections.boxes))

    def _remember(self, detections: Detections, source: Rows) -> None:
        super()._remember(detections, source)
        if detections.features is None:
            return
        tracks = self._tracks
        self._looks.keep(tracks.keys)
        # A box of low score shows somebody half hidden, which means: somebody else.
        seen = np.flatnonzero(source >= 0)
        seen = seen[detections.scores[source[seen]] >= self.params.high_score]
        if len(seen):
            self._looks.add(tracks.keys[seen], detections.features[source[seen]])  # eq. 11

    def _fused(self, pairs: Pairs, detections: Detections) -> Pairs:
        """Eq. 12 and 13: the less of the overlap's cost and half the looks' distance, where both are near."""
        overlap = super()._fused(pairs, detections)
        if detections.features is None or not len(pairs.rows):
            return overlap
        rows, cols = pairs.rows, pairs.cols
        looks = self._looks.pair_distances(self._tracks.keys, detections.features, rows, cols)
        alike = (looks < self.params.max_distance) & (pairs.cost < 1 - self.params.proximity)
        return overlap._replace(cost=np.minimum(overlap.cost, np.where(alike, looks / 2, 1.0)))
