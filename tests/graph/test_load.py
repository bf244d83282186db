"""Where the machine is too slow: detectors run less often, frames stay fresh, and the report says so."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.support.toys import ToyCamera, ToyCount, ToyDetect, ToyFrames, ToySink, ToyTrack, describe, entry
from vidstream.graph.channel import Channel
from vidstream.graph.description import StageEntry, When
from vidstream.graph.engine import Engine
from vidstream.graph.item import Item
from vidstream.graph.kinds import Reading
from vidstream.graph.ledger import Ledger
from vidstream.graph.load import LADDER, Governor, Load, Sample, dispensable
from vidstream.graph.node import Node, slot_index
from vidstream.graph.stage import Stage, stage
from vidstream.graph.wiring import wire
from vidstream.types import Canvas, Detections, FrameInfo, Image, View


@stage("load.keep")
class Keep(Stage):
    """Passes detections on."""

    def process(self, detections: Detections) -> Detections:
        return detections


@stage("load.draw")
class Draw(Stage):
    """Draws, or hides, what there is."""

    def process(self, image: Image, objects: tuple[Detections, ...] = ()) -> Canvas:
        raise NotImplementedError


@stage("load.embed", heavy=True, stateless=True)
class Embed(Keep):
    """Describes what was found."""


@stage("load.heavy_tracker", heavy=True)
class HeavyTracker(ToyTrack):
    """Has a memory, and needs its time."""


FIND, TRACK = entry("find", ToyDetect), entry("track", ToyTrack)


@pytest.mark.parametrize(
    ("stages", "groups"),
    [
        pytest.param([FIND, TRACK], [["find"]], id="a tracker coasts"),
        pytest.param([FIND, entry("keep", Keep), TRACK], [["find", "keep"]], id="through a filter"),
        pytest.param([FIND, entry("look", Embed), TRACK], [["find", "look"]], id="the first of two"),
        pytest.param([FIND, entry("out", ToySink, book=[])], [["find"]], id="a sink writes what there is"),
        pytest.param([FIND, entry("draw", Draw)], [], id="what is drawn or hidden is on every frame"),
        pytest.param([FIND, TRACK, entry("draw", Draw)], [["find"]], id="what is drawn is what was tracked"),
        pytest.param([FIND, TRACK, entry("count", ToyCount)], [["find"]], id="counted behind the tracker"),
        pytest.param(
            [FIND, TRACK, entry("track2", ToyTrack, when=When("find"))],  # type: ignore[arg-type]
            [],
            id="something waits for what is found",
        ),
        pytest.param(
            [entry("keep", Keep, bindings={"detections": ("find",)}), FIND, TRACK],
            [["find", "keep"]],
            id="the order written does not matter",
        ),
    ],
)
def test_what_may_be_thinned_out(stages: list[StageEntry], groups: list[list[str]]) -> None:
    reading = Reading()
    wiring = wire(stages, reading)
    assert not reading.problems
    assert dispensable(wiring) == groups


class Machine:
    """A camera and a stage, as sums that come out of them: `took` seconds per run, on a thread of its own."""

    def __init__(self, took: float, fps: float = 25.0) -> None:
        wiring = wire([FIND, TRACK], Reading())
        index = slot_index(wiring.order)
        self.node = Node(wiring.order[0], wiring, index, "skip", lambda: ToyDetect(FIND.params))
        self.told: list[tuple[str, str]] = []
        self.governor = Governor([self.node], Ledger(), lambda kind, text: self.told.append((kind, text)))
        self.took, self.fps = took, fps
        self.time = self.arrived = self.lost = self.runs = self.seconds = 0.0

    def seconds_pass(self, seconds: float) -> list[int]:
        """What the governor decides, twice a second."""
        chosen = []
        for _ in range(int(seconds * 2)):
            asked = self.fps / 2 / self.governor.every
            able = 0.5 / self.took
            runs = min(asked, able)
            self.time += 0.5
            self.arrived += self.fps / 2
            self.runs += runs
            self.seconds += runs * self.took
            self.lost += (asked - runs) * self.governor.every
            self.governor.look(Sample(self.time, self.arrived, self.lost, self.runs, self.seconds, 0.0))
            chosen.append(self.governor.every)
        return chosen


@pytest.mark.parametrize(
    ("took", "every"),
    [
        pytest.param(0.03, 1, id="fast enough"),
        pytest.param(0.05, 2, id="a little too slow"),
        pytest.param(0.2, 6, id="five times too slow"),
        pytest.param(3.0, 16, id="far too slow: the most there is"),
    ],
)
def test_it_settles_on_the_rate_that_the_machine_can_do(took: float, every: int) -> None:
    machine = Machine(took)
    chosen = machine.seconds_pass(120)
    assert chosen[-1] == every
    assert all(n in LADDER for n in chosen)
    changes = [b for a, b in pairwise(chosen) if a != b]
    assert len(changes) <= (0 if every == 1 else 3 if every == 16 else 1), "it does not swing"
    assert machine.node.gate is None if every == 1 else machine.node.gate is not None


def test_it_does_more_again_when_it_can_and_less_often_when_that_was_wrong() -> None:
    machine = Machine(0.2)
    assert machine.seconds_pass(10)[-1] == 6
    machine.took = 0.01
    assert machine.seconds_pass(60)[-1] == 1
    kinds = [kind for kind, _ in machine.told]
    assert kinds == ["load-reduced", *["load-restored"] * 4]
    assert machine.told[0][1].startswith(
        "runs on every 6th frame: it takes 200 ms, and frames come every 40 ms"
    )
    assert machine.told[-1][1] == "runs on every frame again"


def test_one_that_swings_is_tried_less_and_less_often() -> None:
    """At every 2nd frame it looks idle, at every frame it cannot keep up."""
    machine = Machine(0.05)
    governor = machine.governor
    idle = {True: 0.3, False: 1.0}
    governor._busy = lambda before, now: idle[governor.every > 1]  # type: ignore[method-assign]  # a lie
    chosen = machine.seconds_pass(300)
    changes = sum(a != b for a, b in pairwise(chosen))
    assert 4 < changes < 24
    assert sum(n == 1 for n in chosen) < 0.15 * len(chosen)


def test_frames_may_wait_only_while_something_is_thinned_out() -> None:
    machine = Machine(0.2)
    queue = Channel[Item](1)
    load = Load([machine.governor], queue)
    machine.seconds_pass(10)
    load.round(machine.time)
    assert queue.capacity == 6
    machine.took = 0.01
    machine.seconds_pass(60)
    load.round(machine.time + 1)
    assert queue.capacity == 1


def camera(**options: Any) -> dict[str, Any]:
    return {"cam": (ToyCamera, {"frames": 200, "delay": 0.02, **options})}


@pytest.fixture
def stages() -> list[StageEntry]:
    return [entry("find", ToyDetect, delay=0.1), TRACK, entry("out", ToySink, book=[])]


def test_five_times_too_slow_frames_stay_fresh_and_the_tracker_sees_nearly_all(
    stages: list[StageEntry],
) -> None:
    report = Engine(describe(stages, camera())).run()
    cam = report.sources[0]
    metrics = {m.stage: m for m in cam.stages}
    assert cam.ledger.balanced
    assert cam.ledger.done > 120, "not one in five"
    assert metrics["track"].time.count == cam.ledger.done
    assert metrics["find"].time.count < 0.5 * cam.ledger.done
    assert max(metrics["find"].every) >= 6
    assert "find ran on every " in report.table()
    assert ": it takes " in report.to_json()["sources"][0]["stages"][0]["reduced"]
    assert "load-reduced" in [n["kind"] for n in report.notices.to_json()]
    assert report.exit_code == 0


@pytest.mark.parametrize(
    ("source", "options"),
    [
        pytest.param(
            {"cam": (ToyCamera, {"frames": 60, "delay": 0.02})}, {"load": "drop"}, id="switched off"
        ),
        pytest.param({"cam": (ToyFrames, {"frames": 30})}, {}, id="a recording"),
    ],
)
def test_nothing_is_thinned_out(stages: list[StageEntry], source: Any, options: dict[str, Any]) -> None:
    report = Engine(describe(stages, source, options)).run()
    metrics = {m.stage: m for m in report.sources[0].stages}
    assert metrics["find"].time.count == report.sources[0].ledger.done
    assert not metrics["find"].every


@stage("load.screen", sink=True, lossy=True)
class Screen(Stage):
    """Shows pictures."""

    def process(self, image: View, frame: FrameInfo) -> None:
        pass


def test_every_sink_of_a_camera_knows_how_old_its_frames_are() -> None:
    graph = [entry("out", ToySink, book=[]), entry("find", ToyDetect, delay=0.03), entry("show", Screen)]
    late = entry("late", ToySink, book=[], bindings={"detections": ("find",)})
    report = Engine(describe([*graph, late], camera(frames=30, delay=0.05))).run()
    ages = {m.stage: m.age for m in report.sources[0].stages if m.age is not None}
    assert set(ages) == {"out", "show", "late"}
    assert ages["out"].quantile(0.5) < 0.02 < ages["late"].quantile(0.5)
    assert 0 < ages["show"].count <= 30
    assert "at the sinks (p50 and p95): " in report.table()
    assert "age_ms" in report.to_json()["sources"][0]["stages"][0]


def test_of_recordings_there_is_no_age() -> None:
    report = Engine(describe([entry("out", ToySink, book=[])])).run()
    assert "age_ms" not in report.to_json()["sources"][0]["stages"][0]
