"""A description changed under running lanes: what stays stays the same, what is bad is refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import pytest

from tests.support.toys import (
    ToyCamera,
    ToyDetect,
    ToyFrames,
    ToySink,
    ToyTrack,
    ToyWindow,
    describe,
    entry,
)
from vidstream.errors import StageError, UsageError, VidstreamError
from vidstream.graph.change import Wired, differences, in_words
from vidstream.graph.description import Description, Plan, When
from vidstream.graph.engine import Engine, wire_all
from vidstream.graph.lane import Lane
from vidstream.graph.stage import Stage, stage
from vidstream.types import Detections, FrameInfo, Gap, SourceStatus, StreamInfo, View

#: a camera that never ends
ENDLESS = {"frames": 10**9, "delay": 0.002}
CAMERA = (ToyCamera, ENDLESS)


@dataclass
class Book:
    """What instances of a stage have lived through, in order."""

    lines: list[Any] = field(default_factory=list)
    made: int = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Book)

    __hash__ = None  # type: ignore[assignment]  # options need not have one


@stage("change.find")
class Find(Stage):
    """Writes down its life; may refuse to open."""

    @dataclass(frozen=True, slots=True)
    class Params:
        book: Book
        level: float = 0.5
        broken: bool = False
        opening: float = 0.0

    params: Params

    def open(self, stream: StreamInfo) -> None:
        self.book = self.params.book
        self.book.made += 1
        self.number = self.book.made
        time.sleep(self.params.opening)
        if self.params.broken:
            raise StageError("the model is damaged")
        self.book.lines.append((self.number, "open", self.params.level))

    def process(self, image: View, frame: FrameInfo) -> Detections:
        self.book.lines.append((self.number, frame.seq, self.params.level))
        return Detections.of([[0, 0, self.params.level, 1]])

    def on_status(self, status: SourceStatus) -> None:
        self.book.lines.append((self.number, "status", status.state))

    def on_gap(self, gap: Gap) -> None:
        self.book.lines.append((self.number, "gap", gap.kind))

    def close(self) -> None:
        self.book.lines.append((self.number, "close", self.params.level))


@stage("change.net", shared=True, heavy=True, stateless=True)
class Net(Stage):
    """A network that says when it is loaded and unloaded."""

    @dataclass(frozen=True, slots=True)
    class Params:
        book: Book
        model: str = "a"
        broken: bool = False

    params: Params

    def open(self, stream: StreamInfo) -> None:
        if self.params.broken:
            raise StageError("the model is damaged")
        self.params.book.lines.append(("load", self.params.model))

    def process(self, image: View) -> Detections:
        return Detections.of([[0, 0, 1, 1]])

    def close(self) -> None:
        self.params.book.lines.append(("unload", self.params.model))


def make(cls: Any, id_: str, book: Book, **options: Any) -> Any:
    keys = {"every", "period", "when", "on_error", "bindings"}
    run = {k: options.pop(k) for k in list(options) if k in keys}
    return replace(entry(id_, ToyTrack), spec=cls.spec, params=cls.Params(book, **options), **run)


def wait_for(condition: Callable[[], Any], what: str = "it") -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come about"
        time.sleep(0.002)


@contextmanager
def running(description: Description) -> Iterator[Engine]:
    """An engine at work on another thread; its books are checked at the end."""
    engine = Engine(description)
    thread = threading.Thread(target=engine.run, daemon=True)
    thread.start()
    try:
        wait_for(lambda: all(p.frames > 3 for p in engine.progress()), "the first frames")
        yield engine
    finally:
        engine.stop()
        thread.join(10)
    assert not thread.is_alive()
    for report in engine.report().sources:
        assert report.ledger.balanced, str(report.ledger)


def site(stages: Mapping[str, list[Any]], run: Mapping[str, Any] | None = None) -> Description:
    description = describe([], dict.fromkeys(stages, CAMERA), run)
    plans = tuple(Plan(p.source, tuple(stages[p.source.name])) for p in description.plans)
    return Description(plans, description.run)


def frames_of(book: Book, number: int) -> list[int]:
    return [line[1] for line in book.lines if line[0] == number and isinstance(line[1], int)]


def applied(engine: Engine, description: Description) -> str:
    change = engine.apply(description)
    assert change.wait(20), change.error
    return change.summary


def works(lane: Lane) -> bool:
    return lane.current.ledger.done > 0


def test_another_option_exchanges_the_stage_alone_between_two_frames() -> None:
    book, tracks = Book(), entry("track", ToyTrack)
    with running(site({"a": [make(Find, "find", book), tracks], "b": [tracks]} | {"b": []})) as engine:
        lane, other = engine.lanes
        tracker = lane.assembly.nodes[1].stage
        new = site({"a": [make(Find, "find", book, level=0.9), tracks], "b": []})
        assert applied(engine, new) == "a: find (level)"
        wait_for(lambda: len(frames_of(book, 2)) > 5, "frames through the new one")
        assert engine.lanes == [lane, other]
        assert lane.assembly.nodes[1].stage is tracker
        assert tracker.seen > len(frames_of(book, 1))  # type: ignore[attr-defined]  # it goes on counting
        assert engine.description.plans[0].stages[0].params.level == 0.9
    seqs = frames_of(book, 1) + frames_of(book, 2)
    assert seqs == sorted(set(seqs)), "no frame twice, and none by the old one after the new one"
    assert book.lines.index((2, "open", 0.9)) < book.lines.index((1, "close", 0.5))
    assert (2, "status", "live") not in book.lines or book.lines.count((2, "close", 0.9)) == 1
    assert book.lines.count((1, "close", 0.5)) == book.lines.count((2, "close", 0.9)) == 1


def test_gates_change_without_another_instance() -> None:
    book = Book()
    with running(site({"a": [make(Find, "find", book)]})) as engine:
        assert applied(engine, site({"a": [make(Find, "find", book, every=5)]})) == "a: find (every)"
        begun = len(frames_of(book, 1))
        wait_for(lambda: len(frames_of(book, 1)) > begun + 5)
    seqs = frames_of(book, 1)[-4:]
    assert min(b - a for a, b in pairwise(seqs)) >= 5, "more where frames gave way to newer ones"
    assert book.made == 1


def test_a_stage_that_cannot_be_opened_leaves_the_old_one_at_work() -> None:
    book, others = Book(), Book()
    stages = {"a": [make(Find, "find", book)], "b": [make(Find, "find", others)]}
    with running(site(stages)) as engine:
        lanes = engine.lanes
        bad = {"a": [make(Find, "find", book, broken=True)], "b": [make(Find, "find", others, level=0.7)]}
        change = engine.apply(site(bad))
        assert not change.wait(20)
        assert "stage 'find' (change.find) cannot be opened: the model is damaged" in str(change.error)
        before = len(frames_of(book, 1))
        wait_for(lambda: len(frames_of(book, 1)) > before + 5, "more frames through the old one")
        assert engine.lanes == lanes
        assert engine.description.plans[1].stages[0].params.level == 0.5, "all of it, or nothing"
        assert [n.kind for n in engine.report().notices.counts] == ["reload-refused"]
        assert applied(engine, site(stages)) == "nothing has changed"
    assert engine.report().exit_code == 0
    assert [line for line in others.lines if line[1] in ("open", "close")] == [
        (1, "open", 0.5),
        *[(2, "open", 0.7), (2, "close", 0.7)] * (others.made - 1),
        (1, "close", 0.5),
    ]


def test_a_new_stage_that_cannot_be_opened_leaves_the_old_graph_at_work() -> None:
    book = Book()
    with running(site({"a": [make(Find, "find", book)]})) as engine:
        lane = engine.lanes[0]
        new = site({"a": [make(Find, "find", book), make(Net, "net", book, broken=True)]})
        assert not engine.apply(new).wait(20)
        assert engine.lanes == [lane]
        assert lane.ended is None


def test_cameras_come_and_go() -> None:
    books = {name: Book() for name in "abc"}

    def of(names: str) -> Description:
        return site({name: [make(Find, "find", books[name])] for name in names})

    seen: list[str] = []
    with running(of("ab")) as engine:
        engine.watch(lambda packet: seen.append(packet.source))
        a = engine.lanes[0]
        assert applied(engine, of("ac")) == "+c, -b"
        wait_for(lambda: "c" in seen, "a frame of the new camera")
        assert [lane.name for lane in engine.lanes] == ["a", "c"]
        assert engine.lanes[0] is a
        wait_for(lambda: books["b"].lines[-1][1] == "close", "the end of the old one")
        assert books["b"].made == 1
        states = {s.source: s.status["state"] for s in engine.report().sources}
        assert states["b"] == "ended"
        assert applied(engine, of("abc")) == "+b"
        wait_for(lambda: books["b"].made == 2)
    assert sorted(s.source for s in engine.report().sources) == ["a", "b", "b", "c"]
    assert engine.report().exit_code == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(
            lambda b: [make(Find, "find", b), entry("track", ToyTrack)], "+track", id="a stage more"
        ),
        pytest.param(lambda b: [], "-find", id="a stage less"),
        pytest.param(lambda b: [make(Net, "find", b)], "find (change.net)", id="another stage of that name"),
    ],
)
def test_another_graph_replaces_the_lane_of_that_camera_alone(change: Any, words: str) -> None:
    book, other = Book(), Book()
    with running(site({"a": [make(Find, "find", book)], "b": [make(Find, "find", other)]})) as engine:
        first, second = engine.lanes
        new = site({"a": change(book), "b": [make(Find, "find", other)]})
        assert applied(engine, new) == f"a: {words}"
        wait_for(lambda: engine.lanes[0] is not first and works(engine.lanes[0]))
        assert engine.lanes[1] is second
        assert (1, "close", 0.5) in book.lines
    seqs = frames_of(other, 1)
    assert seqs == sorted(seqs)
    assert other.made == 1


def test_a_source_with_other_options_is_opened_anew() -> None:
    book = Book()
    description = site({"a": [make(Find, "find", book)]})
    with running(description) as engine:
        source = replace(description.plans[0].source, params=ToyCamera.Params(frames=10**9, delay=0.001))
        new = replace(description, plans=(replace(description.plans[0], source=source),))
        assert applied(engine, new) == "a: source (delay)"
        wait_for(lambda: book.made >= 2 and frames_of(book, book.made))


def test_networks_come_and_go_with_those_that_use_them() -> None:
    book = Book()

    def of(**models: str) -> Description:
        return site({name: [make(Net, "net", book, model=model)] for name, model in models.items()})

    def loads() -> list[Any]:
        return list(book.lines)

    with running(of(a="m", b="m")) as engine:
        assert loads() == [("load", "m")]
        applied(engine, of(a="m", b="m", c="m"))
        wait_for(lambda: works(engine.lanes[2]))
        assert loads() == [("load", "m")], "a camera that joins needs no second network"
        applied(engine, of(a="m", b="n", c="m"))
        wait_for(lambda: ("load", "n") in book.lines)
        assert ("unload", "m") not in book.lines
        applied(engine, of(a="n", b="n", c="n"))
        wait_for(lambda: ("unload", "m") in book.lines, "the end of the network that nobody uses")
        applied(engine, of(a="n"))
        wait_for(lambda: len(engine.lanes) == 1)
    assert loads() == [("load", "m"), ("load", "n"), ("unload", "m"), ("unload", "n")]


def test_a_sink_that_is_exchanged_completes_its_file_first() -> None:
    books: list[list[Any]] = [[], []]
    with running(site({"a": [entry("out", ToySink, book=books[0])]})) as engine:
        applied(engine, site({"a": [entry("out", ToySink, book=books[1])]}))
        wait_for(lambda: len(books[1]) > 3)
        assert books[0][-2:] == ["flush", "close"]
    first = [line[0] for line in books[0] if line[0] not in ("open", "f", "c")]
    second = [line[0] for line in books[1] if line[0] not in ("open", "f", "c")]
    assert second[0] > first[-1], "no frame is written twice"


def test_a_window_is_exchanged_by_the_thread_that_shows_it() -> None:
    books: list[list[Any]] = [[], []]
    with running(site({"a": [entry("show", ToyWindow, book=books[0])]})) as engine:
        wait_for(lambda: books[0])
        applied(engine, site({"a": [entry("show", ToyWindow, book=books[1])]}))
        wait_for(lambda: len(books[1]) > 3, "pictures in the new one")
        assert books[0][-1] == "close"
        assert len(engine._roster.windows) == 1
    assert books[1][-1] == "close"


def test_a_stage_on_several_threads_is_replaced_with_its_lane() -> None:
    with running(site({"a": [entry("det", ToyDetect, workers=2)], "b": []})) as engine:
        a, b = engine.lanes
        applied(engine, site({"a": [entry("det", ToyDetect, workers=2, delay=0.001)], "b": []}))
        wait_for(lambda: works(engine.lanes[0]))
        assert engine.lanes[0] is not a
        assert engine.lanes[1] is b


@pytest.mark.parametrize(
    ("sources", "new", "message"),
    [
        pytest.param({"a": (ToyFrames, ENDLESS)}, None, "a run of recordings cannot be", id="a recording"),
        pytest.param({"a": CAMERA}, {"a": (ToyFrames, ENDLESS)}, "cannot become one of", id="no camera left"),
    ],
)
def test_recordings_are_not_changed_while_they_run(sources: Any, new: Any, message: str) -> None:
    engine = Engine(describe([], sources))
    with pytest.raises(UsageError, match=message):
        engine.apply(describe([], new or sources))


def test_changes_are_carried_out_one_after_the_other() -> None:
    book = Book()
    with running(site({"a": [make(Find, "find", book)]})) as engine:
        levels = [0.1, 0.2, 0.3, 0.4]
        changes = [engine.apply(site({"a": [make(Find, "find", book, level=x)]})) for x in levels]
        assert all(change.wait(20) for change in changes)
        assert [c.summary for c in changes] == ["a: find (level)"] * 4
        wait_for(lambda: frames_of(book, 5), "frames through the last one")
    lives = [line[:2] for line in book.lines if line[1] in ("open", "close")]
    assert sorted(lives) == sorted((n, word) for n in range(1, 6) for word in ("open", "close"))


@pytest.mark.parametrize("where", ["the engine's thread", "a lane's thread"])
def test_a_change_may_be_asked_for_from_the_run_itself(where: str) -> None:
    engine = Engine(site({"a": []}))
    changes: list[Any] = []

    def ask(*_: Any) -> None:
        if not changes:
            changes.append(engine.apply(site({"a": [], "b": []})))
        elif changes[0].settled:
            engine.stop()

    if where == "a lane's thread":
        engine.watch(ask)
    engine.run(ask if where == "the engine's thread" else lambda: None)
    assert changes[0].summary == "+b"


def test_frames_of_cameras_that_come_later_are_handed_out_by_the_loop() -> None:
    engine = Engine(site({"a": []}))
    seen: set[str] = set()
    for packet in engine.packets():
        if not seen:
            engine.apply(site({"a": [], "b": []}))
        seen.add(packet.source)
        if len(seen) == 2:
            break
    assert all(s.ledger.balanced for s in engine.report().sources)


def test_what_is_wired_wrongly_is_refused_at_once() -> None:
    with running(site({"a": []})) as engine:
        with pytest.raises(UsageError, match="there is no stage 'gone'"):
            engine.apply(site({"a": [entry("out", ToySink, book=[], bindings={"counts": ("gone",)})]}))
        assert engine.lanes[0].ended is None


def test_options_of_the_run_change_at_once_or_are_named() -> None:
    with running(site({"a": []}, {"staleness": 0.5})) as engine:
        applied(engine, site({"a": []}, {"staleness": 0.1, "queue": 3}))
        assert (engine.description.run.staleness, engine.description.run.queue) == (0.1, 8)
        assert [str(n) for n in engine.report().notices.counts] == [
            "restart-needed: run.queue: takes effect when the program is started anew",
            "reloaded: run (staleness), at the next start: run (queue)",
        ]


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.3])
def test_a_stop_while_a_change_is_prepared_ends_the_run_and_closes_what_was_opened(delay: float) -> None:
    book = Book()
    with running(site({"a": [make(Find, "find", book)]})) as engine:
        change = engine.apply(site({"a": [make(Find, "find", book, level=0.9, opening=0.2)]}))
        time.sleep(delay)
    assert change.settled
    for number in range(1, book.made + 1):
        life = [line[1] for line in book.lines if line[0] == number and line[1] in ("open", "close")]
        assert life == ["open", "close"]


def test_a_stop_does_not_wait_for_a_stage_that_does_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidstream.graph.engine.DRAIN", 0.1)
    monkeypatch.setattr("vidstream.graph.engine.GRACE", 0.1)
    book = Book()
    with running(site({"a": [make(Find, "find", book)]})) as engine:
        change = engine.apply(site({"a": [make(Find, "find", book, level=0.9, opening=2.0)]}))
        wait_for(lambda: book.made == 2)
        engine.stop()
        begun = time.monotonic()
        assert not change.wait(20)
    assert time.monotonic() - begun < 1.9
    assert "change: did-not-stop" in engine.report().table()
    wait_for(lambda: book.lines[-1] == (2, "close", 0.9), "what opened too late is closed")


def test_a_change_after_the_end_is_refused() -> None:
    with running(site({"a": []})) as engine:
        pass
    change = engine.apply(site({"b": []}))
    assert change.settled
    assert str(change.error) == "the run has ended"


def test_a_lane_that_does_not_end_is_left_behind_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vidstream.graph.engine.DRAIN", 0.1)
    monkeypatch.setattr("vidstream.graph.engine.GRACE", 0.1)
    go = threading.Event()

    class Stuck(ToyCamera):
        def close(self) -> None:
            go.wait(20)

    description = site({"a": [], "b": []})
    stuck = replace(description.plans[1].source, spec=replace(ToyCamera.spec, cls=Stuck))
    with running(replace(description, plans=(description.plans[0], Plan(stuck, ())))) as engine:
        a = engine.lanes[0]
        applied(engine, replace(description, plans=(*description.plans[:1], replace(description.plans[1]))))
        wait_for(lambda: works(engine.lanes[1]), "the camera that takes its place")
        assert engine.lanes[0] is a
    go.set()
    assert "did-not-stop" in {n.kind for n in engine.report().notices.counts}


# -- starting anew -----------------------------------------------------------------------------------------


def failing(at: int) -> list[Any]:
    return [entry("det", ToyDetect, fail_on=(at,), on_error="stop_source")]


def test_a_camera_that_a_stage_has_ended_is_started_anew_and_the_others_go_on() -> None:
    with running(site({"a": failing(9), "b": []}, {"revive": 0.05})) as engine:
        b = engine.lanes[1]
        wait_for(lambda: sum(s.source == "a" for s in engine.report().sources) > 3, "some new starts")
        assert engine.lanes[1] is b
    report = engine.report()
    assert all(s.ledger.balanced for s in report.sources)
    assert {n.kind for n in report.notices.counts} >= {"source-failed", "lane-restarted"}
    assert report.exit_code in (1, 3)


def test_many_new_starts_keep_the_sums_and_not_the_reports() -> None:
    frames: list[int] = []
    engine = Engine(site({"a": failing(3)}, {"revive": 0.001}))
    engine.watch(lambda packet: frames.append(packet.seq))
    engine._roster._tries = dict.fromkeys("a", 0)
    thread = threading.Thread(target=engine.run, daemon=True)
    thread.start()
    try:
        wait_for(lambda: len(frames) > 3 * 9)
    finally:
        engine.stop()
        thread.join(10)
    reports = engine.report().sources
    assert len(reports) <= 6
    assert sum(s.ledger.done for s in reports) == len(frames)
    assert all(s.ledger.balanced for s in reports)


def test_a_run_whose_stages_cannot_be_opened_ends() -> None:
    engine = Engine(site({"a": [make(Find, "find", Book(), broken=True)]}, {"revive": 60}))
    assert engine.run().exit_code == 1


def test_a_stop_during_the_pause_ends_the_run_at_once() -> None:
    engine = Engine(site({"a": failing(5)}, {"revive": 60}))
    thread = threading.Thread(target=engine.run, daemon=True)
    thread.start()
    wait_for(lambda: engine.lanes[0].ended is not None)
    time.sleep(0.15)
    assert thread.is_alive()
    engine.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert engine.report().exit_code == 1


def test_a_change_ends_the_pause() -> None:
    engine = Engine(site({"a": failing(5)}, {"revive": 60}))
    thread = threading.Thread(target=engine.run, daemon=True)
    thread.start()
    wait_for(lambda: engine.lanes[0].ended is not None)
    applied(engine, site({"a": []}, {"revive": 60}))
    wait_for(lambda: works(engine.lanes[0]))
    engine.stop()
    thread.join(10)
    assert engine.report().exit_code == 3, "it failed on the way"
    assert [s.source for s in engine.report().sources] == ["a", "a"]


def test_a_camera_that_has_ended_and_is_taken_out_stays_in_the_report() -> None:
    description = describe([], {"a": (ToyCamera, {"frames": 5}), "b": CAMERA})
    with running(description) as engine:
        wait_for(lambda: engine.lanes[0].ended is not None)
        time.sleep(0.15)
        assert applied(engine, replace(description, plans=description.plans[1:])) == "-a"
    assert next((s.source, s.ledger.decoded) for s in engine.report().sources) == ("a", 5)


def test_a_camera_that_came_to_its_own_end_is_not_begun_again_for_other_stages() -> None:
    description = describe([], {"a": (ToyCamera, {"frames": 5}), "b": CAMERA})
    with running(description) as engine:
        wait_for(lambda: engine.lanes[0].ended is not None)
        a = engine.lanes[0]
        first = replace(description.plans[0], stages=(entry("det", ToyDetect),))
        applied(engine, replace(description, plans=(first, description.plans[1])))
        assert engine.lanes[0] is a
        source = replace(first.source, params=ToyCamera.Params(frames=7))
        applied(engine, replace(description, plans=(replace(first, source=source), description.plans[1])))
        wait_for(lambda: engine.lanes[0].current.ledger.decoded == 7, "another recording")


# -- differences -------------------------------------------------------------------------------------------


def wired(description: Description) -> list[Wired]:
    return list(map(Wired, description.plans, wire_all(description)))


def test_a_change_in_one_line() -> None:
    book = Book()
    find, other = make(Find, "find", book), make(Find, "find", book, level=0.1)
    old = site({"a": [find], "b": [find], "c": [find], "d": [find]})
    new = site({"b": [other], "c": [other], "d": [find, entry("t", ToyTrack)], "e": []})
    found = differences(wired(old), wired(new))
    assert in_words(found, ["staleness"]) == "+e, -a, b, c: find (level), d: +t, run (staleness)"


def test_the_order_of_cameras_is_no_difference() -> None:
    old, new = site({"a": [], "b": []}), site({"b": [], "a": []})
    assert differences(wired(old), wired(new)) == []


def test_a_condition_on_another_stage_is_another_graph() -> None:
    book = Book()
    first, second = make(Find, "x", book), make(Find, "y", book)

    def of(when: When) -> list[Wired]:
        return wired(site({"a": [first, second, make(Find, "z", book, when=when)]}))

    old = of(When("x"))  # type: ignore[arg-type]  # a plain text does
    (other,) = differences(old, of(When("y")))  # type: ignore[arg-type]
    assert (other.kind, other.words) == ("replaced", "z (inputs)")
    (level,) = differences(old, of(When("x", at_least=2)))  # type: ignore[arg-type]
    assert (level.kind, level.words) == ("stages", "z (when)")


def test_errors_are_of_the_project() -> None:
    with running(site({"a": []})) as engine:
        change = engine.apply(site({"a": [make(Find, "f", Book(), broken=True)]}))
        change.wait(20)
        assert isinstance(change.error, VidstreamError)
