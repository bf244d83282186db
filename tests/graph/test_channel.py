"""The queue between two threads: order, room, waiting, and what a camera's reader does with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.toys import ToyCamera, ToyDetect, describe, entry
from vidstream.graph.channel import Channel
from vidstream.graph.engine import Engine
from vidstream.graph.item import Item


def started(target: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    return thread


@given(st.integers(1, 4), st.lists(st.sampled_from(["put", "get", "room"]), max_size=40))
def test_it_is_a_bounded_queue_whose_oldest_can_give_way(capacity: int, calls: list[str]) -> None:
    channel, model, peak = Channel[int](capacity), list[int](), 0
    for number, call in enumerate(calls):
        if call == "put" and len(model) < capacity:
            channel.put(number)
            model.append(number)
        elif call == "get":
            assert channel.get(timeout=0) == (model.pop(0) if model else None)
        elif call == "room":
            assert channel.make_room() == (model.pop(0) if len(model) == capacity else None)
        peak = max(peak, len(model))
        assert (len(channel), channel.pressure(), channel.peak) == (len(model), len(model), peak)


def test_several_writers_and_readers_lose_nothing_and_keep_each_writer_s_order() -> None:
    channel, taken = Channel[tuple[int, int]](2), list[tuple[int, int]]()
    writers = [started(lambda w=w: [channel.put((w, i)) for i in range(500)]) for w in range(3)]  # type: ignore[misc]

    def read() -> None:
        while (item := channel.get(timeout=0.5)) is not None:
            taken.append(item)
            if len(taken) == 1500:
                channel.close()

    readers = [started(read) for _ in range(2)]
    for thread in writers:
        thread.join(20)
    for thread in readers:
        thread.join(20)
    assert sorted(taken) == [(w, i) for w in range(3) for i in range(500)]
    assert channel.peak <= 2


def test_one_reader_sees_one_writer_s_order() -> None:
    channel = Channel[int](3)
    writer = started(lambda: [channel.put(i) for i in range(2000)])
    assert [channel.get(timeout=5.0) for _ in range(2000)] == list(range(2000))
    writer.join(5)


def test_a_writer_waits_for_room_and_counts_as_pressure() -> None:
    channel = Channel[str](1)
    channel.put("first")
    writer = started(lambda: channel.put("second"))
    deadline = time.monotonic() + 5
    while channel.pressure() < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    assert (len(channel), channel.pressure()) == (1, 2)
    assert channel.get() == "first"
    assert channel.get(timeout=5.0) == "second"
    writer.join(5)
    assert not writer.is_alive()


def test_closing_lets_every_writer_go_on_now_and_later() -> None:
    channel = Channel[int](1)
    channel.put(0)
    writers = [started(lambda n=n: channel.put(n)) for n in (1, 2, 3)]  # type: ignore[misc]
    channel.close()
    for writer in writers:
        writer.join(5)
        assert not writer.is_alive()
    channel.put(4)
    assert sorted(channel.get(timeout=0) or 0 for _ in range(5)) == [0, 1, 2, 3, 4]


def test_reading_gives_up_after_its_timeout() -> None:
    start = time.monotonic()
    assert Channel[int](1).get(timeout=0.05) is None
    assert 0.04 < time.monotonic() - start < 2.0


class Watched(Channel[Item]):
    """Looks at items at the moment they become visible to the reading thread."""

    def __init__(self) -> None:
        super().__init__(1)
        self.visible: list[tuple[int, bool]] = []

    def put(self, item: Item) -> None:
        if not item.final:
            self.visible.append((item.frame.seq, item.gap is not None))
        super().put(item)


@pytest.mark.parametrize("lost", [1, 5])
def test_the_gap_of_a_dropped_frame_is_on_the_next_before_anybody_can_take_it(lost: int) -> None:
    """A gap handed on after the frame became visible would now and then come too late."""
    frames = 5 + lost
    engine = Engine(
        describe([entry("det", ToyDetect)], {"cam": (ToyCamera, {"frames": frames, "segment_at": 4})})
    )
    lane = engine.lanes[0]
    (passage,) = lane.passages
    watched = lane.assembly.segments[0].input = Watched()
    passage._start = list  # type: ignore[method-assign,assignment]  # nobody takes: all but the last frame are dropped
    lane.assembly.segments[0].input.close()
    lane.run()
    assert [seq for seq, gap in watched.visible if gap] == list(range(4, frames))
    assert passage.ledger.dropped["source", "newer frame"] == frames - 1


@pytest.mark.parametrize("idle", [False, True])
def test_a_writer_may_wait_until_what_it_has_is_wanted(idle: bool) -> None:
    """With `idle` until somebody asks for it, else until what it gave last has been taken."""
    channel = Channel[int](1)
    channel.put(1)
    passed = threading.Event()

    def wait() -> None:
        channel.wait_until_wanted(idle=idle)
        passed.set()

    writer = threading.Thread(target=wait)
    writer.start()
    assert not passed.wait(0.05)
    assert channel.get() == 1
    assert passed.wait(0.05 if idle else 5) is not idle
    reader = threading.Thread(target=channel.get)
    reader.start()
    assert passed.wait(5)
    channel.put(2)
    for thread in (writer, reader):
        thread.join(5)
        assert not thread.is_alive()


def test_after_close_nobody_waits_to_be_wanted() -> None:
    channel = Channel[int](1)
    channel.put(1)
    channel.close()
    channel.wait_until_wanted(idle=True)
