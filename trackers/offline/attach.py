"""Which detection stands behind each box that was reported, or is expected."""

from __future__ import annotations

import numpy as np

from trackers.assignment import Allowed, Rows, assign, iou_cost
from trackers.offline.history import History
from trackers.offline.tracklets import edges_of, with_columns


def attach(tracks: History, detections: History, overlap: float) -> tuple[History, Allowed]:
    """Tracks with boxes, scores and features as detected, and (D,) which detections they took.

    Both sorted by frame. `observed` tells which rows have a detection of their class that overlaps them by
    `overlap`; the others stay as they are.
    """
    taken = _taken(tracks, detections, overlap)
    claimed = np.zeros(len(detections), bool)
    claimed[taken[taken >= 0]] = True
    found = taken >= 0
    source = taken[found]
    boxes, scores, features = tracks.boxes.copy(), tracks.scores.copy(), tracks.features
    boxes[found], scores[found] = detections.boxes[source], detections.scores[source]
    if detections.features is not None:
        features = np.zeros((len(tracks), detections.features.shape[1]), np.float32)
        features[found] = detections.features[source]
    changed = with_columns(tracks, boxes=boxes, scores=scores, observed=found)
    return (changed if features is None else with_columns(changed, features=features)), claimed


def _taken(tracks: History, detections: History, overlap: float) -> Rows:
    """(R,) the detection of each row, -1 where none."""
    taken = np.full(len(tracks), -1)
    if not len(tracks):
        return taken
    first, last = int(tracks.frames[0]), int(tracks.frames[-1])
    left, right = edges_of(tracks.frames, first, last), edges_of(detections.frames, first, last)
    for k in np.flatnonzero((np.diff(left) > 0) & (np.diff(right) > 0)).tolist():
        rows, cols = slice(left[k], left[k + 1]), slice(right[k], right[k + 1])
        cost = iou_cost(tracks.boxes[rows], detections.boxes[cols])
        same = tracks.class_ids[rows, None] == detections.class_ids[cols]
        matches = assign(cost, 1 - overlap, same)
        taken[left[k] + matches.rows] = right[k] + matches.cols
    return taken
