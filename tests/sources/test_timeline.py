"""Placing frames in time, and thinning them out."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidstream.sources.timeline import Thinner, Timeline

MS = Fraction(1, 1000)


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=50), st.integers(-(10**12), 10**12))
def test_good_stamps_give_exact_times_whatever_the_rate(steps: list[int], start: int) -> None:
    line, stamp, expected = Timeline(Fraction(1, 90_000), period=0.04), start, 0
    assert line.place(start) == 0.0
    for step in steps:
        stamp, expected = stamp + step, expected + step
        assert line.place(stamp) == expected / 90_000
    assert line.segment == 0


@pytest.mark.parametrize(
    ("stamps", "times", "segments"),
    [
        pytest.param([7, 47, 87], [0, 0.04, 0.08], [0, 0, 0], id="starts anywhere"),
        pytest.param([None, None, None], [0, 0.04, 0.08], [0, 0, 0], id="no stamps: nominal periods"),
        pytest.param([0, None, 80], [0, 0.04, 0.08], [0, 0, 0], id="a missing one is bridged"),
        pytest.param([None, 500, 540], [0, 0.04, 0.08], [0, 0, 0], id="the first ones missing"),
        pytest.param([0, 40, 40, 80], [0, 0.04, 0.06, 0.08], [0, 0, 0, 0], id="a doubled one moves on"),
        pytest.param([0, 80, 40, 120], [0, 0.08, 0.1, 0.12], [0, 0, 0, 0], id="swapped ones stay in order"),
        pytest.param(
            [9000, 9040, 10, 50], [0, 0.04, 0, 0.04], [0, 0, 1, 1], id="a jump back is a new segment"
        ),
        pytest.param([0, 40, 60_040], [0, 0.04, 60.04], [0, 0, 0], id="a long pause is a pause"),
    ],
)
def test_placing(stamps: list[int | None], times: list[float], segments: list[int]) -> None:
    line = Timeline(MS, period=0.04)
    placed = [(line.place(stamp), line.segment) for stamp in stamps]
    assert [p for p, _ in placed] == pytest.approx(times, abs=1e-12)
    assert [s for _, s in placed] == segments


def test_elapsed_time_runs_on_through_a_jump_back() -> None:
    line, elapsed = Timeline(MS, period=0.04), []
    for stamp in (9000, 9040, 10, 50):
        line.place(stamp)
        elapsed.append(line.elapsed)
    assert elapsed == pytest.approx([0, 0.04, 0.08, 0.12])


@given(st.floats(5, 60), st.floats(1, 60))
def test_thinning_is_even_and_never_above_the_rate(rate: float, fps: float) -> None:
    thin = Thinner(fps)
    kept = [n / rate for n in range(300) if thin.wanted(0, n / rate)]
    seconds = 300 / rate
    assert len(kept) <= seconds * fps + 2
    assert len(kept) >= min(300, seconds * min(fps, rate)) * 0.89 - 2
    assert len(kept) + thin.skipped() == 300
    longest = max((b - a for a, b in pairwise(kept)), default=0)
    assert longest <= max(1 / fps, 1 / rate) + 1 / rate + 1e-9


def test_thinning_halves_a_rate_exactly_although_stamps_are_rounded() -> None:
    thin = Thinner(15)
    stamps = [round(n * 1000 / 30) / 1000 for n in range(300)]
    assert [n for n, pts in enumerate(stamps) if thin.wanted(0, pts)] == list(range(0, 300, 2))


def test_skipped_frames_are_counted_once() -> None:
    thin = Thinner(10)
    wanted = [thin.wanted(0, n / 30) for n in range(4)]
    assert (wanted, thin.skipped(), thin.skipped()) == ([True, False, False, True], 2, 0)


def test_a_new_segment_begins_with_its_first_frame() -> None:
    thin = Thinner(1)
    assert [thin.wanted(0, 0.0), thin.wanted(0, 0.5), thin.wanted(1, 0.0)] == [True, False, True]
