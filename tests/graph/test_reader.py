"""Reading a source into items: numbers, times, gaps, limits, pace, the left-hand side of the ledger."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.toys import ToyDetect, ToyFrames, describe, entry
from vidstream.errors import SourceError
from vidstream.graph.description import RunOptions
from vidstream.graph.engine import Engine
from vidstream.graph.item import Item
from vidstream.graph.ledger import Ledger
from vidstream.graph.reader import Reader
from vidstream.graph.source import Frame, Source, source
from vidstream.types import StreamInfo


class SteppedClock:
    """A clock that only moves when somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1.7e9 + self.now

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if seconds > 0 and not event.is_set():
            self.waits.append(round(seconds, 6))
            self.now += seconds
        return event.is_set()


@source("reader.script", accepts=lambda uri: False)
class Script(Source):
    """Plays frames that the test wrote."""

    def __init__(self, frames: Sequence[Frame | Exception]) -> None:
        super().__init__(None)
        self.frames = list(frames)
        self.reads = 0

    def open(self) -> StreamInfo:
        return StreamInfo("cam", 8, 6, fps=10.0)

    def read(self) -> Frame | None:
        self.reads += 1
        if not self.frames:
            return None
        frame = self.frames.pop(0)
        if isinstance(frame, Exception):
            raise frame
        return frame

    def close(self) -> None:
        pass


def frame(pts: float, segment: int = 0, size: tuple[int, int] = (8, 6), **more: Any) -> Frame:
    return Frame(np.zeros((size[1], size[0], 3), np.uint8), pts, segment, **more)


def read(
    frames: Sequence[Frame | Exception],
    run: RunOptions | None = None,
    *,
    paced: bool = False,
    clock: SteppedClock | None = None,
) -> tuple[list[Item], Reader, Ledger, Script]:
    script, ledger = Script(frames), Ledger()
    reader = Reader(script, script.open(), ledger, clock or SteppedClock(), 4, paced=paced)
    items: list[Item] = []
    try:
        items.extend(reader.items(run or RunOptions(), script.stopping))
    except SourceError:
        items.append(reader.final())
    return items, reader, ledger, script


@st.composite
def scripts(draw: st.DrawFn) -> list[Frame]:
    """Segments of frames with growing times, now and then another size, pictures left out."""
    frames: list[Frame] = []
    for segment in range(draw(st.integers(0, 4))):
        pts = 0.0
        for _ in range(draw(st.integers(1, 5))):
            size = draw(st.sampled_from([(8, 6), (8, 6), (16, 6)]))
            frames.append(frame(pts, segment, size, skipped=draw(st.integers(0, 2))))
            pts += draw(st.floats(0.01, 2.0))
    return frames


@given(scripts())
def test_every_picture_has_a_number_and_is_in_the_ledger(frames: list[Frame]) -> None:
    items, reader, ledger, _ = read(frames)
    seqs = [item.frame.seq for item in items]
    expected = np.cumsum([f.skipped + 1 for f in frames]) - 1
    assert seqs == expected.tolist()
    assert ledger.decoded == sum(f.skipped + 1 for f in frames)
    assert ledger.dropped.total() == sum(f.skipped for f in frames)
    assert not reader.final().frame.damaged
    assert [(i.frame.pts, i.frame.segment) for i in items] == [(f.pts, f.segment) for f in frames]
    assert [(i.frame.width, i.frame.height) for i in items] == [f.pixels.shape[1::-1] for f in frames]


@given(scripts())
def test_a_gap_stands_exactly_where_the_segment_or_the_size_changes(frames: list[Frame]) -> None:
    items, *_ = read(frames)
    promised = frame(0.0)  # what the source said of itself when it opened
    for i, (before, after) in enumerate(pairwise([promised, *frames])):
        gap = items[i].gap
        jumped = before.segment != after.segment
        resized = before.pixels.shape != after.pixels.shape
        assert (gap is not None) == (jumped or resized)
        if gap is not None:
            assert gap.reason == ("format" if resized else "loop")
            assert (gap.stream.width, gap.stream.height) == after.pixels.shape[1::-1]


@given(scripts(), st.floats(0.1, 8.0))
def test_a_limit_in_seconds_counts_the_time_of_all_segments(frames: list[Frame], limit: float) -> None:
    """A recording played again and again ends too; each segment lasts one frame longer than its last pts."""
    starts, start = {}, 0.0
    for f, following in zip(frames, [*frames[1:], None], strict=False):
        starts.setdefault(f.segment, start)
        if following is not None and following.segment != f.segment:
            start += f.pts + 0.1
    within = [f for f in frames if starts[f.segment] + f.pts < limit]
    items, reader, ledger, _ = read(frames, RunOptions(duration=limit))
    assert [(i.frame.segment, i.frame.pts) for i in items] == [(f.segment, f.pts) for f in within]
    assert ledger.decoded == sum(f.skipped + 1 for f in within)
    if within:
        assert reader.elapsed == pytest.approx(starts[within[-1].segment] + within[-1].pts)


