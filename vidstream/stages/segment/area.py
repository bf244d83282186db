"""How much of the picture each class covers."""

from __future__ import annotations

from dataclasses import dataclass

from detectors.vision.semantic import area_shares
from vidstream.graph.stage import Stage, stage
from vidstream.stages.unknown import report_unknown
from vidstream.types import Counts, Masks, StreamInfo

#: the place that shares stand under
_PLACE = "area %"


@stage("segment.area")
class SegmentArea(Stage):
    """Measure how many percent of the picture each class of a label map covers.

    Works on what segment.semantic and segment.matte give. A class once seen stays in the list, at 0 when
    absent; those under 0.05 percent are not mentioned.

    Example::

        graph:
          who: {use: segment.matte, model: selfie}
          area: segment.area
          draw: draw.overlay
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """What to measure."""

        classes: tuple[str, ...] = ()  #: these classes only, also where they are absent (empty: all seen)

    params: Params

    def open(self, stream: StreamInfo) -> None:
        """Nothing is seen yet, but for the classes asked for."""
        self._shares = dict.fromkeys(self.params.classes, 0.0)
        self._reported = not self.params.classes

    def process(self, masks: Masks) -> Counts:
        """Percentages with one decimal."""
        if not self._reported and masks.names:
            self._reported = True
            report_unknown(self.params.classes, masks, self.notify)
        found = {name: round(100 * share, 1) for name, share in area_shares(masks).items()}
        wanted = self.params.classes or [*self._shares, *(n for n, s in found.items() if s > 0)]
        self._shares = {name: found.get(name, 0.0) for name in wanted}
        return Counts({_PLACE: self._shares})
