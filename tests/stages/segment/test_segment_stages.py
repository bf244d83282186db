"""segment.*: labels and alpha from real networks, shares as counts, and what is missing."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.one_stage import OneStage, picture, problems
from vidstream.stages.segment.matte import SegmentMatte
from vidstream.stages.segment.semantic import SegmentSemantic


@pytest.fixture(autouse=True)
def weights(assets, monkeypatch):
    """Models are looked for among the assets."""
    folder = assets("weights/deeplabv3_mnv2_voc_257.onnx").parent
    monkeypatch.setenv("VIDSTREAM_MODELS", str(folder))
    return folder


def test_people_and_their_share(assets):
    view = picture(assets("pictures/zidane.jpg"))
    stage = OneStage(SegmentSemantic, classes=["person", "horse"], shares=True)
    masks, counts = stage(image=view)
    assert masks.labels.shape == (720, 1280)
    assert masks.names == {13: "horse", 15: "person"}
    assert counts.values == {"area %": {"person": pytest.approx(43.6, abs=0.5), "horse": 0.0}}


def test_shares_are_given_only_where_asked_for(assets):
    masks, counts = OneStage(SegmentSemantic, sharp=False)(image=picture(assets("pictures/dog.jpg")))
    assert counts is None
    assert masks.labels.shape == (257, 257)


def test_several_cameras_at_once_get_what_each_gets_alone(assets):
    views = [picture(assets(f"pictures/{name}.jpg")) for name in ("dog", "zidane")]
    stage = OneStage(SegmentMatte)
    together = stage.stage.process_batch([(view,) for view in views])
    for view, masks in zip(views, together, strict=True):
        assert np.array_equal(stage(image=view).alpha, masks.alpha)


def test_it_says_which_device_it_took():
    ((kind, message),) = OneStage(SegmentMatte).notices
    assert kind in ("cpu-fallback", "device")
    assert message.startswith("device auto took ")


@pytest.mark.parametrize(
    ("cls", "options", "problem"),
    [
        pytest.param(
            SegmentSemantic, {"classes": ["persn"]}, "did you mean 'person'?", id="an unknown class"
        ),
        pytest.param(SegmentSemantic, {"model": "u2netp"}, "is for another task: matte", id="another task"),
        pytest.param(SegmentMatte, {"model": "selfe"}, "did you mean 'selfie'?", id="an unknown model"),
        pytest.param(
            SegmentMatte, {"model": "./m.onnx"}, "model 'm.onnx': no such file", id="a file not there"
        ),
    ],
)
def test_what_is_wrong_is_said_before_anything_opens(cls, options, problem):
    (found,) = problems(cls, **options)
    assert problem in found
    assert found.startswith("model: ")
    assert problems(cls) == []
