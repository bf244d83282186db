"""What lanes did that have gone: a source may have had several, over months thousands."""

from __future__ import annotations

import dataclasses
from itertools import zip_longest

from vidstream.graph.ledger import Ledger
from vidstream.graph.metrics import StageMetrics
from vidstream.graph.report import PassReport, SourceReport

#: so many reports of one source are kept as they are; older ones become one
KEPT = 5


class Past:
    """Keeps the reports of lanes that have gone: sums stay right, and memory stays small."""

    def __init__(self) -> None:
        self._reports: dict[str, tuple[SourceReport, ...]] = {}

    def add(self, report: SourceReport) -> None:
        """A lane has gone."""
        kept = (*self._reports.get(report.source, ()), report)
        if len(kept) > KEPT:
            kept = (_together(kept[0], kept[1]), *kept[2:])
        self._reports[report.source] = kept

    @property
    def reports(self) -> list[SourceReport]:
        """Oldest first, source by source."""
        return [report for kept in list(self._reports.values()) for report in kept]


def _together(first: SourceReport, second: SourceReport) -> SourceReport:
    """Two reports as one: of states and errors, the later one's count."""
    return dataclasses.replace(
        second,
        passes=[_passes(first.passes[-1], second.passes[-1])],
        reached=1,
        elapsed=first.elapsed + second.elapsed,
        pts=first.pts + second.pts,
        age_p50=max(first.age_p50, second.age_p50),
        age_p95=max(first.age_p95, second.age_p95),
    )


def _passes(first: PassReport, second: PassReport) -> PassReport:
    ledger = Ledger()
    stages: dict[str, StageMetrics] = {}
    for part in (first, second):
        ledger.include(part.ledger)
        for metrics in part.stages:
            total = stages.setdefault(
                metrics.stage, StageMetrics(metrics.stage, metrics.use, metrics.workers)
            )
            total.thread = metrics.thread
            total.include(metrics)
    peaks = [max(pair) for pair in zip_longest(first.queue_peaks, second.queue_peaks, fillvalue=0)]
    return dataclasses.replace(
        second,
        ledger=ledger,
        stages=list(stages.values()),
        elapsed=first.elapsed + second.elapsed,
        queue_peaks=peaks,
    )
