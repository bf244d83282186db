"""Average precision and recall as COCO has them (Lin et al. 2014), pycocotools' to the last digit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np

from detectors.evaluation.matching import Matches, match
from detectors.evaluation.objects import Dataset, Found, Mask
from detectors.evaluation.rules import LEVELS, Rules
from vidstream.geometry import Float64
from vidstream.types import Ids


class Measure(NamedTuple):
    """One number of the summary: what it averages over."""

    precision: bool
    #: a single threshold, or None for all
    iou: float | None = None
    area: str = "all"
    #: position of the limit on boxes, from the end
    limit: int = -1


#: COCO's twelve
MEASURES: Final[Mapping[str, Measure]] = MappingProxyType(
    {
        "AP": Measure(True),
        "AP50": Measure(True, 0.5),
        "AP75": Measure(True, 0.75),
        "APsmall": Measure(True, area="small"),
        "APmedium": Measure(True, area="medium"),
        "APlarge": Measure(True, area="large"),
        "AR1": Measure(False, limit=-3),
        "AR10": Measure(False, limit=-2),
        "AR100": Measure(False),
        "ARsmall": Measure(False, area="small"),
        "ARmedium": Measure(False, area="medium"),
        "ARlarge": Measure(False, area="large"),
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """How well boxes agree with the truth.

    By threshold (T), recall level (R), class (K), class of size (A) and limit on boxes (M).
    """

    dataset: Dataset
    found: Found
    rules: Rules
    #: class ids in the order of axis K
    classes: Ids
    #: float64 (T, R, K, A) at the largest limit; -1 where a class has no object of a size
    precision: Float64
    #: float64 (T, K, A, M); -1 likewise
    recall: Float64
    matches: Matches

    def summary(self, class_id: int | None = None) -> dict[str, float]:
        """COCO's twelve numbers, over all classes or of one; NaN where there is nothing to find."""
        return {name: self.mean(measure, class_id) for name, measure in MEASURES.items()}

    def mean(self, measure: Measure, class_id: int | None = None) -> float:
        """One number; NaN where there is nothing to find."""
        area = list(self.rules.areas).index(measure.area)
        if measure.precision:
            table = self.precision[:, :, :, area]
        else:
            table = self.recall[:, None, :, area, measure.limit]
        if measure.iou is not None:
            table = table[np.isclose(self.rules.thresholds, measure.iou)]
        if class_id is not None:
            table = table[:, :, self.classes == class_id]
        counted = table[table > -1]
        return float(np.mean(counted)) if len(counted) else float("nan")


def evaluate(dataset: Dataset, found: Found, rules: Rules | None = None) -> Evaluation:
    """Score what was found on the pictures of a dataset."""
    rules = rules or Rules()
    matches = match(dataset.truth, found, rules)
    classes = np.array(sorted(dataset.names), np.int64)
    shape = (len(rules.thresholds), len(classes), len(rules.areas))
    precision = np.full((shape[0], len(LEVELS), *shape[1:]), -1.0)
    recall = np.full((*shape, len(rules.limits)), -1.0)
    counted = ~matches.truth_out
    for k, class_id in enumerate(classes.tolist()):
        totals = counted[dataset.truth.class_ids == class_id].sum(axis=0)
        of_class = np.flatnonzero(found.class_ids[matches.rows] == class_id)
        order = of_class[np.argsort(-found.scores[matches.rows[of_class]], kind="stable")]
        for a in np.flatnonzero(totals).tolist():
            right, wrong = matches.right[order, a], matches.wrong[order, a]
            precision[:, :, k, a] = interpolated(right, wrong, int(totals[a]))
            for m, limit in enumerate(rules.limits):
                recall[:, k, a, m] = right[matches.ranks[order] < limit].sum(axis=0) / totals[a]
    return Evaluation(dataset, found, rules, classes, precision, recall, matches)


def interpolated(right: Mask, wrong: Mask, total: int) -> Float64:
    """(T, R) best precision at each recall level or above, of boxes (D, T) by falling score."""
    hits, misses = np.cumsum(right, axis=0, dtype=np.float64), np.cumsum(wrong, axis=0, dtype=np.float64)
    share = hits / (misses + hits + np.spacing(1))
    envelope = np.maximum.accumulate(share[::-1], axis=0)[::-1]
    table = np.zeros((right.shape[1], len(LEVELS)))
    for t in range(right.shape[1]):
        at = np.searchsorted(hits[:, t] / total, LEVELS, side="left")
        reached = at < len(hits)
        table[t, reached] = envelope[at[reached], t]
    return table
