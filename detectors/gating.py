"""Looking only when, and where, the picture has changed since it was last looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np
import numpy.typing as npt

from detectors.parts import Grid, Parts, enclosing, grid_size, grown, islands, whole
from vidstream import geometry
from vidstream.types import Boxes, Detections, Pixels, View
from vidstream.types.values import Positive, Range, Ratio, Seconds

#: column of a detection: seconds since its place was last looked at (0: on this very frame)
SINCE_SEEN = "since_seen"
#: parts that cover more of the picture than this are not worth cutting out
_NEARLY_ALL = 0.7
#: two looks have found the same thing if its boxes overlap by more (IoU)
_SAME = 0.5
#: what is looked at again is shown with so much around it, as a share of its longer side
_AROUND = 0.2


@dataclass(frozen=True, slots=True)
class MovingParams:
    """When the picture has changed enough to look at it again, and where."""

    threshold: Annotated[int, Range(1, 255)] = 10  #: change of a gray value (of 255) that counts
    min_area: Ratio = 0.0004  #: smallest changed area, as a share of the picture
    margin: Ratio = 0.08  #: look so far around what has changed, as a share of the picture's width
    hold: Seconds = 0.0  #: look at a place for so much longer after it has last changed
    refresh: Seconds = 2.0  #: look everywhere when that was so long ago
    #: look at so many parts at most, nearer ones are put together; with a network, that many runs
    parts: Positive = 3


class MotionGate:
    """Decides which parts of a steady camera's pictures to look at, and remembers what was found elsewhere.

    Each place is held against how it looked when the detector last saw it, so that slow change adds up
    until it counts, and what stands still is neither lost nor looked for. What one look finds and the
    look before did not, or the other way round, is looked at twice before it is believed. One instance per
    camera.
    """

    def __init__(self, params: MovingParams | None = None) -> None:
        self.params = params or MovingParams()
        self.reset()

    def reset(self) -> None:
        """Forget everything: the camera was moved, or another scene begins."""
        self._seen: Pixels = np.zeros((0, 0), np.uint8)
        self._now = self._seen
        self._size = (0, 0)
        self._changed_at: npt.NDArray[np.float64] = np.zeros((0, 0))
        self._whole_at, self._pts = float("-inf"), 0.0
        self._found = Detections.empty()
        self._found_at: npt.NDArray[np.float64] = np.zeros(0)
        self._parts: Parts = np.zeros((0, 4), np.int64)
        self._all = False
        #: float32 (N, 4) source pixels: where the last two looks at a place have not agreed
        self._doubtful: Boxes = np.zeros((0, 4), np.float32)

    def parts(self, view: View, pts: float, wanted: Grid | None = None) -> Parts:
        """The parts (K, 4) of this picture to look at, K = 0 for none; `wanted` cells alone matter.

        `pts` are the frame's seconds. What is found in them goes to `settle`.
        """
        small = _shrunk(view)
        another = (view.width, view.height) != self._size or pts < self._whole_at
        if another:
            self.reset()
            self._size, self._seen = (view.width, view.height), small.copy()
        self._pts, self._now = pts, small
        if another or pts - self._whole_at >= self.params.refresh:
            return self._everything(view)
        changed = self._changed(small, pts)
        boxes = islands(changed if wanted is None else changed & wanted, self._least(small), view)
        boxes = np.concatenate([boxes, view.boxes_from_source(self._doubtful)])
        parts = self._completed(grown(boxes, self.params.margin * view.width, view), view)
        if _covered(parts) > _NEARLY_ALL * view.width * view.height:
            return self._everything(view)
        self._parts, self._all = parts, False
        return parts

    def settle(self, found: Detections, view: View) -> Detections:
        """What is there now: `found` in the parts asked for, and what was found elsewhere before.

        The column ``since_seen`` (float32 seconds) tells how old a row is. Where a detector fails, and this
        is not called, the parts count as not looked at.
        """
        for x1, y1, x2, y2 in _cells(self._parts, self._now, view):
            self._seen[y1:y2, x1:x2] = self._now[y1:y2, x1:x2]
        if self._all:
            self._whole_at = self._pts
        before = self._found
        seen = geometry.intersection(view.boxes_from_source(before.boxes), self._parts).any(axis=1)
        self._doubt(found, before[seen])
        at = np.concatenate([np.full(len(found), self._pts), self._found_at[~seen]])
        found = Detections.concat([found, before[~seen]])
        best = np.argsort(-found.scores, kind="stable")
        self._found, self._found_at = found[best], at[best]
        return self._found.with_extra(**{SINCE_SEEN: (self._pts - self._found_at).astype(np.float32)})

    def _doubt(self, found: Detections, before: Detections) -> None:
        """Note where a look differs from the one before: once, for the second look is believed."""
        overlap = geometry.iou(found.boxes, before.boxes) > _SAME
        changed = [found.boxes[~overlap.any(axis=1)], before.boxes[~overlap.any(axis=0)]]
        boxes = np.concatenate(changed)
        twice = (geometry.iou(boxes, self._doubtful) > _SAME).any(axis=1)
        self._doubtful = boxes[~twice]

    def _everything(self, view: View) -> Parts:
        self._changed_at = np.full(self._now.shape, -np.inf)
        self._parts, self._all = whole(view), True
        return self._parts

    def _changed(self, small: Pixels, pts: float) -> Grid:
        """Which cells look different, or did a short while ago."""
        different = cv2.absdiff(small, self._seen) > self.params.threshold
        self._changed_at[different] = pts
        return np.asarray(self._changed_at >= pts - self.params.hold, np.bool_)

    def _least(self, small: Pixels) -> float:
        return self.params.min_area * small.size

    def _completed(self, parts: Parts, view: View) -> Parts:
        """No more parts than allowed, and none that cuts what is known to be there."""
        if not len(parts):
            return parts
        known = view.boxes_from_source(self._found.boxes)
        around = (known[:, 2:] - known[:, :2]).max(axis=1, keepdims=True, initial=0) * _AROUND
        roomy = geometry.clip(known + around * [-1, -1, 1, 1], view.width, view.height)
        before = -1.0
        while before != (before := _covered(parts) + len(parts)):
            touched = geometry.intersection(parts, known) > 0
            pairs = zip(parts, touched, strict=True)
            parts = np.stack([enclosing(np.concatenate([part[None], roomy[t]])) for part, t in pairs])
            parts = _put_together(parts, self.params.parts)
        return parts


def _shrunk(view: View) -> Pixels:
    """The gray picture at the size of its grid, without noise."""
    small = cv2.resize(view.gray(), grid_size(view), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (3, 3), 0), np.uint8)


def _covered(parts: Parts) -> float:
    return float(geometry.area(parts).sum())


def _put_together(parts: Parts, most: int) -> Parts:
    """Parts become one where that is less to look at, and until at most so many are left."""
    while len(parts) > 1:
        low = np.minimum(parts[:, None, :2], parts[None, :, :2])
        high = np.maximum(parts[:, None, 2:], parts[None, :, 2:])
        area = geometry.area(parts)
        gain = (high - low).prod(axis=2) - area[:, None] - area
        np.fill_diagonal(gain, np.iinfo(np.int64).max)
        a, b = np.unravel_index(gain.argmin(), gain.shape)
        if len(parts) <= most and gain[a, b] > 0:
            break
        rest = np.delete(parts, [a, b], axis=0)
        parts = np.concatenate([rest, enclosing(parts[[a, b]])[None]])
    return parts


def _cells(parts: Parts, small: Pixels, view: View) -> list[list[int]]:
    """Cells that lie inside each part."""
    scale = np.array([small.shape[1] / view.width, small.shape[0] / view.height] * 2)
    # what is a whole number may have been rounded to one side of it
    low, high = np.ceil(parts[:, :2] * scale[:2] - 1e-6), np.floor(parts[:, 2:] * scale[2:] + 1e-6)
    return [[int(value) for value in row] for row in np.concatenate([low, high], axis=1)]
