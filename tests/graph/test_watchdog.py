"""Stages that do not come back: they are replaced, everything else goes on, and no stop waits for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.toys import ToyCamera, ToyFrames, ToySink, ToyTrack, describe, entry
from vidstream.errors import StageError
from vidstream.graph.description import StageEntry
from vidstream.graph.engine import Engine
from vidstream.graph.report import RunReport
from vidstream.graph.shared import Owner, SharedStage
from vidstream.graph.source import Frame, source
from vidstream.graph.stage import Stage, stage
from vidstream.graph.watchdog import FRAMES_END, AbandonedError, Call, Turn, Watchdog
from vidstream.types import Detections, FrameInfo, Gap, StreamInfo, View

NONE = Detections.empty()
#: seconds that stages may take in these tests
HANG = 0.3


class Book:
    """What instances of a stage did, and what sets those free that hang."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.calls: list[tuple[int, str]] = []
        self.instances = 0


@dataclass(frozen=True, slots=True)
class Options:
    """Where a stage hangs."""

    book: Any
    at: str = "process"
    frames: frozenset[int] = frozenset()
    raises: frozenset[int] = frozenset()


class Hanging(Stage):
    """Hangs where it is told to, until it is set free."""

    Params = Options
    params: Options

    def __init__(self, params: Any) -> None:
        super().__init__(params)
        self.number = params.book.instances
        params.book.instances += 1

    def note(self, what: str) -> None:
        book = self.params.book
        book.calls.append((self.number, what))
        first = 1 if what == "open" else 0  # the one that the run begins with can always be opened
        if what == self.params.at and self.number == first:
            book.go.wait(20)
            self.notify("too-late", "nobody wants to know")

    def open(self, stream: StreamInfo) -> None:
        self.note("open")

    def process(self, image: View, frame: FrameInfo) -> Detections:
        if frame.seq in self.params.raises:
            raise RuntimeError("on purpose")
        if frame.seq in self.params.frames:
            self.params.book.go.wait(20)
        return NONE

    def on_gap(self, gap: Gap) -> None:
        self.note("on_gap")

    def flush(self) -> None:
        self.note("flush")

    def close(self) -> None:
        self.note("close")


@stage("dog.light", stateless=True)
class Light(Hanging):
    """Shares its thread with others."""


@stage("dog.sink", sink=True)
class Sink(Hanging):
    """Writes nothing."""

    def process(self, image: View, frame: FrameInfo) -> None:  # type: ignore[override]  # a sink gives nothing
        super().process(image, frame)


@stage("dog.eyes", sink=True, lossy=True)
class Eyes(Sink):
    """Shows the newest frame."""


@pytest.fixture
def book() -> Iterator[Book]:
    book = Book()
    before = set(threading.enumerate())
    yield book
    book.go.set()
    deadline = time.monotonic() + 5
    while (left := set(threading.enumerate()) - before) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert left == set(), "whoever comes back at last ends"


def hung(id_: str, cls: Any, book: Book, **options: Any) -> StageEntry:
    run = {k: options.pop(k) for k in ("workers", "on_error") if k in options}
    return StageEntry(id_, cls.spec, Options(book, **options), **run)


def run(*stages: StageEntry, **options: Any) -> tuple[RunReport, list[int]]:
    """A camera of 60 frames, 10 ms each; gives what the sink behind all saw."""
    out: list[Any] = []
    camera = {"frames": 60, "delay": 0.01, "segment_at": 30}
    graph = [*stages, entry("out", ToySink, book=out)]
    engine = Engine(describe(graph, {"cam": (ToyCamera, camera)}, {"hang": HANG, **options}))
    report = engine.run()
    assert out[-2:] == ["flush", "close"], "the end came through"
    assert report.sources[0].ledger.balanced
    return report, [b[0] for b in out if isinstance(b, tuple) and isinstance(b[0], int)]


def kinds(report: RunReport) -> list[str]:
    return [n["kind"] for n in report.notices.to_json()]


