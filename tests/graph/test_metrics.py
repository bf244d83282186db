"""Per-stage figures: quantiles against NumPy, shares of time, what is counted and what is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.toys import ToyDetect, ToyFrames, ToyTrack, describe, entry
from vidstream.graph.engine import Engine
from vidstream.graph.metrics import Histogram, StageMetrics

#: durations that a stage can take: a nanosecond to minutes
DURATIONS = st.floats(1e-9, 500.0, allow_nan=False)


def filled(durations: list[float]) -> Histogram:
    histogram = Histogram()
    for seconds in durations:
        histogram.add(seconds)
    return histogram


@given(st.lists(DURATIONS, min_size=1, max_size=60), st.floats(0.0, 1.0))
def test_a_quantile_is_that_of_the_durations_to_6_percent(durations: list[float], share: float) -> None:
    wanted = float(np.quantile(durations, share, method="inverted_cdf"))
    assert filled(durations).quantile(share) == pytest.approx(wanted, rel=0.0626)


@given(st.lists(DURATIONS, min_size=1, max_size=60))
def test_counts_totals_and_order_of_quantiles(durations: list[float]) -> None:
    histogram = filled(durations)
    assert histogram.count == len(durations)
    assert histogram.total == pytest.approx(sum(durations))
    quantiles = [histogram.quantile(share / 10) for share in range(11)]
    assert quantiles == sorted(quantiles)


@pytest.mark.parametrize(
    ("seconds", "p50"),
    [
        pytest.param(0.0, 1e-9, id="nothing at all, as a coarse clock says, is next to nothing"),
        pytest.param(-1.0, 1e-9, id="less than nothing"),
        pytest.param(1e-15, 1e-9, id="too short to measure"),
        pytest.param(1e9, 1000.0, id="thirty years"),
    ],
)
def test_durations_beyond_the_scale_go_to_its_ends(seconds: float, p50: float) -> None:
    assert filled([seconds]).quantile(0.5) == pytest.approx(p50, rel=0.6)


def test_without_durations_there_is_no_quantile() -> None:
    assert (Histogram().quantile(0.5), Histogram().count) == (0.0, 0)


def test_busy_is_the_mean_over_workers() -> None:
    metrics = StageMetrics("det", "toy.detect", workers=4)
    for _ in range(10):
        metrics.time.add(0.2)
    assert metrics.busy(1.0) == pytest.approx(0.5)
    assert metrics.busy(0.0) == 0.0
    assert metrics.to_json(1.0) == {
        "stage": "det",
        "use": "toy.detect",
        "thread": 0,
        "runs": 10,
        "failures": 0,
        "p50_ms": pytest.approx(200, rel=0.07),
        "p95_ms": pytest.approx(200, rel=0.07),
        "mean_ms": 200.0,
        "busy": 0.5,
    }


@pytest.mark.parametrize("workers", [1, 3])
def test_a_run_counts_every_call_that_succeeded_and_every_failure(workers: int) -> None:
    stages = [
        entry("det", ToyDetect, delay=0.002, every=2, fail_on=(4, 6), workers=workers),
        entry("track", ToyTrack),
    ]
    report = Engine(describe(stages, {"cam": (ToyFrames, {"frames": 20})})).run()
    det, track = report.sources[0].stages
    assert (det.time.count, det.failures) == (8, 2)
    assert (track.time.count, track.failures) == (18, 0)
    assert 0.002 <= det.time.quantile(0.5) < 0.1
    assert 0 < det.busy(report.sources[0].elapsed) <= 1.0


def test_what_two_instances_did_is_added_up_with_ages_and_thinning() -> None:
    first, second = StageMetrics("det", "toy.detect"), StageMetrics("det", "toy.detect")
    first.ran_every(1, 30.0)
    second.ran_every(4, 60.0)
    second.ran_every(1, 10.0)
    second.cause = "it takes 200 ms"
    second.age = filled([0.02, 0.03])
    first.include(second)
    assert first.every == {1: 40.0, 4: 60.0}
    assert first.reduced == "det ran on every 4th frame for 60% of the time: it takes 200 ms"
    assert first.age is not None
    assert first.age.count == 2
    assert first.to_json(1.0)["every_s"] == {"1": 40.0, "4": 60.0}
    assert StageMetrics("det", "toy.detect").reduced == ""
