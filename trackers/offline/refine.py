"""The second pass over a recording: tracks as they look once their future is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np

from trackers.assignment import Allowed
from trackers.offline.attach import attach
from trackers.offline.estimation import estimate
from trackers.offline.extension import Reach, extend
from trackers.offline.filling import with_gaps
from trackers.offline.gaussian import gaussian
from trackers.offline.history import History
from trackers.offline.motion import Motion, Noise, boxes_of, coordinates
from trackers.offline.smoothing import smooth
from trackers.offline.stitching import Links, stitch
from trackers.offline.tracklets import (
    by_frame,
    by_track,
    canonical,
    ends_of,
    once_a_frame,
    per_track,
    ranks,
    renumbered,
    seen,
    starts_of,
    with_columns,
)
from vidstream.errors import UsageError
from vidstream.geometry import Float64
from vidstream.types import Boxes, Ids, Scores
from vidstream.types.values import Ratio, Seconds

#: least overlap of a reported box, which a filter has moved, with the detection it was made of
_SAME = 0.5
#: the lowest scores, by rank, that the online tracker used may be chance; what is lower extends no track
_LOWEST = 0.05
#: a detection of the lowest rank is trusted so much less than one of the highest
_LEAST_TRUST = 0.2
#: rows smoothed in one go
_BATCH = 100_000


@dataclass(frozen=True, slots=True)
class RefineParams:
    """Settings of the second pass over a recording."""

    extension: Seconds = 0.25  #: longest wait for the next detection when tracks are extended; 0 = never
    extension_overlap: Ratio = 0.4  #: least overlap of such a detection with the box expected
    stitch_gap: Seconds = 2.0  #: longest time out of sight after which tracks are joined; 0 = none are
    stitch_evidence: float = 6.0  #: how sure that two tracks are one object, in nats; higher joins fewer
    min_evidence: float = 5.0  #: tracks of fewer detections, each counting by its score's rank, go
    max_gap: Seconds = 1.0  #: longest gap in a track that is filled in
    recover_overlap: Ratio = 0.7  #: left-over detections that overlap filled-in boxes so much replace them
    smoothing: Literal["rts", "gaussian", "none"] = "rts"  #: how boxes are smoothed; none = as detected


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
    every frame of the recording, NaN for frames that do not exist; without it, frames between the first and
    the last seen are taken to be evenly spaced. `size` is the picture's width and height: filled-in boxes
    that lie outside are left out.

    Ids count from 1 by first appearance. A track has at most one box in a frame. The same input gives the
    same output to the last bit, whatever the order of rows within a frame. Raises UsageError where a frame
    with tracks has no time.
    """
    tracks = once_a_frame(canonical(tracks[tracks.ids >= 0]))
    if not len(tracks):
        return tracks
    if frame_times is None:
        frame_times = _frame_times(tracks)
    if len(frame_times) <= tracks.frames.max():
        raise UsageError(
            f"frame {tracks.frames.max()} has tracks, but only {len(frame_times)} frames have times",
            where="frame_times",
            fix="give the time of every frame, the last one's too",
        )
    found = canonical(History.empty() if detections is None else detections)
    tracks, recording = _begun(tracks, with_columns(found, ids=np.full(len(found), -1)))
    for forward in (False, True):
        tracks, recording = _extended(tracks, recording, params, forward=forward)
    tracks = _pruned(_stitched(tracks, recording, params), recording, params)
    if not len(tracks):
        return tracks
    tracks = _recovered(with_gaps(tracks, frame_times, params.max_gap), recording, params)
    tracks = with_columns(tracks, boxes=_smoothed(tracks, recording, params))
    return renumbered(_visible(tracks, size))


