"""Losing and finding a live source again, on scripted connections; real ones are in the network's tests."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from vidstream.errors import SourceError
from vidstream.graph.source import Frame
from vidstream.sources import live, patience
from vidstream.sources import session as session_module
from vidstream.sources.faults import BadDataError, RefusedError
from vidstream.sources.live import LiveSource
from vidstream.sources.patience import Backoff
from vidstream.sources.session import Session
from vidstream.types import StreamInfo


@dataclass
class Params:
    open_timeout: float = 0.2
    read_timeout: float = 0.1
    reconnect: bool = True
    give_up: float | None = None


class Scripted:
    """A connection that gives so many frames and then ends, fails, or says nothing more."""

    def __init__(
        self,
        frames: int,
        then: BaseException | str = "end",
        duration: float | None = None,
        size: tuple[int, int] = (4, 2),
    ) -> None:
        self.info = StreamInfo("cam", *size, duration=duration, live=True)
        self.closed = False
        self.silence = threading.Event()
        self._count, self._then = frames, then

    def frames(self) -> Iterator[Frame]:
        for number in range(self._count):
            yield Frame(np.zeros((self.info.height, self.info.width, 3), np.uint8), number / 10)
        if isinstance(self._then, BaseException):
            raise self._then
        if self._then == "silence":
            self.silence.wait(5)

    def close(self) -> None:
        self.closed = True


Step = Scripted | BaseException | Callable[[Session], Scripted]


class ScriptedSource(LiveSource):
    """Every connection is the next step of a script; behind its end nothing answers."""

    def __init__(self, script: list[Step], **params: Any) -> None:
        super().__init__(Params(**params))
        self.name = "cam"
        self.script, self.events, self.tries = list(script), [], []
        self.notify = lambda kind, message: self.events.append((kind, message))
        self.states: list[tuple[str, str]] = []
        self.announce = lambda state, cause: self.states.append((state, cause))

    def connect(self, session: Session) -> Scripted:
        self.tries.append(time.monotonic())
        if not self.script:
            raise SourceError("connection refused")
        step = self.script.pop(0)
        if isinstance(step, BaseException):
            raise step
        return step if isinstance(step, Scripted) else step(session)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Delays are those of the real thing, shrunk."""
    monkeypatch.setattr(live, "_GRACE_S", 0.05)
    monkeypatch.setattr(live, "_FIRST_PICTURE_S", 0.3)
    monkeypatch.setattr(live, "_HANG_UP_S", 2.0)
    monkeypatch.setattr(live, "LOOK_S", 0.02)
    monkeypatch.setattr(patience, "STALL_S", 60.0)
    monkeypatch.setattr(Backoff, "next", lambda self, absent=0, *, refused=False: 60 if refused else 0.02)


@pytest.fixture
def play() -> Iterator[Callable[..., tuple[ScriptedSource, list[Frame]]]]:
    """Open and read so many frames; everything is closed at the end, and no thread is left."""
    sources: list[ScriptedSource] = []

    def run(script: list[Step], frames: int, **params: Any) -> tuple[ScriptedSource, list[Frame]]:
        source = ScriptedSource(script, **params)
        sources.append(source)
        source.open()
        found = []
        while len(found) < frames and (frame := source.read()) is not None:
            found.append(frame)
        return source, found

    before = threading.active_count()
    yield run
    for source in sources:
        source.close()
    deadline = time.monotonic() + 3
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)  # a connection given up while it was stuck ends by itself
    assert threading.active_count() == before


LOST, BACK = "source-lost", ("source-back", "pictures arrive again")


def test_every_connection_is_a_segment_and_every_change_is_told_once(play: Any) -> None:
    script = [Scripted(3), SourceError("no route"), SourceError("no route"), Scripted(2), Scripted(2)]
    source, frames = play(script, 7)
    assert [(f.segment, f.pts) for f in frames] == [
        *((0, 0.0), (0, 0.1), (0, 0.2)),
        *((1, 0.0), (1, 0.1)),
        *((2, 0.0), (2, 0.1)),
    ]
    assert source.events == [
        (LOST, "the other side ended it"),
        (LOST, "no route"),
        BACK,
        (LOST, "the other side ended it"),
        BACK,
    ]


