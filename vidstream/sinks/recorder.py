"""A recording under way: files are written at once, cameras on a thread of its own."""

from __future__ import annotations

import errno
from functools import partial
from pathlib import Path
from typing import Protocol

from vidstream.errors import SinkError
from vidstream.graph.clock import Clock
from vidstream.graph.footage import EncodedPacket
from vidstream.graph.stage import Notify
from vidstream.sinks.base import write_error
from vidstream.sinks.naming import TimedNames
from vidstream.sinks.retention import Retention
from vidstream.sinks.segments import LONG_GAP, Segments, take_up
from vidstream.sinks.worker import Disk, Worker


class Owner(Protocol):
    """The sink that a recorder works for."""

    clock: Clock
    notify: Notify
    source: str
    stage_id: str

    def place(self, target: Path) -> str:
        """Where an error happened."""


class Recorder:
    """Hands packets on to `segments`.

    Of a recording, at once: SinkError where they cannot be written, the same again if asked to go on. Of a
    camera, on a thread of its own: what goes wrong is told, and tried again. Nothing is raised then.
    """

    def __init__(
        self, segments: Segments, retention: Retention | None, owner: Owner, target: Path, *, live: bool
    ) -> None:
        #: whether the camera is away; set by any thread
        self.away = False
        #: whether what follows has to begin with a keyframe
        self.needs_key = False
        self._segments = segments
        self._retention = retention
        self._owner = owner
        self._place = owner.place(target)
        self._failed: SinkError | None = None
        self._closed = False
        self._away_since: float | None = None
        self._missing = 0
        self._disk = Disk(owner.notify, owner.clock, self._place)
        self._worker: Worker | None = None
        if live:
            self._worker = Worker(f"{owner.source}/{owner.stage_id}/writer", self._tick)
            self._worker.do(self._begin)
        else:
            self._begin()

    def write(self, packet: EncodedPacket, wall: float, *, cut: bool = False) -> None:
        """Add a packet, to a new file if `cut` says so."""
        if self._worker is None:
            self._write_now(packet, wall, cut=cut)
            return
        if self.needs_key and not packet.keyframe:
            self._missing += 1
        elif self._worker.do(partial(self._write_safely, packet, wall, cut=cut), len(packet.data)):
            self.needs_key = False
        else:
            self._missing += 1
            if not self.needs_key:
                what = "the disk is slower than the camera: pictures are left out until it has caught up"
                self._owner.notify("recording-behind", what)
            self.needs_key = True

    def close(self) -> None:
        """Complete the file under way. Does nothing the second time."""
        if self._closed:
            return
        self._closed = True
        if self._worker is None:
            self._finish_now()
            return
        self._worker.do(self._finish_safely)
        if not self._worker.close():
            what = (
                "the disk hangs: what waited for it is lost, the file under way is repaired at the next start"
            )
            self._owner.notify("recording-cut", what)
        if self._missing:
            self._owner.notify("recording-behind", f"{self._missing} pictures were left out for the disk")

    # -- of a recording --------------------------------------------------------------------------------

    def _write_now(self, packet: EncodedPacket, wall: float, *, cut: bool) -> None:
        if self._failed is not None:
            raise self._failed
        try:
            if cut:
                self._segments.finish()
                self._clean_up(now=True)
            self._segments.write(packet, wall)
        except OSError as error:
            raise self._given_up(error) from error

    def _finish_now(self) -> None:
        try:
            self._segments.finish()
            self._clean_up(now=True)
        except OSError as error:
            raise self._given_up(error) from error

    def _given_up(self, error: OSError) -> SinkError:
        self._failed = error if isinstance(error, SinkError) else write_error(error, self._place)
        return self._failed

    # -- of a camera, on the worker's thread -----------------------------------------------------------

    def _write_safely(self, packet: EncodedPacket, wall: float, *, cut: bool) -> None:
        segments = self._segments
        if self._disk.is_shut and not segments.is_open:
            return
        try:
            if cut:
                segments.finish()
                self._clean_up(now=True)
            before = segments.parts
            segments.write(packet, wall)
            if segments.parts > before:
                self._disk.works()
        except OSError as error:
            self._trouble(error)

    def _finish_safely(self) -> None:
        try:
            self._segments.finish()
            self._clean_up(now=True)
        except OSError as error:
            self._trouble(error)

    def _tick(self) -> None:
        now = self._owner.clock.monotonic()
        if not self.away:
            self._away_since = None
        elif self._away_since is None:
            self._away_since = now
        try:
            self._segments.idle()
            if self._away_since is not None and now - self._away_since > LONG_GAP:
                self._segments.finish()
            self._clean_up()
        except OSError as error:
            self._trouble(error)

    def _trouble(self, error: OSError) -> None:
        # a file that has reached its limit makes room for another at once; not so the first part of one
        limited = error.errno == errno.EFBIG and not isinstance(error, SinkError) and self._segments.had_parts
        self._disk.failed(error, at_once=limited)
        try:
            self._clean_up(now=True)
        except OSError:  # said already, of the same disk
            return

    # -- both ------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        names = self._segments.names
        try:
            if isinstance(names, TimedNames):
                take_up(names, self._owner.notify)
                self._clean_up(now=True)
        except OSError as error:
            if self._worker is None:
                raise self._given_up(error) from error
            self._trouble(error)

    def _clean_up(self, *, now: bool = False) -> None:
        if self._retention is not None:
            self._retention.look(now=now)
