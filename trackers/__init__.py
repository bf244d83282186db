"""Follows things over time; knows nothing of graphs, YAML or picture files.

>>> from trackers import SortTracker
>>> tracker = SortTracker()
>>> tracks = tracker.update(Detections.of([[0, 0, 10, 20]]), pts=0.0)
"""

from trackers.adaptive import AdaptiveParams, AdaptiveTracker
from trackers.base import Tracker, TrackerParams
from trackers.botsort import BotSortParams, BotSortTracker
from trackers.bytetrack import ByteTrackParams, ByteTrackTracker
from trackers.deepsort import DeepSortParams, DeepSortTracker
from trackers.ocsort import OcSortParams, OcSortTracker
from trackers.sort import SortParams, SortTracker
from vidstream.types import Detections, Tracks

__all__ = [
    "AdaptiveParams",
    "AdaptiveTracker",
    "BotSortParams",
    "BotSortTracker",
    "ByteTrackParams",
    "ByteTrackTracker",
    "DeepSortParams",
    "DeepSortTracker",
    "Detections",
    "OcSortParams",
    "OcSortTracker",
    "SortParams",
    "SortTracker",
    "Tracker",
    "TrackerParams",
    "Tracks",
]
