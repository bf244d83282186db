"""Stages that break their promises: the run says so, goes on where it can, and always comes to its end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from tests.support.toys import ToyFrames, ToySink, describe, entry
from vidstream.graph.description import When
from vidstream.graph.engine import Engine
from vidstream.graph.report import RunReport
from vidstream.graph.source import Frame, source
from vidstream.graph.stage import Stage, stage
from vidstream.types import Counts, Detections, Event, Events, FrameInfo, Gap, StreamInfo, Tracks, View

NONE = Detections.empty()


def run(*stages: Any, source: Any = None, **options: Any) -> RunReport:
    return Engine(describe(stages, {"cam": (ToyFrames, source or {"frames": 3})}, options)).run()


def notes(report: RunReport, kind: str = "stage-failed") -> list[str]:
    return [n["message"] for n in report.notices.to_json() if n["kind"] == kind]


def one(result: Any) -> Any:
    @stage("hostile.one")
    def give(image: View) -> Detections:
        """Gives whatever it was told to."""
        return result  # type: ignore[no-any-return]

    return give


def one_or_none(result: Any) -> Any:
    @stage("hostile.one_or_none")
    def give(image: View) -> Detections | None:
        """Gives whatever it was told to."""
        return result  # type: ignore[no-any-return]

    return give


def two(result: Any) -> Any:
    @stage("hostile.two")
    def give(image: View) -> tuple[Counts, Events | None]:
        """Gives whatever it was told to."""
        return result  # type: ignore[no-any-return]

    return give


def two_or_none(result: Any) -> Any:
    @stage("hostile.two_or_none")
    def give(image: View) -> tuple[Counts, Events] | None:
        """Gives whatever it was told to."""
        return result  # type: ignore[no-any-return]

    return give


@pytest.mark.parametrize(
    ("stage_", "problem"),
    [
        pytest.param(one(NONE), None, id="the type it said"),
        pytest.param(one(Tracks.of([[0, 0, 1, 1]])), None, id="a subclass of it"),
        pytest.param(one(None), "'process' must give (Detections), but gave (None)", id="a forgotten return"),
        pytest.param(
            one(Detections.of([[0, 0, 1, 1], [0, float("nan"), 1, 1]])),
            "'process' gave boxes or scores that are no finite numbers",
            id="a box of no numbers",
        ),
        pytest.param(
            one(Detections.of([[0, 0, 1, 1]], [float("inf")])),
            "'process' gave boxes or scores that are no finite numbers",
            id="an infinite score",
        ),
        pytest.param(one([1]), "'process' must give (Detections), but gave (list)", id="another type"),
        pytest.param(
            one((NONE, NONE)), "'process' must give (Detections), but gave (tuple)", id="two for one"
        ),
        pytest.param(one_or_none(None), None, id="nothing, as it said"),
        pytest.param(
            one_or_none(3), "'process' must give (Detections or None), but gave (int)", id="3 for nothing"
        ),
        pytest.param(two((Counts({}), Events())), None, id="two values"),
        pytest.param(two((Counts({}), None)), None, id="the second absent, as it said"),
        pytest.param(
            two((None, Events())),
            "'process' must give (Counts, Events or None), but gave (None, Events)",
            id="the first absent",
        ),
        pytest.param(
            two(Counts({})),
            "'process' must give (Counts, Events or None), but gave (Counts)",
            id="one of two",
        ),
        pytest.param(
            two((Counts({}), Events(), Events())),
            "'process' must give (Counts, Events or None), but gave (Counts, Events, Events)",
            id="three for two",
        ),
        pytest.param(
            two(None), "'process' must give (Counts, Events or None), but gave (None, None)", id="no tuple"
        ),
        pytest.param(two_or_none(None), None, id="no tuple, as it said"),
    ],
)
def test_what_a_stage_gives_is_held_against_its_annotation(stage_: Any, problem: str | None) -> None:
    report = run(entry("odd", stage_))
    assert notes(report) == ([] if problem is None else [problem])
    assert report.sources[0].ledger.done == (3 if problem is None else 0)


def test_a_wrong_pair_leaves_no_half_behind() -> None:
    """Under `pass` the frame goes on, and neither value is there."""
    stages = [entry("odd", two((Counts({}), 3)), on_error="pass")]
    packets = list(Engine(describe(stages, {"cam": (ToyFrames, {"frames": 2})})).packets())
    assert [p["odd"] for p in packets] == [(None, None)] * 2


def test_what_flush_gives_is_held_against_the_annotation_too() -> None:
    @stage("hostile.flush")
    class Flush(Stage):
        """Flushes the wrong thing."""

        def process(self, image: View) -> Detections:
            return NONE

        def flush(self) -> Any:
            return "the rest"

    book: list[Any] = []
    report = run(entry("odd", Flush), entry("out", ToySink, book=book))
    assert notes(report) == ["in flush: 'flush' must give (Detections or None), but gave (str)"]
    assert book[-2:] == ["flush", "close"]
    assert report.exit_code == 3


def test_writing_into_an_input_is_an_error_and_changes_nothing() -> None:
    @stage("hostile.scribble")
    def scribble(image: View) -> Detections:
        """Draws into the picture it is given."""
        image.pixels[:] = 255
        return NONE

    stages = [entry("odd", scribble, on_error="pass")]
    engine = Engine(describe(stages, {"cam": (ToyFrames, {"frames": 3})}))
    assert [int(p.image.pixels.max()) for p in engine.packets() if p.image] == [0, 1, 2]
    assert notes(engine.report()) == ["ValueError: assignment destination is read-only"]


@stage("hostile.diary", heavy=True, stateless=True)
class Diary(Stage):
    """Writes down, for each instance, what was called, and raises where it is told to."""

    @dataclass(frozen=True, slots=True)
    class Params:
        book: list[Any]
        raises: Any = None
        at: str = ""  # the method that raises
        frames: tuple[int, ...] = ()  # process raises on these
        opens: int = 10**6  # so many instances can be opened

    params: Params

    def note(self, method: str) -> None:
        self.params.book.append((self, method))  # itself, not its id: that would be given to the next
        if method == self.params.at:
            raise self.params.raises

    def open(self, stream: StreamInfo) -> None:
        self.note("open")
        if sum(method == "open" for _, method in self.params.book) > self.params.opens:
            raise OSError("the device is taken")
        self.size = (stream.width, stream.height)

    def process(self, image: View, frame: FrameInfo) -> Detections:
        if frame.seq in self.params.frames:
            raise self.params.raises
        assert self.size == (frame.width, frame.height)
        return NONE

    def on_gap(self, gap: Gap) -> None:
        self.note("on_gap")
        self.size = (gap.stream.width, gap.stream.height)

    def flush(self) -> None:
        self.note("flush")

    def close(self) -> None:
        self.note("close")
        self.size = (0, 0)  # no frame fits any more


def lives(book: list[Any]) -> list[list[str]]:
    """What was called on each instance, in the order they came up."""
    return [[m for i, m in book if i is who] for who in dict.fromkeys(i for i, _ in book)]


EXITS = [
    pytest.param(SystemExit("bye"), "SystemExit: bye", id="sys.exit"),
    pytest.param(KeyboardInterrupt(), "KeyboardInterrupt: no message", id="KeyboardInterrupt"),
    pytest.param(GeneratorExit("gone"), "GeneratorExit: gone", id="GeneratorExit"),
]


@pytest.mark.parametrize(("error", "message"), EXITS)
@pytest.mark.parametrize(
    "how",
    [
        pytest.param({"threads": 1}, id="fused"),
        pytest.param({}, id="on threads of their own"),
        pytest.param({"workers": 3}, id="with workers"),
    ],
)
def test_a_stage_that_tries_to_end_the_process_fails_like_any_other(
    how: dict[str, Any], error: BaseException, message: str
) -> None:
    book: list[Any] = []
    odd = entry("odd", Diary, book=[], raises=error, frames=(4, 9), workers=how.get("workers", 1))
    stages = [odd, entry("out", ToySink, book=book)]
    report = run(*stages, source={"frames": 30}, threads=how.get("threads", "auto"))
    assert notes(report) == [message]
    ledger = report.sources[0].ledger
    assert (ledger.done, dict(ledger.failed), ledger.balanced) == (28, {"odd": 2}, True)
    assert book[-2:] == ["flush", "close"]


@pytest.mark.parametrize(("error", "message"), EXITS)
@pytest.mark.parametrize("at", ["on_gap", "flush", "close"])
def test_leaving_from_the_rest_of_the_life_is_noted_and_nothing_else_suffers(
    at: str, error: BaseException, message: str
) -> None:
    book: list[Any] = []
    out: list[Any] = []
    odd = entry("odd", Diary, book=book, raises=error, at=at)
    report = run(odd, entry("out", ToySink, book=out), source={"frames": 8, "segment_at": 4})
    assert notes(report) == [f"in {at}: {message}"]
    assert report.sources[0].ledger.done == 8
    assert lives(book) == [["open", "on_gap", "flush", "close"]]
    assert out[-2:] == ["flush", "close"]
    assert report.exit_code == 3


@pytest.mark.parametrize(("error", "message"), EXITS)
def test_leaving_from_open_stops_the_source_with_a_clear_error(error: BaseException, message: str) -> None:
    book: list[Any] = []
    report = run(entry("odd", Diary, book=book, raises=error, at="open", workers=3))
    assert report.sources[0].error.startswith(
        f"source 'cam': stage 'odd' (hostile.diary) cannot be opened: {message.partition(':')[0]}"
    )
    assert lives(book) == [["open", "close"]], "the copies were never opened, so they are not closed"
    assert report.exit_code == 1


@source("hostile.source", accepts=lambda uri: False)
class HostileSource(ToyFrames):
    """Raises wherever it is told to."""

    @dataclass(frozen=True, slots=True)
    class Params(ToyFrames.Params):
        raises: Any = None
        at: tuple[str, ...] = ()

    params: Params

    def fail(self, method: str) -> None:
        if method in self.params.at:
            raise self.params.raises(method)

    def open(self) -> StreamInfo:
        self.fail("open")
        return super().open()

    def read(self) -> Frame | None:
        if self.index == 5:
            self.fail("read")
        return super().read()

    def close(self) -> None:
        self.fail("close")


@pytest.mark.parametrize("raises", [SystemExit, KeyboardInterrupt, RuntimeError, MemoryError])
@pytest.mark.parametrize(
    ("at", "told", "done"),
    [
        pytest.param(("open",), "open", 0, id="open"),
        pytest.param(("read",), "read", 5, id="read"),
        pytest.param(("close",), "close", 8, id="close"),
        pytest.param(("read", "close"), "read", 5, id="the first error is told, not what came of it"),
        pytest.param(("open", "close"), "open", 0, id="the same where opening failed"),
    ],
)
@pytest.mark.parametrize("threads", [1, "auto"])
def test_whatever_a_source_raises_ends_it_with_one_clear_error(
    at: tuple[str, ...], told: str, done: int, raises: type[BaseException], threads: Any
) -> None:
    book: list[Any] = []
    options = {"frames": 8, "raises": raises, "at": at}
    stages = [entry("out", ToySink, book=book)]
    report = Engine(describe(stages, {"cam": (HostileSource, options)}, {"threads": threads})).run()
    assert report.sources[0].error == f"source 'cam': {raises.__name__}: {told}"
    assert report.sources[0].ledger.done == done
    assert book[-2:] == (["flush", "close"] if done else [])
    assert report.exit_code == 1


class UnspeakableError(Exception):
    """Even its message cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("threads", [1, "auto"])
