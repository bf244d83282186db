"""MOSSE: a filter that answers the object with a peak (Bolme, Beveridge, Draper and Lui, CVPR 2010)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from trackers.single.base import Found, SingleTracker, is_visible, of_psr, to_gray
from vidstream.geometry import Array, Float32, Float64
from vidstream.types import Pixels
from vidstream.types.values import Ratio

#: deviation of the wanted peak, in pixels (figure 2), and half the side of what counts as the peak (3.5)
_SIGMA, _PEAK = 2.0, 5
#: slightly turned, scaled and moved copies of the first picture that the filter starts from (3.4)
_COPIES = 8
#: the filter sees so much more than the object on each side, as a share of it: room to move
_PADDING = 0.5


@dataclass(frozen=True, slots=True)
class MosseParams:
    """Settings of MOSSE."""

    rate: Ratio = 0.125  #: share of the newest picture in the filter (the paper's eta)
    min_score: Ratio = 0.5  #: sureness of the peak, 0.5 at a peak-to-sidelobe ratio of 7; below it is lost


class MosseTracker(SingleTracker):
    """Hundreds of pictures a second, robust against light; the size stays the same.

    >>> picture = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (90, 120), np.uint8), (0, 0), 2)
    >>> tracker = MosseTracker()
    >>> tracker.init(picture, [40, 30, 72, 62])
    >>> tracker.update(np.roll(picture, (4, 7), axis=(0, 1))).box.tolist()
    [47.0, 34.0, 79.0, 66.0]
    """

    def __init__(self, params: MosseParams | None = None) -> None:
        super().__init__()
        self.params = params or MosseParams()

    def _learn(self, image: Pixels, box: Float32) -> None:
        self._box = box
        side = ((box[2:] - box[:2]) * (1 + 2 * _PADDING)).round().astype(int)
        self._size = tuple(cv2.getOptimalDFTSize(max(8, s)) for s in side.tolist())
        width, height = self._size
        self._taper = np.outer(np.hanning(height), np.hanning(width))
        y, x = np.mgrid[:height, :width]
        peak = np.exp(-((x - width // 2) ** 2 + (y - height // 2) ** 2) / (2 * _SIGMA**2))
        self._wanted = np.fft.rfft2(peak)
        window = self._cut(to_gray(image))
        parts = [self._parts(copy) for copy in (window, *_copies(window))]
        self._above = np.sum([above for above, _ in parts], axis=0)
        self._below = np.sum([below for _, below in parts], axis=0)

    def _return(self, image: Pixels, box: Float32) -> None:
        same = np.allclose(box[2:] - box[:2], self._box[2:] - self._box[:2], atol=0.5)
        if same:  # the filter is worth more than what one picture teaches
            self._box = box
        else:
            self._learn(image, box)

    def _find(self, image: Pixels) -> Found:
        gray = to_gray(image)
        seen = np.fft.rfft2(self._prepared(self._cut(gray)))
        answer = np.fft.irfft2(self._above / self._below * seen, s=self._wanted_shape)
        shift, ratio = _peak(answer)
        score = of_psr(ratio)
        box = (self._box + np.tile(shift, 2)).astype(np.float32)
        if score < self.params.min_score or not is_visible(box, image):
            return Found(None, score)
        self._box = box
        above, below = self._parts(self._cut(gray))
        rate = self.params.rate
        self._above = rate * above + (1 - rate) * self._above  # equations 10 to 12
        self._below = rate * below + (1 - rate) * self._below
        return Found(box, score)

    @property
    def _wanted_shape(self) -> tuple[int, int]:
        return self._taper.shape[0], self._taper.shape[1]

    def _cut(self, gray: Pixels) -> Pixels:
        """The picture around the object, in the filter's size."""
        x, y = ((self._box[:2] + self._box[2:]) / 2 - 0.5).tolist()
        return np.asarray(cv2.getRectSubPix(gray, self._size, (x, y)), np.uint8)

    def _prepared(self, window: Pixels) -> Float64:
        """Logarithm against hard light, mean 0, length 1, faded out towards the edges (3.1)."""
        bright = np.log1p(window.astype(np.float64))
        bright -= bright.mean()
        return np.asarray(bright / (bright.std() + 1e-5) * self._taper)

    def _parts(self, window: Pixels) -> tuple[Array, Array]:
        """Numerator and denominator of the filter that answers this window with the wanted peak (eq. 8)."""
        seen = np.fft.rfft2(self._prepared(window))
        conjugate = np.conj(seen)
        return self._wanted * conjugate, seen * conjugate + 1e-1


def _copies(window: Pixels) -> list[Pixels]:
    """The same, a little turned, scaled and moved."""
    draw = np.random.default_rng(0)
    height, width = window.shape
    made = []
    for _ in range(_COPIES):
        turn, scale = draw.uniform(-6, 6), draw.uniform(0.95, 1.05)
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, scale)
        made.append(
            np.asarray(
                cv2.warpAffine(window, matrix, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8
            )
        )
    return made


def _peak(answer: Float64) -> tuple[npt.NDArray[np.float64], float]:
    """(2,) how far the peak lies from the middle, and its height in deviations of the rest (PSR, 3.5)."""
    row, col = np.unravel_index(int(answer.argmax()), answer.shape)
    rest = np.ones(answer.shape, bool)
    rest[max(0, row - _PEAK) : row + _PEAK + 1, max(0, col - _PEAK) : col + _PEAK + 1] = False
    side = answer[rest]
    ratio = (answer[row, col] - side.mean()) / (side.std() + 1e-5) if side.size else 0.0
    height, width = answer.shape
    return np.array([col - width // 2, row - height // 2], np.float64), float(ratio)
