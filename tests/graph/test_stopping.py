"""Stops from anywhere at any time, loops left early, engines side by side: nothing hangs or stays behind."""

from __future__ import annotations

import gc
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import pytest

from tests.support.toys import ToyCamera, ToyDetect, ToyFrames, ToySink, ToyTrack, describe, entry
from vidstream.errors import SourceError, UsageError
from vidstream.graph.engine import Engine
from vidstream.graph.source import source
from vidstream.graph.stage import Stage, stage
from vidstream.types import Detections, StreamInfo, View


@pytest.fixture(autouse=True)
def _nothing_stays_behind() -> Iterator[None]:
    before = set(threading.enumerate())
    pool = cv2.getNumThreads()
    yield
    deadline = time.monotonic() + 2
    while (left := set(threading.enumerate()) - before) and time.monotonic() < deadline:
        time.sleep(0.005)
    assert left == set()
    assert cv2.getNumThreads() == pool


def later(seconds: float, call: Callable[[], Any]) -> None:
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()


@source("stopping.slow", accepts=lambda uri: False)
class SlowSource(ToyFrames):
    """Takes its time to open; says so where that is broken off."""

    @dataclass(frozen=True, slots=True)
    class Params(ToyFrames.Params):
        opening: float = 0.0
        bad_interrupt: bool = False

    params: Params

    def open(self) -> StreamInfo:
        if self.stopping.wait(self.params.opening):
            raise SourceError("stopped before a picture came")
        return super().open()

    def interrupt(self) -> None:
        super().interrupt()
        if self.params.bad_interrupt:
            raise RuntimeError("no such device")


@stage("stopping.slow_stage")
class SlowStage(Stage):
    """Takes its time to open."""

    @dataclass(frozen=True, slots=True)
    class Params:
        book: list[Any]
        opening: float = 0.0
        act: Any = None

    params: Params

    def open(self, stream: StreamInfo) -> None:
        self.params.book.append("open")
        time.sleep(self.params.opening)

    def process(self, image: View) -> Detections:
        if self.params.act is not None:
            self.params.act()
        return Detections.empty()

    def close(self) -> None:
        self.params.book.append("close")


ENDLESS = {"frames": 10**9, "delay": 0.001}


def test_a_stop_before_the_start_opens_nothing() -> None:
    book: list[Any] = []
    engine = Engine(describe([entry("out", ToySink, book=book)]))
    engine.stop()
    report = engine.run()
    assert (book, report.stopped, report.exit_code) == ([], True, 0)
    assert report.sources[0].ledger.decoded == 0


def test_a_stop_while_a_source_opens_is_no_failure_of_that_source() -> None:
    book: list[Any] = []
    engine = Engine(describe([entry("out", ToySink, book=book)], {"cam": (SlowSource, {"opening": 30})}))
    later(0.1, engine.stop)
    start = time.monotonic()
    report = engine.run()
    assert time.monotonic() - start < 1.5
    assert (book, report.stopped, report.sources[0].error, report.exit_code) == ([], True, "", 0)


def test_a_source_that_cannot_be_opened_is_one_without_a_stop() -> None:
    report = Engine(describe([], {"cam": (ToyFrames, {"fail_open": True})})).run()
    assert (report.stopped, report.exit_code) == (False, 1)


def test_a_stop_while_models_load_loads_no_more_of_them() -> None:
    books: list[list[Any]] = [[] for _ in range(4)]
    stages = [entry(f"net{i}", SlowStage, book=book, opening=0.3) for i, book in enumerate(books)]
    engine = Engine(describe(stages, {"cam": (ToyFrames, ENDLESS)}))
    later(0.4, engine.stop)
    report = engine.run()
    assert books == [["open", "close"]] * 2 + [[]] * 2
    assert (report.stopped, report.exit_code) == (True, 0)


def test_a_source_that_fails_to_stop_does_not_keep_the_others_running() -> None:
    sources = {"a": (SlowSource, {**ENDLESS, "bad_interrupt": True}), "b": (SlowSource, ENDLESS)}
    engine = Engine(describe([entry("det", ToyDetect)], sources))
    later(0.2, engine.stop)
    report = engine.run()
    assert [n["message"] for n in report.notices.to_json()] == ["in interrupt: RuntimeError: no such device"]
    assert all(s.ledger.balanced and s.ledger.done for s in report.sources)


def test_a_signal_handler_may_stop_the_run_whatever_the_main_thread_is_doing() -> None:
    """A thousand signals a second: one of them strikes inside any lock that the loop might hold."""
    for _ in range(4):
        engine = Engine(describe([], {"cam": (ToyFrames, ENDLESS)}))
        hits = 0

        def handle(*_: Any, engine: Engine = engine) -> None:
            nonlocal hits
            hits += 1
            engine.stop() if hits > 50 else engine._bell.put(None)

        before = signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        try:
            report = engine.run()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert report.stopped
        assert hits > 50


