"""Where files of footage are written: of recordings at once, of cameras on a thread of their own."""

from __future__ import annotations

import errno
from functools import partial
from pathlib import Path
from typing import Protocol

from vidstream.errors import SinkError
from vidstream.graph.clock import Clock
from vidstream.graph.stage import Notify
from vidstream.sinks.base import write_error
from vidstream.sinks.naming import TimedNames
from vidstream.sinks.retention import Retention
from vidstream.sinks.segments import Segments, take_up
from vidstream.sinks.worker import Disk, Job, Worker


class Owner(Protocol):
    """The sink that something is written for."""

    clock: Clock
    notify: Notify
    source: str
    stage_id: str

    def place(self, target: Path) -> str:
        """Where an error happened."""


class Writing:
    """Does the jobs that write `segments`, and what goes with them: taking up leftovers, deleting old files.

    Of a recording, at once: SinkError where one fails, the same again for all that follow. Of a camera, on
    a thread of its own: what goes wrong is told, and nothing is raised; jobs are asked to try again.
    """

    def __init__(
        self,
        segments: Segments,
        retention: Retention | None,
        owner: Owner,
        target: Path,
        *,
        live: bool,
        tick: Job = lambda: None,
    ) -> None:
        self._segments = segments
        self._retention = retention
        self._owner = owner
        self._place = owner.place(target)
        self._job_of_tick = tick
        self._failed: SinkError | None = None
        self._closed = False
        self.disk = Disk(owner.notify, owner.clock, self._place)
        self._worker: Worker | None = None
        if live:
            self._worker = Worker(
                f"{owner.source}/{owner.stage_id}/writer", partial(self._safely, self._tick)
            )
        self.do(self._begin)

    def do(self, job: Job, size: int = 0) -> bool:
        """Have it done; False, and nothing is, where `size` bytes more cannot wait for a slow disk."""
        if self._worker is not None:
            return self._worker.do(partial(self._safely, job), size)
        if self._failed is not None:
            raise self._failed
        try:
            job()
        except OSError as error:
            self._failed = error if isinstance(error, SinkError) else write_error(error, self._place)
            raise self._failed from error
        return True

    def close(self, last: Job) -> None:
        """Do the last job, and wait for all, but not for long; only once, and not after errors."""
        if self._closed:
            return
        self._closed = True
        if self._failed is None:
            self.do(last)
        if self._worker is not None and not self._worker.close():
            what = "the disk hangs: what waited for it is lost; what is there is repaired at the next start"
            self._owner.notify("recording-cut", what)

    def clean_up(self) -> None:
        """Delete what is too old or too much, now: something was completed."""
        if self._retention is not None:
            self._retention.look(now=True)

    def _begin(self) -> None:
        if isinstance(self._segments.names, TimedNames):
            take_up(self._segments.names, self._owner.notify)
        self.clean_up()

    def _tick(self) -> None:
        self._segments.idle()
        self._job_of_tick()
        if self._retention is not None:
            self._retention.look()

    def _safely(self, job: Job) -> None:
        try:
            job()
        except OSError as error:
            # a file that has reached its limit makes room for another at once; not so the first part of one
            limited = error.errno == errno.EFBIG and self._segments.had_parts
            self.disk.failed(error, at_once=limited)
            try:
                self.clean_up()
            except OSError:  # said already, of the same disk
                return