@pytest.mark.parametrize("workers", [1, 3])
def test_a_stage_that_hangs_costs_its_frame_and_is_replaced(book: Book, workers: int) -> None:
    report, seen = run(hung("odd", Light, book, frames=frozenset({5}), workers=workers))
    assert dict(report.sources[0].ledger.failed) == {"odd": 1}
    assert kinds(report) == ["stage-hung", "stage-restarted"]
    assert seen == sorted(set(seen))
    assert 5 not in seen
    assert seen[-1] >= 58
    assert report.exit_code == 3
    book.go.set()
    deadline = time.monotonic() + 5
    while sum(what == "close" for _, what in book.calls) < book.instances and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sum(what == "close" for _, what in book.calls) == book.instances, "it closes itself, at last"
    assert "too-late" not in kinds(report)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("at", "failed"),
    [
        pytest.param("on_gap", {"odd": 1}, id="on_gap"),
        pytest.param("flush", {}, id="flush"),
        pytest.param("close", {}, id="close"),
    ],
)
def test_the_rest_of_the_life_may_hang_as_well(
    book: Book, at: str, failed: dict[str, int], workers: int
) -> None:
    report, seen = run(hung("odd", Light, book, at=at, workers=workers))
    assert dict(report.sources[0].ledger.failed) == failed
    assert "stage-hung" in kinds(report)
    assert seen == sorted(set(seen))
    assert not report.sources[0].error
    assert "too-late" not in kinds(report)


def test_a_new_instance_that_hangs_in_open_is_replaced_too(book: Book) -> None:
    report, seen = run(hung("odd", Light, book, at="open", frames=frozenset({5})))
    messages = [n["message"] for n in report.notices.to_json() if n["kind"] == "stage-hung"]
    assert messages == ["'process' did not return in time", "'open' did not return in time"]
    assert dict(report.sources[0].ledger.failed) == {"odd": 1}
    assert seen[-1] >= 58
    assert book.instances == 3


def test_one_that_hangs_again_and_again_ends_its_source(book: Book) -> None:
    report, _ = run(hung("odd", Light, book, frames=frozenset(range(5, 60))), hang=0.1)
    assert "stage 'odd' (dog.light) failed: 'process' did not return" in report.sources[0].error
    assert report.exit_code == 1
    assert book.instances == 3


def test_a_sink_that_hangs_again_and_again_is_switched_off(book: Book) -> None:
    report, seen = run(hung("file", Sink, book, frames=frozenset(range(5, 60))), hang=0.1)
    assert kinds(report) == ["stage-hung", "stage-restarted", "sink-disabled"]
    assert not report.sources[0].ledger.failed, "the frames went on"
    assert seen[-1] >= 58


def test_a_sink_for_eyes_that_hangs_is_replaced(book: Book) -> None:
    report, seen = run(hung("show", Eyes, book, frames=frozenset(range(5, 12))))
    assert kinds(report) == ["stage-hung", "stage-restarted"]
    assert len(seen) > 50, "it held nobody up"
    assert (book.calls[0], book.calls[1]) == ((0, "open"), (1, "open"))


def test_on_recordings_nobody_is_replaced(book: Book) -> None:
    threading.Timer(3 * HANG, book.go.set).start()
    stages = [hung("odd", Light, book, frames=frozenset({5}))]
    report = Engine(describe(stages, {"cam": (ToyFrames, {"frames": 10})}, {"hang": HANG})).run()
    assert (report.exit_code, report.sources[0].ledger.done) == (0, 10)


# -- shared networks ---------------------------------------------------------------------------------------


@stage("dog.net", heavy=True, stateless=True, shared=True)
class Net(Hanging):
    """A network of all cameras; its third call hangs."""

    made: ClassVar[list[Net]] = []

    def process(self, image: View, frame: FrameInfo) -> Detections:
        if not self.number and frame.seq in self.params.frames:
            self.params.book.go.wait(20)
        return NONE


def test_a_shared_network_that_hangs_costs_one_frame_and_is_opened_anew(book: Book) -> None:
    sources = {f"cam{i}": (ToyCamera, {"frames": 60, "delay": 0.02}) for i in range(3)}
    stages = [hung("net", Net, book, frames=frozenset({10})), entry("track", ToyTrack)]
    report = Engine(describe(stages, sources, {"hang": HANG})).run()
    failed = [s.ledger.failed["net"] for s in report.sources]
    assert sum(failed) == 1, "those that wait for it wait on"
    assert all(s.ledger.balanced and s.ledger.done > 20 and not s.error for s in report.sources)
    assert sorted(kinds(report)) == ["stage-failed", "stage-hung", "stage-restarted"]
    assert book.instances == 2


