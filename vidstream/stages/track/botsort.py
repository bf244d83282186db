"""Following many objects by their boxes while the camera moves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from trackers.appearance import Embedder
from trackers.botsort import BotSortParams, BotSortTracker
from trackers.camera_motion import METHODS, CameraMotion
from vidstream.errors import ParamError
from vidstream.geometry import Float64
from vidstream.graph.stage import stage
from vidstream.stages.track.looks import LooksOption, check_looks, network_embedder, with_looks
from vidstream.stages.track.many import ManyObjects
from vidstream.stages.track.refine import RefineOption
from vidstream.types import Boxes, Detections, FrameInfo, Gap, StreamInfo, Tracks, View


@dataclass(frozen=True, slots=True)
class TrackBotSortParams(RefineOption, LooksOption, BotSortParams):
    """Options of track.botsort."""


@stage("track.botsort")
class TrackBotSort(ManyObjects):
    """Follow objects while the camera pans, shakes or drives (BoT-SORT).

    The camera's motion is told from the pictures, by what does not move; `camera: null` for cameras that
    are held. Overlap decides, and looks beside it where a `network` such as osnet-x0.25 is given, or the
    detections have `features`. With `refine` a recording is read twice, and tracks are drawn and counted as
    they look in hindsight. Aharon, Orfaig and Bobrovsky, "BoT-SORT: Robust Associations Multi-Pedestrian
    Tracking" (2022).

    Example::

        graph:
          motion: {use: detect.motion}
          track: {use: track.botsort, max_age: 2}
    """

    Params = TrackBotSortParams
    params: TrackBotSortParams

    @classmethod
    def check(cls, params: TrackBotSortParams) -> Iterable[ParamError]:
        """The network's file and the device."""
        return check_looks(params)

    def open(self, stream: StreamInfo) -> None:
        """Load the network; begin without tracks, and without a picture to compare with."""
        super().open(stream)
        network = self.params.network
        self._embed: Embedder | None = network_embedder(network, self.params.device) if network else None
        name = self.params.camera
        self._camera: CameraMotion | None = None if name is None else METHODS[name]()

    def on_gap(self, gap: Gap) -> None:
        """Drop all tracks and the last picture; ids are not used again."""
        super().on_gap(gap)
        if self._camera is not None:
            self._camera.reset()

    def _new_tracker(self) -> BotSortTracker:
        return BotSortTracker(self.params)

    def process(  # type: ignore[override]  # the signature is the ports
        self, image: View, detections: Detections | None, frame: FrameInfo
    ) -> Tracks:
        """As of all trackers."""
        moving = None if detections is None else image.boxes_from_source(detections.boxes)
        if detections is not None and self._embed is not None:
            detections = with_looks(image, detections, self._embed)
        if self._camera is None:
            return self._follow(detections, frame)
        return self._follow(detections, frame, motion=_motion(self._camera, image, moving))


def _motion(camera: CameraMotion, image: View, moving: Boxes | None) -> Float64:
    """(2, 3) between source pixels, though the picture may be a part of the source's, or a smaller one."""
    matrix = camera.update(image.gray(), moving).matrix
    if image.matrix is None:
        return matrix
    whole = image.matrix @ np.vstack([matrix, [0, 0, 1]]) @ np.linalg.inv(image.matrix)
    moved: Float64 = whole[:2] / whole[2, 2]
    return moved
