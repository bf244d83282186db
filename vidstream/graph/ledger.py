"""The ledger: decoded = done + dropped (by place and reason) + failed (by stage), to the last frame."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from vidstream.types import Tombstone


class Ledger:
    """What became of every frame of one source. Safe to write from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.decoded = 0
        self.done = 0
        self.dropped: Counter[tuple[str, str]] = Counter()
        self.failed: Counter[str] = Counter()

    def decode(self, frames: int = 1) -> None:
        """So many frames came out of the decoder."""
        with self._lock:
            self.decoded += frames

    def finish(self, tombstone: Tombstone | None) -> None:
        """A frame came to its end: done, or buried."""
        with self._lock:
            if tombstone is None:
                self.done += 1
            elif tombstone.kind == "dropped":
                self.dropped[tombstone.place, tombstone.reason] += 1
            else:
                self.failed[tombstone.place] += 1

    def drop(self, place: str, reason: str, frames: int = 1) -> None:
        """So many frames were left out before they became items."""
        with self._lock:
            self.dropped[place, reason] += frames

    def include(self, other: Ledger) -> None:
        """Add the frames of another one."""
        with self._lock, other._lock:
            self.decoded += other.decoded
            self.done += other.done
            self.dropped += other.dropped
            self.failed += other.failed

    @property
    def balanced(self) -> bool:
        """True when every decoded frame is accounted for."""
        return self.decoded == self.done + self.dropped.total() + self.failed.total()

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        with self._lock:
            return {
                "decoded": self.decoded,
                "done": self.done,
                "dropped": [
                    {"place": p, "reason": r, "frames": n} for (p, r), n in sorted(self.dropped.items())
                ],
                "failed": [{"stage": s, "frames": n} for s, n in sorted(self.failed.items())],
            }

    def __str__(self) -> str:
        parts = [f"{self.decoded} decoded = {self.done} done"]
        parts += [f"{n} dropped at {place} ({reason})" for (place, reason), n in sorted(self.dropped.items())]
        parts += [f"{n} failed in {stage}" for stage, n in sorted(self.failed.items())]
        return " + ".join(parts)
