"""segment.*: labels and alpha from real networks, shares as counts, and what is missing."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.one_stage import OneStage, picture, problems
from vidstream.stages.segment.area import SegmentArea
from vidstream.stages.segment.matte import SegmentMatte
from vidstream.stages.segment.semantic import SegmentSemantic
from vidstream.types import Masks

#: the default network in the format that the assets have
ONNX = "deeplabv3-voc"


@pytest.fixture(autouse=True)
def weights(assets, monkeypatch):
    """Models are looked for among the assets."""
    folder = assets("weights/deeplabv3_mnv2_voc_257.onnx").parent
    monkeypatch.setenv("VIDSTREAM_MODELS", str(folder))
    return folder


def test_people_and_their_share(assets):
    view = picture(assets("pictures/zidane.jpg"))
    masks = OneStage(SegmentSemantic, model=ONNX, classes=["person", "horse"])(image=view)
    assert masks.labels.shape == (720, 1280)
    assert masks.names == {13: "horse", 15: "person"}
    counts = OneStage(SegmentArea)(masks=masks)
    assert counts.values == {"area %": {"person": pytest.approx(43.6, abs=0.5)}}


def test_labels_may_stay_at_the_networks_resolution(assets):
    masks = OneStage(SegmentSemantic, model=ONNX, sharp=False)(image=picture(assets("pictures/dog.jpg")))
    assert masks.labels.shape == (257, 257)


def halves(*labels: int) -> Masks:
    return Masks(np.array([labels], np.uint8), {1: "road", 2: "sky"})


def test_a_class_once_seen_stays_in_the_list():
    area = OneStage(SegmentArea)
    given = [area(masks=m).values["area %"] for m in (halves(0, 1), halves(2, 2), halves(0, 0))]
    assert given == [{"road": 50.0}, {"road": 0.0, "sky": 100.0}, {"road": 0.0, "sky": 0.0}]


def test_specks_are_not_mentioned():
    specks = Masks(np.zeros((100, 100), np.uint8), {1: "road"})
    labels = specks.labels.copy()
    labels[0, :4] = 1
    assert OneStage(SegmentArea)(masks=Masks(labels, specks.names)).values == {"area %": {}}


def test_classes_asked_for_are_there_from_the_start_and_unknown_ones_named():
    area = OneStage(SegmentArea, classes=["sky", "rode"])
    assert area(masks=halves(1, 2)).values == {"area %": {"sky": 50.0, "rode": 0.0}}
    area(masks=halves(1, 2))
    assert area.notices == [("unknown-class", "nothing here finds 'rode'; did you mean 'road'?")]


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
            SegmentSemantic,
            {"model": ONNX, "classes": ["persn"]},
            "did you mean 'person'?",
            id="an unknown class",
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
    assert problems(cls, model=ONNX if cls is SegmentSemantic else "selfie") == []
