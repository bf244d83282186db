"""Per-stage figures, always on: a counter and a histogram, less than a microsecond a frame."""

from __future__ import annotations

from math import frexp
from typing import Any

#: buckets per doubling of time: a quantile is exact to 6 %
_STEPS = 8
_OCTAVES = 40  # from 2^-31 s (half a nanosecond) to 2^9 s (8 minutes)
_LEAST = 2.0**-31


class Histogram:
    """Durations in logarithmic buckets. One writer at a time; readers may look on.

    >>> h = Histogram()
    >>> for ms in range(1, 101): h.add(ms / 1000)
    >>> 0.045 < h.quantile(0.5) < 0.055, 0.09 < h.quantile(0.95) < 0.1
    (True, True)
    """

    __slots__ = ("_buckets", "count", "total")

    def __init__(self) -> None:
        self._buckets = [0] * (_STEPS * _OCTAVES)
        self.count = 0
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        # seconds = mantissa * 2^exponent, mantissa in [0.5, 1); a coarse clock gives 0, a wrong one less
        mantissa, exponent = frexp(seconds if seconds > 0.0 else _LEAST)
        index = (exponent + 30) * _STEPS + int((mantissa - 0.5) * 2 * _STEPS)
        self._buckets[min(max(index, 0), _STEPS * _OCTAVES - 1)] += 1
        self.count += 1
        self.total += seconds

    def include(self, other: Histogram) -> None:
        """Count all that another one has counted."""
        for index, count in enumerate(other._buckets):
            self._buckets[index] += count
        self.count += other.count
        self.total += other.total

    def quantile(self, share: float) -> float:
        """Seconds under which this share of the durations lies; 0 where there are none."""
        wanted = share * self.count
        seen = 0
        for index, count in enumerate(self._buckets):
            seen += count
            if count and seen >= wanted:
                octave, step = divmod(index, _STEPS)
                return float(2.0 ** (octave - 30) * (0.5 + (step + 0.5) / (2 * _STEPS)))
        return 0.0


_ENDINGS = {2: "nd", 3: "rd"}


class StageMetrics:
    """What one stage of one source did, and what it cost."""

    __slots__ = ("age", "cause", "every", "failures", "stage", "thread", "time", "use", "workers")

    def __init__(self, stage: str, use: str, workers: int = 1) -> None:
        self.stage = stage
        self.use = use
        self.workers = workers
        #: number of the segment the stage runs in
        self.thread = 0
        self.time = Histogram()
        self.failures = 0
        #: sinks of live runs: seconds from a frame's arrival until the sink was done with it
        self.age: Histogram | None = None
        #: stages that are thinned out where the machine is too slow: n -> seconds it ran on every n-th frame
        self.every: dict[int, float] = {}
        #: why it was, the last time
        self.cause = ""

    def ran_every(self, every: int, seconds: float) -> None:
        """For so long it ran on every n-th frame."""
        self.every[every] = self.every.get(every, 0.0) + seconds

    def include(self, other: StageMetrics) -> None:
        """Add what another instance of the stage did."""
        self.time.include(other.time)
        self.failures += other.failures
        self.cause = other.cause or self.cause
        for every, seconds in other.every.items():
            self.ran_every(every, seconds)
        if other.age is not None:
            self.age = self.age or Histogram()
            self.age.include(other.age)

    def busy(self, elapsed: float) -> float:
        """Share of the time that the stage was at work; with several workers, their mean."""
        return self.time.total / (elapsed * self.workers) if elapsed > 0 else 0.0

    @property
    def reduced(self) -> str:
        """For how much of the time it ran on fewer frames, in words; nothing where it never did."""
        total = sum(self.every.values())
        parts = [
            f"on every {n}{_ENDINGS.get(n, 'th')} frame for {self.every[n] / total:.0%} of the time"
            for n in sorted(self.every)
            if n > 1 and self.every[n]
        ]
        return f"{self.stage} ran {', '.join(parts)}: {self.cause}" if parts else ""

    def to_json(self, elapsed: float) -> dict[str, Any]:
        """As plain values; times in milliseconds."""
        more: dict[str, Any] = {}
        if self.age is not None:
            more["age_ms"] = {f"p{q}": round(self.age.quantile(q / 100) * 1e3, 1) for q in (50, 95)}
        if self.reduced:
            more["every_s"] = {str(n): round(s, 1) for n, s in sorted(self.every.items())}
            more["reduced"] = self.reduced
        return {
            "stage": self.stage,
            "use": self.use,
            "thread": self.thread,
            "runs": self.time.count,
            "failures": self.failures,
            "p50_ms": round(self.time.quantile(0.5) * 1e3, 4),
            "p95_ms": round(self.time.quantile(0.95) * 1e3, 4),
            "mean_ms": round(self.time.total / self.time.count * 1e3, 4) if self.time.count else 0.0,
            "busy": round(self.busy(elapsed), 4),
            **more,
        }
