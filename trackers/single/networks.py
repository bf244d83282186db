"""Networks that find the picture of an object in a larger one: NanoTrack, VitTrack, DaSiamRPN; by OpenCV."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import cv2

from trackers.single.base import Found, SingleTracker, box_of, is_visible, to_bgr, window_of
from vidstream.errors import ModelError, ShapeError
from vidstream.geometry import Float32
from vidstream.types import Pixels
from vidstream.types.values import Ratio


@dataclass(frozen=True, slots=True)
class NetworkParams:
    """Settings of tracking networks."""

    weights: tuple[str, ...] = ()  #: the network's files (ONNX), in the order that the page names
    min_score: Ratio = 0.5  #: least score the network gives; below it the object is lost


class NetworkTracker(SingleTracker):
    """What tracking networks share; the score is the network's own.

    Raises ModelError where a file of `weights` is missing or OpenCV cannot run it.
    """

    #: what the files of `weights` are, in order
    files: ClassVar[Sequence[str]]
    least_side: int = 5

    def __init__(self, params: NetworkParams) -> None:
        super().__init__()
        self.params = params
        check_weights(type(self), params.weights)
        try:
            self._tracker = self._load(*params.weights)
        except cv2.error as error:
            raise ModelError(
                f"OpenCV cannot load {', '.join(params.weights)}: {error}", where=type(self).__name__
            ) from error

    @abstractmethod
    def _load(self, *weights: str) -> Any:
        """OpenCV's tracker with these files."""

    def _learn(self, image: Pixels, box: Float32) -> None:
        try:
            self._tracker.init(to_bgr(image), window_of(box))
        except cv2.error as error:
            raise ShapeError(
                f"cannot learn the box {box.tolist()}: {error}", where=type(self).__name__
            ) from error

    def _find(self, image: Pixels) -> Found:
        _, window = self._tracker.update(to_bgr(image))
        score = min(1.0, max(0.0, float(self._tracker.getTrackingScore())))
        box = box_of(window)
        if score < self.params.min_score or not is_visible(box, image):
            return Found(None, score)
        return Found(box, score)


class NanoTracker(NetworkTracker):
    """NanoTrack: a Siamese network of 2 MB, tens of pictures a second on one core."""

    files = ("backbone", "neck and head")

    def _load(self, *weights: str) -> Any:
        params = cv2.TrackerNano.Params()
        params.backbone, params.neckhead = weights
        return cv2.TrackerNano.create(params)


class VitTracker(NetworkTracker):
    """VitTrack: a small vision transformer (OpenCV Zoo, 700 KB)."""

    files = ("network",)

    def _load(self, *weights: str) -> Any:
        params = cv2.TrackerVit.Params()
        (params.net,) = weights
        params.tracking_score_threshold = 0.0  # what is too low is for `min_score` to say
        return cv2.TrackerVit.create(params)


class DaSiamRpnTracker(NetworkTracker):
    """DaSiamRPN (Zhu et al., ECCV 2018): a region proposal network, 90 MB."""

    files = ("network", "classification kernel", "regression kernel")

    def _load(self, *weights: str) -> Any:
        params = cv2.TrackerDaSiamRPN.Params()
        params.model, params.kernel_cls1, params.kernel_r1 = weights
        return cv2.TrackerDaSiamRPN.create(params)


def check_weights(tracker: type[NetworkTracker], weights: Sequence[str]) -> None:
    """Raises ModelError where these are not the files that the tracker needs."""
    wanted = f"'weights' names {len(tracker.files)} ONNX file(s): {', '.join(tracker.files)}"
    if len(weights) != len(tracker.files):
        raise ModelError(f"got {len(weights)} file(s)", where=tracker.__name__, fix=wanted)
    for name in weights:
        if not Path(name).is_file():
            raise ModelError(f"no such file: {name}", where=tracker.__name__, fix=wanted)
