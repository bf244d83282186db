"""Two runs compared: the tests against SciPy's, and what cannot be compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import permutation_test

from trackers.evaluation import MEASURES, Scores, combine
from trackers.evaluation.comparison import compare_runs
from vidstream.errors import UsageError

MOTA = next(measure for measure in MEASURES if measure.name == "MOTA")


def runs(count: int, gain: int, seed: int = 3) -> tuple[list[Scores], list[Scores]]:
    """Sequences of 100 objects; the second run finds about `gain` more in each."""
    rng = np.random.default_rng(seed)
    first = [replace(Scores.zero(), tp=int(n), fn=100 - int(n)) for n in rng.integers(40, 70, count)]
    second = [
        replace(s, tp=s.tp + int(g), fn=s.fn - int(g))
        for s, g in zip(first, rng.integers(gain - 4, gain + 5, count), strict=True)
    ]
    return first, second


@pytest.mark.parametrize(("count", "gain"), [(6, 0), (8, 3), (10, 1), (7, 10)])
def test_p_is_that_of_scipy(count: int, gain: int) -> None:
    first, second = runs(count, gain)
    (difference,) = compare_runs(first, second, [MOTA])
    both = [[s.tp for s in run] for run in (second, first)]  # whole numbers: ties are ties
    theirs = permutation_test(
        both, lambda a, b: np.sum(a) - np.sum(b), permutation_type="samples", n_resamples=2**count
    )
    assert difference.p == pytest.approx(theirs.pvalue)
    assert difference.value == pytest.approx(combine(second).mota - combine(first).mota)


def test_the_interval_is_that_of_a_normal_mean() -> None:
    """Forty sequences of one size: the difference is nearly normal, so 95 % lie within 1.96 errors."""
    first, second = runs(40, 5)
    (difference,) = compare_runs(first, second, [MOTA])
    gains = np.array([b.mota - a.mota for a, b in zip(first, second, strict=True)])
    error = 1.96 * gains.std() / np.sqrt(len(gains))
    assert difference.low == pytest.approx(gains.mean() - error, abs=0.3 * error)
    assert difference.high == pytest.approx(gains.mean() + error, abs=0.3 * error)
    assert difference.p < 0.01
    assert difference.better


def test_a_run_is_no_better_than_itself() -> None:
    first, _ = runs(8, 0)
    for difference in compare_runs(first, first):
        assert (difference.value, difference.low, difference.high, difference.p) == (0, 0, 0, 1)
        assert not difference.better


def test_the_same_seed_gives_the_same() -> None:
    assert compare_runs(*runs(20, 2), [MOTA], seed=4) == compare_runs(*runs(20, 2), [MOTA], seed=4)


@pytest.mark.parametrize(("left", "right"), [(0, 0), (3, 2)], ids=["none", "not the same"])
def test_sequences_must_be_the_same(left: int, right: int) -> None:
    with pytest.raises(UsageError, match="same sequences"):
        compare_runs([Scores.zero()] * left, [Scores.zero()] * right)
