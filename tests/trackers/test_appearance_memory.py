"""Galleries and running means remember the right looks of the right tracks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackers.appearance import Ema, Gallery
from trackers.assignment import pairs_of
from vidstream.errors import ShapeError


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


class Lists:
    """The last three looks of each track, in lists."""

    def __init__(self):
        self.looks = {}

    def add(self, key, row):
        self.looks[key] = [*self.looks.get(key, []), row][-3:]

    def distance(self, key, row):
        return min((1 - look @ row for look in self.looks.get(key, [])), default=np.inf)


class Means(Lists):
    """The running mean of each track, worked out by the formula alone."""

    def add(self, key, row):
        (before,) = self.looks.get(key, [row])
        mean = 0.9 * before.astype(float) + 0.1 * row
        self.looks[key] = [mean / np.linalg.norm(mean)]


rounds = st.lists(st.tuples(st.sets(st.integers(1, 30), max_size=12), st.booleans()), max_size=15)


@pytest.mark.parametrize(
    ("make", "plain"),
    [pytest.param(lambda: Gallery(budget=3), Lists, id="gallery"), pytest.param(Ema, Means, id="mean")],
)
@settings(deadline=None, max_examples=60)
@given(rounds, st.integers(0, 99), st.sampled_from([0.0, 0.05, 0.4, 1.0]))
def test_equals_plain_bookkeeping(make, plain, rounds, seed, density):
    """Tracks come, go and come back under any id, and are asked for by few and by many pairs."""
    rng, memory, lists = np.random.default_rng(seed), make(), plain()
    for ids, drop in rounds:
        keys = rng.permutation(sorted(ids)).astype(np.int64)
        if drop:
            memory.keep(keys)
            lists.looks = {i: v for i, v in lists.looks.items() if i in ids}
        elif ids:
            features = unit(rng.normal(size=(len(keys), 6)))
            memory.add(keys, features)
            for i, row in zip(keys.tolist(), features, strict=True):
                lists.add(i, row)
        asked, found = rng.permutation(np.arange(1, 31)), unit(rng.normal(size=(4, 6)))
        wanted = rng.random((30, 4)) < density
        expected = np.array([[lists.distance(i, f) for f in found] for i in asked.tolist()])
        rows, cols = pairs_of(wanted)
        pairs = memory.pair_distances(asked, found, rows, cols)
        np.testing.assert_allclose(pairs, expected[rows, cols], atol=1e-5)
        distances = memory.distances(asked, found, wanted)
        np.testing.assert_allclose(distances, np.where(wanted, expected, np.inf), atol=1e-5)
        np.testing.assert_allclose(memory.distances(asked, found), expected, atol=1e-5)
        assert len(memory) == len(lists.looks)


@pytest.mark.parametrize("make", [Gallery, Ema])
def test_features_of_another_length_are_refused_until_all_are_gone(make):
    memory, keys = make(), np.array([1])
    memory.add(keys, unit(np.ones((1, 8))))
    with pytest.raises(ShapeError, match="8"):
        memory.add(keys, unit(np.ones((1, 9))))
    memory.keep(np.zeros(0, np.int64))
    memory.add(keys, unit(np.ones((1, 9))))
    assert memory.distances(keys, unit(np.ones((1, 9)))).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("make", [Gallery, Ema])
def test_nobody_and_nothing(make):
    memory, nobody = make(), np.zeros(0, np.int64)
    assert memory.distances(nobody, np.zeros((0, 8), np.float32)).shape == (0, 0)
    assert memory.distances(np.array([3]), np.zeros((0, 8), np.float32)).shape == (1, 0)
    assert np.isinf(memory.distances(np.array([3]), unit(np.ones((2, 8))))).all()
    memory.add(nobody, np.zeros((0, 8), np.float32))
    memory.keep(nobody)
    assert len(memory) == 0


def test_a_mean_moves_by_a_tenth_and_by_less_for_looks_that_are_not_trusted():
    """Two looks at right angles: after n steps the old one's share is 0.9^n, before the length is fixed."""
    east, north = np.eye(2, dtype=np.float32)
    for trust, slope in (
        (None, 1 / 9),
        (np.array([0.5], np.float32), 0.05 / 0.95),
        (np.zeros(1, np.float32), 0),
    ):
        mean, keys = Ema(), np.array([5])
        mean.add(keys, east[None])
        mean.add(keys, north[None], trust)
        x, y = 1 - mean.distances(keys, np.stack([east, north]))[0]
        assert y / x == pytest.approx(slope, abs=1e-5)
        assert np.hypot(x, y) == pytest.approx(1, abs=1e-5)


def test_memory_stays_as_large_as_the_most_there_ever_were_at_once():
    """Births and deaths over many frames: places are used again."""
    gallery, rng = Gallery(budget=4), np.random.default_rng(2)
    for frame in range(2000):
        keys = np.arange(frame, frame + 20)
        gallery.keep(keys)
        gallery.add(keys, unit(rng.normal(size=(20, 3))))
    assert len(gallery) == 20
    assert gallery._store.shape[0] <= 40
