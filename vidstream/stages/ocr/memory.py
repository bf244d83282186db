"""What was read on each track so far."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vidstream.stages.ocr.program import TextPiece
from vidstream.types import Boxes, Detections, Texts, Tracks

#: seconds after which a track that was not seen again is forgotten
_FORGET = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """The pieces read in one place, and their corners (N, 4, 2), clockwise from the top left."""

    found: Sequence[TextPiece]
    corners: npt.NDArray[np.float32]

    @property
    def weight(self) -> float:
        """How much was read, and how surely."""
        return sum(piece.weight for piece in self.found)


#: nothing was read
NOTHING = Reading((), np.zeros((0, 4, 2), np.float32))


def texts(readings: Iterable[tuple[Reading, int]]) -> Texts:
    """All pieces of all readings, with the track id of each reading."""
    rows = list(readings)
    found = [piece for reading, _ in rows for piece in reading.found]
    ids = [track_id for reading, track_id in rows for _ in reading.found]
    return Texts(
        np.concatenate([NOTHING.corners, *(reading.corners for reading, _ in rows)]),
        tuple(piece.text for piece in found),
        np.array([piece.score for piece in found], np.float32),
        np.array(ids, np.int64),
    )


@dataclass(slots=True)
class _Entry:
    """A track's best reading, its corners as shares of the track's box; when it was read and seen."""

    best: Reading
    read_at: float
    seen_at: float


class TrackTexts:
    """The best reading of each track: the one with the most and surest characters."""

    def __init__(self, reread: float) -> None:
        self._reread = reread
        self._entries: dict[int, _Entry] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def due(self, objects: Detections, row: int, pts: float) -> bool:
        """Whether to read this box now: a coasting track's box may show something else."""
        if isinstance(objects, Tracks) and not objects.seen_now()[row]:
            return False
        entry = self._entries.get(int(objects.track_ids[row]))
        return entry is None or pts - entry.read_at >= self._reread

    def update(self, track_id: int, box: Boxes, fresh: Reading | None, pts: float) -> Reading:
        """The track's best reading, `fresh` included, placed where its box is now."""
        corner, size = box[:2], np.maximum(box[2:] - box[:2], 1e-3)
        entry = self._entries.get(track_id)
        if fresh is not None:
            best = Reading(fresh.found, (fresh.corners - corner) / size)
            if entry is not None and entry.best.weight >= best.weight:
                best = entry.best
            entry = self._entries[track_id] = _Entry(best, pts, pts)
        if entry is None:
            return NOTHING
        entry.seen_at = pts
        return Reading(entry.best.found, entry.best.corners * size + corner)

    def forget(self, pts: float) -> None:
        """Drop tracks that were not seen for long."""
        self._entries = {k: e for k, e in self._entries.items() if pts - e.seen_at <= _FORGET}