def test_a_source_dead_at_the_start_is_waited_for(play: Any) -> None:
    source, frames = play([SourceError("connection refused")] * 3 + [Scripted(2)], 2)
    assert len(source.tries) == 4
    assert source.events == [(LOST, "connection refused"), BACK]
    assert [f.segment for f in frames] == [0, 0]


def test_a_connection_without_a_picture_is_no_segment(play: Any) -> None:
    _, frames = play([Scripted(1), Scripted(0), Scripted(0), Scripted(1)], 2)
    assert [f.segment for f in frames] == [0, 1]


def test_silence_is_a_loss(play: Any) -> None:
    stuck = Scripted(2, "silence")
    source, frames = play([stuck, Scripted(1)], 3)
    stuck.silence.set()
    assert source.events[0] == (LOST, "no picture for 0.1 s")
    assert [f.segment for f in frames] == [0, 0, 1]


def test_the_first_picture_may_take_longer_than_the_next(play: Any) -> None:
    def slow(session: Session) -> Scripted:
        connection = Scripted(2)
        frames = connection.frames

        def late() -> Iterator[Frame]:
            time.sleep(0.22)  # longer than a picture may stay away later on
            return frames()

        connection.frames = late  # type: ignore[method-assign]  # one slow connection
        return connection

    source, frames = play([slow], 2)
    assert source.events == []
    assert len(frames) == 2


def test_nobody_answering_is_a_loss_although_the_call_never_returns(play: Any) -> None:
    release = threading.Event()

    def stuck(session: Session) -> Scripted:
        release.wait(5)
        return Scripted(1)

    source, frames = play([stuck, Scripted(1)], 1)
    release.set()
    assert source.events == [(LOST, "no answer for 0.2 s"), BACK]
    assert len(frames) == 1


def test_what_a_connection_has_to_report_arrives_on_the_reading_thread(play: Any) -> None:
    def talkative(session: Session) -> Scripted:
        session.note("stream-damaged", "some pictures are damaged")
        return Scripted(1)

    source, _ = play([talkative], 1)
    assert source.events == [("stream-damaged", "some pictures are damaged")]


def test_without_reconnect_an_end_is_the_end_and_a_fault_an_error(play: Any) -> None:
    _, frames = play([Scripted(2)], 5, reconnect=False)
    assert len(frames) == 2
    with pytest.raises(SourceError, match="source 'cam': the cable broke"):
        play([Scripted(2, SourceError("the cable broke"))], 5, reconnect=False)
    with pytest.raises(SourceError, match="source 'cam': connection refused"):
        play([], 1, reconnect=False)


def test_a_recording_ends_where_it_ends(play: Any) -> None:
    source, frames = play([Scripted(2, duration=0.2)], 5)
    assert len(frames) == 2
    assert source.events == []


def test_a_recording_that_breaks_off_is_tried_again(play: Any) -> None:
    _, frames = play([Scripted(1, SourceError("reset"), duration=0.2), Scripted(2, duration=0.2)], 9)
    assert [f.segment for f in frames] == [0, 1, 1]


def test_what_cannot_be_helped_is_not_repeated(play: Any) -> None:
    with pytest.raises(SourceError, match="knows no srt"):
        play([SourceError("this build knows no srt", retry=False)], 1)


def test_giving_up(play: Any) -> None:
    started = time.monotonic()
    with pytest.raises(SourceError, match=r"source 'cam': given up after 0\.3 s: connection refused"):
        play([], 1, give_up=0.3)
    assert 0.25 < time.monotonic() - started < 1.5


def test_a_refusal_is_not_repeated_soon() -> None:
    source = ScriptedSource([RefusedError("401")])
    timer = threading.Timer(0.3, source.interrupt)
    timer.start()
    with pytest.raises(SourceError, match="stopped before a picture came"):
        source.open()
    timer.join()
    source.close()
    assert len(source.tries) == 1


