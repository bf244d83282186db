"""Named events of a run: nothing degrades silently, and nothing floods the log."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vidstream.types.values import redact

log = logging.getLogger("vidstream")

#: kinds that mean something was lost, so the exit code has to say so
_SERIOUS = frozenset({"stage-failed", "sink-disabled", "source-failed", "stage-restarted", "did-not-stop"})


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
    """Collects notices: each distinct one is logged once, then counted."""

    def __init__(self, listener: Callable[[str], None] = lambda kind: None) -> None:
        self._lock = threading.Lock()
        self._listener = listener
        self.counts: Counter[Notice] = Counter()

    def add(self, kind: str, source: str, stage: str, message: str, key: str = "") -> None:
        """Note it. `key` stands for the message where that differs each time (a frame number in it)."""
        notice = Notice(kind, source, stage, redact(key or message))
        with self._lock:
            self.counts[notice] += 1
            first = self.counts[notice] == 1
        if first:
            level = logging.WARNING if kind in _SERIOUS else logging.INFO
            log.log(level, "%s", Notice(kind, source, stage, redact(message)))
        self._listener(kind)

    @property
    def serious(self) -> bool:
        """True where a stage, sink or source failed."""
        return any(notice.kind in _SERIOUS for notice in self.counts)

    def to_json(self) -> list[dict[str, Any]]:
        """As plain values, in the order they first came."""
        with self._lock:
            return [
                {"kind": n.kind, "source": n.source, "stage": n.stage, "message": n.message, "times": times}
                for n, times in self.counts.items()
            ]