def test_where_the_engine_itself_fails_the_source_ends_and_nobody_waits_for_ever(
    workers: int, threads: Any
) -> None:
    odd = entry("odd", Diary, book=[], raises=UnspeakableError(), frames=(4,), workers=workers)
    report = run(odd, entry("last", Diary, book=[]), source={"frames": 10_000}, threads=threads)
    assert report.sources[0].error == "source 'cam': the engine failed: RuntimeError"
    assert report.sources[0].ledger.balanced
    assert report.sources[0].ledger.failed["engine"] == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_a_condition_on_a_value_that_cannot_be_compared_is_the_waiting_stage_s_failure(workers: int) -> None:
    @stage("hostile.counts")
    def count(image: View) -> Counts:
        """Counts in words."""
        return Counts({"door": {"in": "three"}})  # type: ignore[dict-item]

    when = When("words")  # type: ignore[arg-type]
    report = run(entry("words", count), entry("odd", Diary, book=[], when=when, workers=workers))
    assert len(notes(report)) == 1
    assert "TypeError" in notes(report)[0]
    assert dict(report.sources[0].ledger.failed) == {"odd": 3}


def test_a_stage_that_can_be_opened_again_goes_on() -> None:
    book: list[Any] = []
    odd = entry("odd", Diary, book=book, raises=OSError("lost"), frames=(2, 5), on_error="restart")
    report = run(odd, source={"frames": 8})
    assert lives(book) == [["open", "close"], ["open", "close"], ["open", "flush", "close"]]
    assert dict(report.sources[0].ledger.failed) == {"odd": 2}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stage_that_cannot_be_opened_again_is_not_called_and_ends_its_source(workers: int) -> None:
    book: list[Any] = []
    odd = entry(
        "odd", Diary, book=book, raises=OSError("lost"), frames=(2,), on_error="restart", opens=workers
    )
    report = run(entry("other", Diary, book=[]), odd, source={"frames": 100, "delay": 0.001})
    assert all(life in (["open", "close"], ["open", "flush", "close"]) for life in lives(book))
    if workers == 1:
        assert "could not be opened again: OSError: the device is taken" in report.sources[0].error
        assert len(lives(book)) == 11, "it tried ten times"
    assert report.sources[0].ledger.balanced


