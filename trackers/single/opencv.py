"""KCF, CSRT and MIL: OpenCV's own, with a score and a notion of loss, which it does not give."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import cv2

from trackers.single.base import Found, SingleTracker, box_of, is_visible, to_bgr, window_of
from trackers.single.looks import Likeness
from vidstream.errors import ShapeError
from vidstream.geometry import Float32
from vidstream.types import Pixels
from vidstream.types.values import Ratio


@dataclass(frozen=True, slots=True)
class OpenCVParams:
    """Settings of the trackers that OpenCV brings."""

    min_score: Ratio = 0.3  #: least likeness to the object's first or recent looks; below it is lost


class OpenCVTracker(SingleTracker):
    """What the trackers of OpenCV share.

    They say "found" on nearly every picture, so what they find is held against the object's looks.
    """

    def __init__(self, params: OpenCVParams | None = None) -> None:
        super().__init__()
        self.params = params or OpenCVParams()

    @abstractmethod
    def _make(self) -> Any:
        """A new tracker of OpenCV."""

    def _learn(self, image: Pixels, box: Float32) -> None:
        cv2.setRNGSeed(0)  # some of them draw samples at random
        self._tracker = self._make()
        try:
            self._tracker.init(to_bgr(image), window_of(box))
        except cv2.error as error:
            raise ShapeError(
                f"cannot learn the box {box.tolist()}: {error}", where=type(self).__name__
            ) from error
        self._looks = Likeness(image, box)
        self._trained(image)

    def _trained(self, image: Pixels) -> None:
        """What else must happen before the second picture."""

    def _find(self, image: Pixels) -> Found:
        try:
            went, window = self._tracker.update(to_bgr(image))
        except cv2.error:  # the window has left the picture, which some of them do not survive
            return Found(None, 0.0)
        box = box_of(window)
        if not went or not is_visible(box, image):
            return Found(None, 0.0)
        score = self._looks.of(image, box)
        if score < self.params.min_score:
            return Found(None, score)
        self._looks.refresh(image, box)
        return Found(box, score)


class KcfTracker(OpenCVTracker):
    """Kernelised correlation filter (Henriques et al. 2015): fast; the size stays the same."""

    def _make(self) -> Any:
        return cv2.TrackerKCF.create()

    def _trained(self, image: Pixels) -> None:
        # OpenCV trains on the first picture it is asked about, taking the object to be still where it was
        self._tracker.update(to_bgr(image))


class CsrtTracker(OpenCVTracker):
    """Correlation filter with channel and spatial reliability (Lukezic et al. 2017): surer, scales."""

    least_side: int = 3

    def _make(self) -> Any:
        return cv2.TrackerCSRT.create()


@dataclass(frozen=True, slots=True)
class MilParams(OpenCVParams):
    """Settings of MIL."""

    min_score: Ratio = 0.1  #: as for the others; low, because it is often a few pixels beside the object


class MilTracker(OpenCVTracker):
    """Multiple instance learning (Babenko, Yang and Belongie 2009): boosted Haar features; no scale."""

    #: below this OpenCV's search for features never ends
    least_side: int = 5

    def __init__(self, params: MilParams | None = None) -> None:
        super().__init__(params or MilParams())

    def _make(self) -> Any:
        return cv2.TrackerMIL.create()
