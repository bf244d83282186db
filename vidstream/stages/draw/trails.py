"""Where tracks have been: ribbons that taper and fade towards the past."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from vidstream.stages.draw.palette import Bgr
from vidstream.stages.draw.places import on_picture
from vidstream.types import Image, Pixels

Points = npt.NDArray[np.float64]

#: sub-pixel bits, so that slow trails do not stagger
_SHIFT = 4
#: pieces of a trail, each mixed with the picture to its own degree
_PIECES = 3


class Trails:
    """The recent path of every track, in source pixels; `seconds` is how long it is remembered."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._paths: dict[int, deque[tuple[float, float, float]]] = {}
        self._pts = 0.0

    def clear(self) -> None:
        """Forget everything: time has jumped."""
        self._paths.clear()

    def add(self, track_ids: Iterable[int], points: npt.NDArray[np.float32], pts: float, step: float) -> None:
        """Note where tracks are at `pts`, and drop what is too old.

        Points nearer than `step` to the one before are left out: a standing person's trail would be a
        scribble otherwise.
        """
        for track_id, (x, y) in zip(track_ids, points.tolist(), strict=True):
            path = self._paths.setdefault(track_id, deque())
            if len(path) > 1 and abs(x - path[-2][1]) + abs(y - path[-2][2]) < step:
                path.pop()  # the newest point is always kept, so that the trail reaches the object
            path.append((pts, x, y))
        self._forget(pts - self.seconds)
        self._pts = pts

    def _forget(self, before: float) -> None:
        for track_id, path in list(self._paths.items()):
            while path and path[0][0] < before:
                path.popleft()
            if not path:
                del self._paths[track_id]

    def draw(
        self, pixels: Pixels, image: Image, track_ids: Sequence[int], colours: Sequence[Bgr], thickness: int
    ) -> None:
        """The paths of these tracks. A filled ribbon costs a sixth of a thick smooth line."""
        shown = [(t, c) for t, c in zip(track_ids, colours, strict=True) if len(self._paths.get(t, ())) > 1]
        if not shown:
            return
        table = np.array([p for t, _ in shown for p in self._paths[t]])
        ends = np.cumsum([len(self._paths[t]) for t, _ in shown])
        points = on_picture(image, table[:, 1:])
        share = 1 - (self._pts - table[:, 0]) / self.seconds
        left, right = _sides(points, ends, share * thickness / 2)
        for (_, colour), start, end in zip(shown, (0, *ends.tolist()), ends.tolist(), strict=False):
            pieces = min(_PIECES, end - start - 1)
            cuts = np.linspace(start, end - 1, pieces + 1).round().astype(int).tolist()
            for a, b in pairwise(cuts):
                ink = _mixed(colour, pixels, points[a], (share[a] + share[b]) / 2)
                ribbon = np.concatenate([left[a : b + 1], right[b : a - 1 if a else None : -1]])
                cv2.fillPoly(pixels, [ribbon], ink, cv2.LINE_AA, _SHIFT)


def _sides(
    points: Points, ends: npt.NDArray[np.int64], half: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """The two edges of all ribbons, as fixed-point numbers; path i ends before row ``ends[i]``."""
    along = np.zeros_like(points)
    along[1:-1] = points[2:] - points[:-2]
    first, last = np.concatenate([[0], ends[:-1]]), ends - 1
    along[first] = points[first + 1] - points[first]
    along[last] = points[last] - points[last - 1]
    length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) * (half / length)[:, None]
    scale = 1 << _SHIFT
    left = np.rint((points + across) * scale).astype(np.int32)
    return left, np.rint((points - across) * scale).astype(np.int32)


def _mixed(colour: Bgr, pixels: Pixels, point: Points, share: float) -> tuple[float, ...]:
    """`colour` as it looks when laid half clear over the picture at `point`."""
    height, width = pixels.shape[:2]
    x, y = min(max(int(point[0]), 0), width - 1), min(max(int(point[1]), 0), height - 1)
    strength = 0.25 + 0.75 * share
    under = pixels[y, x].tolist()
    return tuple(c * strength + u * (1 - strength) for c, u in zip(colour, under, strict=True))
