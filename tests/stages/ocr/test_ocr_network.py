"""detect.text and ocr.network: in whole pictures, regions, boxes and tracks; what is missing."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.one_stage import OneStage, picture, problems
from vidstream.stages.detect.text import DetectText
from vidstream.stages.ocr.network import OcrNetwork
from vidstream.types import Detections, View

#: real networks on real pictures take their time
pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def weights(assets, monkeypatch):
    """Models are looked for among the assets."""
    monkeypatch.setenv("VIDSTREAM_MODELS", str(assets("weights/yolox_nano.onnx").parent))


@pytest.fixture
def page(assets) -> View:
    return picture(assets("pictures/text.png"))


STATION, SPEED = [56, 56, 572, 118], [56, 180, 494, 240]


def test_the_whole_picture_in_reading_order(page):
    found = OneStage(OcrNetwork)(image=page)
    assert found.strings[0] == "STATION ROAD 42"
    assert set(found.strings) >= {"Speed limit 30 km/h", "hello@example.com"}
    np.testing.assert_allclose(found.boxes[0], STATION, atol=10)
    assert (found.scores > 0.8).all()


def test_regions_are_read_whatever_objects_there_are(page):
    read = OneStage(OcrNetwork, regions={"sign": {"px": [40, 160, 520, 260]}})
    found = read(image=page, objects=Detections.of([STATION]))
    assert found.strings == ("Speed limit 30 km/h",)
    np.testing.assert_allclose(found.boxes[0], SPEED, atol=10)


@pytest.mark.parametrize("finder", ["ppocr-v6-det", None], ids=["lines looked for", "a box is a line"])
def test_boxes_of_objects(page, finder):
    objects = Detections.of([STATION, [700, 10, 702, 11], [-50, -50, -10, -10]])
    found = OneStage(OcrNetwork, finder=finder)(image=page, objects=objects)
    assert found.strings == ("STATION ROAD 42",)
    assert found.track_ids.tolist() == [-1]


def test_a_box_around_several_lines_gives_each(page):
    found = OneStage(OcrNetwork)(image=page, objects=Detections.of([[30, 30, 620, 260]]))
    assert found.strings == ("STATION ROAD 42", "Speed limit 30 km/h")


def test_what_the_text_detector_found_is_read_line_by_line(page):
    objects = OneStage(DetectText)(image=page)
    assert [objects.name_of(i) for i in range(len(objects))] == ["text"] * len(objects)
    found = OneStage(OcrNetwork, finder=None)(image=page, objects=objects)
    assert "STATION ROAD 42" in found.strings
    np.testing.assert_allclose(found.polygons[0], objects.extra["polygon"][0])


def test_a_detector_that_did_not_run_is_no_reason_to_read_everything(page):
    read = OneStage(OcrNetwork)
    assert len(read(image=page, objects=Detections.of([STATION]))) == 1
    assert len(read(image=page, objects=None)) == 0


def test_unsure_lines_are_left_out(page):
    assert OneStage(OcrNetwork, min_confidence=1.0)(image=page).strings == ()


def test_says_which_device_it_took(page):
    kinds = [kind for kind, _ in OneStage(OcrNetwork).notices]
    assert kinds in (["cpu-fallback"], ["device"])


@pytest.mark.parametrize(
    ("stage", "options", "problem"),
    [
        pytest.param(OcrNetwork, {"model": "ppocr-v6"}, "did you mean 'ppocr-v6-", id="unknown reader"),
        pytest.param(
            OcrNetwork, {"finder": "yolox-nano"}, "finder: model 'yolox-nano': is for another", id="task"
        ),
        pytest.param(
            DetectText, {"model": "./none.onnx"}, "model: model 'none.onnx': no such file", id="no file"
        ),
    ],
)
def test_what_is_wrong_is_said_before_anything_opens(stage, options, problem):
    (found,) = problems(stage, **options)
    assert problem in found
    assert problems(stage) == []
