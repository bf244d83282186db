"""Tracking a recording: what the online tracker reported, made better by what came afterwards.

>>> from trackers.offline import History, RefineParams, refine
>>> first = History.of(0, 0.0, Detections.of([[0, 0, 10, 20]], track_ids=7))
>>> last = History.of(2, 0.2, Detections.of([[4, 0, 14, 20]], track_ids=7))
>>> refined = refine(History.concat([first, last]), RefineParams(min_evidence=0))
>>> refined.frames.tolist(), refined.ids.tolist(), refined.observed.tolist()
([0, 1, 2], [1, 1, 1], [True, False, True])
"""

from trackers.offline.history import History
from trackers.offline.refine import RefineParams, refine
from vidstream.types import Detections

__all__ = ["Detections", "History", "RefineParams", "refine"]
