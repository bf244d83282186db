"""How much of each pixel is foreground::

    masks = MatteNetwork(MatteParams(model="selfie")).matte(View(cv2.imread("me.jpg")))
    masks.alpha         # float32 (h, w); masks.matrix leads to source pixels

U2-Net (whatever stands out), selfie segmentation (people near the camera) and their kin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detectors.catalogue import Card, Task
from detectors.dnn.engines.base import Engine, Outputs
from detectors.dnn.network import Matrix, find_card
from detectors.vision.base import VisionNetwork
from detectors.vision.maps import Map, channels_first, cut, to_view
from detectors.vision.option import VisionOption
from vidstream.errors import ModelError
from vidstream.types import Masks, View
from vidstream.types.values import ModelName, Ratio

TASKS: tuple[Task, ...] = ("matte",)

_DEFAULT = ModelName("selfie")

_NAMES = {1: "foreground"}


@dataclass(frozen=True)
class MatteParams(VisionOption):
    """Which network to run."""

    model: ModelName = _DEFAULT  #: a name in the catalogue, or a network's file
    threshold: Ratio = 0.5  #: a pixel counts as foreground where more of it is


class MatteNetwork(VisionNetwork):
    """A network that tells foreground from background: picture in, alpha out."""

    def __init__(
        self, params: MatteParams | None = None, *, models: Path | None = None, engine: Engine | None = None
    ) -> None:
        self.params = params or MatteParams()
        super().__init__(self.params, TASKS, models, engine)

    def matte(self, view: View) -> Masks:
        """Labels (1 = foreground) and their `alpha`, at the network's resolution, without padding."""
        return self._masks(view, *self._network.run(view))

    def matte_batch(self, views: Sequence[View]) -> list[Masks]:
        """`matte` for each view, in one run where that is faster."""
        runs = self._network.run_batch(views)
        return [self._masks(view, *run) for view, run in zip(views, runs, strict=True)]

    def _masks(self, view: View, outputs: Outputs, back: Matrix) -> Masks:
        values = _foreground(outputs[0], self.card, self._where)
        matrix = to_view(self.card.input, values.shape[0], values.shape[1], back)
        alpha, to_source = cut(values, matrix, view)
        if self.card.options.get("minmax"):
            alpha = _stretched(alpha)
        alpha = np.clip(alpha, 0.0, 1.0).astype(np.float32)
        return Masks((alpha > self.params.threshold).astype(np.uint8), _NAMES, to_source, alpha)


def check(params: MatteParams, models: Path | None = None) -> Card:
    """The model's card, if its files are here and it fits; nothing is hashed or loaded. ModelError."""
    return find_card(params, TASKS, models)


def _foreground(output: Map, card: Card, where: str) -> Map:
    """(h, w) shares of foreground: of one channel, or of two for background and foreground."""
    if output.ndim not in (3, 4) or len(output) != 1 or output.size == 0:
        raise ModelError(
            f"expected a matte of one picture, the network gave {output.shape}",
            where=where,
            fix="choose a model for mattes",
        )
    channels = channels_first(output, 2, card.input.layout).astype(np.float32)
    inside = channels.min() >= 0 and channels.max() <= 1
    if len(channels) == 1:
        return channels[0] if inside else _sigmoid(channels[0])
    if len(channels) != 2:
        raise ModelError(f"expected 1 or 2 channels, got {len(channels)}", where=where, fix="check the model")
    return channels[1] if inside else _sigmoid(channels[1] - channels[0])


def _sigmoid(values: Map) -> Map:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -50, 50))), np.float32)


def _stretched(values: Map) -> Map:
    """Spread over 0 to 1, as U2-Net's authors do; where next to nothing stands out it stays as it is."""
    low, high = float(values.min()), float(values.max())
    return np.asarray((values - low) / (high - low), np.float32) if high > 0.5 else values
