"""Following one object: a stage for each way of doing it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from trackers.single.camshift import CamShiftParams, CamShiftTracker
from trackers.single.correlation import CorrelationParams, CorrelationTracker, import_dlib
from trackers.single.denseflow import DenseFlowParams, DenseFlowTracker
from trackers.single.flow import FlowParams, FlowTracker
from trackers.single.meanshift import MeanShiftParams, MeanShiftTracker
from trackers.single.mosse import MosseParams, MosseTracker
from trackers.single.networks import DaSiamRpnTracker, NanoTracker, NetworkParams, VitTracker, check_weights
from trackers.single.opencv import CsrtTracker, KcfTracker, MilParams, MilTracker, OpenCVParams
from trackers.single.template import TemplateParams, TemplateTracker
from vidstream.errors import MissingDependency, ModelError, ParamError
from vidstream.graph.stage import stage
from vidstream.stages.track.single import SingleObject, started


@stage("track.meanshift")
class TrackMeanShift(SingleObject):
    """Follow one object by its colours, its size staying the same (mean shift).

    It is the one in `box`, or the surest detection. For objects of a colour that their surroundings have
    not; on gray video it goes by brightness, and loses most things soon. Comaniciu, Ramesh and Meer,
    "Kernel-Based Object Tracking" (2003).

    Example::

        graph:
          follow: {use: track.meanshift, box: [0.4, 0.4, 0.6, 0.7]}
    """

    Params = started(MeanShiftParams)
    tracker = MeanShiftTracker


@stage("track.camshift")
class TrackCamShift(SingleObject):
    """Follow one object by its colours through changes of size (CamShift).

    It is the one in `box`, or the surest detection. For objects of a colour that their surroundings have
    not; on gray video it goes by brightness, and loses most things soon. Bradski, "Computer Vision Face
    Tracking for Use in a Perceptual User Interface" (1998).

    Example::

        graph:
          motion: {use: detect.motion}
          follow: {use: track.camshift}
    """

    Params = started(CamShiftParams)
    tracker = CamShiftTracker


@stage("track.flow")
class TrackFlow(SingleObject):
    """Follow one object by the flow of many small patches on it (median flow).

    It is the one in `box`, or the surest detection. Needs texture, not colour; follows changes of size;
    notices by itself when the object is hidden. Kalal, Mikolajczyk and Matas, "Forward-Backward Error:
    Automatic Detection of Tracking Failures" (ICPR 2010).

    Example::

        graph:
          follow: {use: track.flow, box: [0.4, 0.4, 0.6, 0.7]}
    """

    Params = started(FlowParams)
    tracker = FlowTracker


@stage("track.denseflow")
class TrackDenseFlow(SingleObject):
    """Follow one object by the flow of all its pixels (DIS flow).

    It is the one in `box`, or the surest detection. For objects too small or too smooth for single
    points; follows changes of size. Kroeger et al., "Fast Optical Flow using Dense Inverse Search"
    (ECCV 2016).

    Example::

        graph:
          follow: {use: track.denseflow, box: [0.4, 0.4, 0.6, 0.7]}
    """

    Params = started(DenseFlowParams)
    tracker = DenseFlowTracker


@stage("track.template")
class TrackTemplate(SingleObject):
    """Follow one object by its picture: normalised correlation over places and sizes.

    It is the one in `box`, or the surest detection. For rigid things seen from one side; the template
    keeps up with slow changes, and the first one stays.

    Example::

        graph:
          follow: {use: track.template, box: [0.4, 0.4, 0.6, 0.7]}
    """

    Params = started(TemplateParams)
    tracker = TemplateTracker


@stage("track.mosse")
class TrackMosse(SingleObject):
    """Follow one object by an adaptive correlation filter (MOSSE): the fastest, robust against light.

    It is the one in `box`, or the surest detection. Its size stays the same. Bolme et al., "Visual Object
    Tracking using Adaptive Correlation Filters" (CVPR 2010).

    Example::

        graph:
          follow: {use: track.mosse, box: [0.4, 0.4, 0.6, 0.7]}
    """

    Params = started(MosseParams)
    tracker = MosseTracker


@stage("track.kcf")
class TrackKcf(SingleObject):
    """Follow one object by a kernelised correlation filter (KCF); its size stays the same.

    It is the one in `box`, or the surest detection. Henriques et al., "High-Speed Tracking with Kernelized
    Correlation Filters" (PAMI 2015).

    Example::

        graph:
          follow: {use: track.kcf, box: [0.4, 0.4, 0.6, 0.7]}
    """

    Params = started(OpenCVParams)
    tracker = KcfTracker


@stage("track.csrt", heavy=True)
class TrackCsrt(SingleObject):
    """Follow one object by a filter that knows which parts of it to trust (CSRT): slow and sure.

    It is the one in `box`, or the surest detection. Follows changes of size; about 30 ms a picture.
    Lukezic et al., "Discriminative Correlation Filter with Channel and Spatial Reliability" (CVPR 2017).

    Example::

        graph:
          follow: {use: track.csrt, box: [0.4, 0.4, 0.6, 0.7]}
    """

    Params = started(OpenCVParams)
    tracker = CsrtTracker


@stage("track.mil", heavy=True)
class TrackMil(SingleObject):
    """Follow one object by boosted features learnt online (MIL); its size stays the same.

    It is the one in `box`, or the surest detection. About 40 ms a picture. Babenko, Yang and Belongie,
    "Visual Tracking with Online Multiple Instance Learning" (CVPR 2009).

    Example::

        graph:
          follow: {use: track.mil, box: [0.4, 0.4, 0.6, 0.7]}
    """

    Params = started(MilParams)
    tracker = MilTracker


@stage("track.dlib", heavy=True)
class TrackDlib(SingleObject):
    """Follow one object by dlib's correlation filters over place and size.

    It is the one in `box`, or the surest detection. Danelljan et al., "Accurate Scale Estimation for
    Robust Visual Tracking" (BMVC 2014).

    Example::

        graph:
          follow: {use: track.dlib, box: [0.4, 0.4, 0.6, 0.7]}
    """

    Params = started(CorrelationParams)
    tracker = CorrelationTracker

    @classmethod
    def check(cls, params: Any) -> Iterable[ParamError]:
        """The library."""
        try:
            import_dlib()
        except MissingDependency as error:
            yield ParamError(error.what, fix=error.fix)


class _Network(SingleObject):
    """What the stages with a tracking network share."""

    @classmethod
    def check(cls, params: Any) -> Iterable[ParamError]:
        """The network's files."""
        try:
            check_weights(cls.tracker, params.weights)
        except ModelError as error:
            yield ParamError(error.what, path=("weights",), fix=error.fix)


