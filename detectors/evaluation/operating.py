"""What to expect at one confidence: precision, recall, F1, at IoU 0.5 and of all sizes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.evaluation.average_precision import Evaluation
from vidstream.geometry import Float64


@dataclass(frozen=True, slots=True)
class Operating:
    """Counts at one confidence."""

    confidence: float
    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """Share of what was found that is right; NaN where nothing was found."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else float("nan")

    @property
    def recall(self) -> float:
        """Share of what is there that was found; NaN where nothing is there."""
        return self.right / (self.right + self.missed) if self.right + self.missed else float("nan")

    @property
    def f1(self) -> float:
        """Their harmonic mean."""
        total = 2 * self.right + self.wrong + self.missed
        return 2 * self.right / total if total else float("nan")


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Counts as the confidence falls from score to score (S,)."""

    #: float64 (S,) falling, each once
    scores: Float64
    #: float64 (S,) right and wrong boxes that score at least so much
    right: Float64
    wrong: Float64
    #: objects there are
    total: int

    @property
    def precision(self) -> Float64:
        """(S,)."""
        share: Float64 = self.right / np.maximum(self.right + self.wrong, 1)
        return share

    @property
    def recall(self) -> Float64:
        """(S,)."""
        share: Float64 = self.right / max(self.total, 1)
        return share

    @property
    def f1(self) -> Float64:
        """(S,)."""
        share: Float64 = 2 * self.right / np.maximum(self.right + self.wrong + self.total, 1)
        return share

    def at(self, confidence: float) -> Operating:
        """With all boxes that score at least `confidence`."""
        count = int(np.count_nonzero(self.scores >= confidence))
        right, wrong = (int(c[count - 1]) if count else 0 for c in (self.right, self.wrong))
        return Operating(confidence, right, wrong, self.total - right)

    def best(self) -> Operating:
        """Where F1 is best; of several such, the highest confidence."""
        return self.at(float(self.scores[np.argmax(self.f1)])) if len(self.scores) else self.at(1.0)


def curve(evaluation: Evaluation, class_id: int | None = None) -> Curve:
    """Of one class, or of all boxes of all classes together."""
    matches, found, truth = evaluation.matches, evaluation.found, evaluation.dataset.truth
    mine, counted = ~matches.ignored[:, 0, 0], ~matches.truth_out[:, 0]
    if class_id is not None:
        mine = mine & (found.class_ids[matches.rows] == class_id)
        counted = counted & (truth.class_ids == class_id)
    scores, right = found.scores[matches.rows[mine]], matches.right[mine, 0, 0]
    order = np.argsort(-scores, kind="stable")
    scores, right = scores[order], right[order]
    last = np.append(scores[1:] != scores[:-1], True)[: len(scores)]  # equal scores come and go together
    hits = np.cumsum(right, dtype=np.float64)
    return Curve(scores[last], hits[last], (np.arange(1.0, len(hits) + 1) - hits)[last], int(counted.sum()))
