"""A recording without end: one segment after the other, from what a sink encodes."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from vidstream.graph.footage import EncodedPacket
from vidstream.sinks.retention import Retention
from vidstream.sinks.segments import LONG_GAP, Segments
from vidstream.sinks.writing import Owner, Writing


class Recorder:
    """Hands packets on to `segments`, at once or on a thread of its own as `Writing` does."""

    def __init__(
        self, segments: Segments, retention: Retention | None, owner: Owner, target: Path, *, live: bool
    ) -> None:
        #: whether the camera is away; set by any thread
        self.away = False
        #: whether what follows has to begin with a keyframe
        self.needs_key = False
        self._segments = segments
        self._owner = owner
        self._away_since: float | None = None
        self._missing = 0
        self._writing = Writing(segments, retention, owner, target, live=live, tick=self._look)

    def write(self, packet: EncodedPacket, wall: float, *, cut: bool = False) -> None:
        """Add a packet, to a new file if `cut` says so."""
        if self.needs_key and not packet.keyframe:
            self._missing += 1
            return
        if self._writing.do(partial(self._write, packet, wall, cut=cut), len(packet.data)):
            self.needs_key = False
            return
        self._missing += 1
        if not self.needs_key:
            what = "the disk is slower than the camera: pictures are left out until it has caught up"
            self._owner.notify("recording-behind", what)
        self.needs_key = True

    def close(self) -> None:
        """Complete the file under way. Does nothing the second time."""
        self._writing.close(self._finish)
        if self._missing:
            self._owner.notify("recording-behind", f"{self._missing} pictures were left out for the disk")
            self._missing = 0

    def _write(self, packet: EncodedPacket, wall: float, *, cut: bool) -> None:
        segments, disk = self._segments, self._writing.disk
        if disk.is_shut and not segments.is_open:
            return
        if cut and segments.is_open:
            self._finish()
        before = segments.parts
        segments.write(packet, wall)
        if segments.parts > before:
            disk.works()

    def _finish(self) -> None:
        self._segments.finish()
        self._writing.clean_up()

    def _look(self) -> None:
        """A camera that is away for long ends a segment."""
        now = self._owner.clock.monotonic()
        if not self.away:
            self._away_since = None
        elif self._away_since is None:
            self._away_since = now
        elif now - self._away_since > LONG_GAP and self._segments.is_open:
            self._finish()