@pytest.mark.parametrize("limit", [1, 3, 10])
def test_a_limit_in_frames_reads_not_one_more(limit: int) -> None:
    items, _, ledger, script = read([frame(i / 10) for i in range(5)], RunOptions(frames=limit))
    assert len(items) == ledger.decoded == min(limit, 5)
    assert script.reads == min(limit, 6)


def test_a_source_that_loops_ends_at_its_limit() -> None:
    class Looping(Script):
        def read(self) -> Frame | None:
            self.reads += 1
            return frame((self.reads - 1) % 5 / 10, (self.reads - 1) // 5)

    looping, ledger = Looping([]), Ledger()
    reader = Reader(looping, looping.open(), ledger, SteppedClock(), 2, paced=False)
    items = list(reader.items(RunOptions(duration=1.25), threading.Event()))
    assert [i.frame.segment for i in items] == [0] * 5 + [1] * 5 + [2] * 3


def test_a_camera_that_was_lost_tells_how_long() -> None:
    clock = SteppedClock()

    class Lost(Script):
        def read(self) -> Frame | None:
            clock.now += 2.5
            return super().read()

    lost = Lost([frame(0.0), frame(0.0, 1)])
    lost.live = True
    reader = Reader(lost, lost.open(), Ledger(), clock, 2, paced=False)
    first, second = reader.items(RunOptions(), threading.Event())
    assert first.gap is None
    assert second.gap is not None
    assert (second.gap.reason, second.gap.seconds) == ("reconnect", 2.5)
    assert (first.frame.mono, second.frame.mono) == (1002.5, 1005.0)


def test_what_was_read_before_an_error_counts() -> None:
    items, reader, ledger, _ = read([frame(0.0), frame(0.1), SourceError("damaged"), frame(0.2)])
    assert [i.final for i in items] == [False, False, True]
    assert ledger.decoded == 2
    assert reader.last is not None
    assert items[-1].frame == reader.last


def test_the_item_behind_the_last_frame_is_empty_and_knows_where_it_stands() -> None:
    for frames, seq, pts in (([], 0, 0.0), ([frame(0.0), frame(0.5)], 1, 0.5)):
        _, reader, ledger, _ = read(frames)
        final = reader.final()
        assert final.final
        assert (final.frame.seq, final.frame.pts) == (seq, pts)
        assert final.slots == [None] * 4
        assert ledger.decoded == len(frames)


def test_a_recording_played_as_a_camera_keeps_its_own_pace() -> None:
    clock = SteppedClock()
    frames = [frame(pts) for pts in (0.0, 0.1, 0.3)] + [frame(pts, 1) for pts in (0.0, 0.2)]
    items, *_ = read(frames, paced=True, clock=clock)
    assert clock.waits == [0.1, 0.2, 0.2], "a new segment starts at once"
    assert [round(i.frame.mono - 1000.0, 6) for i in items] == [0.0, 0.1, 0.3, 0.3, 0.5]


def test_a_recording_that_was_late_does_not_wait() -> None:
    clock = SteppedClock()

    class Slow(Script):
        def read(self) -> Frame | None:
            clock.now += 0.15
            return super().read()

    slow = Slow([frame(i / 10) for i in range(4)])
    reader = Reader(slow, slow.open(), Ledger(), clock, 2, paced=True)
    assert len(list(reader.items(RunOptions(), threading.Event()))) == 4
    assert clock.waits == []


def test_a_stop_ends_the_reading_between_two_frames() -> None:
    script, ledger = Script([frame(i / 10) for i in range(5)]), Ledger()
    reader = Reader(script, script.open(), ledger, SteppedClock(), 2, paced=True)
    seen = 0
    for _ in reader.items(RunOptions(), script.stopping):
        seen += 1
        if seen == 2:
            script.interrupt()
    assert (seen, ledger.decoded) == (2, 2)


@pytest.mark.parametrize(
    ("source_", "run", "share"),
    [
        pytest.param({"frames": 20}, {}, 0.95, id="of its length"),
        pytest.param({"frames": 20}, {"duration": 4.0}, 0.95, id="a limit behind the end"),
        pytest.param({"frames": 20}, {"duration": 1.0}, 0.9, id="a limit in seconds"),
        pytest.param({"frames": 20}, {"frames": 5}, 1.0, id="a limit in frames"),
        pytest.param({"frames": 20, "segment_at": 10}, {}, 0.95, id="two segments"),
    ],
)
def test_progress_is_measured_against_what_ends_the_run(source_: Any, run: Any, share: float) -> None:
    engine = Engine(describe([entry("det", ToyDetect)], {"cam": (ToyFrames, source_)}, run))
    report = engine.run()
    (progress,) = engine.progress()
    assert progress.share == pytest.approx(share)
    assert progress.ended
    assert progress.pts == report.sources[0].pts
