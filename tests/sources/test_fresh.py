"""Which pictures pass for new, on made-up arrivals."""

from __future__ import annotations

from vidstream.sources.fresh import FreshByArrival, FreshByStamp, Freshness

FPS = 25


def judged(judge: Freshness, arrivals: list[tuple[float, float]]) -> list[bool]:
    """For each picture (its own time, its arrival), whether it is new."""
    return [judge.fresh(taken, came) for taken, came in arrivals]


def steady(begin: float, end: float, delay: float = 0.1, shift: float = 0.0) -> list[tuple[float, float]]:
    """Pictures that come one by one, each `delay` after it was taken; `shift` is the camera's own error."""
    count = round((end - begin) * FPS)
    return [(begin + n / FPS + shift, begin + n / FPS + delay) for n in range(count)]


def burst(begin: float, end: float, at: float, fps: float = 200) -> list[tuple[float, float]]:
    """What was taken in a while, and came later, all at once."""
    count = round((end - begin) * FPS)
    return [(begin + n / FPS, at + n / fps) for n in range(count)]


def test_an_ordinary_stream_is_all_new() -> None:
    jitter = [(t, came + 0.3 * (n % 7 == 0)) for n, (t, came) in enumerate(steady(0, 20))]
    assert all(judged(FreshByStamp(), jitter))
    assert all(judged(FreshByArrival(1 / FPS), steady(0, 20)))


def test_a_burst_at_the_beginning_is_new_for_all_that_is_known() -> None:
    assert all(judged(FreshByStamp(), burst(0, 5, 5) + steady(5.2, 8)))


def test_what_lay_in_buffers_is_old_until_the_backlog_is_gone() -> None:
    judge = FreshByStamp()
    assert all(judged(judge, steady(0, 10)))
    late = judged(judge, burst(10, 18, at=18))  # takes a second; meanwhile the camera goes on
    assert not any(late[:-20])
    assert all(judged(judge, steady(19.1, 25)))


def test_a_camera_that_stopped_its_time_is_new_again_after_a_moment() -> None:
    """A player that was suspended goes on where it was: three seconds late for ever."""
    judge = FreshByStamp()
    judged(judge, steady(0, 10))
    after = judged(judge, steady(13, 16, shift=-3))
    assert not after[0]
    assert all(after[round(0.6 * FPS) :])


def test_a_camera_whose_clock_is_slow_stays_new() -> None:
    judge = FreshByStamp()
    drifting = [(t * 0.999, came) for t, came in steady(0, 3600)]
    assert sum(judged(judge, drifting)) > 0.98 * len(drifting)


def test_times_that_jump_ahead_do_no_harm() -> None:
    judge = FreshByStamp()
    judged(judge, steady(0, 5))
    assert all(judged(judge, steady(5, 10, shift=3600)))


def test_without_times_what_comes_at_once_after_a_pause_is_old() -> None:
    judge = FreshByArrival(1 / FPS)
    judged(judge, steady(0, 10))
    assert judged(judge, burst(10, 11, at=18)) == [False] * FPS
    assert judged(judge, [(0, 18.2), (0, 18.24)]) == [True, True]


def test_without_times_a_slow_camera_is_new() -> None:
    assert all(judged(FreshByArrival(1 / 25), [(0, n / 2) for n in range(100)]))