def test_a_network_that_hangs_again_and_again_ends_its_cameras_with_the_reason(book: Book) -> None:
    @stage("dog.dead", heavy=True, stateless=True, shared=True)
    class Dead(Hanging):
        """Never answers, once it is warm."""

        def process(self, image: View, frame: FrameInfo) -> Detections:
            if frame.seq >= 5:
                self.params.book.go.wait(20)
            return NONE

        def open(self, stream: StreamInfo) -> None:
            if self.number:
                raise OSError("the device is gone")

    sources = {f"cam{i}": (ToyCamera, {"frames": 300, "delay": 0.01}) for i in range(2)}
    stages = [hung("net", Dead, book), entry("track", ToyTrack)]
    report = Engine(describe(stages, sources, {"hang": 0.1, "revive": 0})).run()
    assert all("net" in s.error for s in report.sources)
    assert all(s.ledger.balanced for s in report.sources)


def test_who_asks_a_closed_owner_is_told_so_and_does_not_wait() -> None:
    plain = StageEntry("net", Net.spec, Options(Book()))
    owner = Owner(plain)
    user = SharedStage(plain.params, owner)
    user.open(StreamInfo("cam", 8, 6))
    frame = FrameInfo("cam", 0, 0, 0.0, None, 0.0, 8, 6)
    assert user.process(None, frame) is NONE
    owner.close()
    with pytest.raises(StageError, match="the run is over"):
        user.process(None, frame)


# -- the end -----------------------------------------------------------------------------------------------


@source("dog.stuck", accepts=lambda uri: False)
class Stuck(ToyCamera):
    """Does not come back from its tenth frame, whoever asks it to."""

    @dataclass(frozen=True, slots=True)
    class Params(ToyCamera.Params):
        book: Any = field(default_factory=Book)

    params: Params

    def read(self) -> Frame | None:
        if self.index == 10:
            self.params.book.go.wait(20)
        return super().read()


def stopped(engine: Engine, ready: Any) -> tuple[RunReport, float]:
    """Stop it when it is ready; gives how long that took."""
    at: list[float] = []

    def tick() -> None:
        if not at and ready():
            at.append(time.monotonic())
            engine.stop()

    report = engine.run(tick)
    return report, time.monotonic() - at[0]


def test_a_stop_is_a_clean_end_where_only_cameras_hang(book: Book) -> None:
    out: list[Any] = []
    sources = {f"cam{i}": (Stuck, {"frames": 99, "book": book}) for i in range(3)}
    engine = Engine(describe([entry("out", ToySink, book=out)], sources))
    report, seconds = stopped(engine, lambda: all(p.frames == 10 for p in engine.progress()))
    assert seconds < 3
    assert report.exit_code == 0
    assert kinds(report) == ["source-hung"] * 3
    assert (out.count("flush"), out.count("close")) == (3, 3)
    book.go.set()
    time.sleep(0.05)
    assert all(s.ledger.balanced for s in report.sources), "a frame that came too late is counted, too"


def test_a_stop_with_everything_hung_completes_the_files_within_its_time(book: Book) -> None:
    out: list[Any] = []
    stages = [
        hung("odd", Light, book, frames=frozenset({9})),
        entry("file", ToySink, book=out),
        hung("log", Sink, book, at="flush"),
        entry("last", ToySink, book=out),
        hung("show", Eyes, book, frames=frozenset(range(99))),
    ]
    engine = Engine(describe(stages, {"cam": (Stuck, {"frames": 99, "book": book})}))
    report, seconds = stopped(engine, lambda: engine.progress()[0].frames == 10)
    assert seconds < 3
    assert (out.count("flush"), out.count("close")) == (2, 2)
    assert report.sources[0].ledger.balanced
    assert report.exit_code == 3


def test_a_camera_is_not_blamed_for_a_stage_that_hangs(book: Book) -> None:
    camera = {"cam": (ToyCamera, {"frames": 10**6, "delay": 0.01})}
    engine = Engine(describe([hung("odd", Light, book, frames=frozenset({9}))], camera))
    report, seconds = stopped(engine, lambda: engine.progress()[0].frames > 20)
    assert seconds < 3
    assert kinds(report) == ["stage-hung"]
    assert report.sources[0].ledger.balanced


# -- any mixture -------------------------------------------------------------------------------------------


