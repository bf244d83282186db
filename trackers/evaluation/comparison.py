"""Whether one run is really better than another: paired tests over the sequences both were measured on.

Sequences, not frames, are what was drawn at random: frames of one recording are far from independent.
"""

from __future__ import annotations

from collections.abc import Sequence as Series
from dataclasses import dataclass, fields
from itertools import product

import numpy as np

from trackers.evaluation.scores import MEASURES, Measure, Scores, combine
from vidstream.errors import UsageError
from vidstream.geometry import Float64

#: all exchanges are tried up to so many sequences, random ones above
_ALL_EXCHANGES = 10
_DRAWS = 2000
_FIELDS = fields(Scores)


@dataclass(frozen=True, slots=True)
class Difference:
    """One measure of the second run minus that of the first, all sequences taken together."""

    measure: Measure
    first: float
    second: float
    #: 95 % of the differences when sequences are drawn anew (percentile bootstrap)
    low: float
    high: float
    #: share of exchanges of the two runs, sequence by sequence, that differ at least as much
    p: float

    @property
    def value(self) -> float:
        """The difference."""
        return self.second - self.first

    @property
    def better(self) -> bool:
        """Whether the second run is ahead."""
        return self.value > 0 if self.measure.good else self.value < 0


def compare_runs(
    first: Series[Scores],
    second: Series[Scores],
    measures: Series[Measure] = MEASURES,
    seed: int = 0,
) -> list[Difference]:
    """Both runs' scores on the same S sequences, in the same order; the same seed gives the same numbers.

    `p` is that of a paired permutation test (Fisher 1935): were both runs equally good, exchanging their
    results on any of the sequences would change nothing. With S sequences it is 2 / 2^S at least, so that
    fewer than 6 cannot show anything at 5 %. The interval is a paired bootstrap's (Efron 1979).
    """
    if len(first) != len(second) or not first:
        raise UsageError("two runs are compared on the same sequences, one at least", where="comparison")
    rng = np.random.default_rng(seed)
    tables = np.stack([_table(first), _table(second)])
    count = len(first)
    drawn = rng.multinomial(count, np.full(count, 1 / count), _DRAWS).astype(float)
    resampled = _differences(drawn @ tables[0], drawn @ tables[1], measures)
    swaps = _exchanges(count, rng)
    exchanged = _differences(
        (1 - swaps) @ tables[0] + swaps @ tables[1], swaps @ tables[0] + (1 - swaps) @ tables[1], measures
    )
    before, after = combine(first), combine(second)
    found = []
    for column, measure in enumerate(measures):
        a, b = measure.of(before), measure.of(after)
        low, high = np.percentile(resampled[:, column], [2.5, 97.5])
        as_much = np.abs(exchanged[:, column]) >= abs(b - a) - 1e-12
        found.append(Difference(measure, a, b, float(low), float(high), float(as_much.mean())))
    return found


def _exchanges(count: int, rng: np.random.Generator) -> Float64:
    """(E, S) 1 where the runs change places; the first row exchanges nothing, so that p is never 0."""
    if count <= _ALL_EXCHANGES:
        return np.array(list(product((0.0, 1.0), repeat=count)))
    swaps = rng.integers(0, 2, (_DRAWS, count)).astype(float)
    swaps[0] = 0
    return swaps


def _table(scores: Series[Scores]) -> Float64:
    """(S, K) all counts of each sequence."""
    return np.array([np.concatenate([np.atleast_1d(getattr(s, f.name)) for f in _FIELDS]) for s in scores])


def _differences(first: Float64, second: Float64, measures: Series[Measure]) -> Float64:
    """(D, M) second minus first, of D pairs of summed counts."""
    pairs = zip(first, second, strict=True)
    rows = [(_scores(a), _scores(b)) for a, b in pairs]
    return np.array([[measure.of(b) - measure.of(a) for measure in measures] for a, b in rows])


def _scores(row: Float64) -> Scores:
    """The scores whose counts are in a row of `_table`."""
    sizes = [19 if f.type == "Float64" else 1 for f in _FIELDS]
    parts = np.split(row, np.cumsum(sizes)[:-1])
    values = [part if size > 1 else float(part[0]) for part, size in zip(parts, sizes, strict=True)]
    return Scores(*values)  # type: ignore[arg-type]  # sums of whole numbers, held as floats