def test_a_mistake_of_ours_is_not_taken_for_a_loss(play: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        play([Scripted(1, ZeroDivisionError("ours"))], 2)


@pytest.mark.parametrize("state", ["connecting", "waiting for a picture", "between tries"])
def test_interrupt_ends_everything_at_once(state: str) -> None:
    release = threading.Event()

    def stuck(session: Session) -> Scripted:
        release.wait(5)
        return Scripted(0)

    quiet = Scripted(1, "silence")
    script: dict[str, list[Step]] = {
        "connecting": [stuck],
        "waiting for a picture": [quiet],
        "between tries": [RefusedError("401")],
    }
    source = ScriptedSource(script[state], open_timeout=9, read_timeout=9)
    timer = threading.Timer(0.2, source.interrupt)
    timer.start()
    started = time.monotonic()
    if state == "waiting for a picture":
        source.open()
        assert [source.read() is None for _ in range(2)] == [False, True]
    else:
        with pytest.raises(SourceError, match="stopped before a picture came"):
            source.open()
    assert 0.1 < time.monotonic() - started < 0.8
    assert source.read() is None
    release.set()
    quiet.silence.set()
    source.close()
    timer.join()


def test_interrupt_before_open_is_heeded() -> None:
    source = ScriptedSource([Scripted(1)])
    source.interrupt()
    with pytest.raises(SourceError, match="stopped"):
        source.open()
    source.close()
    assert source.tries == []


def test_every_connection_is_closed(play: Any) -> None:
    connections = [Scripted(1), Scripted(1, SourceError("reset")), Scripted(1)]
    source, _ = play(connections, 3)
    source.close()
    assert all(connection.closed for connection in connections)


def test_a_source_that_held_long_starts_its_delays_over(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    resets: list[Backoff] = []

    def reset(self: Backoff) -> None:
        resets.append(self)

    monkeypatch.setattr(Backoff, "reset", reset)
    monkeypatch.setattr(live, "_HEALTHY_S", 0.1)
    long = Scripted(1, "silence")
    play([Scripted(1), long, Scripted(1)], 3)
    long.silence.set()
    assert len(resets) == 2  # the first belongs to its making


class TestStates:
    """What a source says of itself."""

    def test_coming_going_and_coming_back(self, play: Any) -> None:
        source, _ = play([SourceError("no route"), Scripted(2), SourceError("no route"), Scripted(2)], 4)
        waiting = ("connecting", "it answers; no picture yet")
        assert source.states == [
            ("connecting", ""),
            ("lost", "no route"),
            waiting,
            ("live", ""),
            ("lost", "the other side ended it"),
            ("lost", "no route"),
            waiting,
            ("live", ""),
        ]

    def test_a_stall_is_told_before_the_connection_is_given_up(
        self, play: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(patience, "STALL_S", 0.1)
        stuck = Scripted(2, "silence")
        source, _ = play([stuck, Scripted(1)], 3, read_timeout=0.6)
        stuck.silence.set()
        assert [state for state, _ in source.states[2:4]] == ["stalled", "lost"]
        assert source.states[3][1] == "no picture for 0.6 s"

    def test_a_stall_that_passes_costs_nothing(self, play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(patience, "STALL_S", 0.1)

        def hesitant(session: Session) -> Scripted:
            connection = Scripted(4)
            frames = connection.frames

            def slow() -> Iterator[Frame]:
                for number, frame in enumerate(frames()):
                    if number == 2:
                        time.sleep(0.6)
                    yield frame

            connection.frames = slow  # type: ignore[method-assign]  # one slow connection
            return connection

        source, frames = play([hesitant], 4, read_timeout=20)
        assert source.states == [
            ("connecting", ""),
            ("live", ""),
            ("stalled", "no picture for 0.1 s"),
            ("live", ""),
        ]
        assert {f.segment for f in frames} == {0}
        assert source.events == []

    @pytest.mark.parametrize(
        ("error", "state"),
        [
            (RefusedError("401"), "auth-failed"),
            (BadDataError("sends garbage"), "bad-data"),
            (SourceError("404"), "lost"),
        ],
    )
    def test_why_it_is_gone(self, error: SourceError, state: str) -> None:
        source = ScriptedSource([Scripted(1, error)], reconnect=False)
        source.open()
        source.read()
        with pytest.raises(SourceError, match=error.what):
            source.read()
        source.close()
        assert source.states[-2:] == [(state, error.what), ("ended", error.what)]

    def test_data_that_make_no_picture_are_bad_data(self, play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(patience, "STALL_S", 0.1)

        def garbled(session: Session) -> Scripted:
            connection = Scripted(2)
            frames = connection.frames

            def talk() -> Iterator[Frame]:
                yield from frames()
                until = time.monotonic() + 10
                while session.wanted and time.monotonic() < until:
                    session.note("stream-damaged", "some data cannot be decoded")
                    time.sleep(0.02)

            connection.frames = talk  # type: ignore[method-assign]  # one connection that sends rubbish
            return connection

        source, _ = play([garbled, Scripted(1)], 3, read_timeout=0.8)
        assert source.states[2:4] == [
            ("bad-data", "what arrives makes no picture"),
            ("bad-data", "no picture for 0.8 s"),
        ]

    def test_a_new_size_is_told_and_after_a_while_it_is_just_live(
        self, play: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(live, "_SETTLED_S", 0.0)
        source, _ = play([Scripted(1), Scripted(3, size=(8, 6))], 4)
        assert [s for s in source.states if s[0] in ("live", "format-changed")] == [
            ("live", ""),
            ("format-changed", "pictures are 8 x 6 pixels from here on"),
            ("live", ""),
        ]

    def test_given_up(self) -> None:
        source = ScriptedSource([], give_up=0.1)
        with pytest.raises(SourceError):
            source.open()
        source.close()
        assert source.states[-1] == ("ended", "given up after 0.1 s: connection refused")


def test_connections_that_never_end_are_not_heaped_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_MOST_STUCK", 3)
    release = threading.Event()

    def stuck(session: Session) -> Scripted:
        release.wait(20)
        return Scripted(0)

    source = ScriptedSource([stuck] * 20, open_timeout=0.01)
    timer = threading.Timer(1.5, source.interrupt)
    timer.start()
    with pytest.raises(SourceError):
        source.open()
    release.set()
    source.close()
    timer.join()
    assert len(source.tries) == 3
    assert source.states[-1] == ("lost", "3 connections hang in calls that do not return")


def test_what_nobody_took_in_time_is_not_given_as_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "STALE_S", 0.1)
    monkeypatch.setattr(session_module, "STALE_S", 0.1)
    flow = Scripted(40)
    frames = flow.frames

    def paced() -> Iterator[Frame]:
        for frame in frames():
            time.sleep(0.02)
            yield frame

    flow.frames = paced  # type: ignore[method-assign]  # a camera has its own pace
    source = ScriptedSource([flow], read_timeout=5)
    source.open()
    time.sleep(0.5)  # the stages take their time to get ready
    frame = source.read()
    source.interrupt()
    source.close()
    assert frame is not None
    assert frame.skipped >= 3
    assert frame.pts == pytest.approx(frame.skipped / 10)


def test_a_given_up_connection_holds_no_frame(play: Any) -> None:
    kept: list[weakref.ref[Any]] = []
    stuck = Scripted(3, "silence")
    frames = stuck.frames

    def watched() -> Iterator[Frame]:
        for frame in frames():
            kept.append(weakref.ref(frame.pixels))
            yield frame
            del frame

    stuck.frames = watched  # type: ignore[method-assign]  # to see what becomes of its frames
    source, found = play([stuck, Scripted(1)], 4)
    del found
    source.close()
    gc.collect()
    assert len(kept) == 3
    assert not any(ref() is not None for ref in kept)
    stuck.silence.set()
