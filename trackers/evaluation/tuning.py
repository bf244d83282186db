"""Search for the settings of a tracker that score best, and how far one may believe in them.

A random search finds the region, steps around the best settings then refine them (an evolution strategy with
the one-fifth rule, Rechenberg 1973); in the end, whatever does not help goes back to its default. The same
is done without each part of the sequences in turn: what the settings found so reach on the part left out
is what they are worth on sequences nobody has seen.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Series
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from trackers.evaluation.scores import MEASURES, Measure, Scores, combine
from trackers.evaluation.space import Axis, Settings, point_of, settings_at
from vidstream.errors import UsageError, did_you_mean
from vidstream.geometry import Float64

#: (settings, numbers of sequences) -> for each of the settings the scores of these sequences
Trial: TypeAlias = Callable[[Series[Settings], Series[int]], list[list[Scores]]]
Say: TypeAlias = Callable[[str], None]

#: the share of trials that are drawn at random
_RANDOM = 0.4
#: settings tried at once while refining
_STEP = 4
#: first and smallest spread of the steps, in shares of each range
_SPREAD, _LEAST_SPREAD = 0.15, 0.01
#: what a setting must add to stay away from its default
_WORTH = 2e-4


@dataclass(frozen=True, slots=True)
class Fold:
    """Settings found on some sequences, and what they reach there and on the others."""

    settings: Settings
    train: float
    train_default: float
    held_out: float
    held_out_default: float


@dataclass(frozen=True, slots=True)
class Tuned:
    """The outcome of a search."""

    settings: Settings
    score: float
    default: float
    folds: tuple[Fold, ...]
    #: all folds' held-out sequences together: with the settings found without them, and with the defaults
    held_out: float | None
    held_out_default: float | None


def measure_called(name: str) -> Measure:
    """The measure of this name. Raises UsageError where there is none."""
    for measure in MEASURES:
        if measure.name.lower() == name.lower():
            return measure
    known = [measure.name for measure in MEASURES]
    hint = did_you_mean(name, known) or f"known: {', '.join(known)}"
    raise UsageError(f"there is no measure '{name}'", where="--metric", fix=hint)


def folds_of(count: int, folds: int) -> list[list[int]]:
    """Which sequences (numbers from 0) are left out together: every n-th, so that benchmarks mix."""
    return [list(range(count))[fold::folds] for fold in range(folds)] if folds > 1 else []


def tune(
    axes: list[Axis],
    trial: Trial,
    count: int,
    *,
    measure: Measure,
    trials: int,
    folds: int,
    seed: int,
    say: Say,
) -> Tuned:
    """Settings for `count` sequences; `say` hears what has been reached. The same seed gives the same."""
    default = {axis.name: axis.default for axis in axes}
    searches = [_Search(axes, trial, range(count), measure, trials, seed)]
    parts = folds_of(count, folds)
    for number, part in enumerate(parts, 1):
        rest = [index for index in range(count) if index not in part]
        searches.append(_Search(axes, trial, rest, measure, trials, seed + number))
    # the draws are the same for all, so each is tried once
    drawn = _draws(axes, max(1, round(_RANDOM * trials)), seed)
    say(f"default and {len(drawn)} random settings")
    trial([default, *drawn], range(count))
    found: list[Settings] = []
    for number, search in enumerate(searches):
        found.append(search.run(default, drawn))
        what = "all sequences" if number == 0 else f"fold {number} of {folds}"
        say(f"{what}: {measure.name} {search.score(default):.4f} -> {search.score(found[-1]):.4f}")
    return _outcome(searches, found, default, parts, trial, measure)


def _outcome(
    searches: list[_Search],
    found: list[Settings],
    default: Settings,
    parts: list[list[int]],
    trial: Trial,
    measure: Measure,
) -> Tuned:
    folds, tuned_scores, default_scores = [], [], []
    for search, settings, part in zip(searches[1:], found[1:], parts, strict=True):
        tuned_part, default_part = trial([settings, default], part)
        ends = search.score(settings), search.score(default)
        folds.append(
            Fold(settings, *ends, measure.of(combine(tuned_part)), measure.of(combine(default_part)))
        )
        tuned_scores += tuned_part
        default_scores += default_part
    whole = searches[0]
    return Tuned(
        found[0],
        whole.score(found[0]),
        whole.score(default),
        tuple(folds),
        measure.of(combine(tuned_scores)) if folds else None,
        measure.of(combine(default_scores)) if folds else None,
    )


class _Search:
    """The search on some of the sequences."""

    def __init__(
        self, axes: list[Axis], trial: Trial, part: Series[int], measure: Measure, trials: int, seed: int
    ) -> None:
        self._axes, self._trial, self._part, self._measure = axes, trial, list(part), measure
        self._trials, self._rng = trials, np.random.default_rng(seed)

    def score(self, settings: Settings) -> float:
        """What these settings reach, as the measure counts."""
        return self._measure.of(combine(self._trial([settings], self._part)[0]))

    def run(self, default: Settings, drawn: list[Settings]) -> Settings:
        """The best settings found."""
        tried = [default, *drawn]
        worth = self._worth(tried)
        best = int(np.argmax(worth))
        settings, reached = self._refined(tried[best], worth[best], self._trials - len(tried))
        return self._simplest(settings, reached, default)

    def _refined(self, best: Settings, reached: float, left: int) -> tuple[Settings, float]:
        spread = _SPREAD
        while left > 0:
            tried = [self._near(best, spread) for _ in range(min(_STEP, left))]
            worth = self._worth(tried)
            left -= len(tried)
            better = int(np.argmax(worth))
            success = worth[better] > reached
            if success:
                best, reached = tried[better], worth[better]
            # four tries at once succeed more often than one does: the rule's balance moves with them
            spread = max(_LEAST_SPREAD, spread * (1.3 if success else 0.85))
        return best, reached

    def _near(self, settings: Settings, spread: float) -> Settings:
        """Some of the settings changed a little; switches and choices now and then."""
        point = point_of(self._axes, settings)
        moved = self._rng.random(len(point)) < max(0.3, 1 / len(point))
        moved[self._rng.integers(len(point))] = True
        step = self._rng.normal(0, spread, len(point))
        anywhere = self._rng.random(len(point))
        for number, axis in enumerate(self._axes):
            if moved[number] and axis.choices:
                point[number] = anywhere[number]
            elif moved[number]:
                point[number] = np.clip(point[number] + step[number], 0, 1)
        return settings_at(self._axes, point)

    def _simplest(self, settings: Settings, reached: float, default: Settings) -> Settings:
        """As many defaults as cost nothing to speak of."""
        for axis in self._axes:
            plain = settings | {axis.name: default[axis.name]}
            if plain != settings and (worth := self._worth([plain])[0]) >= reached - _WORTH:
                settings, reached = plain, worth
        return settings

    def _worth(self, tried: list[Settings]) -> list[float]:
        """More is better."""
        sign = 1 if self._measure.good else -1
        return [sign * self._measure.of(combine(s)) for s in self._trial(tried, self._part)]


def _draws(axes: list[Axis], count: int, seed: int) -> list[Settings]:
    """Random settings that fill every axis evenly (Latin hypercube, McKay et al. 1979)."""
    rng = np.random.default_rng(seed)
    places: Float64 = np.stack([rng.permutation(count) for _ in axes], axis=1) + rng.random(
        (count, len(axes))
    )
    return [settings_at(axes, point) for point in places / count]
