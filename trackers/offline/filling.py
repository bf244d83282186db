"""Gaps: the frames in which a track was out of sight."""

from __future__ import annotations

import numpy as np

from trackers.offline.history import History
from trackers.offline.tracklets import starts_of, with_columns
from vidstream.geometry import Float64


def with_gaps(tracks: History, frame_times: Float64, seconds: float) -> History:
    """Rows for the frames between two of a track that are at most `seconds` apart, on a straight line.

    Grouped by track, as are the rows given. What is filled in is not `observed`; scores are interpolated too.
    """
    last = np.zeros(len(tracks), bool)
    last[starts_of(tracks)[1:] - 1] = True
    following = np.minimum(np.arange(len(tracks)) + 1, len(tracks) - 1)
    missing = np.where(last, 0, tracks.frames[following] - tracks.frames - 1)
    missing[tracks.times[following] - tracks.times > seconds + 1e-6] = 0
    source = np.repeat(np.arange(len(tracks)), missing + 1)
    offset = np.arange(len(source)) - np.repeat(np.cumsum(missing + 1) - missing - 1, missing + 1)
    made = tracks[source]
    frames = made.frames + offset
    inside = offset > 0
    times = np.where(inside, frame_times[np.minimum(frames, len(frame_times) - 1)], made.times)
    a, b = source, following[source]
    span = np.where(inside, tracks.times[b] - tracks.times[a], 1.0)
    share = np.where(inside, (times - tracks.times[a]) / span, 0.0)
    boxes = tracks.boxes[a] + share[:, None] * (tracks.boxes[b] - tracks.boxes[a])
    scores = tracks.scores[a] + share * (tracks.scores[b] - tracks.scores[a])
    filled = with_columns(
        made,
        frames=frames,
        times=times,
        boxes=boxes.astype(np.float32),
        scores=scores.astype(np.float32),
        observed=made.observed & ~inside,
    )
    return filled[~inside | np.isfinite(times)]
