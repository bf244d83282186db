"""What the stages share that tell objects apart by their looks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from detectors import catalogue
from detectors.catalogue.card import MAIN, read_bytes
from detectors.dnn.describe import is_file_name
from detectors.dnn.engines.base import Device, Engine
from detectors.dnn.engines.batches import batched
from detectors.dnn.engines.opencv import OpenCvEngine, choose_device
from trackers.appearance import Embedder, NetworkEmbedder
from vidstream.errors import ModelError, ParamError
from vidstream.stages.detect.checks import problems_of
from vidstream.types import Detections, View
from vidstream.types.values import ModelName

#: what networks are for that turn the picture of a person into a vector
_TASK = "embed"


@dataclass(frozen=True)  # without slots: a stage's options derive from this and from its tracker's
class LooksOption:
    """Which network tells objects apart, and where it runs."""

    network: ModelName | None = None  #: network that tells people apart, such as osnet-x0.25
    device: Device = "auto"  #: where the network runs: auto takes CUDA where it is available, else the CPU


def check_looks(params: LooksOption) -> Iterable[ParamError]:
    """The network's file and the device."""
    if (name := params.network) is not None:
        yield from problems_of("network", lambda: _find(name))
        yield from problems_of("device", lambda: choose_device(params.device))


def network_embedder(name: str, device: Device) -> NetworkEmbedder:
    """The network of this name or in this file. Raises ModelError."""
    data, card = _find(name)
    engine: Engine = OpenCvEngine(data, device=device, where=f"model '{name}'")
    if card is None:
        return NetworkEmbedder(engine)
    engine, _ = batched(engine, card, {MAIN: data})
    return NetworkEmbedder(engine, card.input)


def with_looks(image: View, detections: Detections, embed: Embedder) -> Detections:
    """The detections with their features, unless they have some.

    Trackers know source pixels alone, and the picture may be a part of the source's.
    """
    if not detections or detections.features is not None:
        return detections
    return detections.replace(features=embed(image.bgr(), image.boxes_from_source(detections.boxes)))


def _find(name: str) -> tuple[bytes, catalogue.Card | None]:
    """An appearance network's bytes, their hash checked where the catalogue knows it, and its card."""
    where = f"model '{name}'"
    if is_file_name(name):
        return read_bytes(Path(name), where), None
    card = catalogue.card(name)
    if card.task != _TASK:
        raise ModelError(
            f"is for another task, {card.task}, and describes no looks", where=where, fix="try osnet-x0.25"
        )
    return catalogue.load(name)[1][MAIN], card
