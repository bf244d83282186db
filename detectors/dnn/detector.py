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

from detectors import catalogue
from detectors.catalogue import Card
from detectors.dnn.describe import describe, is_file_name
from detectors.dnn.engine import Device, Engine
from detectors.dnn.families import FamilyName, family
from detectors.dnn.opencv import OpenCvEngine, choose_device
from detectors.dnn.preprocess import Preprocessor
from detectors.suppression import nms
from vidstream import geometry
from vidstream.errors import ModelError, did_you_mean
from vidstream.types import Detections, View
from vidstream.types.values import ModelName, Ratio

_DEFAULT = ModelName("yolox-nano")


@dataclass(frozen=True, slots=True)
class DnnParams:
    """Which network to run, and what to keep of what it finds."""

    model: ModelName = _DEFAULT  #: a name in the catalogue, or an ONNX file
    confidence: Ratio = 0.4  #: smallest score
    iou: Ratio = 0.45  #: drop a box that overlaps a better one of its class by more
    classes: tuple[str, ...] = ()  #: keep only these classes (empty: all)
    device: Device = "auto"  #: auto takes CUDA where it is available, and the CPU elsewhere
    family: FamilyName = "auto"  #: decoder for a model file: yolox, yolov8; auto tells it from the outputs
    names: tuple[str, ...] = ()  #: class names of a model file, in order (empty: those in the file)


class DnnDetector:
    """A detection network: picture in, boxes out. Use it from one thread; `detect` leaves Python's lock free.

    `models` is a folder searched first; `engine` takes the place of the one the parameters ask for, such
    as a network shared with others. ModelError: unknown or missing model, a damaged file, a device that is
    not there, an unknown class.
    """

    def __init__(
        self, params: DnnParams | None = None, *, models: Path | None = None, engine: Engine | None = None
    ) -> None:
        self.params = params or DnnParams()
        where = f"model '{self.params.model}'"
        if engine is None:
            self.card, data = load_model(self.params, models)
            engine = OpenCvEngine(data, device=self.params.device, where=where)
        else:
            self.card = check(self.params, models)
        self._engine = engine
        self._family = family(self.card.family, where)
        self.names: Mapping[int, str] = self.card.names
        self._wanted = class_ids(self.names, self.params.classes, where)
        self._prepare = Preprocessor(self.card.input)

    @property
    def device(self) -> str:
        """What the network runs on, as taken."""
        return self._engine.device

    def detect(self, view: View) -> Detections:
        """Objects in `view`, boxes in source pixels and inside the picture, best score first."""
        blob, back = self._prepare(view)
        spec, params = self.card.input, self.params
        outputs = self._engine.run(blob)
        boxes, scores, ids = self._family.decode(outputs, spec.width, spec.height, params.confidence)
        if params.classes:
            rows = np.flatnonzero(np.isin(ids, self._wanted))
            boxes, scores, ids = boxes[rows], scores[rows], ids[rows]
        rows = nms(boxes, scores, params.iou, ids)
        boxes = geometry.clip(geometry.transform_boxes(boxes[rows], back), view.width, view.height)
        return Detections.of(view.boxes_to_source(boxes), scores[rows], ids[rows], names=self.names)

    def detect_batch(self, views: Sequence[View]) -> list[Detections]:
        """`detect` for each view. One run per picture: batching gains nothing on a CPU."""
        return [self.detect(view) for view in views]


def load_model(params: DnnParams, models: Path | None = None) -> tuple[Card, bytes]:
    """Card and checked bytes of the model that `params` names, in the catalogue or as a file."""
    if is_file_name(params.model):
        return describe(Path(params.model), family_name=params.family, names=params.names)
    return catalogue.load(params.model, models)


def check(params: DnnParams, models: Path | None = None) -> Card:
    """The model's card, if `DnnDetector(params)` can be made; nothing is hashed or loaded.

    ModelError: unknown or missing model, no decoder for it, an unknown class, a device that is not there.
    """
    where = f"model '{params.model}'"
    named = is_file_name(params.model)
    card = load_model(params)[0] if named else catalogue.find(params.model, models)[0]
    family(card.family, where)
    class_ids(card.names, params.classes, where)
    choose_device(params.device)
    return card


def class_ids(names: Mapping[int, str], wanted: Sequence[str], where: str) -> npt.NDArray[np.int64]:
    """Ids of the classes named. ModelError where the model has no such class."""
    known = {name: number for number, name in names.items()}
    for name in wanted:
        if name not in known:
            hint = did_you_mean(name, list(known)) or f"it knows {', '.join(known) or 'no class names'}"
            raise ModelError(f"has no class '{name}'", where=where, fix=hint)
    return np.array([known[name] for name in wanted], np.int64)
