"""Trackers that follow one object shown to them: ``init(image, box)``, then ``update(image)``."""

from trackers.single.base import Found, SingleTracker
from trackers.single.camshift import CamShiftParams, CamShiftTracker
from trackers.single.flow import FlowParams, FlowTracker
from trackers.single.meanshift import MeanShiftParams, MeanShiftTracker

__all__ = [
    "CamShiftParams",
    "CamShiftTracker",
    "FlowParams",
    "FlowTracker",
    "Found",
    "MeanShiftParams",
    "MeanShiftTracker",
    "SingleTracker",
]
