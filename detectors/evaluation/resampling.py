"""Is the difference real? Average precision on pictures drawn anew (bootstrap: Efron 1979)."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from detectors.evaluation.average_precision import Evaluation
from detectors.evaluation.objects import Dataset, Mask
from detectors.evaluation.rules import LEVELS
from vidstream.geometry import Float64
from vidstream.types import Ids

#: frames of a video are alike: whole stretches of it are drawn, so many in all
STRETCHES: Final = 20


class Interval(NamedTuple):
    """A difference, and where 95 of 100 drawn ones lie."""

    value: float
    low: float
    high: float


def compare(before: Evaluation, after: Evaluation, draws: int = 200, seed: int = 0) -> dict[str, Interval]:
    """By how much AP and AP50 differ between two runs on the same pictures.

    Both are scored on the same draws, so what is hard for both cancels out. The same seed draws the same.
    """
    weights = draw(before.dataset, draws, seed)
    first, second = drawn_precision(before, weights), drawn_precision(after, weights)
    intervals = {}
    for name, levels in (("AP", slice(None)), ("AP50", slice(0, 1))):
        differences = second[:, levels].mean(axis=1) - first[:, levels].mean(axis=1)
        low, high = np.nanpercentile(differences, (2.5, 97.5)).tolist()
        value = after.summary()[name] - before.summary()[name]
        intervals[name] = Interval(value, low, high)
    return intervals


def draw(dataset: Dataset, draws: int, seed: int) -> Float64:
    """(B, P) how often each picture is drawn: as many as there are, each time from all."""
    count = len(dataset.pictures)
    group = np.arange(count) * STRETCHES // count if dataset.video and count > STRETCHES else np.arange(count)
    groups = int(group[-1]) + 1
    drawn = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), size=draws)
    return drawn[:, group].astype(np.float64)


def drawn_precision(evaluation: Evaluation, weights: Float64) -> Float64:
    """(B, T) mean average precision over classes when picture p counts ``weights[:, p]`` times."""
    matches, truth, found = evaluation.matches, evaluation.dataset.truth, evaluation.found
    counted = ~matches.truth_out[:, 0]
    means = []
    for class_id in evaluation.classes.tolist():
        mine = truth.pictures[counted & (truth.class_ids == class_id)]
        places = np.flatnonzero(found.class_ids[matches.rows] == class_id)
        order = places[np.argsort(-found.scores[matches.rows[places]], kind="stable")]
        pictures = found.pictures[matches.rows[order]]
        right, wrong = matches.right[order, 0], matches.wrong[order, 0]
        means.append(_of_class(weights, mine, pictures, right, wrong))
    table = np.stack(means)
    there = ~np.isnan(table)  # a class with no object in a draw has no precision there
    mean: Float64 = np.where(there, table, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    return mean


def _of_class(weights: Float64, truth: Ids, found: Ids, right: Mask, wrong: Mask) -> Float64:
    """(B, T) average precision of one class; NaN in draws without any of its objects."""
    totals = weights[:, truth].sum(axis=1)
    times = weights[:, found]
    table = np.full((len(weights), right.shape[1]), np.nan)
    for t in range(right.shape[1]):
        hits, misses = (np.cumsum(times * marked[:, t], axis=1) for marked in (right, wrong))
        share = hits / (hits + misses + np.spacing(1))
        envelope = np.maximum.accumulate(share[:, ::-1], axis=1)[:, ::-1]
        for b in np.flatnonzero(totals).tolist():
            at = np.searchsorted(hits[b] / totals[b], LEVELS, side="left")
            table[b, t] = envelope[b, at[at < len(found)]].sum() / len(LEVELS)
    return table
