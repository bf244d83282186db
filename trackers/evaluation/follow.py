"""Run a tracker on a sequence's detections."""

from __future__ import annotations

from trackers.base import Tracker
from trackers.evaluation.sequences import Frames, Sequence
from trackers.motfile import MotRows


def follow(
    tracker: Tracker, sequence: Sequence, frames: Frames | None = None, min_score: float | None = None
) -> MotRows:
    """What a tracker reports in `frames` (default: all) when it gets the detections that score `min_score`.

    Frame n is at (n - 1) / fps seconds. The tracker sees no pictures.
    """
    first, last = frames or (1, sequence.length)
    reported = []
    for frame, found in sequence.detections.by_frame(last):
        if frame < first:
            continue
        if min_score is not None:
            found = found[found.scores >= min_score]  # noqa: PLW2901 - less to read than a second name
        reported.append(MotRows.of(frame, tracker.update(found, pts=sequence.pts(frame))))
    return MotRows.concat(reported)
