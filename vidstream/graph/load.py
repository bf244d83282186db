"""Adaptive load: where a machine is too slow for its cameras, detectors run less often; latency stays low.

The policy, per source, looked at twice a second over the last two seconds:

- Only stages are thinned out that the others can do without on a frame: heavy, without memory, and taken by
  nobody but sinks and ports that are wired but may be absent (``detections: Detections | None``: a tracker
  coasts). What draws or blurs keeps its detector on every frame.
- *Down*: more than 3 % of the frames had to be dropped, and the stage is busy for half of the time, or busy
  at all while the processor is full. It then runs on every n-th frame, n being the smallest of
  1, 2, 3, 4, 6, 8, 12, 16 with which it would be busy for less than 90 %, and at least the next one.
- *Up*, one step at a time: for 5 s nothing was dropped, and at the next step it would be busy for less
  than 75 %. Where that was too much after all, it waits twice as long before the next try, at most 60 s.
- While a stage is thinned out, frames may wait for one run of it, but not for more than 0.25 s.

Never less than every 16th frame; beyond that, frames are dropped at the source as ever. Recordings are
never thinned out.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from vidstream.graph.channel import Channel
from vidstream.graph.description import StageEntry, Wiring
from vidstream.graph.item import Item
from vidstream.graph.ledger import Ledger
from vidstream.graph.node import Node
from vidstream.graph.opencv_pool import cores
from vidstream.graph.ports import InputPort
from vidstream.graph.stage import Notify
from vidstream.types import Image

#: a thinned-out stage runs on every n-th frame
LADDER = (1, 2, 3, 4, 6, 8, 12, 16)
#: seconds between two looks; of the past that is looked at; without losses before it is tried to do more
PACE, WINDOW, CALM = 0.5, 2.0, 5.0
#: most seconds before another try
_CALM_MOST = 60.0
#: shares of frames lost, and of time busy, that decide
_LOST, _BUSY, _FULL, _AIM, _LOW = 0.03, 0.5, 0.9, 0.9, 0.75
#: seconds that frames may wait for a thinned-out stage
_WAIT = 0.25


@dataclass(frozen=True, slots=True)
class Sample:
    """Sums since the start."""

    time: float
    arrived: float
    lost: float
    #: of the slowest stage of the group
    runs: float
    seconds: float
    #: seconds of processor time of the whole process
    cpu: float


def dispensable(wiring: Wiring) -> list[list[str]]:
    """Groups of stages that need not run on every frame: each begins with the one that is to be thinned out,
    behind it those that run only where it did.
    """
    groups: list[list[str]] = []
    for entry in wiring.order:
        if any(entry.id in group for group in groups) or not _may_pause(entry):
            continue
        group = _with_those_behind(entry, wiring)
        if group:
            groups.append(group)
    return groups


def _may_pause(entry: StageEntry) -> bool:
    spec = entry.spec
    fit = spec.traits.heavy and spec.traits.stateless and not spec.traits.sink
    return fit and not spec.cls.memory(entry.params) and not _gives_pictures(entry)


def _gives_pictures(entry: StageEntry) -> bool:
    return any(issubclass(o.type, Image) for o in entry.spec.signature.outputs)


def _with_those_behind(root: StageEntry, wiring: Wiring) -> list[str]:
    """The stage, and whoever needs it on a frame; nothing where somebody cannot do without."""
    group, waiting = [root.id], [root.id]
    while waiting:
        name = waiting.pop()
        if any(name == stage for slots in wiring.conditions.values() for stage, _ in slots):
            return []
        for entry, port in _takers(name, wiring):
            if entry.spec.traits.sink or (port.nullable and not port.optional) or entry.id in group:
                continue
            if port.optional or port.many or _gives_pictures(entry):
                return []
            group.append(entry.id)
            waiting.append(entry.id)
    return group


def _takers(name: str, wiring: Wiring) -> Iterator[tuple[StageEntry, InputPort]]:
    for entry in wiring.order:
        for port in entry.spec.signature.inputs:
            if any(stage == name for stage, _ in wiring.bindings[entry.id][port.name]):
                yield entry, port


class Governor:
    """Thins out one group of one source's stages."""

    def __init__(self, nodes: Sequence[Node], ledger: Ledger, tell: Notify) -> None:
        self._nodes = nodes
        self._root = nodes[0]
        self._ledger = ledger
        self._tell = tell
        self._samples: deque[Sample] = deque()
        self._calm = CALM
        #: since when nothing was lost and nothing changed; when it was last tried to do more
        self._calm_since = self._raised_at = 0.0
        self.every = 1
        #: so many frames may wait
        self.room = 1

    def round(self, now: float) -> None:
        """Look, where it is time to."""
        last = self._samples[-1].time if self._samples else None
        if last is not None and now - last < PACE:
            return
        sample = self._sample(now)
        if last is not None:
            self._root.metrics.ran_every(self.every, now - last)
        self.look(sample)

    def look(self, sample: Sample) -> None:
        """Decide, after the newest sums."""
        samples = self._samples
        samples.append(sample)
        while sample.time - samples[0].time > WINDOW:
            samples.popleft()
        before = samples[0]
        if sample.time - before.time < 2 * PACE * 0.9:
            self._calm_since = self._calm_since or sample.time
            return
        if self._loses(before, sample):
            self._calm_since = sample.time
            if self._is_the_cause(before, sample):
                self._slow_down(before, sample)
        elif sample.time - self._calm_since > self._calm and self.every > 1:
            self._try_more(before, sample)
        self._make_room(before, sample)

    def _loses(self, before: Sample, now: Sample) -> bool:
        arrived, lost = now.arrived - before.arrived, now.lost - before.lost
        return lost >= 2 and lost > _LOST * arrived

    def _is_the_cause(self, before: Sample, now: Sample) -> bool:
        busy = self._busy(before, now)
        full = (now.cpu - before.cpu) / (now.time - before.time) / cores() > _FULL
        return busy > _BUSY or (full and busy > _BUSY / 5)

    def _busy(self, before: Sample, now: Sample) -> float:
        """Share of the time that the slowest stage was at work; a run that has not ended yet counts, too."""
        elapsed = now.time - before.time
        if now.runs == before.runs:
            return 1.0
        return (now.seconds - before.seconds) / elapsed / self._root.entry.workers

    def _run(self, before: Sample, now: Sample) -> float:
        """Seconds that one run takes."""
        runs = now.runs - before.runs
        return (now.seconds - before.seconds) / runs if runs else now.time - before.time

    def _rate(self, before: Sample, now: Sample) -> float:
        """Frames per second."""
        return (now.arrived - before.arrived) / (now.time - before.time)

    def _slow_down(self, before: Sample, now: Sample) -> None:
        run, rate = self._run(before, now), self._rate(before, now)
        entry = self._root.entry
        asked = rate / entry.every
        if entry.period:
            asked = min(asked, 1.0 / entry.period)
        wanted = asked * run / _AIM / entry.workers
        higher = [n for n in LADDER if n > self.every]
        if not higher:
            return
        if now.time - self._raised_at < 2 * self._calm:
            self._calm = min(2 * self._calm, _CALM_MOST)
        every = next((n for n in higher if n >= wanted), LADDER[-1])
        why = f"it takes {run * 1e3:.0f} ms, and frames come every {1e3 / rate if rate else 0:.0f} ms"
        self._set(every, now)
        self._root.metrics.cause = why
        self._tell("load-reduced", f"runs on every {ordinal(every)} frame: {why}")

    def _try_more(self, before: Sample, now: Sample) -> None:
        less = LADDER[LADDER.index(self.every) - 1]
        factor = self.every / less
        busy = self._busy(before, now)
        cpu = (now.cpu - before.cpu) / (now.time - before.time)
        if busy * factor > _LOW or cpu + busy * (factor - 1) > _FULL * cores():
            return
        if now.time - self._raised_at > 4 * self._calm:
            self._calm = CALM
        self._raised_at = now.time
        self._set(less, now)
        often = f"every {ordinal(less)} frame" if less > 1 else "every frame"
        self._tell("load-restored", f"runs on {often} again")

    def _set(self, every: int, now: Sample) -> None:
        self.every = every
        self._root.thin(every)
        self._samples.clear()
        self._samples.append(now)
        self._calm_since = now.time

    def _make_room(self, before: Sample, now: Sample) -> None:
        """Frames may wait while the stage runs on one of them: they are through at once after that."""
        rate = self._rate(before, now)
        waiting = min(ceil(self._run(before, now) * rate) + 1, int(_WAIT * rate))
        self.room = max(1, waiting) if self.every > 1 else 1

    def _sample(self, now: float) -> Sample:
        ledger, slowest = self._ledger, max(self._nodes, key=lambda n: n.metrics.time.total).metrics.time
        lost = sum(n for (_, reason), n in list(ledger.dropped.items()) if reason in ("newer frame", "stale"))
        arrived = ledger.decoded - ledger.dropped["source", "left out"]
        return Sample(now, arrived, lost, slowest.count, slowest.total, time.process_time())


class Load:
    """All that may be thinned out of one source. `round` is called by the watchdog."""

    def __init__(self, governors: Sequence[Governor], queue: Channel[Item]) -> None:
        self._governors = governors
        self._queue = queue

    def round(self, now: float) -> None:
        """Look, where it is time to."""
        for governor in self._governors:
            governor.round(now)
        self._queue.capacity = max((governor.room for governor in self._governors), default=1)


def ordinal(number: int) -> str:
    """2nd, 3rd, 4th ...; nothing for 1.

    >>> [ordinal(n) for n in (1, 2, 3, 4, 12)]
    ['', '2nd', '3rd', '4th', '12th']
    """
    return {1: "", 2: "2nd", 3: "3rd"}.get(number, f"{number}th")
