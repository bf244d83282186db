"""Stages that cameras share: one instance, one thread, fair batches, results as if alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from tests.support.toys import ToyCamera, ToyDetect, ToyFrames, ToyTrack, describe, entry
from vidstream.graph.engine import Engine
from vidstream.graph.shared import _one_of_each_first, _Request
from vidstream.graph.stage import stage
from vidstream.types import Detections, FrameInfo, StreamInfo, View


@stage("shared.net", heavy=True, stateless=True, shared=True)
class Net(ToyDetect):
    """A network that notes who calls it, and how."""

    @dataclass(frozen=True, slots=True)
    class Params(ToyDetect.Params):
        batch: int = 1  #: frames it takes at once
        broken: bool = False  #: cannot be opened

    params: Params
    made: ClassVar[list[Net]] = []
    closed = 0

    def open(self, stream: StreamInfo) -> None:
        if self.params.broken:
            raise OSError("no such network")
        Net.made.append(self)
        self.batch_limit = self.params.batch
        self.threads: set[int] = set()
        self.batches: list[int] = []

    def process(self, image: View, frame: FrameInfo) -> Detections:
        return ToyDetect.process(self, image, frame)

    def process_batch(self, batch: Sequence[tuple[Any, ...]]) -> list[Any]:
        self.threads.add(threading.get_ident())
        self.batches.append(len(batch))
        return [self.process(*values) for values in batch]

    def close(self) -> None:
        self.closed += 1


@pytest.fixture(autouse=True)
def _nothing_made() -> None:
    Net.made.clear()


def cameras(count: int, **options: Any) -> dict[str, Any]:
    return {f"cam{i}": (ToyFrames, {"frames": 20, "delay": 0.002, **options}) for i in range(count)}


def tracked(engine: Engine) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {lane.name: [] for lane in engine.lanes}
    for packet in engine.packets():
        boxes = None if packet["net"] is None else packet["net"].boxes.tolist()
        found[packet.source].append((packet.seq, boxes, packet["track"].track_ids.tolist()))
    return found


@pytest.mark.parametrize("batch", [1, 3, 8])
@pytest.mark.parametrize("workers", [1, 2])
def test_results_are_those_of_separate_instances(batch: int, workers: int) -> None:
    def stages(cls: Any) -> list[Any]:
        return [entry("net", cls, delay=0.001, workers=workers), entry("track", ToyTrack)]

    shared = [entry("net", Net, delay=0.001, batch=batch, workers=workers), entry("track", ToyTrack)]
    engine = Engine(describe(shared, cameras(4)))
    assert tracked(engine) == tracked(Engine(describe(stages(ToyDetect), cameras(4))))
    (net,) = Net.made
    assert len(net.threads) == 1
    assert sum(net.batches) == 80
    assert max(net.batches) <= batch
    assert net.closed == 1
    (report,) = engine.report().shared
    assert (report.frames, report.batches) == (80, len(net.batches))


def test_waiting_cameras_are_batched() -> None:
    stages = [entry("net", Net, delay=0.004, batch=4), entry("track", ToyTrack)]
    tracked(Engine(describe(stages, cameras(4))))
    (net,) = Net.made
    assert sum(net.batches) / len(net.batches) > 1.5


def test_live_cameras_get_equal_shares() -> None:
    stages = [entry("net", Net, delay=0.01), entry("track", ToyTrack)]
    sources = {f"cam{i}": (ToyCamera, {"frames": 60, "delay": 0.01 if i else 0.004}) for i in range(3)}
    report = Engine(describe(stages, sources)).run()
    done = [s.ledger.done for s in report.sources]
    assert all(s.ledger.balanced for s in report.sources)
    assert min(done) > 5  # the fast camera does not crowd the others out


def test_different_options_are_different_networks_and_a_single_source_shares_nothing() -> None:
    sources = cameras(2)
    description = describe([], sources)
    plans = tuple(
        type(p)(p.source, (entry("net", Net, delay=0.001 * (i + 1)), entry("track", ToyTrack)))
        for i, p in enumerate(description.plans)
    )
    engine = Engine(type(description)(plans, description.run))
    assert list(engine.owners) == []
    assert engine.run().exit_code == 0
    assert len(Net.made) == 2


def test_a_frame_that_fails_spoils_no_other_in_its_batch() -> None:
    stages = [entry("net", Net, delay=0.002, batch=4, fail_on=(3,)), entry("track", ToyTrack)]
    report = Engine(describe(stages, cameras(4))).run()
    assert [dict(s.ledger.failed) for s in report.sources] == [{"net": 1}] * 4
    assert [s.ledger.done for s in report.sources] == [19] * 4


def test_a_source_that_ends_early_leaves_the_network_to_the_others() -> None:
    sources = {**cameras(2), "short": (ToyFrames, {"frames": 2}), "broken": (ToyFrames, {"fail_at": 1})}
    stages = [entry("net", Net, delay=0.002), entry("track", ToyTrack)]
    report = Engine(describe(stages, sources, {"parallel": 4})).run()
    assert {s.source: s.ledger.done for s in report.sources} == {
        "cam0": 20,
        "cam1": 20,
        "short": 2,
        "broken": 1,
    }
    assert all(net.closed == 1 for net in Net.made)


def test_a_network_that_cannot_be_opened_fails_each_source_with_the_reason() -> None:
    report = Engine(describe([entry("net", Net, broken=True), entry("track", ToyTrack)], cameras(2))).run()
    assert [s.error.partition(": ")[2] for s in report.sources] == [
        "stage 'net' (shared.net) cannot be opened: OSError: no such network"
    ] * 2
    assert not [t for t in threading.enumerate() if t.name == "shared.net"]


def test_a_stop_does_not_leave_the_owner_s_thread_behind() -> None:
    stages = [entry("net", Net, delay=0.01, batch=8), entry("track", ToyTrack)]
    engine = Engine(describe(stages, cameras(3, frames=100_000)))
    threading.Timer(0.3, engine.stop).start()
    start = time.monotonic()
    report = engine.run()
    assert time.monotonic() - start < 3
    assert all(s.ledger.balanced for s in report.sources)
    assert not [t for t in threading.enumerate() if t.name == "shared.net"]


def test_one_of_each_camera_goes_first() -> None:
    class User:
        def __init__(self, source: str) -> None:
            self.source = source

    waiting = [_Request(User(name), (i,)) for i, name in enumerate("aaabbc")]  # type: ignore[arg-type]
    assert [r.values[0] for r in _one_of_each_first(waiting)] == [0, 3, 5, 1, 4, 2]
