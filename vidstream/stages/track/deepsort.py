"""Following many objects by their boxes and their looks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from detectors import catalogue
from detectors.dnn.describe import is_file_name
from trackers.appearance import Embedder, NetworkEmbedder, describe
from trackers.deepsort import DeepSortParams, DeepSortTracker
from vidstream.errors import ModelError, ParamError
from vidstream.graph.stage import stage
from vidstream.stages.detect.checks import problems_of
from vidstream.stages.track.many import ManyObjects
from vidstream.stages.track.refine import RefineOption
from vidstream.types import Detections, FrameInfo, StreamInfo, Tracks, View
from vidstream.types.values import ModelName

#: the family of networks that turn the picture of a person into a vector
_FAMILY = "osnet"


@dataclass(frozen=True, slots=True)
class TrackDeepSortParams(RefineOption, DeepSortParams):
    """Options of track.deepsort."""

    network: ModelName | None = None  #: network that tells people apart; left out: colours and gradients


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
        """The network's file."""
        name = params.network
        return () if name is None else problems_of("network", lambda: _network_file(name))

    def open(self, stream: StreamInfo) -> None:
        """Load the network, and begin without tracks."""
        super().open(stream)
        network = self.params.network
        self._embed: Embedder = describe if network is None else NetworkEmbedder(_network_file(network))

    def _new_tracker(self) -> DeepSortTracker:
        return DeepSortTracker(self.params)

    def process(  # type: ignore[override]  # the signature is the ports
        self, image: View, detections: Detections | None, frame: FrameInfo
    ) -> Tracks:
        """As of all trackers; `features` are those of the detections."""
        if detections and detections.features is None:
            # The tracker knows source pixels alone, and the picture may be a part of the source's.
            boxes = image.boxes_from_source(detections.boxes)
            detections = detections.replace(features=self._embed(image.bgr(), boxes))
        return self._follow(detections, frame)


def _network_file(name: str) -> Path:
    """The file of an appearance network, its hash checked where the catalogue knows it."""
    where = f"model '{name}'"
    if is_file_name(name):
        if not Path(name).is_file():
            raise ModelError("no such file", where=where, fix="check the path")
        return Path(name)
    known = catalogue.card(name).family
    if known != _FAMILY:
        raise ModelError(
            f"is of the family {known} and describes no looks", where=where, fix="try osnet-x0.25"
        )
    return catalogue.verify(name)
