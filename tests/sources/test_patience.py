"""Silence, intervals and delays, on a clock that is stepped."""

from __future__ import annotations

from typing import Any

import pytest

from vidstream.sources import patience
from vidstream.sources.patience import Backoff, Interval, Vigil


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock; the time of day is another matter."""
    clock = [100.0]
    fake: Any = type("Time", (), {"monotonic": staticmethod(lambda: clock[0])})
    monkeypatch.setattr(patience, "time", fake)
    return clock


def waited(vigil: Vigil, now: list[float], seconds: float, step: float = 0.1) -> float:
    """What the vigil says after so long, looked at regularly."""
    silence = 0.0
    for _ in range(round(seconds / step)):
        now[0] += step
        silence = vigil.look()
    return silence


def test_silence_adds_up(now: list[float]) -> None:
    vigil = Vigil()
    assert waited(vigil, now, 2.0) == pytest.approx(2.0)
    vigil.begin()
    assert waited(vigil, now, 0.5) == pytest.approx(0.5)


def test_a_suspended_process_blames_nobody(now: list[float]) -> None:
    vigil = Vigil()
    waited(vigil, now, 1.5)
    now[0] += 600
    assert vigil.look() == 0.0
    assert waited(vigil, now, 1.0) == pytest.approx(1.0)


def test_an_overloaded_machine_blames_nobody(now: list[float]) -> None:
    assert waited(Vigil(), now, 20, step=0.8) == 0.0
    assert waited(Vigil(), now, 3, step=0.3) == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("nominal", "step", "stall"),
    [
        pytest.param(25.0, 0.04, 2.0, id="an ordinary camera"),
        pytest.param(None, 0.04, 2.0, id="a rate that nobody told"),
        pytest.param(25.0, 1.0, 3.0, id="one picture a second, whatever was promised"),
        pytest.param(0.5, 2.0, 6.0, id="a picture every two seconds"),
    ],
)
def test_a_stall_is_two_seconds_or_three_intervals(nominal: float | None, step: float, stall: float) -> None:
    interval = Interval(1 / nominal if nominal else None)
    for number in range(60):
        interval.add(0, number * step)
    assert interval.stall == pytest.approx(stall, rel=0.01)


class TestBackoff:
    """Delays between tries."""

    def test_they_double_up_to_five_seconds_and_are_up_to_a_quarter_shorter(self) -> None:
        backoff, nominal = Backoff(), [0.25, 0.5, 1, 2, 4, 5, 5]
        for expected in nominal:
            assert 0.75 * expected <= backoff.next() <= expected
        backoff.reset()
        assert backoff.next() <= 0.25

    def test_two_sources_do_not_march_in_step(self) -> None:
        assert Backoff().next() != Backoff().next()

    @pytest.mark.parametrize(
        ("absent", "refused", "delay"), [(599, False, 0.25), (600, False, 30), (0, True, 60), (900, True, 60)]
    )
    def test_long_absence_and_refusal(self, absent: float, refused: bool, delay: float) -> None:
        assert 0.75 * delay <= Backoff().next(absent, refused=refused) <= delay
