"""What goes wrong: kinds of errors, and what each costs (TIDE: Bolya et al. 2020)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np

from detectors.evaluation.average_precision import Evaluation, interpolated
from detectors.evaluation.matching import Pairs, overlapping
from detectors.evaluation.objects import Mask
from vidstream.geometry import Float64
from vidstream.types import Ids

#: kind -> meaning
KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "class": "on an object of another class",
        "location": "on an object of its class, but too far off (IoU 0.1 to 0.5)",
        "both": "too far off, and of another class",
        "duplicate": "on an object that a better box has found already",
        "background": "where nothing is",
        "missed": "an object that nothing was found on",
    }
)
#: overlap that makes a box right, and overlap below which it has nothing to do with an object
_RIGHT, _NEAR = 0.5, 0.1


class Fault(NamedTuple):
    """One error."""

    kind: str
    #: index of the picture
    picture: int
    #: row of what was found, or -1
    found: int
    #: row of the object it has to do with, or -1
    truth: int
    #: 0 for what was missed
    score: float
    overlap: float


@dataclass(frozen=True, slots=True, eq=False)
class _Sorted:
    """Kind and object of every wrong box (W,), and which objects (G,) were missed altogether."""

    #: places among the matches
    places: Ids
    kinds: Ids
    truth: Ids
    overlap: Float64
    missed: Mask


_NUMBERS = {kind: number for number, kind in enumerate(KINDS)}


def find_faults(evaluation: Evaluation, confidence: float = 0.0) -> list[Fault]:
    """Every error among boxes that score at least `confidence`: the worst of each kind first.

    Boxes are the worse the surer they are, missed objects the larger they are.
    """
    found = _sort(evaluation, confidence)
    rows = evaluation.matches.rows[found.places]
    scores, names = evaluation.found.scores, list(KINDS)
    pictures, truth = evaluation.found.pictures, evaluation.dataset.truth
    columns = zip(
        found.kinds.tolist(), rows.tolist(), found.truth.tolist(), found.overlap.tolist(), strict=True
    )
    faults = [
        Fault(names[k], int(pictures[row]), row, g, float(scores[row]), iou) for k, row, g, iou in columns
    ]
    faults.sort(key=lambda fault: (names.index(fault.kind), -fault.score))
    lost = np.flatnonzero(found.missed)
    lost = lost[np.argsort(-truth.areas[lost], kind="stable")]
    return faults + [Fault("missed", int(truth.pictures[g]), -1, g, 0.0, 0.0) for g in lost.tolist()]


def gains(evaluation: Evaluation) -> dict[str, float]:
    """By how much AP50 would rise without the errors of each kind, all boxes of any score counted."""
    found = _sort(evaluation, -np.inf)
    before = _ap50(evaluation, *_as_it_is(evaluation))
    return {kind: max(_ap50(evaluation, *_mended(evaluation, found, kind)) - before, 0.0) for kind in KINDS}


def _sort(evaluation: Evaluation, confidence: float) -> _Sorted:
    matches, truth = evaluation.matches, evaluation.dataset.truth
    sure = evaluation.found.scores[matches.rows] >= confidence
    places = np.flatnonzero(matches.wrong[:, 0, 0] & sure)
    wrong = evaluation.found[matches.rows[places]]
    used = np.zeros(len(truth), bool)
    used[matches.objects[matches.right[:, 0, 0] & sure, 0, 0]] = True
    counted = np.flatnonzero(~matches.truth_out[:, 0])
    pairs = overlapping(truth[counted], wrong, _NEAR, any_class=True)
    pairs = pairs._replace(truth=counted[pairs.truth])
    same = truth.class_ids[pairs.truth] == wrong.class_ids[pairs.found]
    own, other, again = (
        _nearest(pairs, kept, len(wrong)) for kept in (same, ~same, same & used[pairs.truth])
    )
    near = np.maximum(own[0], other[0]) > 0
    tests = [
        (own[0] > 0) & (own[0] < _RIGHT),
        other[0] >= _RIGHT,
        again[0] >= _RIGHT,
        ~near,
    ]
    order = ["location", "class", "duplicate", "background"]
    kinds = np.select(tests, [np.int64(_NUMBERS[k]) for k in order], np.int64(_NUMBERS["both"]))
    choices = [own[1], other[1], again[1], np.full(len(wrong), -1)]
    theirs = np.select(tests, choices, np.where(own[0] > other[0], own[1], other[1]))
    overlap = np.select(tests, [own[0], other[0], again[0], 0.0 * own[0]], np.maximum(own[0], other[0]))
    mendable = np.isin(kinds, [_NUMBERS["location"], _NUMBERS["class"]])
    missed = np.zeros(len(truth), bool)
    missed[counted] = True
    missed[used] = missed[theirs[mendable]] = False
    return _Sorted(places, kinds, theirs, overlap, missed)


def _nearest(pairs: Pairs, kept: Mask, count: int) -> tuple[Float64, Ids]:
    """(W,) largest overlap of each box in the kept pairs, 0 where there is none, and the object's row."""
    overlap, truth = np.zeros(count), np.full(count, -1, np.int64)
    chosen = np.flatnonzero(kept)
    chosen = chosen[np.argsort(pairs.overlap[chosen], kind="stable")]
    overlap[pairs.found[chosen]] = pairs.overlap[chosen]  # the last of several stays
    truth[pairs.found[chosen]] = pairs.truth[chosen]
    return overlap, truth