def test_a_stage_is_opened_again_for_the_size_that_pictures_have_by_then() -> None:
    book: list[Any] = []
    odd = entry("odd", Diary, book=book, raises=OSError("lost"), frames=(6,), on_error="restart")
    report = Engine(describe([odd], {"cam": (Resized, {"frames": 12, "resize_at": 4})})).run()
    assert notes(report) == ["OSError: lost"]
    assert lives(book) == [["open", "on_gap", "close"], ["open", "flush", "close"]]


@source("hostile.resized", accepts=lambda uri: False)
class Resized(ToyFrames):
    """Its pictures change their size."""

    @dataclass(frozen=True, slots=True)
    class Params(ToyFrames.Params):
        resize_at: int = 0

    def read(self) -> Frame | None:
        frame = super().read()
        if frame is None or frame.pixels[0, 0, 0] < self.params.resize_at:
            return frame
        return replace(frame, pixels=np.repeat(frame.pixels, 2, axis=1))


@stage("hostile.late")
class Late(Stage):
    """Holds tracks back until the end."""

    def process(self, image: View) -> Tracks:
        return Tracks.of(np.zeros((0, 4)))

    def flush(self) -> Tracks:
        return Tracks.of([[0, 0, 1, 1]])


@stage("hostile.visits")
class Visits(Stage):
    """Tells of every track at once, and of something more at the end."""

    def process(self, tracks: Tracks, frame: FrameInfo) -> tuple[Counts, Events]:
        return Counts({"all": {"n": len(tracks)}}), Events((Event("seen", "cam", 0, 0.0),) * len(tracks))

    def flush(self) -> tuple[None, Events]:
        return None, Events((Event("left", "cam", 0, 0.0),))


