"""A source and stages for testing the engine itself: small, deterministic, able to fail on demand."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vidstream.errors import ParamError, SinkError, SourceError
from vidstream.graph.description import Description, Plan, RunOptions, SourceEntry, StageEntry, When
from vidstream.graph.kinds import Reading
from vidstream.graph.params import make_params
from vidstream.graph.source import Frame, Source, source
from vidstream.graph.stage import Stage, StageSpec, spec_of, stage
from vidstream.graph.wiring import wire
from vidstream.types import Counts, Detections, Events, FrameInfo, Gap, StreamInfo, Tracks, View


@source("toy.frames", accepts=lambda uri: uri.startswith("toy:"))
class ToyFrames(Source):
    """Numbered gray frames at 10 per second; every hook can be made to fail."""

    @dataclass(frozen=True, slots=True)
    class Params:
        uri: str = "toy:"  #: address
        frames: int = 20  #: how many
        delay: float = 0.0  #: seconds each read takes
        fail_at: int = -1  #: frame whose read fails
        fail_open: bool = False  #: cannot be opened
        segment_at: int = -1  #: frame from which a new segment counts
        stuck_at: int = -1  #: frame whose read blocks until interrupted
        skip: int = 0  #: frames left out before each

    params: Params

    def open(self) -> StreamInfo:
        if self.params.fail_open:
            raise SourceError("cannot be opened", where=f"source '{self.name}'")
        self.index = 0
        return StreamInfo(self.name, 8, 6, fps=10.0, duration=self.params.frames / 10, live=self.live)

    def read(self) -> Frame | None:
        i = self.index
        if i >= self.params.frames or self.stopping.is_set():
            return None
        if i == self.params.fail_at:
            raise SourceError("the rest cannot be read", where=f"source '{self.name}'")
        if i == self.params.stuck_at:
            self.stopping.wait(30)
            return None
        if self.params.delay:
            time.sleep(self.params.delay)
        self.index += 1
        late = self.params.segment_at >= 0 and i >= self.params.segment_at
        pts = (i - self.params.segment_at) / 10 if late else i / 10
        pixels = np.full((6, 8, 3), i % 256, np.uint8)
        return Frame(pixels, pts, segment=int(late), skipped=self.params.skip)

    def close(self) -> None:
        self.index = -1


@source("toy.camera", accepts=lambda uri: uri.startswith("toycam:"))
class ToyCamera(ToyFrames):
    """The same, as a camera."""

    live = True


@stage("toy.detect", heavy=True, stateless=True)
class ToyDetect(Stage):
    """One box whose left edge is the frame's number."""

    @dataclass(frozen=True, slots=True)
    class Params:
        delay: float = 0.0  #: seconds it takes
        jitter: bool = False  #: even frames take longer than odd ones
        fail_on: tuple[int, ...] = ()  #: frame numbers it fails on

    params: Params

    def process(self, image: View, frame: FrameInfo) -> Detections:
        if frame.seq in self.params.fail_on:
            raise RuntimeError(f"bad frame {frame.seq}")
        if self.params.delay:
            time.sleep(self.params.delay * (2 if self.params.jitter and frame.seq % 2 == 0 else 1))
        value = float(image.pixels[0, 0, 0])
        return Detections.of([[value, 0, value + 1, 1]])


@stage("toy.track")
class ToyTrack(Stage):
    """Counts the frames it saw; its state shows every reordering."""

    def open(self, stream: StreamInfo) -> None:
        self.seen = 0

    def process(self, detections: Detections | None, frame: FrameInfo) -> Tracks:
        self.seen += 1
        if detections is None:
            return Tracks.of(np.zeros((0, 4)))
        return Tracks.of(detections.boxes, track_ids=self.seen)

    def on_gap(self, gap: Gap) -> None:
        self.seen = 1000


@stage("toy.count")
class ToyCount(Stage):
    """Counts tracks; says so once more at the end."""

    def open(self, stream: StreamInfo) -> None:
        self.total = 0

    def process(self, tracks: Tracks) -> tuple[Counts, Events]:
        self.total += len(tracks)
        return Counts({"all": {"n": self.total}}), Events()

    def flush(self) -> tuple[Counts, Events]:
        return Counts({"all": {"final": self.total}}), Events()


@stage("toy.sink", sink=True)
class ToySink(Stage):
    """Keeps what it is given, and what was called, in a list that the test holds."""

    @dataclass(frozen=True, slots=True)
    class Params:
        book: Any = field(default_factory=list)  # not a YAML value: tests pass the list itself
        fail_on: tuple[int, ...] = ()
        full_from: int = -1
        delay: float = 0.0

    params: Params

    def open(self, stream: StreamInfo) -> None:
        self.params.book.append(("open", stream.source))

    def process(
        self, frame: FrameInfo, detections: Detections | None = None, counts: tuple[Counts, ...] = ()
    ) -> None:
        if frame.seq in self.params.fail_on:
            raise ValueError(f"cannot write {frame.seq}")
        if 0 <= self.params.full_from <= frame.seq:
            raise SinkError("disk full", where="toy.sink")
        if self.params.delay:
            time.sleep(self.params.delay)
        ids = [] if detections is None else detections.track_ids.tolist()
        self.params.book.append((frame.seq, frame.segment, ids, [dict(c.values["all"]) for c in counts]))

    def flush(self) -> None:
        self.params.book.append("flush")

    def close(self) -> None:
        self.params.book.append("close")


@stage("toy.window", sink=True, lossy=True, main_thread=True)
class ToyWindow(Stage):
    """Notes on which thread it is called."""

    @dataclass(frozen=True, slots=True)
    class Params:
        book: Any = field(default_factory=list)

    params: Params

    def process(self, image: View, frame: FrameInfo) -> None:
        self.params.book.append((frame.seq, threading.current_thread() is threading.main_thread()))

    def close(self) -> None:
        self.params.book.append("close")


def entry(id_: str, cls: Any, *, when: When | None = None, **options: Any) -> StageEntry:
    """A stage entry; keys that belong to the engine go there, the rest are parameters."""
    run_keys = {"every", "period", "on_error", "workers", "bindings"}
    run = {k: options.pop(k) for k in list(options) if k in run_keys}
    spec = spec_of(cls)
    params = spec.params(**options) if "book" in options else make_params(spec.params, options, id_)
    return StageEntry(id_, spec, params, when=when, **run)


def describe(
    stages: Sequence[StageEntry],
    sources: Mapping[str, tuple[type[Source], Mapping[str, Any]]] | None = None,
    run: Mapping[str, Any] | None = None,
) -> Description:
    """A description with the same stages for each source; a source is a (class, options) pair.

    Sources that fail are not started anew, unless `run` says so.
    """
    chosen = sources or {"cam": (ToyFrames, {})}
    plans = tuple(
        Plan(SourceEntry(name, cls.spec, cls.Params(**options)), tuple(stages))
        for name, (cls, options) in chosen.items()
    )
    return Description(plans, make_params(RunOptions, {"revive": 0, **(run or {})}, "run"))


def problems_of(stages: Sequence[StageEntry], known: Iterable[StageSpec] = ()) -> list[ParamError]:
    """What is wrong with these stages' wiring."""
    reading = Reading()
    wire(stages, reading, known)
    return reading.problems
