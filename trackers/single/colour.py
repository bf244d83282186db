"""Following an object by its colour: what it has, where it is; shared by mean shift and CamShift."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Self

import cv2
import numpy as np

from trackers.single.base import Found, SingleTracker, Window, box_of, to_bgr, window_of
from vidstream.geometry import Float32
from vidstream.types import Pixels
from vidstream.types.values import Ratio

#: twenty moves at most, or until one is shorter than a third of a pixel
CRITERIA = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 0.3)

_BINS = 24
#: hue says nothing in pixels that are nearly gray, dark or blown out
_LEAST, _MOST = np.array((0, 50, 30), np.uint8), np.array((180, 255, 250), np.uint8)
#: an object with a smaller share of coloured pixels is known by its brightness
_COLOURED = 0.25
#: share of the newest picture in what is known, while the likeness is at least so much
_RATE, _SURE = 0.01, 0.85


@dataclass(frozen=True, slots=True)
class ColourParams:
    """Settings of trackers that go by colour."""

    min_score: Ratio = 0.7  #: least likeness of the colours found to the object's; below it is lost


@dataclass(frozen=True, slots=True, eq=False)
class ColourModel:
    """The hues of an object, or the brightnesses of one without colour."""

    by_hue: bool
    #: (bins + 1,) shares of the object's pixels; the last one is that of pixels without a hue
    shares: Float32
    #: (bins,) how surely a pixel of this bin is the object's, in [0, 1]
    weights: Float32

    @classmethod
    def learn(cls, hsv: Pixels, window: Window) -> Self:
        """From the object in `window`, set off against what surrounds it (Comaniciu et al. 2003, 6.1).

        The weight of a bin is the share of its pixels, in twice the window, that lie on the object;
        squared, because the tail of a weak bin over a wide background pulls as hard as the object.
        """
        x, y, width, height = window
        around = (max(0, x - width // 2), max(0, y - height // 2), 2 * width, 2 * height)
        by_hue = bool(_coloured(_part(hsv, window)).mean() >= 255 * _COLOURED)
        inside, nearby = _counts(_part(hsv, window), by_hue), _counts(_part(hsv, around), by_hue)
        few = 0.02 * width * height  # a bin of a handful of pixels proves nothing
        weights = np.asarray(np.square(inside / (nearby + few))[:_BINS], np.float32)
        return cls(by_hue, inside / inside.sum(), weights / max(float(weights.max()), 1e-6))

    def refreshed(self, hsv: Pixels, window: Window) -> Self:
        """A little more like what is in `window`, set off against what surrounds it now."""
        now = type(self).learn(hsv, window)
        if now.by_hue != self.by_hue:
            return self
        shares = (1 - _RATE) * self.shares + _RATE * now.shares
        weights = (1 - _RATE) * self.weights + _RATE * now.weights
        return replace(self, shares=shares.astype(np.float32), weights=weights.astype(np.float32))

    def likelihood(self, hsv: Pixels) -> Pixels:
        """(H, W) back-projection: 255 where a pixel's colour is the object's alone."""
        bins = np.minimum(np.arange(256) / _width(self.by_hue), _BINS - 1).astype(int)
        table = (self.weights[bins] * 255).astype(np.uint8)
        found = cv2.LUT(np.ascontiguousarray(hsv[:, :, _channel(self.by_hue)]), table)
        return np.asarray(cv2.bitwise_and(found, _coloured(hsv)) if self.by_hue else found, np.uint8)

    def similarity(self, hsv: Pixels, window: Window) -> float:
        """Bhattacharyya coefficient of the object's colours and the window's (Comaniciu 2003, eq. 6)."""
        counts = _counts(_part(hsv, window), self.by_hue)
        return float(np.sqrt(self.shares * counts / max(float(counts.sum()), 1.0)).sum())


class ColourTracker(SingleTracker):
    """Learns colours, then moves a window to where they are."""

    def __init__(self, params: ColourParams) -> None:
        super().__init__()
        self.params = params

    def _learn(self, image: Pixels, box: Float32) -> None:
        self._window = window_of(box)
        self._model = ColourModel.learn(_to_hsv(image), self._window)

    def _find(self, image: Pixels) -> Found:
        hsv = _to_hsv(image)
        window = self._shift(self._model.likelihood(hsv), self._window)
        score = self._model.similarity(hsv, window)
        if score < self.params.min_score:
            return Found(None, score)
        self._window = window
        if score >= _SURE:
            self._model = self._model.refreshed(hsv, window)
        return Found(box_of(window), score)

    @abstractmethod
    def _shift(self, likelihood: Pixels, window: Window) -> Window:
        """The window after its moves over the back-projection (H, W)."""


def _to_hsv(image: Pixels) -> Pixels:
    """(H, W, 3) hue 0-179, saturation, value."""
    return np.asarray(cv2.cvtColor(to_bgr(image), cv2.COLOR_BGR2HSV), np.uint8)


def _part(hsv: Pixels, window: Window) -> Pixels:
    x, y, width, height = window
    return hsv[y : y + height, x : x + width]


def _coloured(hsv: Pixels) -> Pixels:
    """255 where the hue means something."""
    return np.asarray(cv2.inRange(hsv, _LEAST, _MOST), np.uint8)


def _channel(by_hue: bool) -> int:
    return 0 if by_hue else 2


def _width(by_hue: bool) -> float:
    """Levels per bin."""
    return (180 if by_hue else 256) / _BINS


def _counts(hsv: Pixels, by_hue: bool) -> Float32:
    """(bins + 1,) pixels per bin, and those that have no hue."""
    levels = (hsv[:, :, _channel(by_hue)] / _width(by_hue)).astype(int)
    if by_hue and levels.size:
        levels[_coloured(hsv) == 0] = _BINS
    return np.bincount(levels.ravel(), minlength=_BINS + 1).astype(np.float32)
