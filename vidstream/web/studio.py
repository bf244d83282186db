"""The studio: one picture per look, made once for all who look, and only while somebody does."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from vidstream.graph.clock import Clock
from vidstream.types import Packet
from vidstream.web.bell import Bell
from vidstream.web.looks import Look, Offer, Painter
from vidstream.web.scaling import captioned, empty, jpeg, shrunk

log = logging.getLogger("vidstream.web")

#: threads that draw and encode: the graph needs the other cores
THREADS = 2
#: different looks at one time; each costs drawing and encoding
MOST_FEEDS = 64
#: pictures a second at most: small ones stand in a grid
_FAST, _SLOW, _SMALL = 25.0, 12.5, 640
#: seconds between two looks at whether a captioned picture has become old
_TICK = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """An encoded picture. `mono` is when its frame arrived (monotonic clock); None where it shows none."""

    data: bytes
    seq: int
    mono: float | None
    width: int
    height: int
    #: it shows that it is not new
    grey: bool = False


class Feed:
    """One look, as long as somebody looks. Belongs to the studio."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.viewers = 0
        self.bell = Bell()
        self.picture: Picture | None = None
        #: goes up with every picture
        self.version = 0
        self.pending: Packet | None = None
        self.painter: Painter | None = None
        self.offer: Offer | None = None
        self.busy = self.failed = False
        self.next_at = 0.0


class Studio:
    """`show` takes finished frames from the graph's threads; `join` and `leave` come from the page's.

    Nobody looking: a frame costs one entry in a dictionary.
    """

    def __init__(
        self,
        offer: Callable[[str], Offer | None],
        caption: Callable[[str], tuple[str, str] | None],
        clock: Clock,
    ) -> None:
        self._offer = offer
        self._caption = caption
        self._clock = clock
        self._changed = threading.Condition()
        self._feeds: dict[Look, Feed] = {}
        self._threads: list[threading.Thread] = []
        self._closing = False
        #: the newest finished frame of each source
        self.newest: dict[str, Packet] = {}
        #: how many pictures were ever encoded, and the seconds that drawing and encoding took
        self.encoded, self.seconds = 0, 0.0

    @property
    def viewers(self) -> int:
        """How many looks are being looked at, each counted as often as it is."""
        with self._changed:
            return sum(feed.viewers for feed in self._feeds.values())

    def show(self, packet: Packet) -> None:
        """A frame is finished."""
        self.newest[packet.source] = packet
        if self._feeds:
            with self._changed:
                for feed in self._feeds.values():
                    if feed.look.source == packet.source:
                        feed.pending = packet
                self._changed.notify()

    def join(self, look: Look) -> Feed | None:
        """Begin to look; None where too many different looks are under way."""
        with self._changed:
            feed = self._feeds.get(look)
            if feed is None:
                if len(self._feeds) >= MOST_FEEDS:
                    return None
                feed = self._feeds[look] = Feed(look)
                feed.pending = self.newest.get(look.source)
            feed.viewers += 1
            while len(self._threads) < THREADS and not self._closing:
                name = f"page/pictures-{len(self._threads) + 1}"
                self._threads.append(threading.Thread(target=self._loop, name=name, daemon=True))
                self._threads[-1].start()
            self._changed.notify()
            return feed

    def leave(self, feed: Feed) -> None:
        """Look no more."""
        with self._changed:
            feed.viewers -= 1
            if feed.viewers == 0:
                del self._feeds[feed.look]

    def close(self) -> None:
        """End the threads."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(1.0)

    # -- on the studio's threads -----------------------------------------------------------------------

    def _loop(self) -> None:
        while (taken := self._take()) is not None:
            feed, packet = taken
            try:
                self._make(feed, packet)
            except Exception:
                if not feed.failed:
                    log.warning("no picture of %s for the page", feed.look.source, exc_info=True)
                feed.failed = True
            finally:
                with self._changed:
                    feed.busy = False

    def _take(self) -> tuple[Feed, Packet | None] | None:
        """The feed that has waited longest for its turn, with its newest frame; None at the end."""
        with self._changed:
            while not self._closing:
                now = time.monotonic()
                due = [f for f in self._feeds.values() if not f.busy and (f.pending or self._aging(f))]
                feed = min(due, key=lambda f: f.next_at, default=None)
                if feed is not None and feed.next_at <= now:
                    packet, feed.pending = feed.pending, None
                    feed.busy = True
                    rate = _SLOW if feed.look.width <= _SMALL else _FAST
                    feed.next_at = max(feed.next_at + 1 / rate, now) if packet else now + _TICK
                    return feed, packet
                some = any(f.look.captioned for f in self._feeds.values())
                wait = feed.next_at - now if feed is not None else _TICK if some else None
                self._changed.wait(wait)
            return None

    def _aging(self, feed: Feed) -> bool:
        return feed.look.captioned and (feed.picture is None or self._caption(feed.look.source) is not None)

    def _make(self, feed: Feed, packet: Packet | None) -> None:
        began = time.perf_counter()
        words = self._caption(feed.look.source) if feed.look.captioned else None
        if packet is None and words is None:
            return
        picture = self._greyed(feed, words) if words is not None else packet and self._drawn(feed, packet)
        if not picture:
            return
        self.encoded += 1
        self.seconds += time.perf_counter() - began
        feed.picture = picture
        feed.version += 1
        feed.bell.ring()

    def _drawn(self, feed: Feed, packet: Packet) -> Picture | None:
        look = feed.look
        offer = self._offer(look.source)
        if offer is None:
            return None
        if feed.painter is None or feed.offer is not offer:
            feed.painter, feed.offer = Painter(offer, look.layers), offer
        drawn = feed.painter.paint(packet, look.width)
        if drawn is None:
            return None
        return Picture(jpeg(drawn.pixels), packet.seq, packet.frame.mono, drawn.width, drawn.height)

    def _greyed(self, feed: Feed, words: tuple[str, str]) -> Picture:
        """The last picture there was, greyed, with what has become of its source."""
        packet, offer = self.newest.get(feed.look.source), self._offer(feed.look.source)
        bare = packet and offer and offer.bare(packet)
        pixels = shrunk(bare, feed.look.width).pixels if bare else empty(feed.look.width)
        grey = captioned(pixels, *words)
        seq, mono = (packet.seq, packet.frame.mono) if packet else (-1, None)
        return Picture(jpeg(grey), seq, mono, grey.shape[1], grey.shape[0], grey=True)
