"""Dlib's correlation tracker (Danelljan et al., "Accurate Scale Estimation", BMVC 2014)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from trackers.single.base import Found, SingleTracker, is_visible, of_psr, to_bgr
from vidstream.errors import MissingDependency
from vidstream.geometry import Float32
from vidstream.types import Pixels
from vidstream.types.values import Ratio


@dataclass(frozen=True, slots=True)
class CorrelationParams:
    """Settings of the correlation tracker."""

    min_score: Ratio = 0.4  #: sureness of the peak, 0.5 at a peak-to-sidelobe ratio of 7; below it is lost


class CorrelationTracker(SingleTracker):
    """Correlation filters over place and size, on gradients; by dlib."""

    def __init__(self, params: CorrelationParams | None = None) -> None:
        super().__init__()
        self.params = params or CorrelationParams()

    def _learn(self, image: Pixels, box: Float32) -> None:
        self._dlib = import_dlib()
        self._tracker = self._dlib.correlation_tracker()
        self._tracker.start_track(np.ascontiguousarray(to_bgr(image)), self._dlib.drectangle(*box.tolist()))

    def _find(self, image: Pixels) -> Found:
        score = of_psr(float(self._tracker.update(np.ascontiguousarray(to_bgr(image)))))
        place = self._tracker.get_position()
        box = np.array([place.left(), place.top(), place.right(), place.bottom()], np.float32)
        if score < self.params.min_score or not is_visible(box, image):
            return Found(None, score)
        return Found(box, score)


def import_dlib() -> Any:
    """The library; MissingDependency with the install line where it is not there."""
    try:
        import dlib
    except ImportError as error:
        raise MissingDependency(
            "needs dlib, which is not installed", where="correlation tracker", fix="pip install dlib-bin"
        ) from error
    return dlib