@stage("hostile.log", sink=True)
class Log(Stage):
    """Writes down events and counts."""

    @dataclass(frozen=True, slots=True)
    class Params:
        book: list[Any]

    params: Params

    def process(self, events: Events, counts: Counts) -> None:
        self.params.book.append(([e.kind for e in events], dict(counts.values)))


def test_what_a_stage_makes_of_flushed_values_and_what_it_flushes_itself_both_arrive() -> None:
    book: list[Any] = []
    report = run(entry("late", Late), entry("visits", Visits), entry("log", Log, book=book))
    assert report.exit_code == 0
    assert book[-1] == (["seen", "left"], {"all": {"n": 1}})


def test_a_stage_that_fails_on_flushed_values_is_flushed_all_the_same() -> None:
    @stage("hostile.picky")
    class Picky(Stage):
        """Fails where there is anything to do."""

        def process(self, tracks: Tracks) -> Events:
            if len(tracks):
                raise RuntimeError("too many")
            return Events()

        def flush(self) -> Events:
            return Events((Event("end", "cam", 0, 0.0),))

    book: list[Any] = []
    count = entry("visits", Visits)
    stages = [entry("late", Late), count, entry("odd", Picky)]
    log = entry("log", Log, book=book, bindings={"events": ("odd",), "counts": ("visits",)})
    report = run(*stages, log)
    assert notes(report) == ["in process: RuntimeError: too many"]
    assert book[-1] == (["end"], {"all": {"n": 1}})


def test_what_a_heavy_sink_tells_reaches_those_who_asked_for_it() -> None:
    """Heavy sinks run behind all else, but not behind those that wait for them."""

    @stage("hostile.recorder", sink=True, heavy=True)
    def record(image: View, frame: FrameInfo) -> tuple[Counts, Events]:
        """Writes a file, and says so."""
        return Counts({}), Events((Event("written", "cam", frame.seq, frame.pts),))

    book: list[Any] = []
    run(entry("file", record), entry("log", Log, book=book))
    assert [kinds for kinds, _ in book] == [["written"]] * 3
