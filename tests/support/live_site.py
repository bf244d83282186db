"""A running site of cameras, watched: every finished frame with its stamp, every state, all that is said."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tests.support.painted import Stamp, is_spoilt, read_stamp
from vidstream import Pipeline
from vidstream.graph.clock import Clock
from vidstream.types import Packet, SourceStatus

#: how long anything may take on a machine that many share
PATIENCE = 60.0
#: share of the time spent in waiting for the processor, above which nothing can be said of times and losses
BUSY = 0.1


class Seen(NamedTuple):
    """A frame that went through the whole graph."""

    #: when, on the monotonic clock
    at: float
    seq: int
    segment: int
    pts: float
    wall: float | None
    size: tuple[int, int]
    damaged: bool
    #: what it says of itself, and how many seconds ago that was when it came out
    stamp: Stamp | None
    age: float | None
    #: a person would see that it is not what was sent
    spoilt: bool


@dataclass
class Silence:
    """What a camera gave around a moment of trouble."""

    #: seconds from the trouble until the source was no longer live
    seen_after: float
    state: str
    cause: str


class Site:
    """``with Site({"gate": url}) as site: site.wait_for_frames("gate", 10)``. Runs its graph on a thread."""

    def __init__(
        self,
        sources: Mapping[str, Any],
        graph: Mapping[str, Any] | None = None,
        run: Mapping[str, Any] | None = None,
        clock: Clock | None = None,
        base: Path = Path(),
        judge: bool = False,
        keep: int = 0,
    ) -> None:
        """`judge`: look at every picture whether it is spoilt, which costs a millisecond. `keep`: forget all
        but so many of the newest frames and states of each camera, where memory is looked at."""
        graph = graph if graph is not None else {"size": {"use": "image.resize", "width": 160}}
        self.pipeline = Pipeline.build(
            sources=dict(sources), graph=graph, run={"mode": "live", **(run or {})}, base=base
        )
        if clock is not None:
            known = self.pipeline.engine.description
            self.pipeline.engine = type(self.pipeline.engine)(known, clock=clock)
        self.engine = self.pipeline.engine
        self.frames: dict[str, list[Seen]] = {name: [] for name in sources}
        self.states: dict[str, list[SourceStatus]] = {name: [] for name in sources}
        self.error: BaseException | None = None
        self._judge, self._keep = judge, keep
        self.stopped_after = 0.0
        self.said: list[str] = []
        self._log = _Ear(self.said)
        self._pulse = _Pulse()
        self.engine.watch(self._frame, self._status)
        self._thread = threading.Thread(target=self._run, name="site")

    def __enter__(self) -> Site:
        logging.getLogger().addHandler(self._log)
        self._thread.start()
        self._pulse.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._pulse.stop()
        logging.getLogger().removeHandler(self._log)

    def stop(self) -> None:
        """End the run; how long that took is in `stopped_after`."""
        if not self._thread.is_alive():
            return
        began = time.monotonic()
        self.pipeline.stop()
        self._thread.join(PATIENCE)
        self.stopped_after = time.monotonic() - began
        assert not self._thread.is_alive(), "the run does not end"

    def _run(self) -> None:
        try:
            self.pipeline.run()
        except BaseException as error:
            self.error = error

    def _frame(self, packet: Packet) -> None:
        at, frame, view = time.monotonic(), packet.frame, packet.image
        stamp = None if view is None else read_stamp(view.pixels)
        age = None if stamp is None else stamp.age
        if self._keep and len(self.frames[packet.source]) > 2 * self._keep:
            del self.frames[packet.source][: -self._keep]
        spoilt = self._judge and (view is None or is_spoilt(view.pixels))
        size, times = (frame.width, frame.height), (frame.pts, frame.wall)
        self.frames[packet.source].append(
            Seen(at, frame.seq, frame.segment, *times, size, frame.damaged, stamp, age, spoilt)
        )

    def _status(self, status: SourceStatus) -> None:
        states = self.states[status.source]
        if self._keep and len(states) > 2 * self._keep:
            del states[: -self._keep]
        states.append(status)

    # -- waiting ---------------------------------------------------------------------------------------

    def wait(self, what: Callable[[], Any], why: str, patience: float = PATIENCE) -> Any:
        """What `what` gives as soon as that is something; fails after `patience` seconds."""
        until = time.monotonic() + patience
        while not (found := what()):
            assert time.monotonic() < until, f"waited {patience:g} s in vain: {why}; {self.summary()}"
            assert self._thread.is_alive() or not self.error, f"the run broke: {self.error!r}"
            time.sleep(0.01)
        return found

    def wait_for_frames(self, source: str, count: int, since: float = 0.0) -> None:
        """Until so many frames have come out since a moment."""
        self.wait(lambda: len(self.after(source, since)) >= count, f"{count} frames of {source}")

    def after(self, source: str, since: float) -> list[Seen]:
        """Frames that came out after a moment on the monotonic clock."""
        return [frame for frame in self.frames[source] if frame.at > since]

    def fresh(self, source: str, since: float) -> list[Seen]:
        """Frames that were sent after a moment on the monotonic clock."""
        return [f for f in self.after(source, since) if f.age is not None and f.at - f.age > since]

    def first_fresh(self, source: str, since: float, patience: float = PATIENCE) -> Seen:
        """The first frame that was sent after a moment."""
        found: list[Seen] = self.wait(lambda: self.fresh(source, since), f"a new frame of {source}", patience)
        return found[0]

    def trouble(self, source: str, since: float, patience: float = PATIENCE) -> Silence:
        """The first state after a moment in which nothing arrives."""

        def first() -> SourceStatus | None:
            return next((s for s in self.states[source] if s.mono > since and not s.arriving), None)

        status = self.wait(first, f"{source} to be no longer live", patience)
        return Silence(status.mono - since, status.state, status.cause)

    # -- figures ---------------------------------------------------------------------------------------

    def missing(self, source: str, since: float = 0.0) -> int:
        """Pictures that were sent and did not come out, between the first and the last that did."""
        numbers = [f.stamp.number for f in self.after(source, since) if f.stamp]
        return numbers[-1] - numbers[0] + 1 - len(numbers) if numbers else 0

    def busy(self, since: float) -> float:
        """Share of the time since a moment that this process had to wait for the processor."""
        return self._pulse.waited(since) / max(time.monotonic() - since, 1e-9)

    def loses_little(self, source: str, since: float) -> bool:
        """Whether no more was lost than a machine that others use as well may cost; true where it is too busy
        with others to tell."""
        given = len(self.after(source, since))
        return self.missing(source, since) <= 0.05 * given + 3 or self.busy(since) > BUSY

    def segments(self, source: str) -> int:
        """How many connections gave pictures."""
        return len({frame.segment for frame in self.frames[source]})

    def ages(self, source: str, since: float = 0.0) -> list[float]:
        """Seconds from sending to coming out, frame by frame."""
        return [f.age for f in self.after(source, since) if f.age is not None]

    def summary(self) -> str:
        """For messages: where each source stands."""
        parts = []
        for name, frames in self.frames.items():
            last = f"{time.monotonic() - frames[-1].at:.1f} s ago" if frames else "never"
            states = [f"{s.state} ({s.cause})" if s.cause else s.state for s in self.states[name][-4:]]
            parts.append(f"{name}: {len(frames)} frames, last {last}, {' > '.join(states)}")
        return "; ".join(parts)

    def everything_said(self) -> Iterator[str]:
        """All texts that the run gave away, for the search for passwords."""
        yield from self.said
        report = self.engine.report()
        yield str(report.to_json())
        yield report.table()
        yield repr(self.states)
        yield repr(self.engine.notices.recent)
        for lane in self.engine.lanes:
            yield f"{lane.error!s} {lane.error!r}"
        yield repr(self.error)
        yield repr([thread.name for thread in threading.enumerate()])


class _Pulse:
    """How long this process had to wait for the processor, as a thread of it sees that asks for little."""

    def __init__(self) -> None:
        self._waits: list[tuple[float, float]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="pulse", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def waited(self, since: float) -> float:
        """Seconds since a moment."""
        return sum(late for at, late in list(self._waits) if at > since)

    def _beat(self) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            time.sleep(0.01)
            late = time.monotonic() - began - 0.01
            if late > 0.005:
                self._waits.append((began, late))


class _Ear(logging.Handler):
    """Keeps every log line."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))


def p95(values: list[float]) -> float:
    """95 of 100 are at most this."""
    return float(np.percentile(values, 95)) if values else float("nan")
