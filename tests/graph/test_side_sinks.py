"""Sinks for eyes: the newest frame, on their own thread, whole lives, and never in anybody's way."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.toys import ToyDetect, ToyFrames, ToySink, describe, entry, problems_of
from vidstream.errors import SinkError
from vidstream.graph.engine import Engine
from vidstream.graph.report import RunReport
from vidstream.graph.side import SideStage
from vidstream.graph.stage import Stage, stage
from vidstream.graph.watchdog import Watchdog
from vidstream.types import FrameInfo, Gap, StreamInfo, View


class Eyes(Stage):
    """Writes down what is called, and on which thread; fails or blocks where it is told to."""

    @dataclass(frozen=True, slots=True)
    class Params:
        book: list[Any] = field(default_factory=list)
        at: str = ""  # the method that does `act`
        act: Callable[[], object] = lambda: None
        delay: float = 0.0

    params: Params

    def note(self, what: Any) -> None:
        self.params.book.append(what)
        if what == self.params.at or (self.params.at == "process" and isinstance(what, tuple)):
            self.params.act()

    def open(self, stream: StreamInfo) -> None:
        self.thread = threading.current_thread()
        self.note("open")

    def process(self, image: View, frame: FrameInfo) -> None:
        assert threading.current_thread() is self.thread
        time.sleep(self.params.delay)
        self.note((frame.segment, frame.seq))

    def on_gap(self, gap: Gap) -> None:
        assert threading.current_thread() is self.thread
        self.note("gap")

    def flush(self) -> None:
        self.note("flush")

    def close(self) -> None:
        self.note("close")


@stage("side.window", sink=True, lossy=True, main_thread=True)
class Window(Eyes):
    """On the thread that runs the engine."""

    def open(self, stream: StreamInfo) -> None:
        super().open(stream)
        self.params.book[-1] = "open" if self.thread is threading.main_thread() else "open elsewhere"


@stage("side.web", sink=True, lossy=True)
class Web(Eyes):
    """On a thread of its own."""


BOTH = pytest.mark.parametrize(
    "cls", [pytest.param(Window, id="window"), pytest.param(Web, id="on its own thread")]
)
#: slow enough for the sink to see several frames
SLOW = {"frames": 30, "delay": 0.01}


def run(*stages: Any, source: Any = None, **options: Any) -> RunReport:
    return Engine(describe(stages, {"cam": (ToyFrames, source or SLOW)}, options)).run()


def kinds(report: RunReport) -> dict[str, str]:
    return {n["kind"]: n["message"] for n in report.notices.to_json()}


def frames(book: list[Any]) -> list[Any]:
    return [b for b in book if isinstance(b, tuple)]


def calls(book: list[Any]) -> list[Any]:
    return [b for b in book if not isinstance(b, tuple)]


def threads() -> set[str]:
    return {t.name for t in threading.enumerate() if t.name.startswith(("cam", "other", "engine"))}


@BOTH
@pytest.mark.parametrize("delay", [0.0, 0.05])
def test_it_sees_the_newest_frames_in_order_and_has_a_whole_life(cls: Any, delay: float) -> None:
    book: list[Any] = []
    report = run(entry("show", cls, book=book, delay=delay))
    assert report.sources[0].ledger.done == 30
    assert calls(book) == ["open", "flush", "close"]
    seen = frames(book)
    assert seen == sorted(set(seen))
    assert len(seen) > 3
    assert seen[-1] == (0, 29), "what is newest at the end is shown too"
    assert threads() == set()
    assert report.exit_code == 0


@BOTH
def test_it_is_told_of_a_gap_before_the_first_frame_behind_it(cls: Any) -> None:
    book: list[Any] = []
    run(entry("show", cls, book=book), source={**SLOW, "segment_at": 15})
    assert calls(book) == ["open", "gap", "flush", "close"]
    at = book.index("gap")
    assert {b[0] for b in frames(book[:at])} == {0}
    assert {b[0] for b in frames(book[at:])} == {1}


def failing(error: BaseException) -> Callable[[], object]:
    def act() -> None:
        raise error

    return act


@BOTH
@pytest.mark.parametrize(
    ("at", "kind", "life"),
    [
        pytest.param("open", "sink-disabled", ["open", "close"], id="open"),
        pytest.param("process", "sink-disabled", ["open", "close"], id="process"),
        pytest.param("gap", "sink-disabled", ["open", "gap", "close"], id="on_gap"),
        pytest.param("flush", "sink-disabled", ["open", "gap", "flush", "close"], id="flush"),
        pytest.param("close", "stage-failed", ["open", "gap", "flush", "close"], id="close"),
    ],
)
def test_one_that_fails_is_switched_off_and_nothing_else_suffers(
    cls: Any, at: str, kind: str, life: list[str]
) -> None:
    book: list[Any] = []
    other: list[Any] = []
    show = entry("show", cls, book=book, at=at, act=failing(OSError("no light")))
    report = run(show, entry("out", ToySink, book=other), source={**SLOW, "segment_at": 15})
    assert calls(book) == life
    assert report.sources[0].ledger.done == 30
    assert other[-2:] == ["flush", "close"]
    assert list(kinds(report)) == [kind]
    assert "OSError: no light" in kinds(report)[kind]
    assert report.exit_code == 3
    assert threads() == set()


def test_one_that_tries_to_end_its_thread_fails_like_any_other() -> None:
    book: list[Any] = []
    report = run(entry("show", Web, book=book, at="process", act=failing(SystemExit(1))))
    assert kinds(report) == {"sink-disabled": "switched off after: SystemExit: 1"}
    assert calls(book) == ["open", "close"]
    assert threads() == set()


def test_what_a_signal_raises_in_a_window_ends_the_run_and_completes_everything() -> None:
    """Ctrl-C strikes the main thread wherever it is: mostly inside the window."""
    book: list[Any] = []
    out: list[Any] = []

    def press_once() -> None:
        if len(frames(book)) == 3:
            signal.raise_signal(signal.SIGINT)

    stages = [
        entry("show", Window, book=book, at="process", act=press_once),
        entry("out", ToySink, book=out),
    ]
    engine = Engine(describe(stages, {"cam": (ToyFrames, {"frames": 100_000, "delay": 0.001})}))
    with pytest.raises(KeyboardInterrupt):
        engine.run()
    assert calls(book)[-1] == "close"
    assert out[-2:] == ["flush", "close"]
    assert engine.report().sources[0].ledger.balanced
    assert engine.report().stopped
    assert threads() == set()


@BOTH
@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"fail_open": True}, id="a source that cannot be opened"),
        pytest.param({"frames": 0}, id="a source without frames"),
    ],
)
def test_one_that_never_gets_a_frame_is_never_opened_and_keeps_nobody_waiting(
    cls: Any, broken: dict[str, Any]
) -> None:
    book: list[Any] = []
    start = time.monotonic()
    report = run(entry("show", cls, book=book), source=broken)
    assert time.monotonic() - start < 1.5
    assert book == []
    assert report.exit_code == (1 if "fail_open" in broken else 0)
    assert threads() == set()


@BOTH
def test_a_stage_behind_it_that_cannot_be_opened_keeps_nobody_waiting(cls: Any) -> None:
    @stage("side.broken")
    class Broken(ToyDetect):
        """Cannot be opened."""

        def open(self, stream: StreamInfo) -> None:
            raise OSError("no such device")

    for stages in (
        [entry("a", Broken), entry("show", cls, book=[])],
        [entry("show", cls, book=[]), entry("a", Broken)],
    ):
        assert "no such device" in run(*stages).sources[0].error
        assert threads() == set()


@pytest.mark.parametrize("at", ["open", "process", "close"])
def test_one_that_blocks_holds_nobody_up_and_is_left_behind_in_the_end(
    at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidstream.graph.engine.GRACE", 0.2)
    go = threading.Event()
    stuck = entry("show", Web, book=[], at=at, act=lambda: go.wait(20))
    start = time.monotonic()
    report = run(stuck)
    assert report.sources[0].elapsed < 1.5
    assert time.monotonic() - start < 2.5
    assert kinds(report) == {"did-not-stop": "left behind: a call did not return"}
    assert report.exit_code == 3
    go.set()
    deadline = time.monotonic() + 5
    while threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threads() == set()


def test_a_window_is_shown_by_whoever_runs_the_engine() -> None:
    for start in (lambda e: list(e.packets()), lambda e: e.run()):
        book: list[Any] = []
        start(Engine(describe([entry("show", Window, book=book)], {"cam": (ToyFrames, SLOW)})))
        assert calls(book) == ["open", "flush", "close"], "iterating shows windows on the main thread too"
    book = []
    engine = Engine(describe([entry("show", Window, book=book)], {"cam": (ToyFrames, SLOW)}))
    runner = threading.Thread(target=engine.run)
    runner.start()
    runner.join(10)
    assert calls(book) == ["open elsewhere", "flush", "close"]


class Idling(Eyes):
    """Wants to be called where no frames come."""

    def idle(self) -> None:
        assert threading.current_thread() is self.thread
        self.note("idle")


@stage("side.idling_window", sink=True, lossy=True, main_thread=True)
class IdlingWindow(Idling):
    """On the thread that runs the engine."""


@stage("side.idling_web", sink=True, lossy=True)
class IdlingWeb(Idling):
    """On a thread of its own."""


@pytest.mark.parametrize("cls", [IdlingWindow, IdlingWeb])
@pytest.mark.parametrize("iterate", [False, True])
def test_where_no_frames_come_it_can_stay_alive(cls: Any, iterate: bool) -> None:
    """A camera that stalls must not freeze its window, nor its q key."""
    book: list[Any] = []
    engine: Engine

    def stop_at_third() -> None:
        if book.count("idle") == 3:
            engine.stop()

    show = entry("show", cls, book=book, at="idle", act=stop_at_third)
    engine = Engine(describe([show], {"cam": (ToyFrames, {"frames": 9, "stuck_at": 3})}))
    start = time.monotonic()
    if iterate:
        list(engine.packets())
    else:
        engine.run()
    assert time.monotonic() - start < 3
    assert calls(book)[0] == "open"
    assert calls(book)[-2:] == ["flush", "close"]
    assert calls(book).count("idle") >= 3
    assert frames(book)[-1] == (0, 2)


def test_idling_that_fails_switches_it_off() -> None:
    book: list[Any] = []
    show = entry("show", IdlingWindow, book=book, at="idle", act=failing(SinkError("gone")))
    report = run(show, source={"frames": 20, "delay": 0.03})
    assert kinds(report) == {"sink-disabled": "switched off after: gone"}
    assert calls(book) == ["open", "idle", "close"]


def test_several_workers_for_a_sink_that_shows_the_newest_frame_are_refused() -> None:
    @stage("side.stateless", sink=True, lossy=True, stateless=True)
    def show(image: View) -> None:
        """Shows it."""

    assert [str(p) for p in problems_of([entry("show", show, workers=2)])] == [
        "graph.show.workers: side.stateless shows the newest frame, one at a time, and cannot have several "
        "workers; take 'workers' away"
    ]


# -- the mailbox itself ------------------------------------------------------------------------------------


def mailbox(**options: Any) -> tuple[SideStage, list[Any]]:
    book: list[Any] = []
    side = SideStage(Web(Web.Params(book=book, **options)), main_thread=False)
    side.open(StreamInfo("cam", 8, 6))
    return side, book


def info(seq: int, segment: int = 0) -> FrameInfo:
    return FrameInfo("cam", segment, seq, 0.0, None, 0.0, 8, 6)


GAP = Gap("format", StreamInfo("cam", 16, 12))


def test_a_gap_is_not_lost_between_two_frames() -> None:
    side, book = mailbox()
    side.process(None, info(0))
    side.pump()
    side.on_gap(GAP)
    side.pump()  # the thread looks just now: the frame behind the gap is not there yet
    assert book == ["open", (0, 0)]
    side.process(None, info(1, segment=1))
    side.pump()
    assert book == ["open", (0, 0), "gap", (1, 1)]


def test_a_frame_from_before_a_gap_is_not_shown_after_it() -> None:
    side, book = mailbox()
    side.process(None, info(0))
    side.pump()
    side.process(None, info(1))
    side.on_gap(GAP)
    side.pump()
    assert book == ["open", (0, 0)]


def test_it_opens_for_the_stream_as_it_is_by_then() -> None:
    opened: list[StreamInfo] = []

    class Sized(Web):
        def open(self, stream: StreamInfo) -> None:
            super().open(stream)
            opened.append(stream)

    side = SideStage(Sized(Web.Params()), main_thread=False)
    side.open(StreamInfo("cam", 8, 6))
    side.on_gap(GAP)
    side.process(None, info(0, 1))
    side.pump()
    assert opened == [GAP.stream]


@pytest.mark.parametrize("frames_", [0, 1])
def test_closing_twice_closes_once(frames_: int) -> None:
    side, book = mailbox()
    for seq in range(frames_):
        side.process(None, info(seq))
        side.pump()
    for _ in range(3):
        side.close()
        side.pump()
    assert side.closed
    assert book == (["open", (0, 0), "flush", "close"] if frames_ else [])
    side.process(None, info(9))
    side.pump()
    assert side._values is None, "nothing is kept for a sink that is gone"


@pytest.mark.slow
def test_a_mailbox_under_fire_loses_no_gap_and_not_the_last_frame() -> None:
    sys.setswitchinterval(1e-5)
    try:
        for _ in range(300):
            side, book = mailbox()
            thread = threading.Thread(target=side.loop)
            thread.start()
            for seq in range(20):
                if seq in (7, 13):
                    side.on_gap(GAP)
                side.process(None, info(seq, (seq >= 7) + (seq >= 13)))
                time.sleep(0.00002 * (seq % 3))
            side.close()
            thread.join(5)
            if frames(book):
                assert frames(book) == sorted(set(frames(book)))
                assert frames(book)[-1] == (2, 19)
                for segment in {s for s, _ in frames(book)} - {frames(book)[0][0]}:
                    first = next(i for i, b in enumerate(book) if isinstance(b, tuple) and b[0] == segment)
                    assert book[first - 1] == "gap"
    finally:
        sys.setswitchinterval(0.005)


def test_a_window_that_hangs_is_told_of_but_cannot_be_replaced() -> None:
    dog = Watchdog(hang=4.0)
    go, told = threading.Event(), list[str]()
    window = Window(Window.Params(at="process", act=lambda: go.wait(10)))
    window.notify = lambda kind, message: told.append(kind)
    side = SideStage(window, main_thread=True, watchdog=dog)
    side.open(StreamInfo("cam", 8, 6))
    side.process(None, info(0))
    thread = threading.Thread(target=side.pump)  # stands for the main one
    thread.start()
    deadline = time.monotonic() + 5
    while not frames(window.params.book) and time.monotonic() < deadline:
        time.sleep(0.001)
    for second in (0.0, 5.0, 10.0):
        dog.look(100.0 + second)
    assert told == ["stage-hung"]
    go.set()
    thread.join(5)
    side.close()
    side.pump()
    assert side.closed
    assert calls(window.params.book)[-2:] == ["flush", "close"]