class _Recording(NamedTuple):
    """What the steps know beside the tracks."""

    detections: History
    #: (D,) detections that belong to no track
    free: Allowed
    noise: Noise
    #: all scores there are, by which each is ranked
    scores: Scores
    #: the lowest score that can extend a track
    low: float

    def beliefs(self, tracks: History, rows: Ids) -> Motion:
        """(K,) smoothed, about ascending `rows` (K,) of tracks (rows grouped by track)."""
        parts = [
            motion.at(rows[np.searchsorted(rows, a) : np.searchsorted(rows, b)] - a)
            for a, b, motion in self._smoothed(tracks)
        ]
        return Motion(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def boxes(self, tracks: History) -> Boxes:
        """(R, 4) where tracks were, their rows grouped by track."""
        return np.concatenate([boxes_of(motion.place) for _, _, motion in self._smoothed(tracks)])

    def _smoothed(self, tracks: History) -> Iterator[tuple[int, int, Motion]]:
        """Some tracks after others, which bounds the memory: their first row, their last, their beliefs."""
        starts = starts_of(tracks)
        trust = self.trust(tracks)
        edges = np.append(np.searchsorted(starts, np.arange(0, len(tracks), _BATCH)), len(starts) - 1)
        for a, b in pairwise(np.unique(edges).tolist()):
            rows = slice(starts[a], starts[b])
            measured = coordinates(tracks.boxes[rows])
            motion = smooth(
                measured, tracks.times[rows], starts[a : b + 1] - starts[a], trust[rows], self.noise
            )
            yield int(starts[a]), int(starts[b]), motion

    def trust(self, tracks: History) -> Float64:
        """(R,) 1 for the best detections, less for others (as NSA Kalman: Du et al. 2021), 0 for none."""
        rank = ranks(tracks.scores, self.scores)
        return np.where(tracks.observed, _LEAST_TRUST + (1 - _LEAST_TRUST) * rank, 0.0)


def _begun(tracks: History, detections: History) -> tuple[History, _Recording]:
    """Tracks made of detections alone, grouped by track."""
    free = np.zeros(0, bool)
    if len(detections):
        tracks, claimed = attach(tracks, detections, _SAME)
        free = ~claimed
    tracks = seen(by_track(tracks))
    scores = detections.scores if len(detections) else tracks.scores
    low = float(np.quantile(tracks.scores, _LOWEST))
    return tracks, _Recording(detections, free, estimate(tracks), scores, low)


def _extended(
    tracks: History, recording: _Recording, params: RefineParams, *, forward: bool
) -> tuple[History, _Recording]:
    eligible = recording.free & (recording.detections.scores >= recording.low)
    if not eligible.any() or not params.extension:
        return tracks, recording
    reach = Reach(params.extension, params.extension_overlap, recording.noise)
    state = recording.beliefs(tracks, ends_of(tracks))
    more, left = extend(tracks, state, recording.detections, eligible, reach, forward=forward)
    recording = recording._replace(free=recording.free & (left | ~eligible))
    return by_track(History.concat([tracks, more])), recording


def _stitched(tracks: History, recording: _Recording, params: RefineParams) -> History:
    if not params.stitch_gap:
        return tracks
    links = Links(params.stitch_gap, params.stitch_evidence, recording.noise)
    return by_track(stitch(tracks, recording.beliefs(tracks, ends_of(tracks)), links))


def _pruned(tracks: History, recording: _Recording, params: RefineParams) -> History:
    evidence = per_track(ranks(tracks.scores, recording.scores), starts_of(tracks))
    return tracks[evidence >= params.min_evidence]


def _recovered(tracks: History, recording: _Recording, params: RefineParams) -> History:
    """What is filled in follows the smoothed motion, and where a detection agrees, the detection."""
    hidden = ~tracks.observed
    if not hidden.any():
        return tracks
    boxes = np.where(hidden[:, None], recording.boxes(tracks), tracks.boxes)
    tracks = with_columns(tracks, boxes=boxes)
    left = recording.detections[recording.free]
    gaps, _ = attach(by_frame(tracks[hidden]), left, params.recover_overlap)
    return by_track(History.concat([tracks[~hidden], gaps]))


def _smoothed(tracks: History, recording: _Recording, params: RefineParams) -> Boxes:
    if params.smoothing == "rts":
        return recording.boxes(tracks)
    if params.smoothing == "gaussian":
        return boxes_of(gaussian(tracks, recording.trust(tracks), recording.noise))
    return tracks.boxes


def _visible(tracks: History, size: tuple[int, int] | None) -> History:
    """Without what was filled in outside the picture."""
    if size is None:
        return tracks
    x1, y1, x2, y2 = tracks.boxes.T
    inside = (x2 > 0) & (y2 > 0) & (x1 < size[0]) & (y1 < size[1])
    return tracks[tracks.observed | inside]


def _frame_times(tracks: History) -> Float64:
    """The time of every frame up to the last, frames between two that are known evenly spaced."""
    frames, rows = np.unique(tracks.frames, return_index=True)
    return np.interp(np.arange(frames[-1] + 1), frames, tracks.times[rows])