@settings(max_examples=6, deadline=None, derandomize=True)
@given(st.data())
def test_whatever_hangs_and_raises_the_books_are_exact_and_the_order_is_kept(data: st.DataObject) -> None:
    book = Book()
    numbers = st.frozensets(st.integers(0, 59), max_size=2)
    stages = [
        hung(
            f"s{i}",
            cls,
            book,
            frames=data.draw(numbers),
            raises=data.draw(st.frozensets(st.integers(0, 59), max_size=6)),
            workers=data.draw(st.sampled_from([1, 3])) if cls is Light else 1,
            on_error=data.draw(st.sampled_from(["skip", "pass", "retry", "restart"]))
            if cls is Light
            else None,
        )
        for i, cls in enumerate(data.draw(st.lists(st.sampled_from([Light, Sink]), min_size=1, max_size=3)))
    ]
    try:
        report, seen = run(*stages, hang=0.1, revive=0)
    finally:
        book.go.set()
    assert seen == sorted(set(seen))
    assert report.sources[0].ledger.done == len(seen)


# -- the protocol ------------------------------------------------------------------------------------------


class Anything:
    """What a thread is inside of."""

    def patience(self, what: str) -> float:
        return 5.0 if what == "open" else 1.0


def watched(hang: float = 4.0) -> tuple[Watchdog, Turn, list[Call]]:
    taken: list[Call] = []
    dog, turn = Watchdog(hang), Turn(lambda turn, call: taken.append(call))
    dog.add(turn)
    return dog, turn, taken


@pytest.mark.parametrize(
    ("what", "seconds", "taken"),
    [
        pytest.param("process", 4.1, True, id="too long"),
        pytest.param("process", 3.9, False, id="not yet"),
        pytest.param("open", 19.0, False, id="opening may take longer"),
        pytest.param("open", 20.1, True, id="but not for ever"),
    ],
)
def test_patience(what: str, seconds: float, taken: bool) -> None:
    dog, turn, calls = watched()
    turn.what, turn.where = what, Anything()
    dog.look(100.0)
    dog.look(100.0 + seconds)
    assert [(c.what, round(c.seconds, 1)) for c in calls] == ([(what, seconds)] if taken else [])
    if taken:
        with pytest.raises(AbandonedError):
            turn.own()
    else:
        turn.own()


def test_another_frame_in_the_same_stage_is_another_call() -> None:
    dog, turn, calls = watched()
    turn.where = Anything()
    for second in range(20):
        turn.calls += 1
        dog.look(100.0 + second)
    assert calls == []


def test_who_is_inside_of_nothing_may_wait_for_ever() -> None:
    dog, turn, calls = watched()
    for second in range(0, 3600, 10):
        dog.look(100.0 + second)
    assert calls == []
    turn.own()


def test_hang_0_leaves_everybody_alone() -> None:
    dog, turn, calls = watched(hang=0.0)
    turn.where = Anything()
    dog.look(100.0)
    dog.look(1e6)
    assert calls == []


def test_where_the_machine_stood_still_nobody_is_blamed() -> None:
    dog, turn, calls = watched()
    turn.where = Anything()
    dog.look(100.0)
    dog._forgive(30.0)
    dog.look(131.0)
    assert calls == []
    dog.look(134.5)
    assert len(calls) == 1


def test_after_a_stop_there_is_little_patience() -> None:
    dog, turn, calls = watched()
    turn.where = Anything()
    dog.look(time.monotonic())
    dog.hurry()
    dog.look(time.monotonic() + FRAMES_END + 0.1)
    assert len(calls) == 1


def test_of_two_who_are_at_it_at_the_same_moment_exactly_one_has_the_turn() -> None:
    """A thread leaves its calls while the watchdog takes turns away: never both, never neither."""
    for _ in range(200):
        dog, turn, calls = watched(hang=1e-9)
        kept: list[bool] = []

        def work(turn: Turn = turn, kept: list[bool] = kept) -> None:
            try:
                with turn.inside(Anything(), "process"):
                    pass
                kept.append(True)
            except AbandonedError:
                kept.append(False)

        turn.where, turn.calls = None, 1
        thread = threading.Thread(target=work)
        dog.look(0.0)
        thread.start()
        for number in range(5):
            dog.look(1.0 + number)
        thread.join()
        assert kept == [not calls]
