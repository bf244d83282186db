"""Where a run goes wrong: which object or track, when, and how much it costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np

from trackers.evaluation.fast import correspondences
from trackers.evaluation.overlap import Overlap
from trackers.evaluation.rules import compare
from trackers.evaluation.sequences import Frames, Mask, Sequence
from trackers.motfile import MotRows
from vidstream.geometry import Array
from vidstream.types import Ids

ErrorKind: TypeAlias = Literal["switch", "gap", "miss", "false"]

#: in the order in which they are told, with what they mean
ERROR_KINDS: dict[ErrorKind, str] = {
    "switch": "an object goes on under another identity",
    "gap": "an object is lost and found again",
    "miss": "an object is never followed, or late, or not to the end",
    "false": "a track on nothing",
}


@dataclass(frozen=True, slots=True, eq=False)
class TrackingError:
    """Something that went wrong.

    `cost` is the number of boxes concerned: of the shorter one of the two parts that a switch divides, of
    those not found, of those on nothing.
    """

    kind: ErrorKind
    #: of the class concerned
    target: str
    #: the frames concerned, from 1; a switch has happened at `first`
    first: int
    last: int
    #: the annotated identity; -1 for a track on nothing
    true_id: int
    #: the reported identities: before and after a switch, of a track on nothing
    track_ids: tuple[int, ...]
    #: x1 y1 x2 y2 where it begins: of the object, or of the track on nothing
    box: tuple[float, float, float, float]
    cost: int
    #: the same in words
    text: str

    def __str__(self) -> str:
        return self.text


def find_errors(sequence: Sequence, reported: MotRows, frames: Frames | None = None) -> list[TrackingError]:
    """All errors of a run, the costliest first.

    Every switch of CLEAR is one error; every missed box belongs to one gap or miss, and every box on nothing
    to one false track.
    """
    errors: list[TrackingError] = []
    for target in sequence.targets:
        overlap = compare(sequence, target, reported, frames)
        finder = _Finder(overlap, sequence, reported, target.name)
        errors += [*finder.switches(), *finder.absences(), *finder.false_tracks()]
    return sorted(errors, key=lambda e: (-e.cost, e.first, e.kind, e.true_id, e.track_ids))


class _Finder:
    """One class of one sequence."""

    def __init__(self, overlap: Overlap, sequence: Sequence, reported: MotRows, target: str) -> None:
        self._o = overlap
        self._truth, self._reported, self._target = sequence.annotations, reported, target
        pairs = correspondences(overlap)
        #: (A,) the reported box behind each annotated one, -1 where none; and (R,) whether it is behind one
        self._behind: Ids = np.full(len(overlap.true_ids), -1)
        self._behind[overlap.rows[pairs]] = overlap.cols[pairs]
        self._used: Mask = np.zeros(len(overlap.found_ids), bool)
        self._used[overlap.cols[pairs]] = True

    def switches(self) -> Iterator[TrackingError]:
        for rows in _groups(self._o.true_ids):
            rows = rows[self._behind[rows] >= 0]  # noqa: PLW2901 - the same rows, fewer
            tracks = self._o.found_ids[self._behind[rows]]
            for before, after in pairwise(np.split(rows, np.flatnonzero(np.diff(tracks)) + 1)):
                old, new = (self._track(self._behind[part[0]]) for part in (before, after))
                cost = min(len(before), len(after))
                yield self._error("switch", after[:1], cost, f"goes from track {old} to {new}", (old, new))

    def absences(self) -> Iterator[TrackingError]:
        for rows in _groups(self._o.true_ids):
            for run in _runs(self._behind[rows] < 0):
                late, lost = run[0] == 0, run[-1] == len(rows) - 1
                kind: ErrorKind = "miss" if late or lost else "gap"
                what = {(True, True): "is never followed", (True, False): "is followed late"}
                what |= {(False, True): "is lost for good", (False, False): "is lost for a while"}
                yield self._error(kind, rows[run], len(run), f"{what[late, lost]} ({len(run)} boxes)", ())

    def false_tracks(self) -> Iterator[TrackingError]:
        free = np.flatnonzero(~self._used)
        for part in _groups(self._o.found_ids[free]):
            cols = free[part]
            rows, track = self._o.found_rows[cols], self._track(cols[0])
            first, last = int(self._reported.frames[rows[0]]), int(self._reported.frames[rows[-1]])
            box, text = (
                _corners(self._reported.boxes[rows[0]]),
                f"track {track} is on nothing ({len(cols)} boxes)",
            )
            yield TrackingError("false", self._target, first, last, -1, (track,), box, len(cols), text)

    def _error(
        self, kind: ErrorKind, rows: Ids, cost: int, what: str, names: tuple[int, ...]
    ) -> TrackingError:
        there = self._o.true_rows[rows]
        first, last = self._truth.frames[there[0]], self._truth.frames[there[-1]]
        true_id, box = int(self._truth.ids[there[0]]), _corners(self._truth.boxes[there[0]])
        text = f"{self._target} {true_id} {what}"
        return TrackingError(kind, self._target, int(first), int(last), true_id, names, box, cost, text)

    def _track(self, col: np.int64) -> int:
        return int(self._reported.ids[self._o.found_rows[col]])


def count_errors(errors: list[TrackingError]) -> dict[ErrorKind, tuple[int, int]]:
    """How many there are of each kind, and their boxes."""
    counts: dict[ErrorKind, list[int]] = defaultdict(lambda: [0, 0])
    for error in errors:
        counts[error.kind][0] += 1
        counts[error.kind][1] += error.cost
    return {kind: (counts[kind][0], counts[kind][1]) for kind in ERROR_KINDS}


def worst_errors(errors: list[TrackingError], limit: int) -> list[TrackingError]:
    """The costliest ones, each kind in turn, so that a viewer sees them all."""
    queues = [[e for e in errors if e.kind == kind] for kind in ERROR_KINDS]
    ranks = [(rank, -error.cost, error) for queue in queues for rank, error in enumerate(queue)]
    return [error for _, _, error in sorted(ranks, key=lambda r: r[:2])[:limit]]


def _groups(ids: Ids) -> list[Ids]:
    """The rows of each identity, in their order."""
    order = np.argsort(ids, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(ids[order])) + 1) if len(ids) else []


def _runs(mask: Mask) -> list[Ids]:
    """The places of each unbroken run of True."""
    places = np.flatnonzero(mask)
    return np.split(places, np.flatnonzero(np.diff(places) > 1) + 1) if len(places) else []


def _corners(box: Array) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = box.tolist()
    return x1, y1, x2, y2
