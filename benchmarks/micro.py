"""Small figures: what a stage costs when fused, what a thread hop costs, whether memory stays flat."""

from __future__ import annotations

import json
import resource
import time
from typing import Any

from vidstream import Pipeline, Stage, stage
from vidstream.types import Detections, FrameInfo, View


@stage("bench.start")
class Start(Stage):
    """Gives the same empty detections each time."""

    def open(self, stream: Any) -> None:
        """Make them."""
        self._none = Detections.empty()

    def process(self, image: View) -> Detections:
        """Nothing found."""
        return self._none


@stage("bench.pass")
class Pass(Stage):
    """Hands on what it is given: all that is measured is the engine."""

    def process(self, detections: Detections, frame: FrameInfo) -> Detections:
        """The same."""
        return detections


@stage("bench.hop", heavy=True)
class Hop(Pass):
    """The same on a thread of its own."""


def _seconds(graph: dict[str, Any], frames: int, threads: Any) -> float:
    run = {"threads": threads, "frames": frames}
    source = {"uri": "synthetic:shapes", "size": [64, 48], "objects": 1, "duration": "1h"}
    pipeline = Pipeline.build(source=source, graph=graph, run=run)
    start = time.process_time()
    report = pipeline.run()
    assert report.sources[0].ledger.done == frames, report.table()
    return time.process_time() - start


def stage_cost(frames: int = 4000, stages: int = 20) -> float:
    """Microseconds of CPU per fused stage and frame."""
    one: dict[str, Any] = {"start": Start, "p0": Pass}
    many = {"start": Start, **{f"p{i}": Pass for i in range(stages + 1)}}
    return (_seconds(many, frames, 1) - _seconds(one, frames, 1)) / (frames * stages) * 1e6


def hop_cost(frames: int = 4000, hops: int = 4) -> float:
    """Microseconds of CPU per queue between two threads and frame."""
    fused: dict[str, Any] = {"start": Start, **{f"p{i}": Pass for i in range(hops)}}
    apart = {"start": Start, **{f"p{i}": Hop for i in range(hops)}}
    return (_seconds(apart, frames, "auto") - _seconds(fused, frames, 2)) / (frames * hops) * 1e6


def memory_growth(frames: int = 10_000) -> float:
    """MiB by which the process grew while the last nine tenths of the frames went through."""
    source = {"uri": "synthetic:shapes", "size": [320, 240], "duration": "1h"}
    graph = {"find": "detect.motion", "track": "track.sort", "draw": "draw.overlay"}
    pipeline = Pipeline.build(source=source, graph=graph, run={"frames": frames})
    early = 0.0
    for packet in pipeline:
        if packet.seq == frames // 10:
            early = _resident()
    assert packet.seq == frames - 1, "the scene was too short"
    return _resident() - early


def _resident() -> float:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - not a file of ours
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


if __name__ == "__main__":
    figures = {"stage_us": stage_cost(), "hop_us": hop_cost(), "growth_mib": memory_growth()}
    print(json.dumps(figures))
