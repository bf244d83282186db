"""Objects by a neural network::

    detector = DnnDetector(DnnParams(model="yolox-nano", classes=("person",)))
    people = detector.detect(View(cv2.imread("bus.jpg")))

yolox-nano takes 50 ms of one core per picture, yolov8n 150 ms; all but 1 ms of it is the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from detectors.catalogue import Card, Task
from detectors.dnn.engines.base import Engine, Outputs, Remark
from detectors.dnn.families import Candidates, family
from detectors.dnn.masks import to_crops
from detectors.dnn.network import Matrix, Network, NetworkOption, check_network
from detectors.suppression import nms
from vidstream import geometry
from vidstream.errors import ModelError, did_you_mean
from vidstream.types import Detections, View
from vidstream.types.values import Ratio

#: what networks must be for to give boxes
BOX_TASKS: tuple[Task, ...] = ("detect", "segment", "pose", "face")


@dataclass(frozen=True)
class DnnParams(NetworkOption):
    """Which network to run, and what to keep of what it finds."""

    confidence: Ratio = 0.4  #: smallest score
    iou: Ratio = 0.45  #: drop a box that overlaps a better one of its class by more
    classes: tuple[str, ...] = ()  #: keep only these classes (empty: all)


class DnnDetector:
    """A detection network: picture in, boxes out, with masks or key points where the network gives them.

    Use it from one thread; `detect` leaves Python's lock free. `models` is a folder searched first; `engine`
    takes the place of the one the parameters ask for, such as a network shared with others; `tasks` narrows
    what kind of network is taken. ModelError: unknown or missing model, a damaged file, a device that is not
    there, an unknown class.
    """

    def __init__(
        self,
        params: DnnParams | None = None,
        *,
        models: Path | None = None,
        engine: Engine | None = None,
        tasks: Sequence[Task] = BOX_TASKS,
    ) -> None:
        self.params = params or DnnParams()
        where = f"model '{self.params.model}'"
        self._network = Network(self.params, tasks, models=models, engine=engine)
        self.card = self._network.card
        self._family = family(self.card.family, where)
        self._decode = self._family.decoder(self.card)
        self.names: Mapping[int, str] = self.card.names
        self._wanted = class_ids(self.names, self.params.classes, where)

    @property
    def device(self) -> str:
        """What the network runs on, as taken."""
        return self._network.engine.device

    @property
    def batch_limit(self) -> int:
        """Most pictures that `detect_batch` gains from taking at once."""
        return self._network.batch_limit

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What a user should know of how the network came to run as it does."""
        return self._network.remarks

    def detect(self, view: View) -> Detections:
        """Objects in `view`, boxes in source pixels and inside the picture, best score first."""
        return self._found(view, *self._network.run(view))

    def detect_batch(self, views: Sequence[View]) -> list[Detections]:
        """`detect` for each view, in one run where that is faster."""
        runs = self._network.run_batch(views)
        return [self._found(view, *run) for view, run in zip(views, runs, strict=True)]

    def _found(self, view: View, outputs: Outputs, back: Matrix) -> Detections:
        found = self._decode(outputs, self.params.confidence)
        rows = self._kept(found)
        inside = geometry.clip(geometry.transform_boxes(found.boxes[rows], back), view.width, view.height)
        boxes = view.boxes_to_source(inside)
        to_source = back if view.matrix is None else view.matrix @ back
        points = None if found.keypoints is None else _moved(found.keypoints[rows], to_source)
        masks = None if found.masks is None else to_crops(found.masks(rows), boxes, to_source)
        return Detections.of(
            boxes, found.scores[rows], found.class_ids[rows], keypoints=points, masks=masks, names=self.names
        )

    def _kept(self, found: Candidates) -> npt.NDArray[np.int64]:
        """Rows of the classes wanted, one per object, best first."""
        rows = np.arange(len(found))
        if self.params.classes:
            rows = np.flatnonzero(np.isin(found.class_ids, self._wanted))
        boxes, scores, ids = found.boxes[rows], found.scores[rows], found.class_ids[rows]
        if self._family.suppress:
            return np.asarray(rows[nms(boxes, scores, self.params.iou, ids)], np.int64)
        return np.asarray(rows[np.argsort(-scores, kind="stable")], np.int64)


def check(params: DnnParams, models: Path | None = None, tasks: Sequence[Task] = BOX_TASKS) -> Card:
    """The model's card, if `DnnDetector(params)` can be made; nothing is hashed or loaded.

    ModelError: unknown or missing model, no decoder for it, an unknown class, a device that is not there.
    """
    where = f"model '{params.model}'"
    card = check_network(params, tasks, models)
    family(card.family, where)
    class_ids(card.names, params.classes, where)
    return card


def class_ids(names: Mapping[int, str], wanted: Sequence[str], where: str) -> npt.NDArray[np.int64]:
    """Ids of the classes named. ModelError where the model has no such class."""
    known = {name: number for number, name in names.items()}
    for name in wanted:
        if name not in known:
            hint = did_you_mean(name, list(known)) or f"it knows {', '.join(known) or 'no class names'}"
            raise ModelError(f"has no class '{name}'", where=where, fix=hint)
    return np.array([known[name] for name in wanted], np.int64)


def _moved(keypoints: npt.NDArray[np.float32], matrix: Matrix) -> npt.NDArray[np.float32]:
    """Key points (N, K, 3) through a 3x3 matrix; scores stay."""
    moved = keypoints.copy()
    flat = geometry.transform_points(keypoints[:, :, :2].reshape(-1, 2), matrix)
    moved[:, :, :2] = flat.reshape(keypoints.shape[0], keypoints.shape[1], 2)
    return moved
