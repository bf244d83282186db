"""The trackers of one object by name, for whoever lets people choose one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from trackers.catalogue import check_settings, find
from trackers.single.base import SingleTracker
from trackers.single.camshift import CamShiftParams, CamShiftTracker
from trackers.single.correlation import CorrelationParams, CorrelationTracker
from trackers.single.denseflow import DenseFlowParams, DenseFlowTracker
from trackers.single.flow import FlowParams, FlowTracker
from trackers.single.meanshift import MeanShiftParams, MeanShiftTracker
from trackers.single.mosse import MosseParams, MosseTracker
from trackers.single.networks import DaSiamRpnTracker, NanoTracker, NetworkParams, VitTracker
from trackers.single.opencv import CsrtTracker, KcfTracker, MilParams, MilTracker, OpenCVParams
from trackers.single.recovery import RecoveringTracker
from trackers.single.template import TemplateParams, TemplateTracker


class Kind(NamedTuple):
    """A tracker and its settings; `tracker(params())` makes one."""

    tracker: type[Any]
    params: type[Any]


TRACKERS: Mapping[str, Kind] = {
    "meanshift": Kind(MeanShiftTracker, MeanShiftParams),
    "camshift": Kind(CamShiftTracker, CamShiftParams),
    "flow": Kind(FlowTracker, FlowParams),
    "denseflow": Kind(DenseFlowTracker, DenseFlowParams),
    "template": Kind(TemplateTracker, TemplateParams),
    "mosse": Kind(MosseTracker, MosseParams),
    "kcf": Kind(KcfTracker, OpenCVParams),
    "csrt": Kind(CsrtTracker, OpenCVParams),
    "mil": Kind(MilTracker, MilParams),
    "dlib": Kind(CorrelationTracker, CorrelationParams),
    "nano": Kind(NanoTracker, NetworkParams),
    "vit": Kind(VitTracker, NetworkParams),
    "dasiamrpn": Kind(DaSiamRpnTracker, NetworkParams),
}


def make(name: str, *, recover: bool = False, **settings: Any) -> SingleTracker:
    """A new tracker of this name; with `recover`, one that finds a lost object again.

    >>> type(make("mosse", rate=0.05)).__name__
    'MosseTracker'

    Raises UsageError for an unknown name or setting.
    """
    kind: Kind = find(TRACKERS, name, "trackers.single")
    check_settings(name, kind.params, settings, "trackers.single")
    tracker: SingleTracker = kind.tracker(kind.params(**settings))
    return RecoveringTracker(tracker) if recover else tracker
