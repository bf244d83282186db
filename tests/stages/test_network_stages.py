"""What is wrong with a network's device is told once, as what it is: a problem of the device."""

from __future__ import annotations

import cv2
import pytest

from tests.support.one_stage import problems
from vidstream.stages.classify.boxes import ClassifyBoxes
from vidstream.stages.classify.frame import ClassifyFrame
from vidstream.stages.detect.text import DetectText
from vidstream.stages.effect.network import EffectNetwork
from vidstream.stages.embed.boxes import EmbedBoxes
from vidstream.stages.segment.matte import SegmentMatte
from vidstream.stages.segment.semantic import SegmentSemantic


@pytest.mark.parametrize(
    ("stage", "model"),
    [
        (ClassifyFrame, "squeezenet"),
        (ClassifyBoxes, "squeezenet"),
        (SegmentMatte, "selfie"),
        (SegmentSemantic, "deeplabv3-voc"),
        (EffectNetwork, "style-26"),
        (EmbedBoxes, "osnet-x0.25"),
        (DetectText, "ppocr-v6-det"),
    ],
    ids=lambda x: x if isinstance(x, str) else x.__name__,
)
def test_a_device_that_is_not_there_is_told_once(stage, model, assets, monkeypatch):
    monkeypatch.setenv("VIDSTREAM_MODELS", str(assets("weights/coco.names").parent))
    monkeypatch.setattr(cv2.dnn, "getAvailableTargets", lambda backend: [])
    (problem,) = problems(stage, model=model, device="cuda_fp16")
    assert problem.startswith("device: device 'cuda_fp16' is not available")
    unknown = problems(stage, model="no such model", device="cuda_fp16")
    assert [p.partition(":")[0] for p in unknown] == ["device", "model"]
