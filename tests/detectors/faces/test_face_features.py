"""Faces as vectors: aligned as OpenCV aligns, and the same cosines as elsewhere."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.faces.align import TEMPLATE, crops_by_box, crops_by_landmarks, similarity
from detectors.faces.embed import EmbedParams, check, find_embedder, identity_of
from detectors.faces.points import five
from tests.support.tiny_networks import network, node
from vidstream.errors import ModelError, ShapeError
from vidstream.types import Detections, View


@pytest.fixture(scope="module")
def opencv_sface(weights):
    return cv2.FaceRecognizerSF.create(str(weights / "face_recognition_sface_2021dec_int8bq_fixed.onnx"), "")


def as_opencv_wants(faces: Detections) -> np.ndarray:
    x1, y1, x2, y2 = faces.boxes[0]
    points = faces.keypoints[0, :, :2].ravel()
    return np.array([[x1, y1, x2 - x1, y2 - y1, *points, faces.scores[0]]], np.float32)


@pytest.mark.parametrize("name", ["obama", "obama2", "biden"])
def test_crops_and_vectors_are_those_of_opencv(portraits, sface, opencv_sface, name):
    view, face = portraits[name]
    theirs = opencv_sface.alignCrop(view.pixels, as_opencv_wants(face))
    (ours,) = crops_by_landmarks(view, face)
    assert np.abs(ours.astype(int) - theirs).max() <= 3
    feature = opencv_sface.feature(theirs).ravel()
    assert sface.embed(view, face)[0] @ feature / np.linalg.norm(feature) > 0.9999


@pytest.mark.parametrize(
    ("a", "b", "cosine"),
    [("obama", "obama2", 0.764), ("obama", "biden", 0.117), ("obama2", "biden", 0.273)],
)
def test_cosines_are_those_measured_elsewhere(portraits, sface, a, b, cosine):
    """With the same weights, by another program, its faces found at another size."""
    one, other = (sface.embed(*portraits[name])[0] for name in (a, b))
    assert one @ other == pytest.approx(cosine, abs=0.03)


@pytest.mark.parametrize(
    ("model", "detector", "same", "other"),
    [
        pytest.param("sface", "landmarks", 0.7, 0.3, id="SFace"),
        pytest.param("dlib-resnet", "landmarks", 0.95, 0.84, id="dlib's ResNet by landmarks"),
        pytest.param("dlib-resnet", "boxes", 0.95, 0.84, id="by boxes alone", marks=pytest.mark.slow),
    ],
)
def test_one_man_is_told_from_another(portraits, weights, dlib_models, model, detector, same, other):
    if model == "dlib-resnet":
        dlib_models(model)
    embedder = find_embedder(EmbedParams(model=model), models=weights)
    features = {}
    for name, (view, face) in portraits.items():
        seen = face if detector == "landmarks" else face.replace(keypoints=None)
        features[name] = embedder.embed(view, seen)[0]
    assert np.linalg.norm(features["obama"]) == pytest.approx(1, abs=1e-5)
    assert features["obama"] @ features["obama2"] > same
    assert max(features["obama"] @ features["biden"], features["obama2"] @ features["biden"]) < other


@pytest.mark.slow
def test_dlib_s_vectors_are_those_of_its_own_functions(portraits, dlib_models):
    import dlib

    from detectors.faces.dlib_library import verified_files

    _, paths = verified_files(dlib_models("dlib-resnet"))
    view, face = portraits["obama"]
    rgb = view.pixels[:, :, ::-1].copy()
    (found,) = dlib.get_frontal_face_detector()(rgb, 0)
    shape = dlib.shape_predictor(paths["landmarks"])(rgb, found)
    network = dlib.face_recognition_model_v1(paths["model"])
    theirs = np.array(network.compute_face_descriptor(rgb, shape))
    ours = find_embedder(EmbedParams(model="dlib-resnet")).embed(view, face)[0]
    assert ours @ theirs / np.linalg.norm(theirs) > 0.99


@given(st.floats(-3.1, 3.1), st.floats(0.2, 5), st.floats(-200, 200), st.floats(-200, 200))
def test_a_similarity_transform_is_found_again(angle, scale, dx, dy):
    turned = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    found = similarity(TEMPLATE, TEMPLATE @ turned.T + (dx, dy))
    assert found == pytest.approx(np.concatenate([turned, [[dx], [dy]]], axis=1), abs=1e-6)


def test_a_mirrored_pattern_is_not_mirrored_back():
    found = similarity(TEMPLATE, TEMPLATE * (-1, 1))
    assert np.linalg.det(found[:, :2]) > 0


def test_a_resized_view_gives_the_same_face(portraits, sface, zoom):
    view, face = portraits["biden"]
    assert sface.embed(view, face)[0] @ sface.embed(zoom(view, 0.6), face)[0] > 0.97


def test_a_box_is_cut_out_with_its_margin():
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[10:20, 30:40] = 200
    (crop,) = crops_by_box(View(pixels), Detections.of([[30, 10, 40, 20]]), 30, 0.5)
    inside = crop[:, :, 0] > 100
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (5, 24, 5, 24)


def test_faces_without_landmarks_are_refused_where_they_are_needed(portraits, sface):
    view, face = portraits["obama"]
    with pytest.raises(ShapeError, match="have no landmarks.*put face.landmarks before"):
        sface.embed(view, face.replace(keypoints=None))


@pytest.mark.parametrize("count", [5, 6, 68])
def test_every_scheme_of_landmarks_turns_a_face_upright(count):
    """Points that lie on the template give the picture back as it is."""
    points = np.zeros((1, count, 3), np.float32)
    if count == 68:
        points[0, 36:42, :2], points[0, 42:48, :2], points[0, 30, :2] = TEMPLATE[0], TEMPLATE[1], TEMPLATE[2]
        points[0, 48, :2], points[0, 54, :2] = TEMPLATE[3], TEMPLATE[4]
    elif count == 6:
        points[0, :4, :2] = [*TEMPLATE[:3], TEMPLATE[3:].mean(axis=0)]
    else:
        points[0, :, :2] = TEMPLATE
    pixels = np.random.default_rng(3).integers(0, 255, (112, 112, 3)).astype(np.uint8)
    (crop,) = crops_by_landmarks(View(pixels), Detections.of([[0, 0, 112, 112]], keypoints=points))
    assert np.abs(crop.astype(int) - pixels)[1:-1, 1:-1].max() <= 1
    assert (five(points) is None) == (count == 6)


def test_a_network_of_one_s_own_gets_what_its_shape_asks_for(tmp_path, portraits):
    """One that gives the mean colour: at 160 pixels by the box, in -1..1."""
    path = tmp_path / "Mine v2.onnx"
    nodes = [node("GlobalAveragePool", ["in"], "mean"), node("Flatten", ["mean"], "out")]
    path.write_bytes(network(nodes, (1, 3, 160, 160), (1, 3)))
    params = EmbedParams(model=str(path))
    view = View(np.full((50, 50, 3), (0, 128, 255), np.uint8))
    feature = find_embedder(params).embed(view, Detections.of([[10, 10, 40, 40]]))[0]
    assert feature == pytest.approx(np.array([1, 0, -1]) / np.sqrt(2), abs=0.01)  # red, green, blue
    assert identity_of(params).name == "mine-v2"
    assert len(identity_of(params).sha256) == 64


@pytest.mark.parametrize(
    ("model", "message"),
    [
        pytest.param("osnet-x0.25", "does not describe faces", id="a network for people"),
        pytest.param("yunet", "is for another task: face, not embed", id="a detector"),
        pytest.param("sfase", "did you mean 'sface'", id="an unknown name"),
    ],
)
def test_what_is_no_embedder_is_refused(weights, model, message):
    with pytest.raises(ModelError, match=message):
        check(EmbedParams(model=model), weights)
