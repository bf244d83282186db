"""The second pass over a recording: tracks as they look once their future is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trackers.offline.history import History
from vidstream.geometry import Float64
from vidstream.types import Ids
from vidstream.types.values import Seconds


@dataclass(frozen=True, slots=True)
class RefineParams:
    """Settings of the second pass; all durations in seconds."""

    max_gap: Seconds = 1.0  #: longest time in which a track that was lost from sight is filled in


def refine(
    tracks: History,
    params: RefineParams = RefineParams(),
    *,
    detections: History | None = None,
    frame_times: Float64 | None = None,
    size: tuple[int, int] | None = None,
) -> History:
    """Better tracks of the same recording.

    `tracks` are what an online tracker reported (ids below 0 are left out); `detections` everything the
    detector gave (low scores too; ids are not looked at). `frame_times[frame]` is the time in seconds of
    every frame of the recording: those that may be filled in; without it, the frames between the first and
    the last seen. `size` is the picture's width and height: boxes are cut to it.

    Ids count from 1 by first appearance. A track has at most one box in a frame. The same input gives the
    same output to the last bit, whatever the order of rows within a frame.
    """
    tracks = tracks[tracks.ids >= 0]
    del detections, size  # steps that use them follow
    if not len(tracks):
        return tracks
    times = _frame_times(tracks) if frame_times is None else frame_times
    parts = [_filled(tracks[tracks.ids == key], times, params) for key in np.unique(tracks.ids)]
    return _renumbered(History.concat(parts))


def _frame_times(tracks: History) -> Float64:
    frames, rows = np.unique(tracks.frames, return_index=True)
    return np.interp(np.arange(frames[-1] + 1), frames, tracks.times[rows])


def _filled(track: History, times: Float64, params: RefineParams) -> History:
    frames = np.arange(track.frames[0], track.frames[-1] + 1)
    before = np.searchsorted(track.frames, frames, side="right") - 1
    after = np.minimum(before + 1, len(track) - 1)
    seen = track.frames[before] == frames
    keep = seen | (track.times[after] - track.times[before] <= params.max_gap + 1e-6)
    made = track[before]
    boxes = np.stack([np.interp(times[frames], track.times, track.boxes[:, k]) for k in range(4)], axis=1)
    return History(
        frames,
        times[frames],
        made.ids,
        boxes.astype(np.float32),
        made.scores,
        made.class_ids,
        made.features,
        seen & made.observed,
    )[keep]


def _renumbered(tracks: History) -> History:
    keys, first, rows = np.unique(tracks.ids, return_index=True, return_inverse=True)
    names: Ids = np.empty(len(keys), np.int64)
    names[np.argsort(first, kind="stable")] = np.arange(1, len(keys) + 1)
    columns = {name: getattr(tracks, name) for name in History.__dataclass_fields__}
    return History.concat([History(**{**columns, "ids": names[rows]})])