@stage("track.nano", heavy=True)
class TrackNano(_Network):
    """Follow one object by a small Siamese network (NanoTrack).

    It is the one in `box`, or the surest detection. `weights` names two ONNX files, backbone and head, such
    as nanotrack_backbone_sim.onnx and nanotrack_head_sim.onnx of OpenCV's test data; none come with this
    project.

    Example::

        graph:
          follow: {use: track.nano, box: [0.4, 0.4, 0.6, 0.7], weights: [backbone.onnx, head.onnx]}
    """

    Params = started(NetworkParams)
    tracker = NanoTracker


@stage("track.vit", heavy=True)
class TrackVit(_Network):
    """Follow one object by a small vision transformer (VitTrack).

    It is the one in `box`, or the surest detection. `weights` names one ONNX file, such as
    object_tracking_vittrack_2023sep.onnx of the OpenCV Zoo; none comes with this project.

    Example::

        graph:
          follow: {use: track.vit, box: [0.4, 0.4, 0.6, 0.7], weights: [vittrack.onnx]}
    """

    Params = started(NetworkParams)
    tracker = VitTracker


@stage("track.dasiamrpn", heavy=True)
class TrackDaSiamRpn(_Network):
    """Follow one object by a region proposal network (DaSiamRPN).

    It is the one in `box`, or the surest detection. `weights` names three ONNX files: dasiamrpn_model.onnx,
    dasiamrpn_kernel_cls1.onnx and dasiamrpn_kernel_r1.onnx; none come with this project. Zhu et al.,
    "Distractor-aware Siamese Networks for Visual Object Tracking" (ECCV 2018).

    Example::

        graph:
          follow: {use: track.dasiamrpn, box: [0.4, 0.4, 0.6, 0.7], weights: [model.onnx, cls.onnx, reg.onnx]}
    """

    Params = started(NetworkParams)
    tracker = DaSiamRpnTracker
