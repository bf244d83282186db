"""Gates where frames are missing: after a gap, behind dropped and failed frames, where inputs are absent."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.toys import ToyDetect, ToyFrames, describe, entry
from vidstream.graph.description import When
from vidstream.graph.engine import Engine
from vidstream.graph.gates import Gate
from vidstream.graph.item import Item
from vidstream.graph.stage import Stage, stage
from vidstream.types import Detections, FrameInfo


@stage("gates.after")
class After(Stage):
    """Runs on what a detector found."""

    def process(self, detections: Detections) -> Detections:
        return detections


@stage("gates.after_heavy", heavy=True, stateless=True)
class AfterHeavy(After):
    """The same on a thread of its own, or several."""


def ran(stages: list[Any], key: str, **source: Any) -> list[int]:
    engine = Engine(describe(stages, {"cam": (ToyFrames, source)}))
    return [p.seq for p in engine.packets() if p[key] is not None]


@pytest.mark.parametrize(
    ("stage_", "workers"),
    [
        pytest.param(After, 1, id="fused"),
        pytest.param(AfterHeavy, 1, id="on its own thread"),
        pytest.param(AfterHeavy, 3, id="with workers"),
    ],
)
@pytest.mark.parametrize(
    ("detector", "expected"),
    [
        pytest.param({}, [0, 5, 10, 15, 20, 25, 30, 35], id="every frame is there"),
        pytest.param({"fail_on": (20,)}, [0, 5, 10, 15, 21, 26, 31, 36], id="the gap's frame failed"),
        pytest.param({"every": 3}, [0, 6, 12, 15, 21, 27, 33, 36], id="the gap's frame has no input"),
    ],
)
def test_the_time_of_a_new_segment_is_not_measured_against_the_old_one(
    stage_: Any, workers: int, detector: dict[str, Any], expected: list[int]
) -> None:
    """Twice a second of 10 frames; time starts over at frame 20, whatever became of that frame."""
    stages = [entry("det", ToyDetect, **detector), entry("after", stage_, period=0.5, workers=workers)]
    assert ran(stages, "after", frames=40, segment_at=20) == expected


def test_a_condition_is_held_from_frames_on_which_the_stage_itself_cannot_run() -> None:
    """`often` says something on every second frame, `det` on every third: they meet on every sixth."""
    stages = [
        entry("often", ToyDetect, every=2),
        entry("det", ToyDetect, every=3),
        entry("after", After, when=When("often", hold=0.15), bindings={"detections": ("det",)}),  # type: ignore[arg-type]
    ]
    assert ran(stages, "after", frames=13) == [0, 3, 6, 9, 12]


def test_a_condition_counts_only_where_it_holds() -> None:
    """`every: 2` of the frames that arrive, and of those the ones on which `third` says something."""
    stages = [
        entry("third", ToyDetect, every=3),
        entry("det", ToyDetect, every=2, when=When("third")),  # type: ignore[arg-type]
    ]
    assert ran(stages, "det", frames=19) == [0, 6, 12, 18]


def test_a_stage_that_failed_says_nothing() -> None:
    stages = [
        entry("first", ToyDetect, fail_on=(2, 3), on_error="pass"),
        entry("second", ToyDetect, when=When("first")),  # type: ignore[arg-type]
    ]
    assert ran(stages, "second", frames=6) == [0, 1, 4, 5]


def test_a_full_period_s_pause_starts_the_grid_anew_whatever_the_last_digit() -> None:
    """0.8 s is 0.2 s behind 0.6 s, though 0.8 - (0.4 + 0.2) is a hair less than 0.2 in binary."""
    gate = Gate(entry("det", ToyDetect, period=0.2), [])
    times = [0.0, 0.35, 0.45, 0.8, 0.84, 1.0]
    items = [Item(FrameInfo("cam", 0, i, pts, None, 0.0, 8, 6), []) for i, pts in enumerate(times)]
    assert [item.frame.pts for item in items if gate.opens(item)] == [0.0, 0.35, 0.45, 0.8, 1.0]


@pytest.mark.parametrize(
    ("options", "every", "ran"),
    [
        pytest.param({}, 1, list(range(12)), id="not at all"),
        pytest.param({}, 3, [2, 5, 8, 11], id="every third"),
        pytest.param({"every": 2}, 2, [2, 6, 10], id="of those that are left by 'every'"),
        pytest.param({"period": 0.3}, 2, [3, 9], id="of those that are left by 'max_fps'"),
    ],
)
def test_thinning_out_comes_last(options: dict[str, Any], every: int, ran: list[int]) -> None:
    gate = Gate(entry("det", ToyDetect, **options), ())
    gate.thin = every
    frames = [FrameInfo("cam", 0, i, i / 10, None, 0.0, 8, 6) for i in range(12)]
    assert [f.seq for f in frames if gate.opens(Item(f, []))] == ran
