"""Counting what is there now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from vidstream.geometry import contains
from vidstream.graph.stage import Stage, stage
from vidstream.stages.count.rows import Anchor, Chooser
from vidstream.types import Counts, Detections, FrameInfo, Shape, StreamInfo
from vidstream.types.values import Polygon

#: the place that numbers of the whole picture stand under
PICTURE = "picture"


@stage("count.objects")
class ObjectCounter(Stage):
    """Count the objects on each picture, by class: no tracker needed.

    The numbers are those of one frame: ``all``, and one per class. They stand under ``picture``, or,
    where zones are given, under each zone's name. A class once seen stays in the list, at 0 when absent.

    Example::

        graph:
          motion: {use: detect.motion}
          count: {use: count.objects, zones: {left: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """Where and what to count."""

        #: name -> three or more corners; the whole picture where none is given
        zones: Mapping[str, Polygon] = field(default_factory=dict)
        classes: tuple[str, ...] = ()  #: count these classes only; all where none is named
        anchor: Anchor = "feet"  #: the point of a box that has to be in a zone

    params: Params

    def open(self, stream: StreamInfo) -> None:
        """Zones are placed with the first frame, whose size they are fractions of."""
        self._chooser = Chooser(self.params.classes, self.params.anchor, self.notify)
        self._labels = list(self.params.classes)
        self._shapes: tuple[Shape, ...] = ()
        self._size = (0, 0)

    def process(self, detections: Detections, frame: FrameInfo) -> Counts:
        """How many there are on this frame."""
        if (frame.width, frame.height) != self._size:
            self._place(frame)
        rows, places = self._chooser.choose(detections, frame)
        names = [row.class_name for row in rows]
        self._labels += [name for name in dict.fromkeys(names) if name not in self._labels]
        if not self._shapes:
            return Counts({PICTURE: self._numbers(names)})
        values = {}
        for shape in self._shapes:
            inside = contains(shape.points, places).tolist()
            values[shape.name] = self._numbers([n for n, within in zip(names, inside, strict=True) if within])
        return Counts(values, self._shapes)

    def _numbers(self, names: list[str]) -> dict[str, float]:
        counted = Counter(names)
        return {"all": len(names), **{label: counted[label] for label in self._labels}}

    def _place(self, frame: FrameInfo) -> None:
        size = self._size = (frame.width, frame.height)
        self._shapes = tuple(
            Shape(name, "zone", np.array([p.at(*size) for p in polygon.points], np.float32))
            for name, polygon in self.params.zones.items()
        )
