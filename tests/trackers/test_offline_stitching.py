"""Chains of tracklets: the optimum, and what it is made of."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trackers.offline.flow import cheapest_chains
from trackers.offline.history import History
from trackers.offline.looks import resemblance
from trackers.offline.motion import TYPICAL, coordinates
from trackers.offline.smoothing import smooth
from trackers.offline.stitching import continuation
from trackers.offline.tracklets import starts_of


@given(st.integers(0, 10_000), st.integers(1, 6))
def test_no_other_chains_gain_more(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    gains = np.triu(rng.uniform(-1, 1, (count, count)), 1)
    before, after = np.nonzero(gains > 0)
    successor = cheapest_chains(count, before, after, gains[before, after])
    linked = np.flatnonzero(successor >= 0)
    assert len(np.unique(successor[linked])) == len(linked)
    best = max(
        sum(max(gains[row, col], 0) for row, col in enumerate(order)) for order in permutations(range(count))
    )
    np.testing.assert_allclose(gains[linked, successor[linked]].sum(), best)


def track(key: int, frames: np.ndarray, x: np.ndarray, features: np.ndarray | None = None) -> History:
    rows = len(frames)
    boxes = np.stack([x, np.full(rows, 100.0), x + 40, np.full(rows, 200.0)], axis=1).astype(np.float32)
    ones = np.ones(rows, np.float32)
    ids = np.full(rows, key)
    return History(frames, frames / 10, ids, boxes, ones, np.zeros(rows, np.int64), features, ones > 0)


def test_what_goes_on_at_the_same_speed_is_likelier_than_what_turns_or_jumps() -> None:
    early, late = np.arange(10), np.arange(15, 25)
    on, turned, aside = late * 10.0, 150 - (late - 15) * 10.0, late * 10.0 + 80
    tracks = History.concat(
        [track(0, early, early * 10.0), track(1, late, on), track(2, late, turned), track(3, late, aside)]
    )
    tracks = tracks[np.lexsort((tracks.frames, tracks.ids))]
    starts = starts_of(tracks)
    state = smooth(coordinates(tracks.boxes), tracks.times, starts, np.ones(len(tracks)), TYPICAL)
    ends = np.repeat(starts[1:2] - 1, 3)
    goes_on, turns, jumps = continuation(tracks.times, state, ends, starts[1:4], TYPICAL)
    assert goes_on > 6 > max(turns, jumps)


def test_looks_speak_for_the_one_who_looks_alike() -> None:
    rng = np.random.default_rng(0)
    parts, dressed = [], []
    for person in range(12):
        look = rng.normal(0, 1, 16)
        for half in range(2):
            frames = np.arange(10) + 20 * half
            rows = look + rng.normal(0, 0.3, (10, 16))
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
            parts.append(track(2 * person + half, frames, frames * 1.0, rows.astype(np.float32)))
            dressed.append(person)
    tracks = History.concat(parts)
    tracks = tracks[np.lexsort((tracks.frames, tracks.ids))]
    before, after = np.arange(0, 22, 2), np.arange(1, 23, 2)
    assert (resemblance(tracks, before, after) > 1).all()
    assert (resemblance(tracks, before, after + 2) < -1).all()


def test_without_looks_nothing_is_said_of_them() -> None:
    tracks = track(0, np.arange(3), np.zeros(3))
    assert resemblance(tracks, np.array([0]), np.array([0])).tolist() == [0]
