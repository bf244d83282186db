"""Named events of a run: nothing degrades silently, and nothing floods the log."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from vidstream.types.values import redact

log = logging.getLogger("vidstream")

#: kinds that mean something was lost, so the exit code has to say so
_SERIOUS = frozenset(
    {
        "stage-failed",
        "stage-hung",
        "sink-disabled",
        "source-failed",
        "stage-restarted",
        "did-not-stop",
        "recording-changed",
        "recording-cut",
        "recording-behind",
        "recording-failed",
        "disk-full",
        "disk-failed",
        "file-limit",
        "events-lost",
    }
)
#: so many different messages are kept for each kind and stage; the rest is counted together
DISTINCT = 50
#: so many of the newest are kept with their times, also where they came before
RECENT = 100
#: letters of a message that are kept: some errors quote all of their data
_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person may need to know: what kind, where, in which words."""

    kind: str
    source: str
    stage: str
    message: str

    def __str__(self) -> str:
        where = "/".join(w for w in (self.source, self.stage) if w)
        return f"{where}: {self.kind}: {self.message}" if where else f"{self.kind}: {self.message}"


class Notices:
    """Collects notices: each distinct one is logged once, then counted. Safe to use from several threads."""

    def __init__(self, listener: Callable[[str], None] = lambda kind: None) -> None:
        self._lock = threading.Lock()
        self._listener = listener
        self._counts: Counter[Notice] = Counter()
        self._recent: deque[tuple[float, Notice]] = deque(maxlen=RECENT)
        self._distinct: Counter[tuple[str, str, str]] = Counter()

    def add(self, kind: str, source: str, stage: str, message: str, key: str = "") -> None:
        """Note it. `key` stands for the message where that differs each time (a frame number in it)."""
        notice = Notice(kind, source, stage, _kept(key or message))
        with self._lock:
            if notice not in self._counts and self._is_flooded(notice):
                notice = replace(notice, message="other messages, which are only counted")
                message = notice.message
            self._counts[notice] += 1
            first = self._counts[notice] == 1
            self._recent.append((time.time(), replace(notice, message=_kept(message))))
        if first:
            level = logging.WARNING if kind in _SERIOUS else logging.INFO
            log.log(level, "%s", replace(notice, message=_kept(message)))
        self._listener(kind)

    def _is_flooded(self, notice: Notice) -> bool:
        """Whether a new one is one too many; counts it if not."""
        place = (notice.kind, notice.source, notice.stage)
        if self._distinct[place] >= DISTINCT:
            return True
        self._distinct[place] += 1
        return False

    @property
    def counts(self) -> Mapping[Notice, int]:
        """How often each was noted, in the order they first came."""
        with self._lock:
            return dict(self._counts)

    @property
    def recent(self) -> list[tuple[float, Notice]]:
        """The newest ones, oldest first, each with its UTC seconds."""
        with self._lock:
            return list(self._recent)

    @property
    def serious(self) -> bool:
        """True where a stage, sink or source failed."""
        return any(notice.kind in _SERIOUS for notice in self.counts)

    def to_json(self) -> list[dict[str, Any]]:
        """As plain values."""
        return [
            {"kind": n.kind, "source": n.source, "stage": n.stage, "message": n.message, "times": times}
            for n, times in self.counts.items()
        ]


def _kept(message: str) -> str:
    """A message without secrets, and not too long."""
    text = redact(message)
    return text if len(text) <= _LENGTH else f"{text[:_LENGTH]}..."