@pytest.mark.parametrize("delay", [0.0, 0.003, 0.01, 0.03, 0.06])
@pytest.mark.parametrize("live", [False, True])
def test_sources_that_wait_for_their_turn_are_not_started_after_a_stop(delay: float, live: bool) -> None:
    """The stop comes from another thread, at times when sources begin and end."""
    kind = ToyCamera if live else ToyFrames
    sources = {f"s{i}": (kind, {"frames": 3, "delay": 0.001}) for i in range(30)}
    engine = Engine(describe([entry("det", ToyDetect)], sources, {"parallel": 2}))
    later(delay, engine.stop)
    report = engine.run()
    assert all(s.ledger.balanced and not s.error for s in report.sources)
    assert report.exit_code == 0


def test_an_engine_runs_once() -> None:
    engine = Engine(describe([entry("det", ToyDetect)]))
    assert engine.run().exit_code == 0
    for again in (engine.run, lambda: list(engine.packets())):
        with pytest.raises(UsageError, match="this graph has run already; build it anew"):
            again()
    assert engine.report().sources[0].ledger.done == 20


def test_it_runs_on_any_thread() -> None:
    reports: list[Any] = []
    engine = Engine(describe([entry("det", ToyDetect), entry("track", ToyTrack)]))
    thread = threading.Thread(target=lambda: reports.append(engine.run()))
    thread.start()
    thread.join(10)
    assert reports[0].sources[0].ledger.done == 20


def test_engines_side_by_side_give_opencv_its_threads_back_when_the_last_has_ended() -> None:
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    try:
        first = Engine(describe([entry("det", ToyDetect)], {"a": (ToyFrames, ENDLESS)}))
        second = Engine(describe([entry("det", ToyDetect)], {"b": (ToyFrames, ENDLESS)}))
        threads = [threading.Thread(target=e.run) for e in (first, second)]
        for thread, engine in zip(threads, (first, second), strict=True):
            thread.start()
            while not engine.progress()[0].frames:
                time.sleep(0.001)
        first.stop()  # begun first, ended first: what it found is not what the second found
        threads[0].join(10)
        assert second.progress()[0].ended is False
        second.stop()
        threads[1].join(10)
        assert cv2.getNumThreads() == 3
    finally:
        cv2.setNumThreads(before)


@pytest.mark.parametrize("at", [0, 1, 7, 19])
@pytest.mark.parametrize("threads", [1, "auto"])
def test_a_loop_may_be_left_anywhere(at: int, threads: Any) -> None:
    book: list[Any] = []
    stages = [entry("det", ToyDetect), entry("out", ToySink, book=book)]
    engine = Engine(describe(stages, {"cam": (ToyFrames, {"frames": 20})}, {"threads": threads}))
    for packet in engine.packets():
        if packet.seq == at:
            break
    gc.collect()  # the generator is closed with its last reference; here at once
    assert book[-2:] == ["flush", "close"]
    assert engine.report().sources[0].ledger.balanced


def test_a_loop_that_was_never_begun_opens_nothing() -> None:
    book: list[Any] = []
    Engine(describe([entry("out", ToySink, book=book)])).packets()
    assert book == []


def test_a_reader_that_is_slower_than_the_sources_misses_nothing() -> None:
    """Both sources have long ended when it asks for the second frame."""
    sources = {name: (ToyFrames, {"frames": 4}) for name in "ab"}
    seen = []
    for packet in Engine(describe([entry("det", ToyDetect)], sources)).packets():
        seen.append((packet.source, packet.seq))
        if len(seen) == 1:
            time.sleep(0.3)
    assert sorted(seen) == [(name, seq) for name in "ab" for seq in range(4)]


def test_frames_that_nobody_takes_fill_no_memory_and_hold_no_stop_up() -> None:
    engine = Engine(
        describe([entry("det", ToyDetect)], {"cam": (ToyFrames, {"frames": 10**9})}, {"queue": 4})
    )
    packets = engine.packets()
    next(packets)
    time.sleep(0.2)
    assert engine.progress()[0].frames < 30
    engine.stop()
    rest = list(packets)
    assert len(rest) < 30
    assert engine.report().sources[0].ledger.balanced


def test_live_an_idle_reader_gets_fresh_frames() -> None:
    engine = Engine(describe([], {"cam": (ToyCamera, {"frames": 10**9, "delay": 0.002})}))
    packets = engine.packets()
    next(packets)
    time.sleep(0.3)
    seqs = [next(packets).seq for _ in range(6)]
    packets.close()  # type: ignore[attr-defined]  # a generator
    assert seqs[-1] - seqs[0] > 20, "few old frames, then the newest"
    assert engine.report().sources[0].ledger.balanced


