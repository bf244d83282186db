"""HOTA, CLEAR MOT and identity scores of a run, and of several runs taken together.

HOTA: Luiten et al. 2021. CLEAR: Bernardin and Stiefelhagen 2008. Identity: Ristani et al. 2016. `score` has
them computed by TrackEval (Luiten et al.), `trackers.evaluation.fast` computes the same numbers faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Self

import numpy as np

from trackers.evaluation.overlap import Overlap
from trackers.evaluation.rules import compare
from trackers.evaluation.sequences import Frames, Sequence
from trackers.motfile import MotRows
from vidstream.errors import MissingDependency
from vidstream.geometry import Float64

#: localisation thresholds over which HOTA is averaged (Luiten 2021, eq. 18)
ALPHAS = np.arange(0.05, 0.99, 0.05)


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What was counted; all of it adds up over sequences and classes. The measures are made of the counts.

    The arrays are float64 (19,), one value per localisation threshold.
    """

    hota_tp: Float64
    hota_fn: Float64
    hota_fp: Float64
    #: sums over the true positives: association score, its recall and precision, and IoU
    association: Float64
    association_recall: Float64
    association_precision: Float64
    localisation: Float64
    tp: int
    fn: int
    fp: int
    #: identity switches, fragmentations
    switches: int
    fragmentations: int
    #: annotated identities followed for more than 80 % of their frames, between, and below 20 %
    mostly_tracked: int
    partly_tracked: int
    mostly_lost: int
    idtp: int
    idfn: int
    idfp: int

    def __add__(self, other: Self) -> Self:
        return type(self)(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @classmethod
    def zero(cls) -> Self:
        """Nothing was there, and nothing reported."""
        nothing: Any = ({"Float64": np.zeros(len(ALPHAS))}.get(str(f.type), 0) for f in fields(cls))
        return cls(*nothing)

    @property
    def det_a(self) -> float:
        """Detection accuracy (Luiten 2021, eq. 16)."""
        return float(self._det_a().mean())

    @property
    def ass_a(self) -> float:
        """Association accuracy (eq. 17)."""
        return float(self._ass_a().mean())

    @property
    def hota(self) -> float:
        """Higher-order tracking accuracy (eq. 18): both of the above, at each threshold."""
        return float(np.sqrt(self._det_a() * self._ass_a()).mean())

    @property
    def ass_re(self) -> float:
        """Association recall (eq. 24)."""
        return float((self.association_recall / np.maximum(1, self.hota_tp)).mean())

    @property
    def ass_pr(self) -> float:
        """Association precision (eq. 25)."""
        return float((self.association_precision / np.maximum(1, self.hota_tp)).mean())

    @property
    def loc_a(self) -> float:
        """Localisation accuracy (eq. 21)."""
        return float((np.maximum(1e-10, self.localisation) / np.maximum(1e-10, self.hota_tp)).mean())

    @property
    def mota(self) -> float:
        """1 - (misses + false positives + switches) / objects (Bernardin 2008, section 2.1.3)."""
        return (self.tp - self.fp - self.switches) / max(1, self.tp + self.fn)

    @property
    def idf1(self) -> float:
        """2 IDTP / (objects + reported) (Ristani 2016, eq. 11)."""
        return self.idtp / max(1.0, self.idtp + 0.5 * self.idfp + 0.5 * self.idfn)

    @property
    def precision(self) -> float:
        """Share of reported boxes that lie on an object."""
        return self.tp / max(1, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Share of objects that are covered."""
        return self.tp / max(1, self.tp + self.fn)

    def _det_a(self) -> Float64:
        return self.hota_tp / np.maximum(1, self.hota_tp + self.hota_fn + self.hota_fp)

    def _ass_a(self) -> Float64:
        return self.association / np.maximum(1, self.hota_tp)


class Measure(NamedTuple):
    """How a measure is called, where it comes from, and whether it is a share or a number of cases."""

    name: str
    of: Callable[[Scores], float]
    share: bool
    #: whether more is better
    good: bool


#: in the order of tables
MEASURES: tuple[Measure, ...] = (
    Measure("HOTA", lambda s: s.hota, share=True, good=True),
    Measure("DetA", lambda s: s.det_a, share=True, good=True),
    Measure("AssA", lambda s: s.ass_a, share=True, good=True),
    Measure("LocA", lambda s: s.loc_a, share=True, good=True),
    Measure("MOTA", lambda s: s.mota, share=True, good=True),
    Measure("IDF1", lambda s: s.idf1, share=True, good=True),
    Measure("IDs", lambda s: s.switches, share=False, good=False),
    Measure("Frag", lambda s: s.fragmentations, share=False, good=False),
    Measure("FP", lambda s: s.fp, share=False, good=False),
    Measure("FN", lambda s: s.fn, share=False, good=False),
    Measure("MT", lambda s: s.mostly_tracked, share=False, good=True),
    Measure("ML", lambda s: s.mostly_lost, share=False, good=False),
)


def score(sequence: Sequence, reported: MotRows, frames: Frames | None = None) -> Scores:
    """How good `reported` is in `frames` (first and last; default: all), all classes taken together.

    Raises MissingDependency where TrackEval is not installed, UsageError where rows do not fit.
    """
    return combine(score_classes(sequence, reported, frames).values())


def score_classes(
    sequence: Sequence, reported: MotRows, frames: Frames | None = None
) -> Mapping[str, Scores]:
    """The same for each class that the sequence's benchmark scores."""
    metrics = _metrics()
    return {
        target.name: by_trackeval(compare(sequence, target, reported, frames), metrics)
        for target in sequence.targets
    }


def combine(parts: Iterable[Scores]) -> Scores:
    """Several sequences, or classes, as if they were one long recording."""
    return sum(parts, start=Scores.zero())


def by_trackeval(overlap: Overlap, metrics: tuple[Any, Any, Any]) -> Scores:
    """TrackEval's numbers, from arrays instead of files."""
    frames = range(overlap.length)
    true, found = overlap.true_starts, overlap.found_starts
    data = {
        "num_timesteps": overlap.length,
        "num_gt_dets": len(overlap.true_ids),
        "num_tracker_dets": len(overlap.found_ids),
        "num_gt_ids": len(overlap.true_counts),
        "num_tracker_ids": len(overlap.found_counts),
        "gt_ids": [overlap.true_ids[true[t] : true[t + 1]] for t in frames],
        "tracker_ids": [overlap.found_ids[found[t] : found[t + 1]] for t in frames],
        "similarity_scores": [overlap.similarity(t) for t in frames],
    }
    hota, clear, identity = (metric.eval_sequence(data) for metric in metrics)
    hits = hota["HOTA_TP"]
    sums = (hota[name] * hits for name in ("AssA", "AssRe", "AssPr", "LocA"))
    counts = ("CLR_TP", "CLR_FN", "CLR_FP", "IDSW", "Frag", "MT", "PT", "ML")
    return Scores(
        *(hits, hota["HOTA_FN"], hota["HOTA_FP"]),
        *sums,
        *(int(clear[name]) for name in counts),
        *(int(identity[name]) for name in ("IDTP", "IDFN", "IDFP")),
    )


def _metrics() -> tuple[Any, Any, Any]:
    """TrackEval's HOTA, CLEAR and Identity, ready to use."""
    import contextlib
    import io

    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what else could be installed
            from trackeval.metrics import CLEAR, HOTA, Identity
    except ImportError as error:
        raise MissingDependency(
            "evaluation needs the package trackeval", fix="run: pip install -r requirements/eval.txt"
        ) from error
    return HOTA(), CLEAR({"PRINT_CONFIG": False}), Identity({"PRINT_CONFIG": False})
