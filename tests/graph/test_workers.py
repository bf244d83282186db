"""One stateless stage on several threads: the same calls, in the same order, as one thread would make."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tests.support.toys import ToyFrames, ToySink, describe, entry
from vidstream.errors import SinkError
from vidstream.graph.engine import Engine
from vidstream.graph.stage import Stage, stage
from vidstream.graph.workers import Workers
from vidstream.types import Detections, FrameInfo, Gap, StreamInfo, Tracks, View


@dataclass(frozen=True, slots=True)
class Book:
    """What the stages of these tests write into."""

    book: list[Any]


@stage("workers.sized", heavy=True, stateless=True)
class Sized(Stage):
    """Has something made for the segment that frames are of, as detectors have for their size."""

    Params = Book
    params: Book

    def open(self, stream: StreamInfo) -> None:
        self.calls: list[str] = ["open"]
        self.params.book.append(self.calls)
        self.segment = 0

    def on_gap(self, gap: Gap) -> None:
        self.calls.append("gap")
        self.segment += 1

    def process(self, image: View, frame: FrameInfo) -> Detections:
        time.sleep(0.001)
        self.calls.append("process")
        assert self.segment == frame.segment, "it was not told"
        return Detections.empty()

    def flush(self) -> None:
        self.calls.append("flush")

    def close(self) -> None:
        self.calls.append("close")


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_every_instance_is_told_of_a_gap_before_its_next_frame_and_flushed_once(workers: int) -> None:
    book: list[list[str]] = []
    source = {"cam": (ToyFrames, {"frames": 40, "segment_at": 17})}
    report = Engine(describe([entry("det", Sized, book=book, workers=workers)], source)).run()
    assert report.exit_code == 0, report.table()
    assert len(book) == workers
    for calls in book:
        assert calls[0] == "open"
        assert calls[-2:] == ["flush", "close"]
        assert calls.count("gap") == 1
        assert calls.count("open") == calls.count("flush") == calls.count("close") == 1


@stage("workers.flushing")
class Flushing(Stage):
    """Holds tracks back until the end."""

    def process(self, image: View) -> Tracks:
        return Tracks.of(np.zeros((0, 4)))

    def flush(self) -> Tracks:
        return Tracks.of([[0, 0, 1, 1], [1, 1, 2, 2]])


@stage("workers.describe", heavy=True, stateless=True)
class Describe(Stage):
    """Gives a box for each track."""

    def process(self, tracks: Tracks) -> Detections:
        return Detections.of(tracks.boxes, track_ids=[7] * len(tracks))


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_what_is_flushed_before_it_goes_through_a_stage_with_workers_as_well(workers: int) -> None:
    book: list[Any] = []
    stages = [
        entry("track", Flushing),
        entry("describe", Describe, workers=workers),
        entry("out", ToySink, book=book),
    ]
    Engine(describe(stages, {"cam": (ToyFrames, {"frames": 3})})).run()
    assert book[-3:] == [(2, 0, [7, 7], []), "flush", "close"]


@stage("workers.full", sink=True, heavy=True, stateless=True)
class Full(Stage):
    """A disk that is full from the third picture on."""

    Params = Book
    params: Book

    def process(self, image: View, frame: FrameInfo) -> None:
        self.params.book.append(frame.seq)
        if frame.seq >= 3:
            raise SinkError("disk full")


@pytest.mark.parametrize("workers", [1, 3])
def test_a_sink_that_cannot_write_is_switched_off_however_many_workers_it_has(workers: int) -> None:
    book: list[int] = []
    source = {"cam": (ToyFrames, {"frames": 100, "delay": 0.0005})}
    report = Engine(describe([entry("file", Full, book=book, workers=workers)], source)).run()
    assert report.sources[0].ledger.done == 100
    assert len(book) <= 4 + 3 * workers, "those under way, and no more"
    kinds = [n["kind"] for n in report.notices.to_json()]
    assert kinds.count("sink-disabled") == 1


@stage("workers.stuck", heavy=True, stateless=True)
class Stuck(Stage):
    """Its first frame takes until it is told otherwise."""

    Params = Book
    params: Book

    def process(self, image: View, frame: FrameInfo) -> Detections:
        self.params.book[1].append(frame.seq)
        if frame.seq == 0:
            assert self.params.book[0].wait(20)
        return Detections.empty()


def test_one_slow_frame_does_not_fill_the_memory_with_those_behind_it() -> None:
    go, started = threading.Event(), list[int]()
    engine = Engine(
        describe([entry("det", Stuck, book=[go, started], workers=3)], {"cam": (ToyFrames, {"frames": 500})})
    )
    segment = engine.lanes[0].assembly.segments[0]
    assert isinstance(segment, Workers)

    def tick() -> None:
        if time.monotonic() - start > 0.5:
            waiting.append(len(segment._finished))
            go.set()

    start, waiting = time.monotonic(), list[int]()
    report = engine.run(tick)
    assert report.sources[0].ledger.done == 500
    assert waiting[0] <= 6
    assert started[:6] != [0] * 6
