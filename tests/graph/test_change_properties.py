"""Any sequence of edits of any site: what is described runs, what stays is untouched, books are exact."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.toys import ToyCamera, ToyTrack, describe, entry
from vidstream.errors import StageError
from vidstream.graph.description import Description, Plan, StageEntry
from vidstream.graph.engine import Engine
from vidstream.graph.lane import Lane
from vidstream.graph.stage import Stage, stage
from vidstream.types import Detections, FrameInfo, StreamInfo, View

NAMES = "abcd"
#: a camera as drawn: delay of its source; id, level and every of its stages; level -1 cannot be opened
Camera = tuple[float, tuple[tuple[str, int, int], ...]]
Site = dict[str, Camera]


@dataclass
class Log:
    """What all instances of all stages lived through."""

    lock: Any = field(default_factory=threading.Lock)
    opened: Counter[int] = field(default_factory=Counter)
    closed: Counter[int] = field(default_factory=Counter)
    frames: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Log)

    __hash__ = None  # type: ignore[assignment]  # options need not have one


class Seen(Stage):
    """Writes down its life."""

    @dataclass(frozen=True, slots=True)
    class Params:
        log: Log
        level: int = 0

    params: Params

    def open(self, stream: StreamInfo) -> None:
        if self.params.level < 0:
            raise StageError("the model is damaged")
        self.log = self.params.log
        self.last = -1
        with self.log.lock:
            self.log.opened[id(self)] += 1
            self.keep = self  # the number stays its own
            LIVES.append(self)

    def close(self) -> None:
        if self.params.level >= 0:
            with self.params.log.lock:
                self.params.log.closed[id(self)] += 1


LIVES: list[Stage] = []


@stage("edits.light")
class Light(Seen):
    """On a thread with others."""

    def process(self, image: View, frame: FrameInfo) -> Detections:
        assert frame.seq > self.last
        self.last = frame.seq
        return Detections.of([[0, 0, 1, 1]])


@stage("edits.heavy", heavy=True)
class Heavy(Seen):
    """On a thread of its own."""

    def process(self, image: View, frame: FrameInfo) -> Detections:
        assert frame.seq > self.last
        self.last = frame.seq
        return Detections.of([[0, 0, 1, 1]])


@stage("edits.net", heavy=True, stateless=True, shared=True)
class Network(Seen):
    """Shared by all cameras."""

    def process(self, image: View) -> Detections:
        return Detections.of([[0, 0, 1, 1]])


CLASSES: dict[str, Any] = {"light": Light, "heavy": Heavy, "net": Network}


def stages() -> st.SearchStrategy[tuple[tuple[str, int, int], ...]]:
    one = st.tuples(st.sampled_from(sorted(CLASSES)), st.sampled_from([0, 0, 1, 2, -1]), st.integers(1, 2))
    return st.lists(one, max_size=3, unique_by=lambda s: s[0]).map(tuple)


def cameras() -> st.SearchStrategy[Camera]:
    return st.tuples(st.sampled_from([0.001, 0.003]), stages())


def sites() -> st.SearchStrategy[Site]:
    return st.dictionaries(st.sampled_from(NAMES), cameras(), min_size=1, max_size=len(NAMES))


@st.composite
def another(draw: st.DrawFn, camera: Camera) -> Camera:
    """The same camera with another option of one of its stages, where it has any."""
    delay, parts = camera
    if not parts:
        return draw(cameras())
    at = draw(st.integers(0, len(parts) - 1))
    use, level, every = parts[at]
    level, every = draw(
        st.sampled_from([(level + 1, every), (level, 3 - every), (level + 1, 3 - every), (-1, 1)])
    )
    return delay, (*parts[:at], (use, level, every), *parts[at + 1 :])


@st.composite
def edits(draw: st.DrawFn) -> list[Site]:
    """A site, and what it is changed to, step by step: mostly one option, now and then everything."""
    good = draw(sites().filter(lambda s: not is_bad(s)))
    steps = [good]
    for _ in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["option", "option", "option", "camera", "less", "all"]))
        name = draw(st.sampled_from(sorted(good)))
        if kind == "option":
            site = {**good, name: draw(another(good[name]))}
        elif kind == "camera":
            site = {**good, draw(st.sampled_from(NAMES)): draw(cameras())}
        elif kind == "less":
            site = {k: v for k, v in good.items() if k != name} or good
        else:
            site = draw(sites())
        steps.append(site)
        good = good if is_bad(site) else site
    return steps


def is_bad(site: Site) -> bool:
    return any(level < 0 for _, parts in site.values() for _, level, _ in parts)


def described(site: Site, log: Log) -> Description:
    sources = {name: (ToyCamera, {"frames": 10**9, "delay": delay}) for name, (delay, _) in site.items()}
    description = describe([], sources)
    plans = tuple(Plan(p.source, entries(site[p.source.name], log)) for p in description.plans)
    return Description(plans, description.run)


def entries(camera: Camera, log: Log) -> tuple[StageEntry, ...]:
    made = [
        replace(entry(use, ToyTrack), spec=CLASSES[use].spec, params=Seen.Params(log, level), every=every)
        for use, level, every in camera[1]
    ]
    return (*made, *([entry("track", ToyTrack)] if made else []))


def wait_for(condition: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come about"
        time.sleep(0.002)


def runs_as_described(lane: Lane, site: Site) -> bool:
    """Whether the instances at work are those of the description."""
    delay, parts = site[lane.name]
    nodes = lane.assembly.nodes
    return (
        lane.is_open
        and lane.wired.plan.source.params.delay == delay
        and {n.id: (n.stage.params.level, n.entry.every) for n in nodes if n.id != "track"}
        == {use: (level, every) for use, level, every in parts}
    )


def is_running(engine: Engine, site: Site) -> bool:
    return all(runs_as_described(lane, site) for lane in engine.lanes)


def untouched(lane: Lane) -> list[Any]:
    return [lane, *[(node, node.stage) for node in lane.assembly.nodes]]


def check(steps: list[Site]) -> None:
    log = Log()
    LIVES.clear()
    engine = Engine(described(steps[0], log))
    thread = threading.Thread(target=engine.run, daemon=True)
    thread.start()
    now = steps[0]
    try:
        wait_for(lambda: is_running(engine, steps[0]), "the beginning")
        for step in steps[1:]:
            before = {lane.name: untouched(lane) for lane in engine.lanes}
            change = engine.apply(described(step, log))
            change.wait(20)
            assert change.settled
            if change.error is not None:
                assert is_bad(step)
                assert {lane.name: untouched(lane) for lane in engine.lanes} == before
                continue
            if is_bad(step):  # a camera that is new fails by itself: the others go on
                return
            same = {name for name in step if now.get(name) == step[name]}
            now = step
            assert [lane.name for lane in engine.lanes] == list(step)
            kept = {lane.name: untouched(lane) for lane in engine.lanes if lane.name in same}
            assert kept == {name: before[name] for name in same}
            wait_for(lambda site=step: is_running(engine, site), str(now))
    finally:
        engine.stop()
        thread.join(20)
        assert not thread.is_alive()
    for report in engine.report().sources:
        assert report.ledger.balanced, str(report.ledger)
        assert not report.ledger.failed
    assert log.opened == log.closed
    assert set(log.opened.values()) <= {1}
    names = tuple(f"{name}/" for name in NAMES)
    assert not [t.name for t in threading.enumerate() if t.name.startswith(names) or t.name == "change"]


def examples(count: int) -> Any:
    return settings(max_examples=count, deadline=None, suppress_health_check=list(HealthCheck))


@given(edits())
@examples(12)
def test_any_edits(steps: list[Site]) -> None:
    check(steps)


@pytest.mark.slow
@given(edits())
@examples(150)
def test_many_edits(steps: list[Site]) -> None:
    check(steps)
