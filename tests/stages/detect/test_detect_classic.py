"""detect.haar, detect.hog and detect.motion: real pictures, views, gaps and what is missing."""

from __future__ import annotations

import shutil

import cv2
import cv2.data
import numpy as np
import pytest

from detectors.hog.model import load_model
from tests.support.one_stage import OneStage, clip, picture, problems
from tests.support.truth import matched, mot_truth
from vidstream.builtin import registry
from vidstream.config import load
from vidstream.errors import ConfigError
from vidstream.geometry import area, centres, intersection, scaling
from vidstream.stages.detect.haar import DetectHaar
from vidstream.stages.detect.hog import DetectHog
from vidstream.stages.detect.motion import DetectMotion
from vidstream.types import Detections, Masks, View


@pytest.fixture(scope="module")
def people(assets):
    """Frames 0 to 59 of vtest.avi, each third, with their number; and the true boxes per frame."""
    frames = [(3 * i, *f) for i, f in enumerate(clip(assets("video/vtest.avi"), 20, every=3))]
    return frames, mot_truth(assets("mot/PETS09-S2L1/gt/gt.txt"))


def doubled_crop(view, x, y, width, height):
    """A part of a picture at twice its size, as a crop and a resize would give it."""
    part = view.pixels[y : y + height, x : x + width]
    return View(cv2.resize(part, None, fx=2, fy=2), scaling(0.5, 0.5, x, y))


@pytest.mark.parametrize(
    ("name", "faces"),
    [
        pytest.param("pictures/obama.jpg", 1, id="a portrait"),
        pytest.param("pictures/biden.jpg", 1, id="another portrait"),
        pytest.param("pictures/dog.jpg", 0, id="a dog and a bicycle"),
    ],
)
def test_haar_finds_the_faces(assets, name, faces):
    found = OneStage(DetectHaar, scale_factor=1.2, min_neighbours=6, min_size=80)(image=picture(assets(name)))
    assert len(found) == faces
    assert found.names == {0: "face"}
    assert (np.diff(found.scores) <= 0).all()


def test_haar_finds_faces_where_they_are(assets):
    # the truth comes with the picture: faces/testing.xml
    truth = np.array([[329, 78, 438, 187], [224, 95, 315, 186], [125, 65, 215, 156]])
    view = picture(assets("faces/2008_002506.jpg"))
    whole = OneStage(DetectHaar)(image=view)
    assert matched(whole.boxes, truth) == 3
    part = OneStage(DetectHaar)(image=doubled_crop(view, 100, 30, 360, 200))
    assert matched(part.boxes, truth) == 3, "a cropped and enlarged view reports source pixels"


def test_hog_finds_people_where_they_are(people):
    frames, truth = people
    stage = OneStage(DetectHog)
    hits = boxes = persons = 0
    for number, _, view in frames[::5]:
        found = stage(image=view)
        assert set(found.class_ids.tolist()) <= {0}
        hits += matched(found.boxes, truth[number].boxes)
        boxes, persons = boxes + len(found), persons + len(truth[number])
    assert hits / boxes > 0.8
    assert hits / persons > 0.6


def test_hog_reports_source_pixels_of_a_cropped_and_enlarged_view(people):
    frames, truth = people
    number, _, view = frames[0]
    found = OneStage(DetectHog, scale=1.0)(image=doubled_crop(view, 384, 96, 384, 288))
    inside = truth[number].boxes[centres(truth[number].boxes)[:, 0] > 400]
    assert matched(found.boxes, inside, 0.4) == len(inside) == 2


def test_motion_finds_who_moves(people):
    frames, truth = people
    stage = OneStage(DetectMotion)
    covered = persons = 0
    for number, pts, view in frames:
        found, masks = stage(pts=pts, image=view)
        assert isinstance(found, Detections)
        assert isinstance(masks, Masks)
        if pts <= 3.0:  # people who stood in the first pictures leave ghosts for a while
            continue
        true = truth[number].boxes
        shared = intersection(true, found.boxes).max(axis=1) / area(true)
        covered, persons = covered + int((shared > 0.5).sum()), persons + len(true)
        moving = masks.labels == 1
        assert moving.shape == (576, 768)
        for x1, y1, x2, y2 in found.boxes.astype(int):
            assert moving[y1:y2, x1:x2].any()
    assert persons > 20
    assert covered / persons > 0.6


def test_motion_learns_anew_after_a_gap(people):
    frames, _ = people
    stage = OneStage(DetectMotion, warm_up=1.0)
    given = [len(stage(pts=pts, image=view)[0]) for _, pts, view in frames]
    assert sum(given[-5:]) > 0
    stage.gap()
    again = [(pts, *stage(pts=pts, image=view)) for _, pts, view in frames]
    warming = [(boxes, masks) for pts, boxes, masks in again if pts < 0.9]
    assert len(warming) >= 3
    assert not any(len(boxes) or masks for boxes, masks in warming)
    assert [len(boxes) for _, boxes, _ in again] == given, "the same pictures give the same boxes"


def test_motion_in_a_shrunk_view_reports_source_pixels(people):
    frames, _ = people
    full, small = OneStage(DetectMotion), OneStage(DetectMotion)
    for _, pts, view in frames:
        half = View(
            cv2.resize(view.pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), scaling(2, 2)
        )
        expected, _ = full(pts=pts, image=view)
        found, masks = small(pts=pts, image=half)
    assert masks.matrix is not None
    assert masks.labels.shape == (288, 384)
    assert matched(found.boxes, expected.boxes, 0.4) >= 0.5 * len(expected) > 0


@pytest.mark.parametrize(
    ("cls", "options", "problem"),
    [
        pytest.param(
            DetectHaar,
            {"cascade": "frontalface_alt3"},
            "cascade: cascade 'frontalface_alt3': no such cascade in OpenCV; did you mean 'frontalface_alt'?",
            id="an unknown cascade",
        ),
        pytest.param(
            DetectHog,
            {"model": "daimlr"},
            "model: HOG model 'daimlr': is not a known model; did you mean 'daimler'?",
            id="an unknown model",
        ),
    ],
)
def test_what_is_missing_is_said_before_anything_opens(cls, options, problem):
    assert problems(cls, **options) == [problem]
    assert problems(cls) == []


@pytest.mark.parametrize(
    ("entry", "file"),
    [
        pytest.param("{use: detect.hog, model: own/people.xml}", "people.xml", id="a HOG model"),
        pytest.param("{use: detect.haar, cascade: own/face.xml}", "face.xml", id="a cascade"),
    ],
)
def test_files_are_looked_for_beside_the_yaml_file(tmp_path, monkeypatch, entry, file):
    (tmp_path / "own").mkdir()
    load_model("default").save(tmp_path / "own" / "people.xml")
    shutil.copy(f"{cv2.data.haarcascades}haarcascade_frontalface_alt2.xml", tmp_path / "own" / "face.xml")
    (tmp_path / "job.yaml").write_text(f"source: synthetic:people\ngraph: {{find: {entry}}}\n")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    load(tmp_path / "job.yaml", registry())
    (tmp_path / "own" / file).unlink()
    with pytest.raises(ConfigError, match=f"'{tmp_path}/own/{file}': no such file"):
        load(tmp_path / "job.yaml", registry())
