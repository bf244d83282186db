"""Cameras that share one network against cameras with one each: throughput, fairness, added latency.

``python -m benchmarks.shared`` writes a table into docs/engines.md. Each camera plays the synthetic scene
live; all together ask for more frames than the machine can give, or, in the last rows, for half of that.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2

from benchmarks.pages import put
from vidstream import Pipeline

PAGE = Path(__file__).resolve().parents[1] / "docs" / "engines.md"
_MODEL = os.environ.get("MODEL", "yolox-nano")
_ROUNDS, _SECONDS = int(os.environ.get("ROUNDS", "3")), float(os.environ.get("SECONDS", "10"))


class Figures(NamedTuple):
    """What a run gave."""

    #: frames per second, all cameras together
    throughput: float
    #: frames of the camera that got fewest, against those of the one that got most
    fairness: float
    #: seconds from a frame's arrival to its end: the median, and 95 of 100 are below
    age_p50: float
    age_p95: float


def main() -> None:
    """Measure in turn, print, write."""
    cases = [(count, load) for load in (2.0, 0.5) for count in (4, 8)]
    found: dict[tuple[int, float, bool], list[Figures]] = {}
    alone = []
    for _ in range(_ROUNDS):
        alone.append(_run(1, fps=60.0, shared=True).throughput)
        for count, load in cases:
            for shared in (True, False):
                figures = _run(count, fps=load * alone[-1] / count, shared=shared)
                found.setdefault((count, load, shared), []).append(figures)
    text = "\n".join(_table(statistics.median(alone), found))
    print(text)
    put(PAGE, "shared", text)


def _run(count: int, fps: float, *, shared: bool) -> Figures:
    """One run. A network is shared by cameras whose options are equal: else each has its own threshold."""
    scene = {"uri": "synthetic:people", "size": [640, 480], "fps": round(fps, 2), "duration": "1h"}
    own = {i: {} if shared else {"set": {"find.confidence": round(0.4 + 1e-4 * i, 4)}} for i in range(count)}
    sources: dict[str, Any] = {f"cam{i}": {**scene, **own[i]} for i in range(count)}
    graph = {"find": {"use": "detect.dnn", "model": _MODEL, "device": "cpu", "confidence": 0.4}}
    frames = max(5, round(_SECONDS * fps))
    report = Pipeline.build(sources=sources, graph=graph, run={"mode": "live", "frames": frames}).run()
    done = [source.ledger.done for source in report.sources]
    elapsed = max(source.elapsed for source in report.sources)
    return Figures(
        sum(done) / elapsed,
        min(done) / max(done),
        statistics.median(source.age_p50 for source in report.sources),
        max(source.age_p95 for source in report.sources),
    )


def _table(capacity: float, found: dict[tuple[int, float, bool], list[Figures]]) -> Iterator[str]:
    """Rows of a table; medians of the rounds."""
    yield (
        f"`python -m benchmarks.shared`: {_MODEL}, {cv2.getNumberOfCPUs()} cores, live, {_SECONDS:g} s a run,"
        f" median of {_ROUNDS} rounds in turn. One camera alone gets {capacity:.1f} frames per second.\n"
    )
    yield (
        "| cameras | asked for | networks | frames per second | fewest / most per camera"
        " | age of results: half below | 95 of 100 below |"
    )
    yield "|---|---|---|---|---|---|---|"
    for (count, load, shared), runs in found.items():
        middle = Figures(*map(statistics.median, zip(*runs, strict=True)))
        networks = "one, shared" if shared else f"{count}"
        cells = [str(count), f"{load:.0%} of that", networks, f"{middle.throughput:.1f}"]
        cells += [
            f"{middle.fairness:.2f}",
            f"{1000 * middle.age_p50:.0f} ms",
            f"{1000 * middle.age_p95:.0f} ms",
        ]
        yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
