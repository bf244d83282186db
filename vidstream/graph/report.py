"""The report of a run: ledger, per-stage figures, notices, one line of advice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vidstream.graph.lane import Lane
from vidstream.graph.ledger import Ledger
from vidstream.graph.metrics import StageMetrics
from vidstream.graph.notices import Notices
from vidstream.graph.passage import Passage
from vidstream.graph.shared import Owner

#: version of the JSON form
VERSION = 1


@dataclass(frozen=True, slots=True)
class PassReport:
    """One reading of a source; most are read once."""

    ledger: Ledger
    stages: Sequence[StageMetrics]
    #: seconds from opening to closing
    elapsed: float
    #: most frames that ever waited before each segment
    queue_peaks: Sequence[int]

    @classmethod
    def of(cls, passage: Passage) -> PassReport:
        """What a passage has done so far."""
        assembly = passage.assembly
        stages = [node.metrics for node in assembly.nodes]
        return cls(passage.ledger, stages, passage.elapsed, [s.input.peak for s in assembly.segments])


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What became of one source."""

    source: str
    live: bool
    #: the last one gave results; those before it, if any, looked ahead
    passes: Sequence[PassReport]
    #: number of the pass that was begun last
    reached: int
    #: seconds from opening to closing
    elapsed: float
    #: seconds of the source's own time that were read
    pts: float
    error: str
    age_p50: float
    age_p95: float
    #: the state the source is in, and how often it was in which
    status: dict[str, Any]

    @classmethod
    def of(cls, lane: Lane) -> SourceReport:
        """What a lane has done so far."""
        reader = lane.current.reader
        return cls(
            lane.name,
            lane.live,
            [PassReport.of(passage) for passage in lane.passages],
            lane.at + 1,
            lane.elapsed,
            reader.elapsed if reader else 0.0,
            str(lane.error) if lane.error else "",
            lane.age.quantile(0.5),
            lane.age.quantile(0.95),
            lane.status.to_json(),
        )

    @property
    def ledger(self) -> Ledger:
        """The frames of the last pass."""
        return self.passes[-1].ledger

    @property
    def stages(self) -> list[StageMetrics]:
        """The figures of all passes."""
        return [metrics for part in self.passes for metrics in part.stages]

    @property
    def fps(self) -> float:
        """Finished frames per second of wall time."""
        return self.ledger.done / self.elapsed if self.elapsed else 0.0

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "source": self.source,
            "live": self.live,
            "frames": self.ledger.to_json(),
            "elapsed_s": round(self.elapsed, 3),
            "fps": round(self.fps, 2),
            "error": self.error,
            "status": self.status,
            "frame_age_ms": {"p50": round(self.age_p50 * 1e3, 1), "p95": round(self.age_p95 * 1e3, 1)},
            "queue_peaks": list(self.passes[-1].queue_peaks),
            "stages": [
                {"pass": number, **metrics.to_json(part.elapsed)}
                for number, part in enumerate(self.passes, start=1)
                for metrics in part.stages
            ],
            "passes": [
                {"elapsed_s": round(part.elapsed, 3), "frames": part.ledger.to_json()} for part in self.passes
            ],
        }


