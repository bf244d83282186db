"""Kalman's filter (1960), and the smoother of Rauch, Tung and Striebel (1965), over all tracks at once."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np

from trackers.assignment import Rows
from trackers.offline.motion import Motion, Noise, predict, started, update, variance
from vidstream.geometry import Float64
from vidstream.types import Ids


class Rounds(NamedTuple):
    """Rows in the order in which they are worked on: all tracks' first rows, then their second rows, ...

    The longest track goes first, so that each round is a slice, and the tracks that are still alive in the
    next are its beginning.
    """

    #: (R,) row, as the caller has them, at each place
    order: Rows
    #: (K + 1,) place at which each round starts
    edges: Ids

    @classmethod
    def of(cls, starts: Ids) -> Self:
        """For rows grouped by track: track t is rows ``starts[t]`` to ``starts[t + 1]``."""
        lengths = np.diff(starts)
        longest = np.argsort(-lengths, kind="stable")
        step = np.arange(starts[-1]) - np.repeat(starts[:-1], lengths)
        rank = np.empty(len(lengths), np.int64)
        rank[longest] = np.arange(len(lengths))
        order = np.lexsort((np.repeat(rank, lengths), step))
        alive = np.bincount(step, minlength=1)
        return cls(order, np.concatenate([[0], np.cumsum(alive)]))

    def pairs(self) -> list[tuple[slice, slice]]:
        """For each round but the first: the places of the same tracks in the round before, and its own."""
        starts, ends = self.edges[1:-1], self.edges[2:]
        before = self.edges[:-2]
        return [
            (slice(a, a + e - s), slice(s, e))
            for a, s, e in zip(before.tolist(), starts.tolist(), ends.tolist(), strict=True)
        ]


def smooth(measured: Float64, times: Float64, starts: Ids, trust: Float64, noise: Noise) -> Motion:
    """Beliefs about every row, given all rows of its track, before and after.

    `measured` (R, 4) are coordinates at `times` (R,). Rows are grouped by track and ordered by time; track t
    is rows ``starts[t]`` to ``starts[t + 1]``. `trust` (R,) divides the variance of each measurement; 0 = not
    seen, to be worked out. The first row of a track must have been seen.
    """
    rounds = Rounds.of(starts)
    times = times[rounds.order][:, None]
    prior, result = _filter(measured[rounds.order], times, rounds, trust[rounds.order], noise)
    for before, now in reversed(rounds.pairs()):
        step = _backward(result.at(before), prior.at(now), result.at(now), times[now] - times[before])
        _store(result, before, step)
    return result.at(np.argsort(rounds.order, kind="stable"))


def innovations(
    measured: Float64, times: Float64, starts: Ids, trust: Float64, noise: Noise
) -> tuple[Float64, Float64]:
    """(I, 4) how far each row but a track's first lay from where it was expected, and with which variance."""
    rounds = Rounds.of(starts)
    measured, trust = measured[rounds.order], trust[rounds.order]
    prior, _ = _filter(measured, times[rounds.order][:, None], rounds, trust, noise)
    later = slice(rounds.edges[1], None)
    spread = prior.pp[later] + variance(measured[later], noise) / trust[later, None]
    return measured[later] - prior.place[later], spread


def _filter(
    measured: Float64, times: Float64, rounds: Rounds, trust: Float64, noise: Noise
) -> tuple[Motion, Motion]:
    """The forward pass, rows in the order of the rounds: (R, 4) before each row is seen, and after."""
    with np.errstate(divide="ignore"):
        spread = variance(measured, noise) / trust[:, None]
    prior, result = Motion(*np.empty((5, *measured.shape))), Motion(*np.empty((5, *measured.shape)))
    first = slice(0, rounds.edges[1])
    for states in (prior, result):
        _store(states, first, started(measured[first], noise))
    for before, now in rounds.pairs():
        ahead = predict(result.at(before), times[now] - times[before], noise)
        _store(prior, now, ahead)
        _store(result, now, update(ahead, measured[now], spread[now]))
    return prior, result


def _backward(filtered: Motion, prior: Motion, later: Motion, dt: Float64) -> Motion:
    """One step back (Rauch 1965, eq. 3.30-3.31): C = P F' / P-, x += C (x_s - x-), P += C (P_s - P-) C'."""
    _, _, pp, pv, vv = filtered
    determinant = prior.pp * prior.vv - prior.pv**2
    ahead_pp, ahead_pv = pp + pv * dt, pv + vv * dt  # P F' = [[pp + pv dt, pv], [pv + vv dt, vv]]
    c11 = (ahead_pp * prior.vv - pv * prior.pv) / determinant
    c12 = (pv * prior.pp - ahead_pp * prior.pv) / determinant
    c21 = (ahead_pv * prior.vv - vv * prior.pv) / determinant
    c22 = (vv * prior.pp - ahead_pv * prior.pv) / determinant
    dplace, dvelocity = later.place - prior.place, later.velocity - prior.velocity
    dpp, dpv, dvv = later.pp - prior.pp, later.pv - prior.pv, later.vv - prior.vv
    return Motion(
        filtered.place + c11 * dplace + c12 * dvelocity,
        filtered.velocity + c21 * dplace + c22 * dvelocity,
        pp + c11**2 * dpp + 2 * c11 * c12 * dpv + c12**2 * dvv,
        pv + c11 * c21 * dpp + (c11 * c22 + c12 * c21) * dpv + c12 * c22 * dvv,
        vv + c21**2 * dpp + 2 * c21 * c22 * dpv + c22**2 * dvv,
    )


def _store(states: Motion, rows: slice, values: Motion) -> None:
    for column, value in zip(states, values, strict=True):
        column[rows] = value
