"""Points of a face: eyes, brows, nose, lips, chin."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from detectors.faces.landmarks import LandmarkFinder, LandmarkParams, check
from detectors.faces.points import eye_openness, mouth_openness
from vidstream.errors import ParamError
from vidstream.graph.stage import Stage, stage
from vidstream.stages.detect.checks import problems_of
from vidstream.types import Detections, StreamInfo, View


@stage("face.landmarks", heavy=True, stateless=True)
class FaceLandmarks(Stage):
    """Find the landmarks of faces: 68 points (or 5), and from 68 whether eyes and mouth are open.

    The column ``eyes`` is the eye aspect ratio (about 0.3 open, below 0.2 shut), ``mouth`` the height of the
    opening between the lips over its width (0 = closed). It takes the place of landmarks that a detector
    gave. Tracks that a tracker only predicts get none worth having.

    Example::

        graph:
          faces: {use: detect.faces, model: yunet}
          points: {use: face.landmarks, model: dlib-68}
          draw: {use: draw.overlay, labels: "{name} eyes {extra.eyes:.2f}"}
    """

    Params = LandmarkParams
    params: LandmarkParams

    @classmethod
    def check(cls, params: LandmarkParams) -> Iterable[ParamError]:
        """The model's file, and the library that reads it."""
        return problems_of("model", lambda: check(params))

    def open(self, stream: StreamInfo) -> None:
        """Load the model."""
        self._finder = LandmarkFinder(self.params)

    def process(self, image: View, faces: Detections) -> Detections:
        """The faces with their landmarks."""
        found = self._finder.find(image, faces)
        points = found.keypoints
        if points is None or points.shape[1] != 68:
            return found
        columns = {"eyes": eye_openness(points), "mouth": mouth_openness(points)}
        return found.with_extra(**{name: column.astype(np.float32) for name, column in columns.items()})
