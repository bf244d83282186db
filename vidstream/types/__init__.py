"""What travels through a graph: the ground floor, on NumPy alone."""

from vidstream.types.detections import Boxes, Detections, Ids, MaskCrop, Scores, Tracks
from vidstream.types.image import Canvas, Image, Pixels, View
from vidstream.types.packet import FrameInfo, Gap, Packet, StreamInfo, Tombstone
from vidstream.types.results import Counts, Event, Events, Flow, Labels, Masks, Shape, Texts
from vidstream.types.status import SourceState, SourceStatus

__all__ = [
    "Boxes",
    "Canvas",
    "Counts",
    "Detections",
    "Event",
    "Events",
    "Flow",
    "FrameInfo",
    "Gap",
    "Ids",
    "Image",
    "Labels",
    "MaskCrop",
    "Masks",
    "Packet",
    "Pixels",
    "Scores",
    "Shape",
    "SourceState",
    "SourceStatus",
    "StreamInfo",
    "Texts",
    "Tombstone",
    "Tracks",
    "View",
]
