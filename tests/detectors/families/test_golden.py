"""Real networks on real pictures, against what others get from the same weights.

`golden.json`: yolov8n, yolo11n-seg and yolo11n-pose by Ultralytics 8.4 (its own letterbox, ONNX Runtime, its
own decoding; confidence 0.25, IoU 0.45; masks as area and centre, with retina_masks), efficientdet-lite0 by
LiteRT; the others by `tests/support/reference_boxes.py`.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from detectors import catalogue
from detectors.dnn.detector import DnnDetector, DnnParams
from tests.support.reference_boxes import CONFIDENCE, GOLDEN, IOU, PICTURES, REFERENCES
from vidstream import geometry

#: real networks on real pictures take their time
pytestmark = pytest.mark.slow

WANTED = json.loads(GOLDEN.read_text("utf-8"))
#: int8 networks: OpenCV and LiteRT round differently, by one step of the outputs (0.0195) where both are sure
ROUNDED = {"efficientdet-lite0"}
#: two people whose boxes overlap by the threshold, to the third decimal: one of them goes or stays
ON_THE_EDGE = ("yolov2-tiny", "zidane.jpg")
#: the fourth picture is for those who have time
EACH = [*PICTURES[:3], pytest.param(PICTURES[3], marks=pytest.mark.slow)]


@pytest.fixture(scope="module")
def detect(weights):
    made = {}

    def run(model, view):
        if model not in made:
            _skip_without(model, weights)
            params = DnnParams(model=model, confidence=CONFIDENCE, iou=IOU, engine="opencv")
            made[model] = DnnDetector(params, models=weights)
        return made[model].detect(view)

    return run


def _skip_without(model, weights):
    """Some weights are in no test asset: `models fetch` brings them."""
    entry = next(e for e in catalogue.entries(weights) if e.card.name == model)
    if entry.paths is None:
        pytest.skip(f"the files of {model} are not here; run: python run.py models fetch {model}")


def pairs(rows, found, least):
    """Each row with the box of its class that overlaps it most, each box taken once."""
    boxes = np.array([row["box"] for row in rows], np.float64).reshape(-1, 4)
    overlap = geometry.iou(boxes, found.boxes.astype(np.float64))
    overlap *= np.array([row["class"] for row in rows])[:, None] == found.class_ids[None]
    best = overlap.argmax(axis=1)
    assert overlap.max(axis=1).min() >= least
    assert len(set(best.tolist())) == len(rows)
    return list(zip(rows, best.tolist(), strict=True))


@pytest.mark.parametrize(
    ("model", "name"),
    [
        pytest.param(m, n, marks=[pytest.mark.slow] * (n == PICTURES[3]))
        for m in sorted(set(WANTED) - ROUNDED)
        for n in PICTURES
        if (m, n) != ON_THE_EDGE
    ],
    ids=lambda part: part,
)
def test_boxes_equal_the_originals(detect, picture, model, name):
    found, rows = detect(model, picture(name)), WANTED[model][name]
    assert len(found) == len(rows)
    for row, at in pairs(rows, found, 0.99) if rows else ():
        assert found.scores[at] == pytest.approx(row["score"], abs=0.01)


@pytest.mark.parametrize("name", EACH)
def test_int8_boxes_equal_the_original_but_for_rounding(detect, picture, name):
    sure = [row for row in WANTED["efficientdet-lite0"][name] if row["score"] > 0.55]
    assert sure
    for row, at in pairs(sure, (found := detect("efficientdet-lite0", picture(name))), 0.95):
        assert found.scores[at] == pytest.approx(row["score"], abs=0.02)


@pytest.mark.parametrize("name", EACH)
def test_masks_equal_the_originals(detect, picture, name):
    found = detect("yolo11n-seg", picture(name))
    for row, at in pairs(WANTED["yolo11n-seg"][name], found, 0.99):
        area, x, y = row["mask"]
        mask = found.masks[at]
        rows, columns = np.nonzero(mask.pixels)
        side = np.sqrt(area)
        assert mask.pixels.sum() == pytest.approx(area, abs=3 * side)  # less than a pixel along the outline
        assert columns.mean() + mask.x + 0.5 == pytest.approx(x, abs=0.02 * side)
        assert rows.mean() + mask.y + 0.5 == pytest.approx(y, abs=0.02 * side)


@pytest.mark.parametrize("name", ["bus.jpg", "zidane.jpg"])
def test_key_points_equal_the_originals(detect, picture, name):
    view = picture(name)
    found = detect("yolo11n-pose", view)
    for row, at in pairs(WANTED["yolo11n-pose"][name], found, 0.99):
        # Ultralytics moves points into the picture; ours stay where the network saw them
        points = found.keypoints[at].copy()
        points[:, :2] = np.clip(points[:, :2], 0, [view.width, view.height])
        np.testing.assert_allclose(points[:, :2], np.array(row["points"])[:, :2], atol=0.5)
        np.testing.assert_allclose(points[:, 2], np.array(row["points"])[:, 2], atol=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("model", REFERENCES)
def test_the_golden_numbers_come_from_the_published_loops(weights, picture, model, name):
    pytest.importorskip("onnxruntime")
    _skip_without(model, weights)
    again = REFERENCES[model](weights, picture(name).pixels)
    assert [row["class"] for row in again] == [row["class"] for row in WANTED[model][name]]
    for a, b in zip(again, WANTED[model][name], strict=True):
        np.testing.assert_allclose(a["box"], b["box"], atol=0.1)
        assert a["score"] == pytest.approx(b["score"], abs=0.001)


def test_openpose_sees_the_bodies_that_another_network_sees(detect, picture):
    rows = WANTED["yolo11n-pose"]["bus.jpg"]
    found = detect("openpose-mobilenet", picture("bus.jpg"))
    whole = [np.array(row["points"]) for row in rows if np.array(row["points"])[5:, 2].min() > 0.4]
    assert len(whole) >= 2
    for points in whole:
        apart = np.hypot(*(found.keypoints[:, 5:, :2] - points[5:, :2]).transpose(2, 0, 1))
        apart[found.keypoints[:, 5:, 2] == 0] = np.nan
        # shoulders to ankles: a few per cent of a body's height of 500 pixels
        assert np.nanmin(np.nanmedian(apart, axis=1)) < 20
