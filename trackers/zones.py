"""Places where tracks may begin, and places where they end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vidstream.errors import UsageError
from vidstream.geometry import Float64, contains, feet
from vidstream.types import Boxes
from vidstream.types.values import Polygon


class Zones:
    """Parts of the picture; what stands in one of them is inside.

    >>> from vidstream.types.values import Point
    >>> door = Polygon((Point(0.0, 0.0), Point(0.5, 0.0), Point(0.5, 1.0), Point(0.0, 1.0)))
    >>> zones = Zones([door])
    >>> zones.resize(640, 480)
    >>> zones.hold(np.array([[10, 10, 50, 90], [400, 10, 450, 90]], np.float32)).tolist()
    [True, False]
    """

    def __init__(self, polygons: Sequence[Polygon]) -> None:
        self._polygons = polygons
        self._corners: list[Float64] | None = None
        if all(point.px for polygon in polygons for point in polygon.points):
            self.resize(1, 1)  # pixels need no size

    def __bool__(self) -> bool:
        return bool(self._polygons)

    def resize(self, width: int, height: int) -> None:
        """The size of the pictures, of which corners may be fractions."""
        self._corners = [np.array([p.at(width, height) for p in zone.points]) for zone in self._polygons]

    def hold(self, boxes: Boxes) -> npt.NDArray[np.bool_]:
        """(N,) which of the (N, 4) boxes stand (with the middle of their lower edge) in any of them."""
        if self._corners is None:
            raise UsageError(
                "zones are given in fractions of a picture whose size is not known",
                where="Zones",
                fix="call the tracker's resize(width, height), or give them in pixels",
            )
        inside = np.zeros(len(boxes), bool)
        for corners in self._corners:
            inside |= contains(corners, feet(boxes))
        return inside
