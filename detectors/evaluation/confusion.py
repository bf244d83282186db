"""What is taken for what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.evaluation.average_precision import Evaluation
from detectors.evaluation.matching import overlapping
from vidstream.types import Ids


@dataclass(frozen=True, slots=True, eq=False)
class Confusion:
    """How often each class was found as each, at one confidence and IoU 0.5.

    What is right is what the scores call right. What is left on both sides is then paired whatever its
    class, best overlap first; what then is left was missed, or found where nothing is.
    """

    names: tuple[str, ...]
    #: int64 (K + 1, K + 1): true class by class found; last row nothing there, last column not found
    counts: Ids

    def worst(self, count: int = 10) -> list[tuple[str, str, int]]:
        """The commonest mistakes of one class for another: (true, found, times)."""
        k = len(self.names)
        mistakes = np.triu(self.counts[:k, :k], 1) + np.tril(self.counts[:k, :k], -1)
        order = np.argsort(-mistakes, axis=None, kind="stable")[:count].tolist()
        pairs = [(*divmod(at, k), int(mistakes.flat[at])) for at in order]
        return [(self.names[true], self.names[found], times) for true, found, times in pairs if times]


def confusion(evaluation: Evaluation, confidence: float) -> Confusion:
    """Count confusions among boxes that score at least `confidence`."""
    matches, found, truth = evaluation.matches, evaluation.found, evaluation.dataset.truth
    classes = evaluation.classes
    k = len(classes)
    counts = np.zeros((k + 1, k + 1), np.int64)
    taken = found.scores[matches.rows] >= confidence
    right, wrong = matches.right[:, 0, 0] & taken, matches.wrong[:, 0, 0] & taken
    free = ~matches.truth_out[:, 0]
    free[matches.objects[right, 0, 0]] = False
    same = np.searchsorted(classes, found.class_ids[matches.rows[right]])
    np.add.at(counts, (same, same), 1)
    ours, theirs = matches.rows[wrong], np.flatnonzero(free)
    left, right_one = _pair_up(evaluation, ours, theirs)
    found_class = np.append(np.searchsorted(classes, found.class_ids[ours]), k)
    true_class = np.append(np.searchsorted(classes, truth.class_ids[theirs]), k)
    lone = np.setdiff1d(np.arange(len(ours)), left)
    lost = np.setdiff1d(np.arange(len(theirs)), right_one)
    rows = np.concatenate([right_one, np.full(len(lone), -1), lost])
    columns = np.concatenate([left, lone, np.full(len(lost), -1)])
    np.add.at(counts, (true_class[rows], found_class[columns]), 1)
    return Confusion(tuple(evaluation.dataset.names[c] for c in classes.tolist()), counts)


def _pair_up(evaluation: Evaluation, ours: Ids, theirs: Ids) -> tuple[Ids, Ids]:
    """Pairs of a box and an object left over, one to one, best overlap first: places in both lists."""
    pairs = overlapping(evaluation.dataset.truth[theirs], evaluation.found[ours], 0.5, any_class=True)
    boxes: dict[int, int] = {}
    objects: set[int] = set()
    order = np.argsort(-pairs.overlap, kind="stable")
    for box, thing in zip(pairs.found[order].tolist(), pairs.truth[order].tolist(), strict=True):
        if box not in boxes and thing not in objects:
            boxes[box] = thing
            objects.add(thing)
    return np.array(list(boxes), np.int64), np.array(list(boxes.values()), np.int64)
