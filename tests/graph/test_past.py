"""Lanes that have gone: their reports are kept, older ones as one, and the sums stay right."""

from __future__ import annotations

import pytest

from vidstream.graph.ledger import Ledger
from vidstream.graph.metrics import Histogram, StageMetrics
from vidstream.graph.past import KEPT, Past
from vidstream.graph.report import PassReport, SourceReport
from vidstream.types import Tombstone


def report(source: str, frames: int, error: str = "") -> SourceReport:
    """A lane that decoded so many frames, of which one was dropped and one failed."""
    ledger = Ledger()
    ledger.decode(frames)
    ledger.finish(Tombstone(source, 0, "dropped", "det", "stale"))
    ledger.finish(Tombstone(source, 1, "failed", "det", "ValueError"))
    for _ in range(frames - 2):
        ledger.finish(None)
    metrics = StageMetrics("det", "toy.detect")
    for _ in range(frames):
        metrics.time.add(0.01)
    metrics.failures = 1
    part = PassReport(ledger, [metrics], 2.0, [frames])
    status = {"state": "ended", "cause": error}
    return SourceReport(source, True, [part], 1, 2.0, 1.5, error, 0.01, 0.1 * frames, status)


@pytest.mark.parametrize("count", [1, KEPT, KEPT + 1, 100])
def test_sums_stay_right_however_many_have_gone(count: int) -> None:
    past = Past()
    for i in range(count):
        past.add(report("gate", 3 + i, "broke"))
    reports = past.reports
    assert len(reports) == min(count, KEPT)
    assert sum(r.ledger.decoded for r in reports) == sum(3 + i for i in range(count))
    assert all(r.ledger.balanced for r in reports)
    assert sum(r.ledger.failed["det"] for r in reports) == count
    assert sum(m.time.count for r in reports for m in r.stages) == sum(3 + i for i in range(count))
    assert sum(m.failures for r in reports for m in r.stages) == count
    assert sum(r.elapsed for r in reports) == pytest.approx(2.0 * count)
    assert max(r.age_p95 for r in reports) == pytest.approx(0.1 * (2 + count))


def test_sources_are_apart() -> None:
    past = Past()
    for _ in range(KEPT + 2):
        past.add(report("gate", 5))
    past.add(report("dock", 7))
    assert [r.source for r in past.reports] == ["gate"] * KEPT + ["dock"]


def test_a_histogram_of_two_is_that_of_all() -> None:
    one, other, both = Histogram(), Histogram(), Histogram()
    for i in range(1, 200):
        (one if i % 3 else other).add(i / 1000)
        both.add(i / 1000)
    one.include(other)
    assert (one.count, one.quantile(0.5), one.quantile(0.95)) == (
        both.count, both.quantile(0.5), both.quantile(0.95),
    )  # fmt: skip
    assert one.total == pytest.approx(both.total)
