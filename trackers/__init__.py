"""Follows things over time; knows nothing of graphs, YAML or picture files.

>>> from trackers import SortTracker
>>> tracker = SortTracker()
>>> tracks = tracker.update(Detections.of([[0, 0, 10, 20]]), pts=0.0)
"""

from trackers.base import Tracker, TrackerParams
from trackers.deepsort import DeepSortParams, DeepSortTracker
from trackers.sort import SortParams, SortTracker
from vidstream.types import Detections, Tracks

__all__ = [
    "DeepSortParams",
    "DeepSortTracker",
    "Detections",
    "SortParams",
    "SortTracker",
    "Tracker",
    "TrackerParams",
    "Tracks",
]
