"""Does it grow? A robust slope through noisy samples, how sure it is, and what that says of a soak."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from vidstream.cli.soak_samples import Camera, Sample

#: megabytes an hour that the memory of each camera may grow
LIMIT = 1.0
#: samples that a slope is drawn through at most: all pairs of them are looked at
_MOST = 400
#: what may be open or run more at the end than in the middle: a reconnect may be under way
_SPARE = 2
#: bytes: a smaller gain cannot be told from what an allocator keeps to itself
_TELLABLE = 4_000_000
_MB = 1e6


class Slope(NamedTuple):
    """A slope, and the bounds it lies between with 95 % confidence."""

    value: float
    low: float
    high: float


def theil_sen(x: Sequence[float], y: Sequence[float]) -> Slope:
    """The median of the slopes of all pairs of points: a third of them may be anything.

    After Sen, Journal of the American Statistical Association 63 (1968), with the normal approximation of
    his confidence bounds. Points that depend on their neighbours make the truth less certain than it says.

    >>> theil_sen([0, 1, 2, 3, 4, 5], [1, 3, 5, 70, 9, 11]).value
    2.0
    """
    if len(x) < 2:
        return Slope(0.0, -math.inf, math.inf)
    step = max(1, math.ceil(len(x) / _MOST))
    xs, ys = np.asarray(x, np.float64)[::step], np.asarray(y, np.float64)[::step]
    first, second = np.triu_indices(len(xs), 1)
    run = xs[second] - xs[first]
    slopes = np.sort((ys[second] - ys[first])[run > 0] / run[run > 0])
    count, pairs = len(xs), len(slopes)
    if not pairs:
        return Slope(0.0, -math.inf, math.inf)
    spread = 1.96 * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    low, high = math.floor((pairs - spread) / 2), math.ceil((pairs + spread) / 2)
    return Slope(
        float(np.median(slopes)),
        float(slopes[low]) if low >= 0 else -math.inf,
        float(slopes[high]) if high < pairs else math.inf,
    )


@dataclass(frozen=True)
class Verdict:
    """What a soak found."""

    samples: Sequence[Sample]
    cameras: dict[str, Camera]
    #: seconds of wall time, and of camera time: frames by their nominal rate, the mean of the cameras
    seconds: float
    camera_seconds: float
    accelerated: bool
    run_code: int

    @property
    def settled(self) -> Sequence[Sample]:
        """The second half: in the first one caches fill and libraries warm up."""
        return [s for s in self.samples if s.at >= self.seconds / 2]

    @property
    def growth(self) -> Slope:
        """Megabytes per hour and camera. Where time was made to pass faster, of the cameras' hours."""
        return self._growth_of(self.settled)

    @property
    def memory(self) -> str:
        """within, growing, or undecided where the time was too short to tell.

        What grows goes on growing: a step, as allocators take them, shows in one half of the time only.
        """
        growth, middle = self.growth, len(self.settled) // 2
        if growth.high <= LIMIT:
            return "within"
        halves = self._growth_of(self.settled[:middle]), self._growth_of(self.settled[middle:])
        steady = growth.low > LIMIT and all(part.value > LIMIT for part in halves)
        gained = self.settled[-1].private - self.settled[0].private
        return "growing" if steady and gained > _TELLABLE else "undecided"

    def _growth_of(self, samples: Sequence[Sample]) -> Slope:
        found = theil_sen([s.at for s in samples], [float(s.private) for s in samples])
        pace = self.camera_seconds / self.seconds if self.accelerated and self.seconds else 1.0
        scale = 3600 / _MB / max(1, len(self.cameras)) / max(pace, 1e-9)
        return Slope(*(value * scale for value in found))

    @property
    def more(self) -> dict[str, int]:
        """How many more descriptors, threads, children and zombies there are than half-way."""
        found = {}
        for name in ("descriptors", "threads", "children", "zombies"):
            values = [getattr(s, name) for s in self.settled]
            part = max(1, len(values) // 5)
            found[name] = int(np.median(values[-part:]) - np.median(values[:part])) if values else 0
        return found

    @property
    def code(self) -> int:
        """0, or 3 where something grows or the run itself was not well."""
        leaking = self.memory == "growing" or any(n > _SPARE for n in self.more.values())
        return 3 if leaking or self.run_code else 0

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "v": 1,
            "seconds": round(self.seconds, 1),
            "camera_seconds": round(self.camera_seconds, 1),
            "accelerated": self.accelerated,
            "memory_mb_per_hour_and_camera": {
                name: round(value, 4) if math.isfinite(value) else None
                for name, value in self.growth._asdict().items()
            },
            "limit": LIMIT,
            "memory": self.memory,
            "more": self.more,
            "exit_code": self.code,
            "run_exit_code": self.run_code,
            "cameras": {name: asdict(camera) for name, camera in self.cameras.items()},
            "samples": [asdict(sample) for sample in self.samples],
        }

    def lines(self) -> list[str]:
        """For people."""
        growth, first, last = self.growth, self.settled[0], self.settled[-1]
        own = f"{first.private / _MB:.1f} MB half-way, {last.private / _MB:.1f} MB at the end"
        bounds = f"95 % sure: {_bound(growth.low)} to {_bound(growth.high)}"
        lines = [
            f"soak: {_hours(self.seconds)}, {len(self.cameras)} cameras, {len(self.samples)} samples",
            f"  memory: {growth.value:+.2f} MB per hour and camera ({bounds}): {self.memory}, goal {LIMIT:g}",
            f"  memory of its own: {own}",
        ]
        lines += [
            f"  {name}: {getattr(last, name)}, {more:+d} since half-way" for name, more in self.more.items()
        ]
        for name, camera in self.cameras.items():
            states = ", ".join(f"{state} {times}x" for state, times in camera.times.items())
            lines.append(
                f"  {name}: {camera.frames} frames, age p95 {1e3 * camera.age_p95:.0f} ms, "
                f"longest silence {camera.worst_age:.1f} s, {states}"
            )
            lines += [f"    stopped by: {camera.error}"] if camera.error else []
        if self.accelerated:
            lines += _equivalence(self)
        if self.memory == "undecided":
            lines.append("  undecided: too short to tell so small a slope from noise; let it run longer")
        lines.append(f"  verdict: {'well' if not self.code else 'not well'}")
        return lines


def _equivalence(verdict: Verdict) -> list[str]:
    pace = verdict.camera_seconds / verdict.seconds if verdict.seconds else 0.0
    return [
        f"  accelerated {pace:.1f} times: each camera gave as many frames as in "
        f"{_hours(verdict.camera_seconds)}, and hours above are those.",
        "  That holds for what grows with frames. What grows with time - timers, reconnects, retention - "
        "was only given the time on the wall.",
    ]


def _bound(value: float) -> str:
    return f"{value:+.2f}" if math.isfinite(value) else ("-inf" if value < 0 else "inf")


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.2f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"
