"""A class for every pixel::

    masks = SemanticSegmenter().segment(View(cv2.imread("street.jpg")))
    print(area_shares(masks))

DeepLabV3, U-Net, FCN, SegNet and other networks that give a class map.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from detectors.catalogue import Card, Task
from detectors.dnn.detector import class_ids
from detectors.dnn.engines.base import Engine, Outputs
from detectors.dnn.network import Matrix, find_card
from detectors.vision.base import VisionNetwork
from detectors.vision.maps import Map, channels_first, cut, sampled, seen, to_view
from detectors.vision.option import VisionOption
from vidstream import geometry
from vidstream.errors import ModelError
from vidstream.types import Masks, View
from vidstream.types.values import ModelName, Ratio

TASKS: tuple[Task, ...] = ("semantic",)

_DEFAULT = ModelName("deeplabv3-voc-tflite")

_BACKGROUND = ("background", "__background__", "_background_", "unlabeled", "unlabelled", "void")


@dataclass(frozen=True)
class SemanticParams(VisionOption):
    """Which network to run, and what to keep of what it sees."""

    model: ModelName = _DEFAULT  #: a name in the catalogue, or a network's file
    classes: tuple[str, ...] = ()  #: keep only these classes (empty: all)
    sharp: bool = True  #: edges at the picture's own resolution: slower than at the network's
    threshold: Ratio = 0.5  #: how sure a network of one class must be of a pixel


class SemanticSegmenter(VisionNetwork):
    """A network with a class map: picture in, a label for every pixel out.

    Label 0 is the background: the network's own, or, where all its classes are things to be seen, whatever
    `classes` leaves out. ModelError as ever, and for an unknown class.
    """

    def __init__(
        self,
        params: SemanticParams | None = None,
        *,
        models: Path | None = None,
        engine: Engine | None = None,
    ) -> None:
        self.params = params or SemanticParams()
        super().__init__(self.params, TASKS, models, engine)
        #: label of the network's class 0
        self._first = 0 if _has_background(self.card) else 1
        self.names = _names(self.card, self.params.classes, self._where)

    def segment(self, view: View) -> Masks:
        """The labels of `view`, at its own resolution where the edges are to be sharp, else the network's."""
        return self._masks(view, *self._network.run(view))

    def segment_batch(self, views: Sequence[View]) -> list[Masks]:
        """`segment` for each view, in one run where that is faster."""
        runs = self._network.run_batch(views)
        return [self._masks(view, *run) for view, run in zip(views, runs, strict=True)]

    def _masks(self, view: View, outputs: Outputs, back: Matrix) -> Masks:
        scores = self._scores(outputs)
        matrix = to_view(self.card.input, scores.shape[-2], scores.shape[-1], back)
        if scores.ndim == 2 or not self.params.sharp:
            part, to_source = cut(scores, matrix, view)
            return self._kept(self._winners(part), to_source)
        left, top, right, bottom = seen(self.card.input, back, view)
        size = (right - left, bottom - top)
        if len(scores) == 1:
            labels = self._winners(sampled(scores[0], matrix, left, top, size)[None])
        else:
            labels = _sharp_winners(scores, matrix, left, top, size) + self._first
        shift = geometry.scaling(1, 1, left, top)
        return self._kept(labels, shift if view.matrix is None else view.matrix @ shift)

    def _scores(self, outputs: Outputs) -> Map:
        """Scores (C, h, w), or (h, w) classes where the network decides itself."""
        output = outputs[0]
        if output.ndim not in (3, 4) or len(output) != 1 or output.size == 0:
            raise ModelError(
                f"expected a class map of one picture, the network gave {output.shape}",
                where=self._where,
                fix="choose a model for segmentation",
            )
        scores = channels_first(output, len(self.card.names), self.card.input.layout)
        whole = np.issubdtype(output.dtype, np.integer) or len(self.card.names) > 2
        return np.asarray(scores[0], np.int64) if len(scores) == 1 and whole else scores

    def _winners(self, scores: Map) -> Map:
        """(h, w) labels of (C, h, w) scores; one class alone is there where it is sure enough."""
        if scores.ndim == 2:
            return scores + self._first
        if len(scores) > 1:
            return np.asarray(scores.argmax(axis=0) + self._first)
        limit = self.params.threshold
        if scores.min() < 0 or scores.max() > 1:  # not through a sigmoid yet
            limit = float(np.log(limit / (1 - limit))) if 0 < limit < 1 else np.inf * (limit - 0.5)
        return np.asarray(scores[0] > limit)

    def _kept(self, labels: Map, matrix: Matrix | None) -> Masks:
        """Label maps as they travel; what is not wanted is background."""
        if self.params.classes:
            table = np.zeros(int(labels.max(initial=0)) + 1, bool)
            table[[label for label in self.names if label < len(table)]] = True
            labels = np.where(table[labels.astype(np.int64)], labels, 0)
        kind = np.uint8 if len(self.card.names) < 255 else np.int32
        return Masks(labels.astype(kind), self.names, matrix)


def check(params: SemanticParams, models: Path | None = None) -> Card:
    """The model's card, if its files are here and it fits; nothing is hashed or loaded. ModelError."""
    card = find_card(params, TASKS, models)
    _names(card, params.classes, f"model '{params.model}'")
    return card


def area_shares(masks: Masks) -> Mapping[str, float]:
    """Class name -> its share of the label map, 0 to 1; classes that are not there are left out."""
    counts = np.bincount(masks.labels.ravel())
    return {
        masks.names.get(label, str(label)): int(counts[label]) / masks.labels.size
        for label in np.flatnonzero(counts).tolist()
        if label
    }


def _has_background(card: Card) -> bool:
    """Whether the network's class 0 is what belongs to no class; so it is where it names none."""
    return not card.names or card.names[0].lower() in _BACKGROUND


def _names(card: Card, classes: Sequence[str], where: str) -> Mapping[int, str]:
    """Label -> name of the classes wanted."""
    first = 0 if _has_background(card) else 1
    known = {number + first: name for number, name in card.names.items() if number + first}
    ids = class_ids(known, classes, where).tolist() if classes else list(known)
    return {label: known[label] for label in sorted(ids)}


def _sharp_winners(
    scores: Map, matrix: Matrix, left: int, top: int, size: tuple[int, int]
) -> npt.NDArray[np.int64]:
    """The best class at each pixel of a window, of scores that are interpolated first.

    Only classes that can win somewhere are: one that another surpasses at every point of the map does
    so between them too.
    """
    present, pixels = np.unique(scores.argmax(axis=0), return_counts=True)
    strong = present[np.argsort(-pixels)].tolist()
    able = [c for c in range(len(scores)) if c in strong or not _surpassed(scores, c, strong)]
    best = sampled(scores[able[0]], matrix, left, top, size)
    labels = np.full(best.shape, able[0], np.int64)
    for number in able[1:]:
        values = sampled(scores[number], matrix, left, top, size)
        better = values > best
        labels[better] = number
        np.copyto(best, values, where=better)
    return labels


def _surpassed(scores: Map, number: int, others: Sequence[int]) -> bool:
    """Whether one of these classes is above this one everywhere."""
    return any(bool((scores[other] > scores[number]).all()) for other in others)
