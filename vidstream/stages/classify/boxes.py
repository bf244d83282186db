"""What the objects in boxes show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.vision.classify import Classifier, ClassifyParams, Padding, check, crops
from vidstream.graph.stage import stage
from vidstream.stages.network import NetworkStage
from vidstream.types import Detections, View
from vidstream.types.values import Positive


@dataclass(frozen=True)
class ClassifyBoxesParams(ClassifyParams):
    """Options of classify.boxes."""

    top: Positive = 1  #: the best class of each object is given; more are not
    padding: Padding = 0.1  #: widen boxes on each side by so much of their size
    classes: tuple[str, ...] = ()  #: look at objects of these classes only (empty: all)


@stage("classify.boxes", heavy=True, stateless=True, shared=True)
class ClassifyBoxes(NetworkStage[Classifier]):
    """Say what each object is more closely: a second network looks into the boxes of a detector or tracker.

    Objects keep all they have and gain the columns ``label`` and ``label_score``; objects that were not
    looked at, or of which the network is less sure than `confidence`, have an empty label. Tracks stay
    tracks; classify.vote makes up one mind about each.

    Example::

        graph:
          objects: {use: detect.motion}
          kind: {use: classify.boxes, model: squeezenet, padding: 0.2}
          draw: {use: draw.overlay, labels: "{name} {extra.label} {extra.label_score:.0%}"}
    """

    Params = ClassifyBoxesParams
    params: ClassifyBoxesParams

    @classmethod
    def _find(cls, params: ClassifyBoxesParams) -> object:
        return check(params)

    def _new_network(self) -> Classifier:
        return Classifier(self.params)

    def process(self, image: View, objects: Detections) -> Detections:
        """The objects with their labels."""
        names = self.params.classes
        rows = [i for i in range(len(objects)) if not names or objects.name_of(i) in names]
        found = self._network.classify_batch(crops(image, objects.boxes[rows], self.params.padding))
        labels = np.full(len(objects), "", dtype=object)
        scores = np.zeros(len(objects), np.float32)
        for row, best in zip(rows, found, strict=True):
            labels[row], scores[row] = next(best.rows(), ("", 0.0))
        return objects.with_extra(label=labels.astype(str), label_score=scores)
