"""The search: ranges from types, the optimum of a known landscape, cross-validation, processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pytest

from trackers.base import TrackerParams
from trackers.evaluation import MEASURES, Scores
from trackers.evaluation import Sequence as Recording
from trackers.evaluation.space import point_of, search_space, settings_at
from trackers.evaluation.trials import Course, Trials
from trackers.evaluation.tuning import folds_of, measure_called, tune
from vidstream.errors import UsageError
from vidstream.types.values import Positive, Ratio, Seconds

MOTA = next(measure for measure in MEASURES if measure.name == "MOTA")


@dataclass(frozen=True, slots=True)
class Example(TrackerParams):
    """One of each."""

    share: Ratio = 0.3
    wait: Seconds = 2.0
    count: Positive = 3
    free: float = 8.0
    mode: Literal["a", "b", "c"] = "b"
    flag: bool = True
    limit: Ratio | None = 0.5
    unset: Seconds | None = None
    name: str = "x"


OWN = ("share", "wait", "count", "free", "mode", "flag", "limit")


@pytest.mark.parametrize(
    ("name", "low", "middle", "high"),
    [
        ("share", 0.0, 0.5, 1.0),
        ("wait", 0.5, 2.0, 8.0),
        ("count", 1, 3, 12),
        ("free", 2.0, 8.0, 32.0),
        ("mode", "a", "b", "c"),
        ("flag", False, True, True),
        ("limit", 0.0, 0.5, 1.0),
    ],
)
def test_ranges_come_from_types(name: str, low: object, middle: object, high: object) -> None:
    (axis,) = search_space(Example, (name,))
    assert [axis.value(share) for share in (0.0, 0.5, 1.0)] == [low, middle, high]


def test_what_has_no_range_is_left_alone() -> None:
    names = {axis.name for axis in search_space(Example)}
    assert set(OWN) <= names
    assert not names & {"unset", "name", "frame_rate"}
    with pytest.raises(UsageError, match=r"'shar' is no setting that can be tuned; did you mean 'share'\?"):
        search_space(Example, ("shar",))


def test_places_and_settings_are_two_sides_of_one() -> None:
    axes = search_space(Example, OWN)
    for point in np.random.default_rng(1).random((50, len(axes))):
        settings = settings_at(axes, point)
        assert settings_at(axes, point_of(axes, settings)) == settings


def landscape(settings: dict[str, Any], number: int) -> Scores:
    """Best at share 0.8, wait 1 and mode c; sequence 3 would have share 0.2, which misleads the rest."""
    best = 0.2 if number == 3 else 0.8
    worth = 900 - 600 * abs(settings["share"] - best) - 100 * abs(np.log2(settings.get("wait", 2)))
    found = int(worth + 50 * (settings.get("mode") == "c"))
    return replace(Scores.zero(), tp=max(found, 0), fn=1000 - max(found, 0))


class Landscape:
    """A trial that counts."""

    def __init__(self) -> None:
        self.tried = 0

    def __call__(self, tried: Sequence[dict[str, Any]], part: Sequence[int]) -> list[list[Scores]]:
        self.tried += len(tried)
        return [[landscape(settings, number) for number in part] for settings in tried]


def test_the_search_finds_the_top() -> None:
    axes = search_space(Example, ("share", "wait", "mode", "flag"))
    tuned = tune(axes, Landscape(), 3, measure=MOTA, trials=150, folds=1, seed=0, say=lambda text: None)
    assert tuned.settings["share"] == pytest.approx(0.8, abs=0.05)
    assert tuned.settings["wait"] == pytest.approx(1, rel=0.2)
    assert tuned.settings["mode"] == "c"
    assert tuned.settings["flag"] is True, "what does not matter keeps its default"
    assert tuned.default == pytest.approx(0.5)
    assert tuned.score > 0.9
    assert tuned.folds == ()
    assert tuned.held_out is None


def test_cross_validation_shows_what_does_not_carry_over() -> None:
    axes = search_space(Example, ("share",))
    told: list[str] = []
    tuned = tune(axes, Landscape(), 4, measure=MOTA, trials=40, folds=4, seed=0, say=told.append)
    assert len(tuned.folds) == 4
    for fold in tuned.folds:
        assert fold.train >= fold.train_default
    odd = tuned.folds[3]
    assert odd.settings["share"] == pytest.approx(0.8, abs=0.05)
    assert odd.held_out < odd.held_out_default, "the sequence that is unlike the others pays"
    assert tuned.held_out_default == pytest.approx(0.5, abs=0.1)
    assert [line.split(":")[0] for line in told[1:]] == [
        "all sequences",
        *(f"fold {n} of 4" for n in (1, 2, 3, 4)),
    ]


def test_the_same_seed_finds_the_same() -> None:
    axes = search_space(Example, OWN[:3])
    first, second, other = (
        tune(axes, Landscape(), 2, measure=MOTA, trials=30, folds=2, seed=seed, say=lambda text: None)
        for seed in (1, 1, 2)
    )
    assert first == second
    assert first.settings != other.settings


def test_folds_hold_each_sequence_once() -> None:
    parts = folds_of(11, 3)
    assert sorted(number for part in parts for number in part) == list(range(11))
    assert {len(part) for part in parts} == {3, 4}


def test_measures_have_names() -> None:
    assert measure_called("idf1").name == "IDF1"
    with pytest.raises(UsageError, match="did you mean 'HOTA'"):
        measure_called("HOTE")


@pytest.fixture
def course(benchmark_sequence: Callable[[str], Recording]) -> Course:
    sequences = tuple(benchmark_sequence(name) for name in ("TUD-Campus", "KITTI-17"))
    return Course("sort", {"max_age": 0.5}, sequences, ((1, 40), (1, 40)))


def test_nothing_is_tried_twice(course: Course) -> None:
    heard: list[int] = []
    with Trials(course, seen=lambda settings, number, scores: heard.append(number)) as trials:
        first = trials([{"n_init": 1}, {"n_init": 3}], [0, 1])
        again = trials([{"n_init": 3}], [1])
    assert heard == [0, 1, 0, 1]
    assert again[0][0] is first[1][1]
    assert first[0][0].tp > first[1][0].tp > 0


def test_settings_that_cannot_be_score_nothing(course: Course) -> None:
    with Trials(replace(course, fixed={"max_age": 0.5, "no_such": 1})) as trials:
        ((scores,),) = trials([{"n_init": 1}], [0])
    assert scores.tp == 0
    assert scores.fn > 100


@pytest.mark.slow
def test_processes_change_nothing(course: Course) -> None:
    tried = [{"n_init": n} for n in (1, 2, 3)]
    with Trials(course) as one, Trials(course, 2) as two:
        for alone, together in zip(one(tried, [0, 1]), two(tried, [0, 1]), strict=True):
            assert [s.hota for s in alone] == [s.hota for s in together]