@dataclass(frozen=True, slots=True)
class SharedReport:
    """What a stage that sources share did."""

    use: str
    frames: int
    batches: int
    #: seconds per batch
    p50: float
    p95: float

    @classmethod
    def of(cls, owner: Owner) -> SharedReport:
        """From its owner."""
        time = owner.time
        return cls(owner.use, owner.frames, time.count, time.quantile(0.5), time.quantile(0.95))

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        times = {"p50_ms": round(self.p50 * 1e3, 3), "p95_ms": round(self.p95 * 1e3, 3)}
        return {"use": self.use, "frames": self.frames, "batches": self.batches, **times}

    def __str__(self) -> str:
        mean = self.frames / self.batches if self.batches else 0.0
        return (
            f"shared {self.use}: {self.frames} frames in {self.batches} batches ({mean:.1f} each), "
            f"p50 {self.p50 * 1e3:.1f} ms, p95 {self.p95 * 1e3:.1f} ms"
        )


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did."""

    sources: Sequence[SourceReport]
    shared: Sequence[SharedReport]
    notices: Notices
    elapsed: float
    #: it was asked to stop before its sources ended
    stopped: bool = False

    @property
    def exit_code(self) -> int:
        """0: every frame done; 1: a source or the run failed; 3: ended, but something failed on the way."""
        last = {s.source: s for s in self.sources}  # one that was started anew is judged by how it ended
        if any(s.error for s in last.values()):
            return 1
        failed = any(part.ledger.failed for s in self.sources for part in s.passes)
        return 3 if failed or self.notices.serious else 0

    def to_json(self) -> dict[str, Any]:
        """As plain values, versioned."""
        return {
            "v": VERSION,
            "elapsed_s": round(self.elapsed, 3),
            "stopped": self.stopped,
            "exit_code": self.exit_code,
            "sources": [s.to_json() for s in self.sources],
            "shared": [s.to_json() for s in self.shared],
            "notices": self.notices.to_json(),
            "advice": self.advice(),
        }

    def advice(self) -> str:
        """Which stage limits the run, and which setting would change that."""
        longest = [(max(s.passes, key=lambda part: part.elapsed), s) for s in self.sources]
        busiest = max(
            ((m.busy(part.elapsed), m, s) for part, s in longest for m in part.stages),
            key=lambda found: found[0],
            default=None,
        )
        if busiest is None or busiest[0] < 0.5:
            return "" if busiest is None else "no stage limits the run: reading the source does"
        share, metrics, report = busiest
        where = f" of {report.source}" if len(self.sources) > 1 else ""
        cure = "a faster preset or a smaller picture" if metrics.use.startswith("sink.") else _cure(metrics)
        return f"'{metrics.stage}'{where} ({metrics.use}) limits the run, {share:.0%} busy: try {cure}"

    def table(self) -> str:
        """For people: a line per stage, the ledger per source, notices, advice."""
        lines: list[str] = []
        for report in self.sources:
            lines += [_headline(report), *_pass_lines(report)]
            if report.live:
                lines.append(
                    f"  frame age: p50 {report.age_p50 * 1e3:.0f} ms, p95 {report.age_p95 * 1e3:.0f} ms"
                )
                lines += _age_lines(report)
            if report.error:
                lines.append(f"  stopped by: {report.error}")
        lines += [f"  {shared}" for shared in self.shared]
        for notice, times in self.notices.counts.items():
            lines.append(f"  {notice}" + (f" ({times} times)" if times > 1 else ""))
        if advice := self.advice():
            lines.append(f"  advice: {advice}")
        return "\n".join(lines)


def _age_lines(report: SourceReport) -> list[str]:
    """How old frames are at each sink, and which stages ran on fewer of them."""
    ages = [
        f"{m.stage} {m.age.quantile(0.5) * 1e3:.0f} and {m.age.quantile(0.95) * 1e3:.0f} ms"
        for m in report.stages
        if m.age is not None and m.age.count
    ]
    lines = [f"  at the sinks (p50 and p95): {', '.join(ages)}"] if ages else []
    return lines + [f"  load: {m.reduced}" for m in report.stages if m.reduced]


def _headline(report: SourceReport) -> str:
    pace = f", {report.pts / report.elapsed:.1f}x real time" if report.elapsed and not report.live else ""
    return (
        f"{report.source}: {report.ledger.done} frames in {report.elapsed:.1f} s ({report.fps:.1f} fps{pace})"
    )


def _pass_lines(report: SourceReport) -> list[str]:
    lines: list[str] = []
    count = len(report.passes)
    for number, part in enumerate(report.passes, start=1):
        if number > report.reached:
            lines.append(f"  pass {number} of {count}: not begun, so there are no results")
            break
        if count > 1:
            lines.append(f"  pass {number} of {count}, {part.elapsed:.1f} s:")
        lines += [*_stage_lines(part), f"  frames: {part.ledger}"]
    return lines


def _stage_lines(report: PassReport) -> list[str]:
    if not report.stages:
        return []
    width = max(5, *(len(m.stage) for m in report.stages))
    uses = max(3, *(len(m.use) for m in report.stages))
    header = f"  {'stage':{width}}  {'use':{uses}}  thread     runs   p50 ms   p95 ms   busy  failures"
    lines = [header]
    for m in report.stages:
        p50, p95 = m.time.quantile(0.5) * 1e3, m.time.quantile(0.95) * 1e3
        lines.append(
            f"  {m.stage:{width}}  {m.use:{uses}}  {m.thread:6d} {m.time.count:8d} "
            f"{p50:8.2f} {p95:8.2f} {m.busy(report.elapsed):6.0%} {m.failures:9d}"
        )
    return lines


def _cure(metrics: StageMetrics) -> str:
    return f"running {metrics.stage} less often ('every', 'max_fps', 'when'), or on a smaller picture"
