"""A detector that looks at parts of a picture: tiles, regions, what has changed::

detector = FocusedDetector(HogDetector(), tiles=TileParams(grid=(3, 2)))
people = detector.detect(View(cv2.imread("square.jpg")))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from detectors.base import Detector
from detectors.parts import Grid, Parts, any_in, crop, enclosing, islands, whole
from detectors.regions import RegionParams, Regions
from detectors.tiling import TileParams, merge
from vidstream.types import Detections, View

#: two looks at one object where there are no tiles: parts that have changed
_PLAIN = TileParams()


@runtime_checkable
class BatchDetector(Protocol):
    """A detector that looks at several pictures at once."""

    def detect_batch(self, views: Sequence[View]) -> list[Detections]:
        """`Detector.detect` for each view."""


class Sight(NamedTuple):
    """A picture to look at, the size of its source's, and the parts of it to look at (None: all)."""

    view: View
    size: tuple[int, int]
    parts: Parts | None = None


class FocusedDetector:
    """Any detector, shown only what is worth it, and that larger. Its results are those of one picture.

    UsageError: the mask of the regions is no picture.
    """

    def __init__(
        self, detector: Detector, *, tiles: TileParams | None = None, regions: RegionParams | None = None
    ) -> None:
        self.detector = detector
        self._tiles = tiles
        self._regions = None if regions is None else Regions(regions)

    @property
    def names(self) -> Mapping[int, str]:
        """Class id -> class name of everything it can find."""
        return self.detector.names

    def detect(self, view: View) -> Detections:
        """The objects in `view`, boxes in source pixels, best score first."""
        return self.detect_batch([view])[0]

    def detect_batch(self, views: Sequence[View]) -> list[Detections]:
        """`detect` for each view; its source's picture is taken to end where the view does."""
        corners = [view.points_to_source(np.array([[view.width, view.height]])) for view in views]
        sizes = [(round(float(c[0, 0])), round(float(c[0, 1]))) for c in corners]
        return self.look([Sight(view, size) for view, size in zip(views, sizes, strict=True)])

    def look(self, sights: Sequence[Sight]) -> list[Detections]:
        """What is found in each of them; all parts of all pictures go through the detector in one batch."""
        looks = [self._looks(sight) for sight in sights]
        views = [crop(s.view, part) for s, parts in zip(sights, looks, strict=True) for part in parts]
        found = iter(self._found(views))
        return [
            self._result(s, parts, [next(found) for _ in parts])
            for s, parts in zip(sights, looks, strict=True)
        ]

    def wanted(self, view: View, size: tuple[int, int]) -> Grid | None:
        """The cells of a picture that regions make worth looking at; None where there are no regions."""
        return None if self._regions is None else self._regions.grid(view, size)

    def _looks(self, sight: Sight) -> Parts:
        view, wanted = sight.view, self.wanted(sight.view, sight.size)
        parts = whole(view) if sight.parts is None else sight.parts
        if wanted is not None:
            parts = _within(parts, wanted, view)
        if self._tiles is not None and len(parts):
            size = self._tiles.size_in(view)
            parts = np.concatenate([self._tiles.looks(part, size) for part in parts])
            if wanted is not None:
                parts = parts[any_in(wanted, parts, view)]
        return parts

    def _found(self, views: Sequence[View]) -> list[Detections]:
        if isinstance(self.detector, BatchDetector):
            return self.detector.detect_batch(views) if views else []
        return [self.detector.detect(view) for view in views]

    def _result(self, sight: Sight, parts: Parts, found: Sequence[Detections]) -> Detections:
        if not found:
            return Detections.empty(self.names)
        merged = merge(sight.view, parts, found, (self._tiles or _PLAIN).iou)
        return merged if self._regions is None else self._regions.keep(merged, sight.size)


def _within(parts: Parts, wanted: Grid, view: View) -> Parts:
    """The parts cut to what regions make worth looking at; those outside are left out."""
    found = islands(wanted, 1, view)
    if not len(found):
        return parts[:0]
    hull = enclosing(found)
    low, high = np.maximum(parts[:, :2], hull[:2]), np.minimum(parts[:, 2:], hull[2:])
    return np.concatenate([low, high], axis=1)[(low < high).all(axis=1)]
