"""How much two tracklets look like one object, on a scale that the recording itself sets."""

from __future__ import annotations

import numpy as np

from trackers.assignment import Rows
from trackers.offline.history import History
from trackers.offline.tracklets import starts_of
from vidstream.geometry import Float32, Float64
from vidstream.types import Ids

#: pairs of each kind, same and different, that it takes to tell what is usual
_ENOUGH = 10
#: no pair of looks says more than this, in nats: neighbours in a crowd are dressed alike
_MOST = 4.0


def resemblance(tracks: History, before: Rows, after: Rows) -> Float64:
    """(L,) log likelihood ratio of one object against two, for the tracklets ``before[k]`` and ``after[k]``.

    Distances between the halves of a track are those of one object; distances between tracks that were
    in the picture at one time are those of two. Both are taken as normal. 0 where nothing is known.
    """
    ratio = np.zeros(len(before))
    if tracks.features is None or not len(before):
        return ratio
    starts = starts_of(tracks)
    middle = (starts[:-1] + starts[1:] + 1) // 2
    whole = _means(tracks.features, starts[:-1], starts[1:])
    halves = _means(tracks.features, starts[:-1], middle), _means(tracks.features, middle, starts[1:])
    same = _known(_cosine(*halves))
    left, right = _together(tracks, starts)
    different = _known(_cosine(whole[left], whole[right]))
    if min(len(same), len(different)) < _ENOUGH:
        return ratio
    # beyond the usual of either kind, more says no more (and normal tails would turn the verdict around)
    distance = np.clip(_cosine(whole[before], whole[after]), same.mean(), max(same.mean(), different.mean()))
    ratio = _surprise(distance, different) - _surprise(distance, same)
    return np.asarray(np.clip(np.nan_to_num(ratio, nan=0.0), -_MOST, _MOST))


def _means(features: Float32, starts: Ids, ends: Ids) -> Float64:
    """(T, D) mean of the rows from each start to its end, as unit rows; NaN where none was looked at."""
    sums = np.array([features[a:b].sum(axis=0, dtype=np.float64) for a, b in zip(starts, ends, strict=True)])
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    means: Float64 = np.divide(sums, length, out=np.full_like(sums, np.nan), where=length > 0)
    return means


def _together(tracks: History, starts: Ids) -> tuple[Rows, Rows]:
    """Pairs of tracks, neighbours by their beginning, that share some time."""
    first, last = tracks.frames[starts[:-1]], tracks.frames[starts[1:] - 1]
    order = np.argsort(first, kind="stable")
    left, right = order[:-1], order[1:]
    shared = last[left] >= first[right]
    return left[shared], right[shared]


def _cosine(a: Float64, b: Float64) -> Float64:
    return np.asarray(1 - (a * b).sum(axis=1))


def _known(distances: Float64) -> Float64:
    known: Float64 = distances[np.isfinite(distances)]
    return known


def _surprise(values: Float64, sample: Float64) -> Float64:
    """Negative log density, up to a constant, of `values` under a normal fit to the sample."""
    middle, spread = sample.mean(), max(float(sample.std()), 0.02)
    surprise: Float64 = 0.5 * ((values - middle) / spread) ** 2 + np.log(spread)
    return surprise
