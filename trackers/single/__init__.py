"""Trackers that follow one object shown to them: ``init(image, box)``, then ``update(image)``.

>>> import numpy as np
>>> picture = np.random.default_rng(0).integers(0, 255, (90, 120), np.uint8)
>>> tracker = make("mosse", recover=True)
>>> tracker.init(picture, [40, 30, 72, 62])
>>> tracker.update(picture).box.tolist()
[40.0, 30.0, 72.0, 62.0]
"""

from trackers.single.base import Found, SingleTracker
from trackers.single.camshift import CamShiftParams, CamShiftTracker
from trackers.single.catalogue import TRACKERS, make
from trackers.single.colourrange import ColourRangeParams, blobs
from trackers.single.correlation import CorrelationParams, CorrelationTracker
from trackers.single.denseflow import DenseFlowParams, DenseFlowTracker
from trackers.single.flow import FlowParams, FlowTracker
from trackers.single.meanshift import MeanShiftParams, MeanShiftTracker
from trackers.single.mosse import MosseParams, MosseTracker
from trackers.single.networks import DaSiamRpnTracker, NanoTracker, NetworkParams, VitTracker
from trackers.single.opencv import CsrtTracker, KcfTracker, MilParams, MilTracker, OpenCVParams
from trackers.single.recovery import RecoveringTracker, RecoveryParams
from trackers.single.smooth import BoxSmoother
from trackers.single.template import TemplateParams, TemplateTracker

__all__ = [
    "TRACKERS",
    "BoxSmoother",
    "CamShiftParams",
    "CamShiftTracker",
    "ColourRangeParams",
    "CorrelationParams",
    "CorrelationTracker",
    "CsrtTracker",
    "DaSiamRpnTracker",
    "DenseFlowParams",
    "DenseFlowTracker",
    "FlowParams",
    "FlowTracker",
    "Found",
    "KcfTracker",
    "MeanShiftParams",
    "MeanShiftTracker",
    "MilParams",
    "MilTracker",
    "MosseParams",
    "MosseTracker",
    "NanoTracker",
    "NetworkParams",
    "OpenCVParams",
    "RecoveringTracker",
    "RecoveryParams",
    "SingleTracker",
    "TemplateParams",
    "TemplateTracker",
    "VitTracker",
    "blobs",
    "make",
]
