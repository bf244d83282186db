"""Finding objects with a neural network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from detectors.dnn.detector import BOX_TASKS, DnnDetector, DnnParams, class_ids
from detectors.dnn.families import family
from detectors.dnn.network import load_model
from detectors.dnn.ultralytics.engine import check_file
from vidstream.errors import ModelError, ParamError
from vidstream.graph.stage import Stage, stage
from vidstream.stages.detect.checks import engine_problems, problem_of, problems_of
from vidstream.types import Detections, StreamInfo, View


@stage("detect.dnn", heavy=True, stateless=True, shared=True)
class DetectDnn(Stage):
    """Find objects with a neural network (YOLOX, YOLOv8 and other families), on CPU or CUDA.

    `models list` names the networks that are known, `models fetch NAME` gets one: nothing is
    downloaded while a graph runs.

    Example::

        graph:
          objects: {use: detect.dnn, model: yolox-nano, classes: [person, car], confidence: 0.4}
    """

    Params = DnnParams
    params: DnnParams

    @classmethod
    def check(cls, params: DnnParams) -> Iterable[ParamError]:
        """The model's file, its family, the classes and the device."""
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

    def open(self, stream: StreamInfo) -> None:
        """Load the network, and say what it runs on where that was not asked for."""
        self._detector = DnnDetector(self.params)
        self.batch_limit = self._detector.batch_limit
        for remark in self._detector.remarks:
            self.notify(remark.kind, remark.text)

    def process(self, image: View) -> Detections:
        """Objects inside the picture, best score first."""
        return self._detector.detect(image)

    def process_batch(self, batch: Sequence[tuple[View]]) -> list[Detections]:
        """The same for the pictures of several cameras."""
        return self._detector.detect_batch([image for (image,) in batch])

    def close(self) -> None:
        """Let go of the network, and of the process that it may run in."""
        vars(self).pop("_detector", None)
