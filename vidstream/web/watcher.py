"""The page's eyes on a run: told of every finished frame and every state, asked by everybody else."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from vidstream.errors import VidstreamError
from vidstream.graph.clock import Clock
from vidstream.graph.engine import Engine
from vidstream.graph.lane import Lane
from vidstream.types import Counts, Event, Events, Image, Packet, SourceStatus
from vidstream.web.bell import Bell
from vidstream.web.happenings import Happenings
from vidstream.web.history import STEP, History, Key, Pace
from vidstream.web.looks import Offer
from vidstream.web.studio import Studio

log = logging.getLogger("vidstream.web")

#: seconds without a new picture after which the last one is called old, whatever the source says
OLD: Final = 2.5
#: what a state is called over a picture
_TITLES: Final = {
    "connecting": "Connecting",
    "stalled": "Stalled",
    "lost": "Lost",
    "auth-failed": "Login refused",
    "bad-data": "Unreadable",
    "ended": "Ended",
}


class Watcher:
    """`frame` and `status` come from the graph's threads and return within microseconds."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine = engine
        self.clock = clock
        self.studio = Studio(self.offer, self.caption, clock)
        self.happenings = Happenings(clock)
        self.history = History()
        #: rung at every new state of a source, and at every sample; so many times
        self.bell, self.rung = Bell(), 0
        #: what listeners were told at which ring
        self.said: tuple[int, bytes] = (-1, b"")
        #: source -> arrival of its newest finished frame without damage, on the monotonic clock
        self.good: dict[str, float] = {}
        #: source -> stage -> its newest running numbers
        self.counts: dict[str, dict[str, Counts]] = {}
        self.paces: defaultdict[tuple[str, ...], Pace] = defaultdict(Pace)
        self._offers: dict[str, Offer] = {}
        self._sampled = 0.0
        self._told = False

    # -- on the graph's threads ------------------------------------------------------------------------

    def frame(self, packet: Packet) -> None:
        """A frame is finished. Whatever goes wrong here is the page's own affair."""
        try:
            self._take(packet)
        except Exception:
            if not self._told:
                log.warning("the page lost a frame of %s", packet.source, exc_info=True)
            self._told = True

    def _take(self, packet: Packet) -> None:
        source = packet.source
        if not packet.frame.damaged:
            self.good[source] = packet.frame.mono
        events: list[Event] = []
        for key, value in packet.results.items():
            # each value is there twice: as stage.port, and under the stage's own name
            kind = type(value)
            if kind is Counts and "." in key:
                self.counts.setdefault(source, {})[key.partition(".")[0]] = value
            elif kind is Events and value.items and "." in key:
                events += value.items
        self.studio.show(packet)
        if events:
            self.happenings.add(events, packet, self._bare)

    def status(self, status: SourceStatus) -> None:
        """A source has come into a state."""
        self._ring()

    def _bare(self, packet: Packet) -> Image | None:
        offer = self.offer(packet.source)
        return offer.bare(packet) if offer else None

    # -- on the page's ---------------------------------------------------------------------------------

    def lanes(self) -> Iterator[Lane]:
        """The sources of the run, as it is now."""
        return iter(tuple(self.engine.lanes))

    def lane(self, source: str) -> Lane | None:
        """The source of this name."""
        return next((lane for lane in self.lanes() if lane.name == source), None)

    def offer(self, source: str) -> Offer | None:
        """What there is to look at; made anew where the graph has been changed."""
        plans = self.engine.description.plans
        plan = next((plan for plan in plans if plan.source.name == source), None)
        if plan is None:
            return None
        known = self._offers.get(source)
        if known is None or known.plan is not plan:
            try:
                known = self._offers[source] = Offer.of(plan)
            except VidstreamError:
                return None
        return known

    def share(self, source: str) -> float | None:
        """How much of a recording is done; None where nobody knows how long it is."""
        progress = (p for p in self.engine.progress() if p.source == source)
        return next((p.share for p in progress), None)

    def age(self, source: str) -> float | None:
        """Seconds since the newest finished frame of a source arrived; None before the first."""
        packet = self.studio.newest.get(source)
        return None if packet is None else max(0.0, self.clock.monotonic() - packet.frame.mono)

    def caption(self, source: str) -> tuple[str, str] | None:
        """What to write over a picture that is not new; None where it is."""
        lane, age = self.lane(source), self.age(source)
        if lane is None:
            return "Taken out", ""
        now = lane.status.now
        last = "" if age is None else f"last picture {duration(age)} ago"
        if now is None or not now.arriving:
            title = _TITLES.get(now.state, now.state) if now else "Waiting"
            cause = now.cause if now else ""
            return title, " · ".join(filter(None, (cause, last)))
        if age is None:
            return "Waiting", "no picture yet"
        return ("No new picture", last) if age > OLD else None

    def sample(self) -> None:
        """Take down what stands where; called about once a second."""
        now = self.clock.monotonic()
        self._forget({lane.name for lane in self.lanes()})
        for lane in self.lanes():
            ledger = lane.passages[-1].ledger
            self.paces["done", lane.name].add(now, ledger.done)
            self.paces["decoded", lane.name].add(now, lane.current.ledger.decoded)
            for node in lane.assembly.nodes:
                time = node.metrics.time
                self.paces["runs", lane.name, node.id].add(now, time.count)
                self.paces["busy", lane.name, node.id].add(now, time.total)
        if now - self._sampled >= 0.95 * STEP:
            self._sampled = now
            self.history.add(self.clock.time(), dict(self._values()))
        self._ring()

    def _ring(self) -> None:
        self.rung += 1
        self.bell.ring()

    def _forget(self, there: set[str]) -> None:
        """Let go of what belongs to sources that have been taken out."""
        for known in (self.studio.newest, self.counts, self.good, self._offers):
            for source in set(known) - there:
                known.pop(source, None)
        for key in [key for key in self.paces if key[1] not in there]:
            del self.paces[key]
        self.history.forget(there)

    def _values(self) -> Iterator[tuple[Key, float]]:
        for source, stages in tuple(self.counts.items()):
            for stage, counts in tuple(stages.items()):
                for place, labels in counts.values.items():
                    for label, value in labels.items():
                        yield (source, stage, place, label), float(value)

    def close(self) -> None:
        """End the threads."""
        self.studio.close()
        self.happenings.close()


def duration(seconds: float) -> str:
    """For people.

    >>> duration(7.4), duration(90), duration(7300)
    ('7 s', '1 min 30 s', '2 h 1 min')
    """
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