def test_an_error_in_the_caller_s_own_code_ends_the_run_and_completes_the_files() -> None:
    book: list[Any] = []
    engine = Engine(describe([entry("out", ToySink, book=book)], {"cam": (ToyFrames, ENDLESS)}))

    def tick() -> None:
        if engine.progress()[0].frames > 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.run(tick)
    assert book[-2:] == ["flush", "close"]
    assert engine.report().stopped


def test_asking_again_and_again_to_stop_does_not_keep_the_processor_busy() -> None:
    """A program asks at every tick, once a signal has come; what is in flight needs the processor more."""
    ticks = 0
    slow = entry("slow", SlowStage, book=[], act=lambda: time.sleep(0.1))
    engine = Engine(describe([slow], {"cam": (ToyFrames, ENDLESS)}, {"threads": 2, "queue": 4}))

    def tick() -> None:
        nonlocal ticks
        ticks += 1
        if engine.progress()[0].frames > 4:
            engine.stop()

    assert engine.run(tick).stopped
    assert ticks < 30


def test_a_call_that_does_not_return_is_named_and_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidstream.graph.engine.DRAIN", 0.1)
    monkeypatch.setattr("vidstream.graph.engine.GRACE", 0.1)
    go = threading.Event()
    stuck = entry("stuck", SlowStage, book=[], act=lambda: go.wait(20))
    engine = Engine(describe([stuck], {"cam": (ToyFrames, ENDLESS)}))
    later(0.1, engine.stop)
    start = time.monotonic()
    report = engine.run()
    go.set()
    assert time.monotonic() - start < 2
    assert [(n["kind"], n["source"]) for n in report.notices.to_json()] == [("did-not-stop", "cam")]
    assert report.exit_code == 3


def test_a_report_can_be_had_at_any_time() -> None:
    engine = Engine(describe([entry("det", ToyDetect)], {"cam": (ToyFrames, ENDLESS)}))
    early = engine.report()
    assert (early.sources[0].fps, engine.progress()[0].elapsed, engine.progress()[0].share) == (0, 0, None)
    packets = engine.packets()
    for _ in range(50):
        next(packets)
    during = engine.report()
    assert 0 < during.sources[0].elapsed <= during.elapsed
    assert during.sources[0].fps > 0
    assert during.table()
    assert not during.stopped
    packets.close()  # type: ignore[attr-defined]  # a generator
    after = engine.report().elapsed
    time.sleep(0.02)
    assert engine.report().elapsed == after


def test_a_stop_for_the_run_by_a_stage_keeps_what_was_recorded() -> None:
    book: list[Any] = []
    other: list[Any] = []
    sources = {"a": (ToyFrames, {"frames": 500, "delay": 0.001}), "b": (ToyFrames, ENDLESS)}
    stages = [
        entry("det", ToyDetect, fail_on=(20,), on_error="stop"),
        entry("out", ToySink, book=book),
        entry("slow", ToySink, book=other, delay=0.002),
    ]
    report = Engine(describe(stages, sources)).run()
    assert book.count("flush") == book.count("close") == 2
    assert other.count("flush") == other.count("close") == 2
    assert all(s.ledger.balanced for s in report.sources)
    assert report.exit_code == 1


def source_failing(options: dict[str, Any]) -> dict[str, Any]:
    return {"a": (ToyFrames, {"frames": 20}), "b": (ToyFrames, {"frames": 20, **options})}


@pytest.mark.parametrize(
    ("stages", "sources", "code"),
    [
        pytest.param([entry("det", ToyDetect)], None, 0, id="all done"),
        pytest.param([], {"a": (ToyFrames, {"frames": 0})}, 0, id="nothing to do"),
        pytest.param([entry("det", ToyDetect, fail_on=(3,))], None, 3, id="a frame failed"),
        pytest.param(
            [entry("det", ToyDetect, fail_on=(3,), on_error="pass")], None, 3, id="a value is missing"
        ),
        pytest.param([entry("det", ToyDetect, fail_on=(3,), on_error="restart")], None, 3, id="restarted"),
        pytest.param([entry("out", ToySink, book=[], fail_on=(3,))], None, 3, id="a line was not written"),
        pytest.param([entry("out", ToySink, book=[], full_from=3)], None, 3, id="a sink was switched off"),
        pytest.param(
            [entry("det", ToyDetect, fail_on=(3,), on_error="stop_source")], None, 1, id="a stage stopped it"
        ),
        pytest.param(
            [entry("det", ToyDetect, fail_on=(3,), on_error="stop")], None, 1, id="a stage stopped all"
        ),
        pytest.param([], source_failing({"fail_open": True}), 1, id="one of two sources did not open"),
        pytest.param([], source_failing({"fail_at": 5}), 1, id="one of two sources broke"),
        pytest.param(
            [entry("det", ToyDetect, fail_on=(3,))], source_failing({"fail_at": 5}), 1, id="both: the worse"
        ),
    ],
)
def test_the_exit_code_tells(stages: list[Any], sources: Any, code: int) -> None:
    assert Engine(describe(stages, sources)).run().exit_code == code
