"""The best moment of an object: biggest, sharpest, not cut by the picture's edge."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np

from vidstream.types import Boxes, Detections, FrameInfo, Image, Pixels, Tracks

#: variance at which a picture counts as half sharp; crops are compared at one size
_HALF_SHARP: Final = 100.0
_CROP: Final = 96
#: what an object cut by the edge is worth, and how near to the edge that is, in pixels
_CUT_WORTH: Final = 0.25
_EDGE: Final = 2.0
#: seconds between two looks at an object: a look costs 0.1 to 0.5 ms, and what is nearer looks alike
_PERIOD: Final = 0.2
#: pictures that are held at most: a 1080p one takes 6 MB
_MOST: Final = 8


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """A picture, and how good it shows an object: its share of the picture, less for blur and for a cut."""

    merit: float
    image: Image
    frame: FrameInfo
    track_id: int = -1
    box: tuple[float, float, float, float] | None = None


class Moments:
    """The best moment of each object in sight, no older than `seconds`, unless a clip needs it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._best: dict[int, Moment] = {}
        self._looked: dict[int, float] = {}

    def clear(self) -> None:
        """Forget all: time has jumped."""
        self._best.clear()
        self._looked.clear()

    def see(self, image: Image, frame: FrameInfo, objects: Detections, needed: Collection[int] = ()) -> None:
        """Look at a picture; the best moments of `needed` tracks are kept however old."""
        now, since = frame.pts, frame.pts - self._seconds
        self._looked = {i: t for i, t in self._looked.items() if now - t < _PERIOD - 1e-6}
        self._best = {i: m for i, m in self._best.items() if i in needed or m.frame.pts >= since}
        if isinstance(objects, Tracks):
            objects = objects[objects.seen_now()]
        worth = _worth(objects.boxes, frame)
        for row, track_id in enumerate(objects.track_ids.tolist()):
            best = self._best.get(track_id)
            if track_id in self._looked or (best is not None and worth[row] <= best.merit):
                continue  # less than the best, however sharp it is
            self._looked[track_id] = now
            box = objects.boxes[row]
            merit = float(worth[row]) * _sharpness(image, box)
            if best is None or merit > best.merit:
                x1, y1, x2, y2 = box.tolist()
                self._best[track_id] = Moment(merit, image, frame, track_id, (x1, y1, x2, y2))
        while len(self._best) > _MOST:
            del self._best[min(self._best, key=lambda i: (i in needed, self._best[i].merit))]

    def best(self, tracks: Collection[int], since: float) -> Moment | None:
        """The best moment of these tracks; of anything from `since` on where there are none."""
        found = [m for i, m in self._best.items() if (i in tracks if tracks else m.frame.pts >= since)]
        return max(found, key=lambda m: m.merit, default=None)


def _worth(boxes: Boxes, frame: FrameInfo) -> Boxes:
    """(N,): the share of the picture that each box takes, less where the picture's edge cuts it."""
    x1, y1, x2, y2 = boxes.T
    share = (x2 - x1) * (y2 - y1) / max(1, frame.width * frame.height)
    right, bottom = frame.width - _EDGE, frame.height - _EDGE
    cut = (x1 <= _EDGE) | (y1 <= _EDGE) | (x2 >= right) | (y2 >= bottom)
    return np.asarray(np.where(cut, share * _CUT_WORTH, share), np.float32)


def _sharpness(image: Image, box: Boxes) -> float:
    """0 to 1, from the variance of the Laplacian (Pech-Pacheco et al., 2000) of the box's picture."""
    import cv2

    crop = _crop(image, box)
    if min(crop.shape[:2]) < 2:
        return 0.0
    gray = crop if crop.ndim == 2 else np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), np.uint8)
    scale = _CROP / max(gray.shape)
    if scale < 1:
        gray = np.asarray(cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    variance = float(cv2.Laplacian(gray, cv2.CV_32F).var())
    return variance / (variance + _HALF_SHARP)


def _crop(image: Image, box: Boxes) -> Pixels:
    x1, y1, x2, y2 = image.boxes_from_source(box[None])[0].round().astype(int).tolist()
    return image.pixels[max(0, y1) : max(0, y2), max(0, x1) : max(0, x2)]
