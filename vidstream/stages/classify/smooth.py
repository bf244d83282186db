"""Labels that do not jump."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vidstream.graph.stage import Stage, stage
from vidstream.types import FrameInfo, Gap, Labels, StreamInfo
from vidstream.types.values import Seconds

#: scores that have faded to less are forgotten
_NOTHING = 1e-3


@stage("classify.smooth")
class ClassifySmooth(Stage):
    """Average labels over time, so that what a picture shows does not jump from frame to frame.

    Each score follows the new one with the time constant `over`; a class that is not among the new ones
    counts as 0. As many labels are given as come in.

    Example::

        graph:
          what: {use: classify.frame, model: squeezenet, every: 2}
          calm: {use: classify.smooth, over: 2s}
    """

    @dataclass(frozen=True, slots=True)
    class Params:
        """Options."""

        over: Seconds = 1.0  #: time in which a new label takes over by about two thirds

    params: Params

    def open(self, stream: StreamInfo) -> None:
        """Begin without a past."""
        self._scores: dict[int, float] = {}
        self._pts: float | None = None

    def on_gap(self, gap: Gap) -> None:
        """What was seen before says nothing of what comes."""
        self._scores, self._pts = {}, None

    def process(self, labels: Labels, frame: FrameInfo) -> Labels:
        """The averages, best first."""
        new = dict(zip(labels.class_ids.tolist(), labels.scores.tolist(), strict=True))
        if self._pts is None or self.params.over == 0:
            self._scores = new
        else:
            part = 1 - float(np.exp((self._pts - frame.pts) / self.params.over))
            mixed = {c: old + part * (new.get(c, 0.0) - old) for c, old in self._scores.items()}
            first = {c: part * score for c, score in new.items() if c not in mixed}
            self._scores = {c: score for c, score in (mixed | first).items() if score > _NOTHING}
        self._pts = frame.pts
        ranked = sorted(self._scores.items(), key=lambda item: (-item[1], item[0]))[: len(labels)]
        ids = np.array([c for c, _ in ranked], np.int64)
        return Labels(ids, np.array([score for _, score in ranked], np.float32), labels.names)