def _as_it_is(evaluation: Evaluation) -> tuple[Ids, Mask, Mask, Mask]:
    """Class, right and wrong of each box (D,); objects (G,) that are to be found. All of it new arrays."""
    matches = evaluation.matches
    class_ids = evaluation.found.class_ids[matches.rows]
    return class_ids, matches.right[:, 0, 0], matches.wrong[:, 0, 0], ~matches.truth_out[:, 0]


def _mended(evaluation: Evaluation, found: _Sorted, kind: str) -> tuple[Ids, Mask, Mask, Mask]:
    """The same without one kind of error."""
    class_ids, right, wrong, counted = _as_it_is(evaluation)
    if kind == "missed":
        return class_ids, right, wrong, counted & ~found.missed
    these = found.kinds == _NUMBERS[kind]
    wrong[found.places[these]] = False
    if kind in ("class", "location"):
        winners = _first_claims(evaluation, found)
        mended = np.flatnonzero(these & winners)
        right[found.places[mended]] = True
        class_ids[found.places[mended]] = evaluation.dataset.truth.class_ids[found.truth[mended]]
    return class_ids, right, wrong, counted


def _first_claims(evaluation: Evaluation, found: _Sorted) -> Mask:
    """(W,) True for the surest box that only class or place keeps from an object nobody has found."""
    mendable = np.isin(found.kinds, [_NUMBERS["location"], _NUMBERS["class"]])
    matches = evaluation.matches
    used = matches.objects[matches.right[:, 0, 0], 0, 0]
    claims = np.flatnonzero(mendable & ~np.isin(found.truth, used))
    scores = evaluation.found.scores[matches.rows[found.places[claims]]]
    claims = claims[np.argsort(-scores, kind="stable")]
    _, first = np.unique(found.truth[claims], return_index=True)
    winners = np.zeros(len(found.places), bool)
    winners[claims[first]] = True
    return winners


def _ap50(evaluation: Evaluation, class_ids: Ids, right: Mask, wrong: Mask, counted: Mask) -> float:
    scores = evaluation.found.scores[evaluation.matches.rows]
    values = []
    for class_id in evaluation.classes.tolist():
        total = int((counted & (evaluation.dataset.truth.class_ids == class_id)).sum())
        if total:
            mine = np.flatnonzero((class_ids == class_id) & (right | wrong))
            mine = mine[np.argsort(-scores[mine], kind="stable")]
            values.append(interpolated(right[mine, None], wrong[mine, None], total).mean())
    return float(np.mean(values)) if values else 0.0
