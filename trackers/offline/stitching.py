"""Tracklets of one object found again: who goes on as whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trackers.assignment import Rows
from trackers.offline.flow import cheapest_chains
from trackers.offline.history import History
from trackers.offline.looks import resemblance
from trackers.offline.motion import Motion, Noise, heights, predict
from trackers.offline.tracklets import ends_of, starts_of, with_columns
from vidstream.geometry import Float64
from vidstream.types import Ids

#: candidates looked at in one go: bounds the memory
_BATCH = 100_000


@dataclass(frozen=True, slots=True)
class Links:
    """What it takes to be the same object."""

    #: longest time out of sight
    seconds: float
    #: least log likelihood, in nats
    evidence: float
    noise: Noise


def stitch(tracks: History, state: Motion, links: Links) -> History:
    """The same rows (grouped by track), with one id for all tracklets of a chain.

    `state` (2T,) are the smoothed beliefs about their ends (see `ends_of`). Chains maximise the sum of all
    links' evidence above the least.
    """
    starts = starts_of(tracks)
    first, last = starts[:-1], starts[1:] - 1
    found = [
        _worthwhile(tracks, state, links, *pairs) for pairs in _candidates(tracks, first, last, links.seconds)
    ]
    before, after, gains = (np.concatenate(column) for column in zip(*found, strict=True))
    heads = _heads(cheapest_chains(len(first), before, after, gains))
    return with_columns(tracks, ids=np.repeat(tracks.ids[first][heads], np.diff(starts)))


def _worthwhile(
    tracks: History, state: Motion, links: Links, before: Rows, after: Rows
) -> tuple[Rows, Rows, Float64]:
    """The candidates that have more than the least evidence, and how much more."""
    times = tracks.times[ends_of(tracks)]
    gains = continuation(times, state, 2 * before + 1, 2 * after, links.noise) - links.evidence
    near = gains > -5  # looks cannot make up for more
    before, after, gains = before[near], after[near], gains[near]
    gains = gains + resemblance(tracks, before, after)
    return before[gains > 0], after[gains > 0], gains[gains > 0]


def _candidates(tracks: History, first: Rows, last: Rows, seconds: float) -> list[tuple[Rows, Rows]]:
    """Pairs of tracklets of a class, of which one starts within `seconds` after the other's end."""
    order = np.argsort(tracks.frames[first], kind="stable")
    begin = tracks.times[first][order]
    low = np.searchsorted(tracks.frames[first][order], tracks.frames[last], side="right")
    high = np.maximum(np.searchsorted(begin, tracks.times[last] + seconds + 1e-6, side="right"), low)
    counts = high - low
    batches = np.cumsum(counts) // _BATCH
    found = []
    for batch in range(int(batches[-1]) + 1):
        rows = np.flatnonzero(batches == batch)
        before = np.repeat(rows, counts[rows])
        nth = np.arange(len(before)) - np.repeat(np.cumsum(counts[rows]) - counts[rows], counts[rows])
        after = order[low[before] + nth]
        same = tracks.class_ids[last][before] == tracks.class_ids[first][after]
        found.append((before[same], after[same]))
    return found


def continuation(times: Float64, state: Motion, end: Rows, start: Rows, noise: Noise) -> Float64:
    """(L,) log likelihood, up to a constant, that what ended in `end` goes on in `start`.

    Both are rows of `times` and `state` (K,).
    They are brought to the middle of the time between, one forward, one backward; their difference in place
    and velocity is normal, with the sum of their covariances (in heights, so that the scale of the picture
    does not matter).
    """
    half = (times[start] - times[end])[:, None] / 2
    ahead, back = predict(state.at(end), half, noise), predict(state.at(start), -half, noise)
    pp, pv, vv = ahead.pp + back.pp, ahead.pv + back.pv, ahead.vv + back.vv
    dx, dv = ahead.place - back.place, ahead.velocity - back.velocity
    determinant = pp * vv - pv**2
    squared = (vv * dx**2 - 2 * pv * dx * dv + pp * dv**2) / determinant
    spread = np.log(determinant / heights(state.place[start]) ** 4)
    return np.asarray(-0.5 * (squared + spread).sum(axis=1))


def _heads(successor: Ids) -> Ids:
    """The first tracklet of each one's chain."""
    heads = np.arange(len(successor))
    linked = np.flatnonzero(successor >= 0)
    heads[successor[linked]] = linked
    while (heads != heads[heads]).any():
        heads = heads[heads]
    return heads
