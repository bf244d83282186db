"""How good detections are over all thresholds: misses against false alarms, beside precision and recall."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from detectors.evaluation import Curve, Found, Rules, Truth
from detectors.evaluation.average_precision import interpolated
from detectors.evaluation.matching import match
from vidstream import geometry
from vidstream.geometry import Array
from vidstream.types import Boxes

#: false positives per picture at which miss rates are averaged
_FPPI = np.logspace(-2, 0, 9)
_RULES = Rules(thresholds=np.array([0.5]), limits=(1000,))


@dataclass(frozen=True, eq=False)
class Evidence:
    """Detections on any number of pictures, each right or wrong."""

    #: float (N,) any number that is larger for surer detections
    scores: Array
    #: bool (N,) True where it is an object that no better one has taken
    hits: npt.NDArray[np.bool_]
    #: objects there are
    wanted: int
    #: pictures looked at
    pictures: int

    @classmethod
    def of(cls, boxes: Boxes, scores: Array, truth: Boxes, ignored: Boxes) -> Self:
        """One picture's, at IoU 0.5 as COCO matches; what lies on `ignored` is neither right nor wrong."""
        known = np.concatenate([truth, ignored])
        out = np.arange(len(known)) >= len(truth)
        there = Truth.of(np.zeros(len(known)), geometry.to_xywh(known), np.zeros(len(known)), ignored=out)
        nought = np.zeros(len(boxes))
        matches = match(there, Found.of(nought, geometry.to_xywh(boxes), nought, scores), _RULES)
        counted = ~matches.ignored[:, 0, 0]
        return cls(scores[matches.rows[counted]], matches.right[counted, 0, 0], len(truth), 1)

    @classmethod
    def pooled(cls, parts: Iterable[Self]) -> Self:
        """That of all pictures together."""
        parts = [*parts]
        return cls(
            np.concatenate([np.zeros(0, np.float32), *(p.scores for p in parts)]),
            np.concatenate([np.zeros(0, bool), *(p.hits for p in parts)]),
            sum(p.wanted for p in parts),
            sum(p.pictures for p in parts),
        )

    @cached_property
    def curve(self) -> Curve:
        """Counts as the threshold falls; scores that are equal come together."""
        order = np.argsort(-self.scores, kind="stable")
        scores, hits = self.scores[order].astype(np.float64), self.hits[order]
        last = np.append(scores[1:] != scores[:-1], True)[: len(scores)]
        right, count = np.cumsum(hits, dtype=np.float64)[last], np.arange(1.0, len(scores) + 1)[last]
        return Curve(scores[last], right, count - right, self.wanted)

    @property
    def average_precision(self) -> float:
        """COCO's, at IoU 0.5."""
        hits = self.hits[np.argsort(-self.scores, kind="stable"), None]
        return float(interpolated(hits, ~hits, self.wanted).mean()) if self.wanted else float("nan")

    def miss_rate(self, fppi: float) -> float:
        """Share of objects missed where so many false positives per picture are allowed."""
        allowed = self.curve.recall[self.curve.wrong <= fppi * self.pictures]
        return 1.0 - float(allowed.max(initial=0.0))

    @property
    def log_average_miss_rate(self) -> float:
        """Miss rate, averaged over 0.01 to 1 false positives per picture.

        P. Dollar, C. Wojek, B. Schiele, P. Perona: Pedestrian Detection: An Evaluation of the State of the
        Art, PAMI 2012, section 3.3.
        """
        rates = [max(self.miss_rate(fppi), 1e-10) for fppi in _FPPI.tolist()]
        return float(np.exp(np.mean(np.log(rates))))
