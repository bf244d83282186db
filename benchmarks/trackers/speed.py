"""How fast everybody is: frames per second of CPU time, on drawn scenes of 10 to 1,000 objects."""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks.trackers.contestants import Contestant, Worker, workers
from benchmarks.trackers.data import scene_file

COUNTS = (10, 50, 200, 500, 1000)
#: frames that let a tracker fill up, and frames that are timed, per number of objects
_WARM = 20
_TIMED: Mapping[int, int] = {10: 150, 50: 60, 200: 25, 500: 12, 1000: 8}
_ROUNDS = int(os.environ.get("ROUNDS", "3"))
#: each of ours beside its reference, and beside the code first released where that can be installed
_RIVALS = {
    "sort": ("references.sort", "sort.sort"),
    "bytetrack": ("references.bytetrack", "bytetracker.bytetrack"),
    "ocsort": ("references.ocsort", "ocsort.ocsort"),
    "botsort": ("references.botsort", "boxmot.botsort"),
    "deepsort": ("references.deepsort", "deep_sort_realtime.apart"),
}
#: who needs longer for a frame is not asked about more objects
_PATIENCE = 0.5


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds per frame, round by round: {number of objects: [one per round]}."""

    contestant: Contestant
    seconds: Mapping[int, list[float]]

    def best(self, count: int) -> float | None:
        """Seconds per frame in the quickest round, which other work disturbed least."""
        return min(self.seconds[count]) if self.seconds.get(count) else None

    def gain(self, other: Speed, count: int) -> float | None:
        """How many times as fast as another: the median of the ratios, round by round."""
        mine, theirs = self.seconds.get(count, []), other.seconds.get(count, [])
        ratios = [b / a for a, b in zip(mine, theirs, strict=False)]
        return statistics.median(ratios) if ratios else None

    def exponent(self) -> float:
        """Of the number of objects in the cost of a frame, from 200 objects up."""
        found = [(count, cost) for count in COUNTS if count >= 200 and (cost := self.best(count))]
        if len(found) < 2:
            return float("nan")
        counts, costs = np.log([c for c, _ in found]), np.log([c for _, c in found])
        return float(np.polyfit(counts, costs, 1)[0])


def measure(contestants: tuple[Contestant, ...]) -> list[Speed]:
    """Every contestant once per round, in turn, so that a slow moment of the machine hits all alike."""
    results = [Speed(c, {count: [] for count in COUNTS}) for c in contestants]
    with workers(contestants) as started:
        taking_part = [r for r in results if r.contestant.package in started]
        for count in COUNTS:
            for number in range(_ROUNDS):
                for result in taking_part:
                    if _patient(result, count):
                        result.seconds[count].append(_once(started, result.contestant, count))
                print(f"{count} objects: round {number + 1} of {_ROUNDS} done", file=sys.stderr)
    return [r for r in taking_part if any(r.seconds.values())]


def table(results: list[Speed]) -> list[str]:
    """Markdown: frames per second; ours also as multiples of the reference and of the code released first."""
    lines = [
        "| frames/s at ... objects | " + " | ".join(map(str, COUNTS)) + " | growth |",
        "|---|" + "---|" * (len(COUNTS) + 1),
    ]
    by_key = {result.contestant.key: result for result in results}
    for result in sorted(results, key=lambda r: r.best(50) or np.inf):
        rates = [f"{1 / cost:,.0f}" if (cost := result.best(count)) else "" for count in COUNTS]
        lines.append(f"| {result.contestant.name} | " + " | ".join(rates) + f" | n^{result.exponent():.1f} |")
    lines += [
        "",
        "| ours is ... times as fast | " + " | ".join(map(str, COUNTS)) + " |",
        "|---|" + "---|" * len(COUNTS),
    ]
    for name, others in _RIVALS.items():
        for other in others:
            if (mine := by_key.get(f"ours.{name}")) and (theirs := by_key.get(other)):
                gains = [f"{g:.1f}" if (g := mine.gain(theirs, count)) else "" for count in COUNTS]
                lines.append(f"| {name} : {theirs.contestant.name} | " + " | ".join(gains) + " |")
    return lines


def _patient(result: Speed, count: int) -> bool:
    slowest = max((s for seconds in result.seconds.values() for s in seconds), default=0.0)
    return slowest < _PATIENCE


def _once(started: Mapping[str, Worker], contestant: Contestant, count: int) -> float:
    """Seconds per frame with the contestant's default settings."""
    given = scene_file(count, _WARM + _TIMED[count], features=contestant.looks)
    variant = next(iter(contestant.variants))
    reply = started[contestant.package].run(contestant, variant, given, warm=_WARM, camera=False)
    return float(reply["seconds"]) / int(reply["frames"])
