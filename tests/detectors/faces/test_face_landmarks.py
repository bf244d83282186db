"""Landmarks against 43 faces with 68 true points each, and a talking face that blinks."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.faces.detect import FaceParams, find_face_detector
from detectors.faces.landmarks import LandmarkFinder, LandmarkParams, check
from detectors.faces.points import eye_distance, eye_openness, five, mouth_openness, turn
from tests.support.one_stage import clip
from vidstream.errors import ModelError
from vidstream.geometry import iou
from vidstream.types import Detections


def errors(finder, picture, truth, faces_in) -> np.ndarray:
    """(43,) mean distance to the true points, in distances between the eyes."""
    found = []
    for name, (faces, points) in truth.items():
        view = picture(name)
        marks = finder.find(view, faces_in(view, faces)).keypoints[:, :, :2]
        found += (np.linalg.norm(marks - points, axis=2).mean(axis=1) / eye_distance(points)).tolist()
    return np.array(found)


@pytest.mark.parametrize(
    ("model", "mean", "worst"),
    [
        pytest.param(None, 0.016, 0.05, id="in true boxes", marks=pytest.mark.slow),
        pytest.param("yunet", 0.021, 0.08, id="in faces that YuNet finds", marks=pytest.mark.slow),
        pytest.param("mtcnn", 0.023, 0.11, id="in faces that MTCNN finds", marks=pytest.mark.slow),
        pytest.param("ssd-face", 0.06, 0.7, id="in boxes without landmarks", marks=pytest.mark.slow),
    ],
)
def test_dlib_s_68_points_are_near_the_true_ones(
    weights, picture, landmark_truth, dlib_models, model, mean, worst
):
    finder = LandmarkFinder(LandmarkParams(model=dlib_models("dlib-68")))
    detector = model and find_face_detector(FaceParams(model=model), models=weights)

    def faces_in(view, true):
        if detector is None:
            return true
        found = detector.detect(view)
        return found[iou(true.boxes, found.boxes).argmax(axis=1)]

    found = errors(finder, picture, landmark_truth, faces_in)
    assert len(found) == 43
    assert found.mean() < mean
    assert found.max() < worst


@pytest.mark.slow
@pytest.mark.parametrize(("model", "limit"), [("yunet", 0.1), ("mtcnn", 0.055)])
def test_five_points_of_a_detector_are_near_the_true_ones(weights, picture, landmark_truth, model, limit):
    detector = find_face_detector(FaceParams(model=model), models=weights)
    found = []
    for name, (true, points) in list(landmark_truth.items())[:4]:
        faces = detector.detect(picture(name))
        marks = five(faces[iou(true.boxes, faces.boxes).argmax(axis=1)].keypoints)
        apart = np.linalg.norm(marks - five(points), axis=2).mean(axis=1)
        found += (apart / eye_distance(points)).tolist()
    assert np.mean(found) < limit


def test_dlib_s_5_points_are_the_corners_of_the_eyes(picture, landmark_truth, dlib_models):
    finder = LandmarkFinder(LandmarkParams(model=dlib_models("dlib-5")))
    for name, (faces, points) in list(landmark_truth.items())[:3]:
        marks = finder.find(picture(name), faces).keypoints
        corners = points[:, [36, 39, 42, 45]]
        apart = np.linalg.norm(marks[:, :4, :2] - corners, axis=2).mean(axis=1)
        assert (apart / eye_distance(points) < 0.08).all()
        assert five(marks) is None  # not the five of a detector


@pytest.mark.slow
def test_a_blink_is_seen(weights, assets, dlib_models, yunet):
    """The talking face shuts its eyes within three seconds, for a moment."""
    finder = LandmarkFinder(LandmarkParams(model=dlib_models("dlib-68")))
    open_share = []
    for _, view in clip(assets("video/face_talking.mp4"), 25, every=3):
        open_share.append(float(eye_openness(finder.find(view, yunet.detect(view)).keypoints)[0]))
    assert np.median(open_share) > 0.25
    assert min(open_share) < 0.2


def test_openness_and_turn_of_drawn_faces():
    points = np.zeros((1, 68, 2))
    for eye in (36, 42):
        points[0, eye : eye + 6] = [(0, 0), (1, -0.5), (2, -0.5), (3, 0), (2, 0.5), (1, 0.5)]
    points[0, 60:68] = [(0, 0), (1, -1), (2, -1), (3, -1), (4, 0), (3, 1), (2, 1), (1, 1)]
    assert eye_openness(points) == pytest.approx([1 / 3])
    assert mouth_openness(points) == pytest.approx([0.5])
    frontal = np.array([[[0, 0], [4, 0], [2, 2], [1, 4], [3, 4]]], float)
    aside = frontal.copy()
    aside[0, 2, 0] = 4
    assert turn(frontal) == pytest.approx([0])
    assert turn(aside) == pytest.approx([1])


def test_no_faces_no_points(picture, dlib_models):
    finder = LandmarkFinder(LandmarkParams(model=dlib_models("dlib-5")))
    assert len(finder.find(picture("obama.jpg"), Detections.empty())) == 0


@pytest.mark.parametrize(
    ("model", "message"),
    [
        pytest.param("lbfmodel.yaml", "no such file; get lbfmodel.yaml", id="LBF without its file"),
        pytest.param("dlib-86", "did you mean 'dlib-68'", id="a name that is not known"),
        pytest.param("yunet", "is for another task: face, not landmarks", id="a model for something else"),
    ],
)
def test_what_is_missing_is_said(weights, model, message):
    with pytest.raises(ModelError, match=message):
        check(LandmarkParams(model=model), weights)


def test_a_file_that_is_no_lbf_model_is_refused(tmp_path):
    (tmp_path / "lbf.yaml").write_text("%YAML:1.0\n---\nsomething: 1\n")
    with pytest.raises(ModelError, match="is no LBF model"):
        LandmarkFinder(LandmarkParams(model=str(tmp_path / "lbf.yaml")))


def test_a_changed_file_is_not_handed_to_dlib(tmp_path, dlib_models):
    from detectors import catalogue

    card, paths = catalogue.find(dlib_models("dlib-5"))
    data = bytearray(paths["model"].read_bytes())
    data[-1] ^= 1
    (tmp_path / card.main.file).write_bytes(data)
    with pytest.raises(ModelError, match="SHA-256 differs"):
        LandmarkFinder(LandmarkParams(model="dlib-5"), models=tmp_path)
