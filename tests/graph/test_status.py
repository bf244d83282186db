"""The states of a source: what is now, since when, how often, told once."""

from __future__ import annotations

import threading

from vidstream.graph.status import RECENT, StatusLog
from vidstream.types import SourceStatus


class Steps:
    """A clock that tests move."""

    mono, utc = 50.0, 1_000_000.0

    def monotonic(self) -> float:
        return self.mono

    def time(self) -> float:
        return self.utc

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(seconds)


def log() -> tuple[StatusLog, Steps, list[SourceStatus]]:
    heard: list[SourceStatus] = []
    clock = Steps()
    return StatusLog("gate", clock, heard.append), clock, heard


def test_before_the_first_it_is_connecting() -> None:
    status, _, _ = log()
    assert status.now is None
    assert status.to_json()["state"] == "connecting"
    assert status.age() is None


def test_the_same_state_with_the_same_cause_is_told_once() -> None:
    status, _, heard = log()
    for cause in ("refused", "refused", "timed out"):
        status.add("lost", cause)
    status.add("live")
    assert [(s.state, s.cause) for s in heard] == [("lost", "refused"), ("lost", "timed out"), ("live", "")]
    assert status.to_json()["times"] == {"lost": 2, "live": 1}


def test_a_step_of_the_wall_clock_changes_no_age() -> None:
    status, clock, _ = log()
    status.add("live")
    status.last_frame = clock.mono
    clock.utc -= 3600
    clock.mono += 2
    assert status.age() == 2.0
    assert status.now is not None
    assert (status.now.mono, status.now.wall) == (50.0, 1_000_000.0)


def test_a_password_is_never_kept() -> None:
    status, _, heard = log()
    status.add("lost", "rtsp://viewer:hunter2@10.0.0.5/1 refused")
    assert "hunter2" not in repr(heard)
    assert "hunter2" not in str(status.to_json())


def test_months_of_states_take_no_memory() -> None:
    status, _, _ = log()
    for i in range(1000):
        status.add("lost", f"try {i}")
    assert len(status.recent) == RECENT
    assert status.recent[-1].cause == "try 999"
