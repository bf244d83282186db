"""One box per object, of one detector or of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from detectors.suppression import Suppression, suppress
from vidstream.errors import ParamError
from vidstream.graph.stage import Stage, stage
from vidstream.types import Detections, Ids
from vidstream.types.values import Range


@dataclass(frozen=True, slots=True)
class SuppressParams(Suppression):
    """Options of filter.suppress."""

    #: wbf: how much each detector counts, in the order of the graph (none: all alike)
    weights: tuple[Annotated[float, Range(0.0, open_low=True)], ...] = ()

    def __post_init__(self) -> None:
        if self.weights and self.method != "wbf":
            raise ParamError("only wbf weighs detectors", path=("weights",), fix="leave it out")


@stage("filter.suppress", stateless=True)
class FilterSuppress(Stage):
    """Keep one box per object, also where several detectors have found it.

    Takes the objects of all detectors before it (or those that `in` names) and gives them as one. Classes
    are the same where their names are. What a kept box carries besides (mask, keypoints) is that of the
    best box it stands for.

    Soft-NMS: Bodla et al. 2017. Matrix NMS: Wang et al. 2020. Weighted boxes fusion: Solovyev et al. 2021.
    DIoU-NMS (`overlap: diou`): Zheng et al. 2020.

    Example::

        graph:
          near: {use: detect.motion}
          far: {use: detect.motion, min_area: 0.0005}
          both: {use: filter.suppress, method: wbf, iou: 0.55}
    """

    Params = SuppressParams
    params: SuppressParams

    def process(self, objects: tuple[Detections, ...]) -> Detections | None:
        """One box per object, best score first; nothing on frames where no detector ran."""
        if not objects:
            return None
        together, weights = joined(objects), self._weights(len(objects))
        origins = np.repeat(np.arange(len(objects)), [len(each) for each in objects])
        given = (together.boxes, together.scores, together.class_ids, self.params)
        kept = suppress(*given, origins=origins, weights=weights)
        return together[kept.rows].replace(boxes=kept.boxes, scores=kept.scores)

    def _weights(self, detectors: int) -> Sequence[float]:
        given = self.params.weights
        if given and len(given) != detectors:
            what = f"{len(given)} are given, but {detectors} detectors ran on this frame"
            raise ParamError(what, path=("weights",), fix="give one for each, and let all run on every frame")
        return given or (1.0,) * detectors


def joined(parts: Sequence[Detections]) -> Detections:
    """All rows of `parts`, in order, as plain Detections. A class has the number its name came with first."""
    numbers: dict[str, int] = {}
    renumbered = []
    for part in parts:
        for number, name in part.names.items():
            if name not in numbers:
                taken = set(numbers.values())
                numbers[name] = number if number not in taken else max(taken) + 1
        ids = {number: numbers[name] for number, name in part.names.items()}
        renumbered.append(part.replace(class_ids=_translated(part.class_ids, ids), names={}))
    names = {number: name for name, number in numbers.items()}
    return Detections.concat(renumbered).replace(names=names)


def _translated(class_ids: Ids, numbers: dict[int, int]) -> Ids:
    return np.array([numbers.get(number, number) for number in class_ids.tolist()], np.int64)
