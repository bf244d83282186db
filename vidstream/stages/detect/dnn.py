"""Finding objects with a neural network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from detectors.dnn.detector import BOX_TASKS, DnnDetector, DnnParams, class_ids
from detectors.dnn.families import family
from detectors.dnn.network import load_model
from detectors.dnn.ultralytics.engine import check_file
from vidstream.errors import ModelError, ParamError
from vidstream.graph.stage import stage
from vidstream.stages.detect.checks import engine_problems, problem_of, problems_of
from vidstream.stages.detect.where import DetectorStage, WhereOption


@dataclass(frozen=True, slots=True)
class DetectDnnParams(WhereOption, DnnParams):
    """Options of detect.dnn."""


@stage("detect.dnn", heavy=True, stateless=True, shared=True)
class DetectDnn(DetectorStage):
    """Find objects with a neural network (YOLOX, YOLOv8 and other families), on CPU or CUDA.

    `models list` names the networks that are known, `models fetch NAME` gets one: nothing is
    downloaded while a graph runs.

    Example::

        graph:
          objects: {use: detect.dnn, model: yolox-nano, classes: [person, car], confidence: 0.4}
    """

    Params = DetectDnnParams
    params: DetectDnnParams

    @classmethod
    def check(cls, params: DetectDnnParams) -> Iterable[ParamError]:
        """The model's file, its family, the classes and the device."""
        yield from super().check(params)
        yield from engine_problems(params.engine, params.device)
        if params.engine == "ultralytics":  # what is in the file is known when the package has loaded it
            yield from problems_of("model", lambda: check_file(params.model))
            return
        where = f"model '{params.model}'"
        try:
            card, _ = load_model(params, BOX_TASKS)
        except ModelError as error:
            yield problem_of("model", error)
            return
        yield from problems_of("family", lambda: family(card.family, where))
        yield from problems_of("classes", lambda: class_ids(card.names, params.classes, where))

    def _new_detector(self) -> DnnDetector:
        detector = DnnDetector(self.params)
        for remark in detector.remarks:
            self.notify(remark.kind, remark.text)
        return detector
