"""Losing and finding a live source again, on scripted connections; real ones are in the network's tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from vidstream.errors import SourceError
from vidstream.graph.source import Frame
from vidstream.sources import live, patience
from vidstream.sources.faults import RefusedError
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

    def __init__(self, frames: int, then: BaseException | str = "end", duration: float | None = None) -> None:
        self.info = StreamInfo("cam", 4, 2, duration=duration, live=True)
        self.closed = False
        self.silence = threading.Event()
        self._count, self._then = frames, then

    def frames(self) -> Iterator[Frame]:
        for number in range(self._count):
            yield Frame(np.zeros((2, 4, 3), np.uint8), number / 10)
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


class TestBackoff:
    """The delays themselves."""

    @pytest.fixture(autouse=True)
    def quick(self) -> None:
        """The real delays."""

    def test_they_double_up_to_five_seconds_with_a_quarter_of_play(self) -> None:
        backoff, nominal = Backoff(), [0.25, 0.5, 1, 2, 4, 5, 5]
        delays = [backoff.next() for _ in nominal]
        for delay, expected in zip(delays, nominal, strict=True):
            assert 0.75 * expected <= delay <= 1.25 * expected
        backoff.reset()
        assert backoff.next() <= 0.3125

    def test_two_sources_do_not_march_in_step(self) -> None:
        assert Backoff().next() != Backoff().next()


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
