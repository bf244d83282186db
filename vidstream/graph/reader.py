"""Reading a source into items: numbers, times, gaps, limits, pace."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from vidstream.graph.clock import Clock
from vidstream.graph.description import RunOptions
from vidstream.graph.item import Item
from vidstream.graph.ledger import Ledger
from vidstream.graph.source import Frame, Source
from vidstream.graph.status import StatusLog
from vidstream.types import FrameInfo, Gap, StreamInfo, View


class Reader:
    """Turns a source's frames into numbered items, and keeps the ledger's left-hand side."""

    def __init__(
        self, source: Source, stream: StreamInfo, ledger: Ledger, clock: Clock, slots: int, paced: bool
    ) -> None:
        self.stream = stream
        self.last: FrameInfo | None = None
        #: frames that were read, without those that the source left out
        self.count = 0
        self._source = source
        self._ledger = ledger
        self._clock = clock
        self._slots = slots
        self._paced = paced
        self._seq = 0
        self._origin = 0.0
        self._earlier = 0.0
        #: seconds of the source's own time that were read: pts of this segment, and all those before
        self.elapsed = 0.0
        #: told of every arrival
        self.status: StatusLog | None = None

    def items(self, run: RunOptions, stopping: threading.Event) -> Iterator[Item]:
        """Item by item, until the source ends, a limit is reached or `stopping` is set."""
        while not stopping.is_set() and (run.frames is None or self.count < run.frames):
            frame = self._source.read()
            if frame is None:
                return
            elapsed = self._elapsed_at(frame)
            if run.duration is not None and elapsed >= run.duration:
                return
            self.elapsed = elapsed
            item = self._item(frame, stopping)
            self.count += 1
            yield item

    def final(self) -> Item:
        """The item behind the last frame."""
        where = self.last or FrameInfo(
            self.stream.source,
            0,
            0,
            0.0,
            None,
            self._clock.monotonic(),
            self.stream.width,
            self.stream.height,
        )
        item = Item(where, [None] * self._slots)
        item.final = True
        return item

    def _elapsed_at(self, frame: Frame) -> float:
        if self.last is not None and frame.segment != self.last.segment:
            period = 1.0 / self.stream.fps if self.stream.fps else 0.0
            self._earlier += self.last.pts + period  # the last frame of a segment has its time, too
        return self._earlier + frame.pts

    def _item(self, frame: Frame, stopping: threading.Event) -> Item:
        if frame.skipped:
            self._ledger.decode(frame.skipped)
            self._ledger.drop("source", "left out", frame.skipped)
            self._seq += frame.skipped
        if self._paced:
            self._keep_pace(frame, stopping)
        height, width = frame.pixels.shape[:2]
        info = FrameInfo(
            self.stream.source,
            frame.segment,
            self._seq,
            frame.pts,
            frame.wall,
            self._clock.monotonic(),
            width,
            height,
            frame.damaged,
        )
        if self.status is not None:
            self.status.last_frame = info.mono
        slots: list[Any] = [None] * self._slots
        slots[1] = View(frame.pixels)
        item = Item(info, slots, self._gap(info))
        self.last = info
        self._seq += 1
        self._ledger.decode()
        return item

    def _gap(self, info: FrameInfo) -> Gap | None:
        """What changed since the last frame, or against what the source promised, if time or size jumped."""
        resized = (self.stream.width, self.stream.height) != (info.width, info.height)
        if resized:
            self.stream = replace(self.stream, width=info.width, height=info.height)
        last = self.last
        if resized:  # within a segment or at the beginning of one, after a connection or not
            return Gap("format", self.stream, None if last is None else info.mono - last.mono)
        if last is None or info.segment == last.segment:
            return None
        if self._source.live:
            return Gap("reconnect", self.stream, info.mono - last.mono)
        return Gap("loop", self.stream)

    def _keep_pace(self, frame: Frame, stopping: threading.Event) -> None:
        """A recording played as if it were a camera: wait for the frame's time."""
        if self.last is None or frame.segment != self.last.segment:
            self._origin = self._clock.monotonic() - frame.pts
        self._clock.wait(stopping, self._origin + frame.pts - self._clock.monotonic())
