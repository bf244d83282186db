"""What a picture, or the object in a box, shows::

    labels = Classifier().classify(View(cv2.imread("eagle.jpg")))
    print(list(labels.rows()))          # [("kite", 0.54), ...]

SqueezeNet, GoogLeNet, ResNet, MobileNet, DenseNet, EfficientNet, ViT: every network that gives a row of
class scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt

from detectors.catalogue import Card, Task
from detectors.dnn.engines.base import Engine, Outputs
from detectors.dnn.network import find_card
from detectors.vision.base import VisionNetwork
from detectors.vision.option import VisionOption
from vidstream import geometry
from vidstream.errors import ModelError
from vidstream.types import Boxes, Labels, View
from vidstream.types.values import ModelName, Positive, Range, Ratio

TASKS: tuple[Task, ...] = ("classify",)

_DEFAULT = ModelName("squeezenet")


@dataclass(frozen=True)
class ClassifyParams(VisionOption):
    """Which network to run, and how many of its classes to give."""

    model: ModelName = _DEFAULT  #: a name in the catalogue, or a network's file
    top: Positive = 5  #: so many classes, best first
    confidence: Ratio = 0.0  #: smallest score
    #: what makes scores of the network's numbers; auto: softmax, unless they are shares already
    activation: Literal["auto", "none", "softmax", "sigmoid"] = "auto"


class Classifier(VisionNetwork):
    """A classification network: picture in, its best classes out."""

    def __init__(
        self,
        params: ClassifyParams | None = None,
        *,
        models: Path | None = None,
        engine: Engine | None = None,
    ) -> None:
        self.params = params or ClassifyParams()
        super().__init__(self.params, TASKS, models, engine)
        self.names: Mapping[int, str] = self.card.names

    def classify(self, view: View) -> Labels:
        """The best classes of `view`."""
        return self._labels(self._network.run(view)[0])

    def classify_batch(self, views: Sequence[View]) -> list[Labels]:
        """`classify` for each view, in one run where that is faster."""
        return [self._labels(outputs) for outputs, _ in self._network.run_batch(views)]

    def _labels(self, outputs: Outputs) -> Labels:
        values = np.asarray(outputs[0], np.float64).ravel()
        # networks of whole numbers give their shares in parts of 256
        scores = values / 256 if outputs[0].dtype == np.uint8 else self._shares(values)
        order = np.argsort(-scores, kind="stable")[: self.params.top]
        order = order[scores[order] >= self.params.confidence]
        return Labels(order.astype(np.int64), scores[order].astype(np.float32), self.names)

    def _shares(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Scores in [0, 1]."""
        if self.names and len(values) != len(self.names):
            raise ModelError(
                f"gives {len(values)} scores for {len(self.names)} class names",
                where=self._where,
                fix="check the names",
            )
        activation = self.params.activation
        if activation == "auto":
            shares = values.min() >= 0 and values.max() <= 1 and abs(values.sum() - 1) < 0.01
            activation = "none" if shares else "softmax"
        if activation == "softmax":
            values = np.exp(values - values.max())
            return np.asarray(values / values.sum())
        if activation == "sigmoid":
            return np.asarray(1 / (1 + np.exp(-np.clip(values, -50, 50))))
        return np.clip(values, 0, 1)


def check(params: ClassifyParams, models: Path | None = None) -> Card:
    """The model's card, if its files are here and it fits; nothing is hashed or loaded. ModelError."""
    return find_card(params, TASKS, models)


#: a share of a box's width and height
Padding = Annotated[float, Range(0.0, 2.0)]


def crops(view: View, boxes: Boxes, padding: float = 0.0) -> list[View]:
    """The contents of boxes (N, 4) in source pixels, each as a view of its own.

    `padding` widens them on each side by that share of their size, as far as the picture goes. A box outside
    the picture gives its nearest pixel.
    """
    placed = view.boxes_from_source(boxes).astype(np.float64)
    margin = (placed[:, 2:] - placed[:, :2]) * padding
    first = np.clip(np.floor(placed[:, :2] - margin), 0, (view.width - 1, view.height - 1)).astype(int)
    last = np.clip(np.ceil(placed[:, 2:] + margin), 1, (view.width, view.height)).astype(int)
    corners = np.column_stack([first, np.maximum(last, first + 1)]).tolist()
    return [
        view.derive(view.pixels[y1:y2, x1:x2], geometry.scaling(1, 1, x1, y1)) for x1, y1, x2, y2 in corners
    ]
