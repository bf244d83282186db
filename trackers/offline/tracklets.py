"""Rows grouped by track: what the steps of the second pass work on."""

from __future__ import annotations

import dataclasses

import numpy as np

from trackers.offline.history import History
from vidstream.geometry import Array, Float64
from vidstream.types import Ids


def by_track(history: History) -> History:
    """Its rows by id, then by frame."""
    return history[np.lexsort((history.frames, history.ids))]


def by_frame(history: History) -> History:
    """Its rows by frame, then by id."""
    return history[np.lexsort((history.ids, history.frames))]


def starts_of(tracks: History) -> Ids:
    """Where each track starts among rows grouped by track, and at last their number: (T + 1,)."""
    changes = np.flatnonzero(np.diff(tracks.ids)) + 1
    return np.concatenate([[0], changes, [len(tracks)]]) if len(tracks) else np.zeros(1, np.int64)


def ends_of(tracks: History) -> Ids:
    """The first and the last row of each track, one after the other: (2T,)."""
    starts = starts_of(tracks)
    return np.stack([starts[:-1], starts[1:] - 1], axis=1).ravel()


def with_columns(history: History, **columns: Array) -> History:
    """The same rows, these columns changed."""
    return dataclasses.replace(history, **columns)


def canonical(history: History) -> History:
    """Its rows by frame, id, best score, and then by all there is: the caller's order leaves no trace."""
    keys = (history.class_ids, *history.boxes.T[::-1], -history.scores, history.ids, history.frames)
    return history[np.lexsort(keys)]


def once_a_frame(tracks: History) -> History:
    """Of a track's boxes in one frame the first; rows sorted by frame and id."""
    again = (np.diff(tracks.frames, prepend=-1) == 0) & (np.diff(tracks.ids, prepend=-1) == 0)
    return tracks[~again] if again.any() else tracks


def seen(tracks: History) -> History:
    """Rows with a detection behind them, and those of tracks that have none with one; all as observed.

    Rows grouped by track. What an online tracker has guessed is worked out anew, knowing what followed.
    """
    starts = starts_of(tracks)
    kept = tracks.observed | ~per_track(tracks.observed, starts).astype(bool)
    return with_columns(tracks[kept], observed=np.ones(int(kept.sum()), bool))


def per_track(values: Array, starts: Ids) -> Float64:
    """(R,) for each row the sum of `values` over its track."""
    if not len(values):
        return np.zeros(0)
    return np.repeat(np.add.reduceat(values.astype(np.float64), starts[:-1]), np.diff(starts))


def edges_of(frames: Ids, first: int, last: int) -> Ids:
    """Row at which each frame from `first` to `last` starts among rows sorted by frame, and the end."""
    return np.searchsorted(frames, np.arange(first, last + 2)).astype(np.int64)


def ranks(scores: Array, among: Array) -> Float64:
    """(R,) share of the scores `among` that are no higher: detectors count in units of their own.

    >>> ranks(np.array([-1.0, 9.0]), np.array([-2.0, -1.0, 3.0, 9.0])).tolist()
    [0.5, 1.0]
    """
    return np.searchsorted(np.sort(among), scores, side="right") / max(len(among), 1)


def renumbered(tracks: History) -> History:
    """By frame; ids from 1 by first appearance, those of one frame from left to right."""
    tracks = by_track(tracks)
    starts = starts_of(tracks)
    first = tracks[starts[:-1]]
    order = np.lexsort((first.class_ids, *first.boxes.T[::-1], first.frames))
    names = np.empty(len(first), np.int64)
    names[order] = np.arange(1, len(first) + 1)
    return by_frame(with_columns(tracks, ids=np.repeat(names, np.diff(starts))))
