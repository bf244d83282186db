"""Choosing among objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from vidstream.errors import ParamError
from vidstream.geometry import centres, contains, feet
from vidstream.graph.stage import Stage, stage
from vidstream.stages.unknown import report_unknown
from vidstream.types import Detections, FrameInfo, StreamInfo, Tracks
from vidstream.types.values import Polygon, Range, Ratio, Unit

Objects = TypeVar("Objects", bound=Detections)
Kept = npt.NDArray[np.bool_]
Sizes = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class InPixels:
    """A length that does not go with the picture's size."""

    px: Annotated[float, Unit("px"), Range(0.0)]  #: pixels of the source's picture


#: a share of the picture's width or height, or ``{px: 40}``
Length: TypeAlias = Ratio | InPixels


@dataclass(frozen=True, slots=True)
class FilterParams:
    """Options of filter.objects and filter.tracks."""

    classes: tuple[str, ...] = ()  #: keep these classes; all where none is named
    min_score: Ratio = 0.0  #: keep objects with at least this score
    min_width: Length = 0.0  #: keep objects at least so wide: a share of the picture's width, or {px: 40}
    max_width: Length = 1.0  #: keep objects at most so wide
    min_height: Length = 0.0  #: keep objects at least so high: a share of the picture's height, or {px: 40}
    max_height: Length = 1.0  #: keep objects at most so high
    min_area: Ratio = 0.0  #: keep objects that cover at least so much of the picture
    max_area: Ratio = 1.0  #: keep objects that cover at most so much of it
    min_aspect: Annotated[float, Range(0.0)] = 0.0  #: keep objects whose width is at least so many heights
    max_aspect: Annotated[float, Range(0.0)] | None = None  #: keep objects whose width is at most so many
    keep: Mapping[str, Polygon] = field(default_factory=dict)  #: keep objects in one of these zones only
    drop: Mapping[str, Polygon] = field(default_factory=dict)  #: drop objects in these zones
    anchor: Literal["feet", "centre"] = "feet"  #: the point of a box that counts as its place for zones

    def __post_init__(self) -> None:
        for side in ("width", "height", "area", "aspect"):
            low, high = getattr(self, f"min_{side}"), getattr(self, f"max_{side}")
            if isinstance(low, InPixels) and isinstance(high, InPixels):
                low, high = low.px, high.px
            if isinstance(low, float) and isinstance(high, float) and low > high:
                raise ParamError(f"is above max_{side}: nothing would be kept", path=(f"min_{side}",))


class _Filter(Stage):
    """What both filters do."""

    Params = FilterParams
    params: FilterParams

    def open(self, stream: StreamInfo) -> None:
        """Names are checked against the first objects that come."""
        self._checked = False

    def _chosen(self, objects: Objects, frame: FrameInfo) -> Objects:
        if objects and not self._checked:
            self._checked = True
            report_unknown(self.params.classes, objects, self.notify)
        kept = _by_class(self.params, objects) & _by_size(self.params, objects, frame)
        return objects[
            kept & _by_place(self.params, objects, frame) & (objects.scores >= self.params.min_score)
        ]


@stage("filter.objects", stateless=True)
class FilterObjects(_Filter):
    """Keep objects by class, score, size, shape and place.

    Put it between a detector and a tracker to follow less; `filter.tracks` does the same behind a tracker.

    Example::

        graph:
          motion: {use: detect.motion}
          near: {use: filter.objects, min_height: 0.1, drop: {sky: [[0, 0], [1, 0], [1, 0.2], [0, 0.2]]}}
    """

    def process(self, objects: Detections, frame: FrameInfo) -> Detections:
        """The objects that fit, all columns kept; Tracks stay Tracks."""
        return self._chosen(objects, frame)


@stage("filter.tracks", stateless=True)
class FilterTracks(_Filter):
    """Keep tracks by class, score, size and place.

    Example::

        graph:
          motion: {use: detect.motion}
          track: {use: track.sort}
          wide: {use: filter.tracks, min_width: 0.02}
    """

    def process(self, tracks: Tracks, frame: FrameInfo) -> Tracks:
        """The tracks that fit, all columns kept."""
        return self._chosen(tracks, frame)


def _by_class(params: FilterParams, objects: Detections) -> Kept:
    if not params.classes:
        return np.ones(len(objects), bool)
    return np.array([objects.name_of(i) in params.classes for i in range(len(objects))], bool)


def _by_size(params: FilterParams, objects: Detections, frame: FrameInfo) -> Kept:
    sides = objects.boxes[:, 2:] - objects.boxes[:, :2]
    # A box that fills the picture, or leaves it, is as wide as a box can be: 1 and no more.
    share = np.minimum(sides / (frame.width, frame.height), 1)
    kept = _between(share[:, 0], sides[:, 0], params.min_width, params.max_width)
    kept &= _between(share[:, 1], sides[:, 1], params.min_height, params.max_height)
    area = share.prod(axis=1)
    kept &= (area >= params.min_area) & (area <= params.max_area)
    kept &= sides[:, 0] >= params.min_aspect * sides[:, 1]
    return kept if params.max_aspect is None else kept & (sides[:, 0] <= params.max_aspect * sides[:, 1])


def _between(share: Sizes, pixels: Sizes, low: Length, high: Length) -> Kept:
    """(N,) whether sizes, given both ways, lie within the bounds."""
    kept = pixels >= low.px if isinstance(low, InPixels) else share >= low
    return kept & (pixels <= high.px if isinstance(high, InPixels) else share <= high)


def _by_place(params: FilterParams, objects: Detections, frame: FrameInfo) -> Kept:
    points = feet(objects.boxes) if params.anchor == "feet" else centres(objects.boxes)
    # Whoever is cut off by the picture's edge stands on it, but zones end just before it.
    points = np.clip(points, 0, (frame.width - 0.5, frame.height - 0.5))

    def inside(zones: Mapping[str, Polygon]) -> Kept:
        found = np.zeros(len(points), bool)
        for zone in zones.values():
            found |= contains(np.array([p.at(frame.width, frame.height) for p in zone.points]), points)
        return found

    kept = ~inside(params.drop)
    return kept & inside(params.keep) if params.keep else kept
