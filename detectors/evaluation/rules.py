"""What counts, by the rules of COCO unless told otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from detectors.evaluation.objects import Found, Mask, Truth
from vidstream.geometry import Float64

#: of the object in pixels, both ends included
_AREAS = MappingProxyType(
    {
        "all": (0.0, 1e5**2),
        "small": (0.0, 32.0**2),
        "medium": (32.0**2, 96.0**2),
        "large": (96.0**2, 1e5**2),
    }
)
#: recall levels at which precision is averaged
LEVELS = np.linspace(0.0, 1.0, 101)


def _thresholds() -> Float64:
    return np.linspace(0.5, 0.95, 10)


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """Overlaps that count, classes of size, and how many boxes of a class on a picture are looked at."""

    #: float64 (T,), rising
    thresholds: Float64 = field(default_factory=_thresholds)
    #: name -> least and largest area; the first holds all
    areas: Mapping[str, tuple[float, float]] = field(default_factory=lambda: _AREAS)
    #: (M,), rising
    limits: tuple[int, ...] = (1, 10, 100)
    #: what is lower is neither right nor wrong, in pixels
    min_height: float = 0.0

    def truth_out(self, truth: Truth) -> Mask:
        """(G, A) True where an object is neither right nor wrong."""
        low = truth.ignored | (truth.xywh[:, 3] < self.min_height)
        return low[:, None] | self._outside(truth.areas)

    def found_out(self, found: Found) -> Mask:
        """(D, A) True where a box that meets no object is not wrong."""
        low = found.xywh[:, 3] < self.min_height
        return low[:, None] | self._outside(found.xywh[:, 2] * found.xywh[:, 3])

    def _outside(self, areas: Float64) -> Mask:
        bounds = np.array(list(self.areas.values()))
        outside: Mask = (areas[:, None] < bounds[:, 0]) | (areas[:, None] > bounds[:, 1])
        return outside
