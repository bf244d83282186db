"""The algorithms as their papers and first releases have them: an object per track, a loop per frame.

Nothing of `trackers` is used here: they show what speed is gained, and tests hold our assignments against
theirs. Each names where the released code and its paper differ, and which of the two it follows.
"""

from benchmarks.trackers.references.bytetrack import BotSort, ByteTrack
from benchmarks.trackers.references.deepsort import DeepSort
from benchmarks.trackers.references.ocsort import OcSort
from benchmarks.trackers.references.sort import Sort

__all__ = ["BotSort", "ByteTrack", "DeepSort", "OcSort", "Sort"]
