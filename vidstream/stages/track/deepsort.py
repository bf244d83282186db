"""Following many objects by their boxes and their looks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trackers.appearance import Embedder, describe
from trackers.deepsort import DeepSortParams, DeepSortTracker
from vidstream.errors import ParamError
from vidstream.graph.stage import stage
from vidstream.stages.track.looks import LooksOption, check_looks, network_embedder, with_looks
from vidstream.stages.track.many import ManyObjects
from vidstream.stages.track.refine import RefineOption
from vidstream.types import Detections, FrameInfo, StreamInfo, Tracks, View


@dataclass(frozen=True, slots=True)
class TrackDeepSortParams(RefineOption, LooksOption, DeepSortParams):
    """Options of track.deepsort."""


@stage("track.deepsort")
class TrackDeepSort(ManyObjects):
    """Follow objects by a Kalman filter and by their looks (DeepSORT): fewer mix-ups than SORT.

    Looks are told by a small descriptor that needs no weights, or by a `network` such as osnet-x0.25
    (about 10 ms per object on a CPU); `features` that the detections already have come first. With `refine`
    a recording is read twice, and tracks are drawn and counted as they look in hindsight. Wojke, Bewley and
    Paulus, "Simple Online and Realtime Tracking with a Deep Association Metric" (ICIP 2017).

    Example::

        graph:
          motion: {use: detect.motion}
          track: {use: track.deepsort, max_age: 3}
    """

    Params = TrackDeepSortParams
    params: TrackDeepSortParams

    @classmethod
    def check(cls, params: TrackDeepSortParams) -> Iterable[ParamError]:
        """The network's file and the device."""
        return check_looks(params)

    def open(self, stream: StreamInfo) -> None:
        """Load the network, and begin without tracks."""
        super().open(stream)
        network = self.params.network
        self._embed: Embedder = network_embedder(network, self.params.device) if network else describe

    def _new_tracker(self) -> DeepSortTracker:
        return DeepSortTracker(self.params)

    def process(  # type: ignore[override]  # the signature is the ports
        self, image: View, detections: Detections | None, frame: FrameInfo
    ) -> Tracks:
        """As of all trackers; `features` are those of the detections."""
        if detections is not None:
            detections = with_looks(image, detections, self._embed)
        return self._follow(detections, frame)
