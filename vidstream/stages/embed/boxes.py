"""Vectors that tell objects apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from detectors.catalogue import Task
from detectors.dnn.network import Network, find_card
from detectors.vision.option import VisionOption
from trackers.appearance import NetworkEmbedder
from vidstream.errors import ModelError, ParamError
from vidstream.graph.stage import Stage, stage
from vidstream.stages.detect.checks import engine_problems, problems_of
from vidstream.stages.track.looks import with_looks
from vidstream.types import Detections, StreamInfo, View
from vidstream.types.values import ModelName

_TASKS: tuple[Task, ...] = ("embed",)
_DEFAULT = ModelName("osnet-x0.25")


@dataclass(frozen=True)
class EmbedBoxesParams(VisionOption):
    """Options of embed.boxes."""

    model: ModelName = _DEFAULT  #: a name in the catalogue, or a network's file


@stage("embed.boxes", heavy=True, stateless=True, shared=True)
class EmbedBoxes(Stage):
    """Describe the looks of each object by a vector (OSNet, DeepSORT's network, MobileNet features ...).

    Fills `features`, unit rows: track.deepsort and track.botsort then compare these, and cameras share one
    network. For DeepSORT's own 64x128 network give ``pixels: 0..255``.

    Example::

        graph:
          people: {use: detect.motion}
          looks: {use: embed.boxes, model: osnet-x0.25}
          track: {use: track.deepsort}
    """

    Params = EmbedBoxesParams
    params: EmbedBoxesParams

    @classmethod
    def check(cls, params: EmbedBoxesParams) -> Iterable[ParamError]:
        """The model's file and the device."""
        yield from engine_problems(params.engine, params.device)
        yield from problems_of("model", lambda: find_card(params, _TASKS))

    def open(self, stream: StreamInfo) -> None:
        """Load the network, and say what it runs on where that was not asked for."""
        network = Network(self.params, _TASKS)
        spec = network.card.input
        if spec.layout != "nchw" or spec.colour == "gray":
            raise ModelError(
                "takes no batches of crops 3 x H x W",
                where=f"model '{self.params.model}'",
                fix="export it so",
            )
        for remark in network.remarks:
            self.notify(remark.kind, remark.text)
        self._embed = NetworkEmbedder(network.engine, spec)

    def process(self, image: View, objects: Detections) -> Detections:
        """The objects with their features."""
        return with_looks(image, objects, self._embed)
