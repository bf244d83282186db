"""Finding what moves before a steady camera."""

from __future__ import annotations

from detectors.motion import MotionDetector, MotionParams
from vidstream.graph.stage import Stage, stage
from vidstream.types import Detections, FrameInfo, Gap, Masks, StreamInfo, View

#: how long the first picture stands where the source tells no rate [s]
_USUAL_STEP = 0.04


@stage("detect.motion", heavy=True)
class DetectMotion(Stage):
    """Find whatever moves before a steady camera, by background subtraction.

    Gives the boxes of moving areas, and a mask of them. Learning goes by time, so a thinned or uneven
    stream learns as fast as a full one. After a gap the background is learnt anew.

    Example::

        graph:
          motion: {use: detect.motion, scale: 0.5, history: 10}
    """

    Params = MotionParams
    params: MotionParams

    def open(self, stream: StreamInfo) -> None:
        """Begin with an unknown background."""
        self._detector = MotionDetector(self.params)
        self._first_step = 1 / stream.fps if stream.fps else _USUAL_STEP
        self._pts: float | None = None

    def on_gap(self, gap: Gap) -> None:
        """The picture may show something else now."""
        self._detector.reset()
        self._pts = None

    def process(self, image: View, frame: FrameInfo) -> tuple[Detections, Masks]:
        """What moves, best score first, and where in the (shrunk) picture: 1 = moves."""
        step = self._first_step if self._pts is None else max(frame.pts - self._pts, 0.0)
        self._pts = frame.pts
        return self._detector.segment(image, step)
