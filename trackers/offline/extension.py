"""Detections given back: from before a track was confirmed, and from after it was given up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trackers.assignment import Allowed, Rows, assign, iou_cost
from trackers.offline.history import History
from trackers.offline.motion import Motion, Noise, boxes_of, coordinates, predict, update, variance
from trackers.offline.tracklets import edges_of, ends_of, with_columns
from vidstream.geometry import Float64
from vidstream.types import Ids


@dataclass(frozen=True, slots=True)
class Reach:
    """How far the end of a track reaches for the next detection."""

    seconds: float
    #: least overlap of the expected box and the detection
    overlap: float
    noise: Noise


def extend(
    tracks: History, state: Motion, detections: History, free: Allowed, reach: Reach, *, forward: bool
) -> tuple[History, Allowed]:
    """The detections where tracks came from, or (`forward`) went to, and (D,) what is `free` after that.

    An online tracker run from the ends of the tracks, in either direction of time, on what is left over.
    `tracks` are grouped by track, `state` (2T,) are the smoothed beliefs about their first and last rows (see
    `ends_of`), `detections` are sorted by frame; those found carry the ids of their tracks.
    """
    free, side, sign = free.copy(), slice(int(forward), None, 2), 1 if forward else -1
    ends, state = ends_of(tracks)[side], state.at(side)
    order = np.argsort(sign * tracks.frames[ends], kind="stable")
    ends = ends[order]
    sweep = _Sweep(tracks[ends], state.at(order), reach)
    first, last = int(detections.frames[0]), int(detections.frames[-1])
    edges = edges_of(detections.frames, first, last)
    for frame in range(first, last + 1)[::sign]:
        sweep.admit(int(np.searchsorted(sign * tracks.frames[ends], sign * frame, side="left")))
        rows = np.arange(edges[frame - first], edges[frame - first + 1])
        rows = rows[free[rows]]
        if len(rows):
            free[sweep.step(detections, rows)] = False
    taken, keys = sweep.taken()
    return with_columns(detections[taken], ids=keys), free


class _Sweep:
    """The ends of tracks, reaching on from frame to frame."""

    def __init__(self, ends: History, state: Motion, reach: Reach) -> None:
        self._ends, self._state, self._reach = ends, state, reach
        self._times: Float64 = ends.times.copy()
        self._active: Ids = np.zeros(0, np.int64)
        self._admitted = 0
        self._found: list[tuple[Rows, Ids]] = []

    def admit(self, count: int) -> None:
        """The first `count` tracks have come to their ends."""
        if count > self._admitted:
            self._active = np.concatenate([self._active, np.arange(self._admitted, count)])
            self._admitted = count

    def step(self, detections: History, rows: Rows) -> Rows:
        """Those of the detections `rows`, all of one frame, that are taken."""
        now = detections.times[rows[0]]
        late = np.abs(now - self._times[self._active]) > self._reach.seconds + 1e-6
        self._active = active = self._active[~late]
        ahead = predict(self._state.at(active), (now - self._times[active])[:, None], self._reach.noise)
        cost = iou_cost(boxes_of(ahead.place), detections.boxes[rows])
        same = self._ends.class_ids[active, None] == detections.class_ids[rows]
        matches = assign(cost, 1 - self._reach.overlap, same)
        won, taken = active[matches.rows], rows[matches.cols]
        measured = coordinates(detections.boxes[taken])
        after = update(ahead.at(matches.rows), measured, variance(measured, self._reach.noise))
        for column, value in zip(self._state, after, strict=True):
            column[won] = value
        self._times[won] = now
        self._found.append((taken, self._ends.ids[won]))
        return taken

    def taken(self) -> tuple[Rows, Ids]:
        """All detections taken, and whose they are."""
        none = np.zeros(0, np.int64)
        rows, keys = zip(*self._found, (none, none), strict=True)
        return np.concatenate(rows), np.concatenate(keys)
