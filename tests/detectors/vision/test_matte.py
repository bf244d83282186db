"""Foreground: real networks against another engine and what was seen, a small one whose answer is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from detectors.vision import MatteNetwork, MatteParams
from tests.support.tiny_networks import conv, network, node
from vidstream.errors import ModelError, ShapeError
from vidstream.types import Masks, View


@pytest.fixture(scope="module")
def selfie(weights):
    return MatteNetwork(models=weights)


@pytest.mark.slow
def test_u2netp_gives_what_another_engine_and_its_authors_recipe_give(weights, picture):
    ort = pytest.importorskip("onnxruntime")
    session = ort.InferenceSession(str(weights / "u2netp_320.onnx"))
    view = picture("dog.jpg")
    small = cv2.resize(view.pixels, (320, 320))[:, :, ::-1].astype(np.float32)
    blob = (small - [123.675, 116.28, 103.53]) / [58.395, 57.12, 57.375]
    taken = {session.get_inputs()[0].name: blob.transpose(2, 0, 1)[None].astype(np.float32)}
    expected = session.run(["1959"], taken)[0][0, 0]
    expected = (expected - expected.min()) / (expected.max() - expected.min())
    masks = MatteNetwork(MatteParams(model="u2netp"), models=weights).matte(view)
    assert np.abs(masks.alpha - expected).max() < 0.01
    assert (masks.labels == (masks.alpha > 0.5)).all()
    assert masks.labels.mean() == pytest.approx(0.16, abs=0.005)  # what was seen with these weights


def test_selfie_finds_people(selfie, picture):
    masks = selfie.matte(picture("zidane.jpg"))
    assert masks.labels.mean() == pytest.approx(0.54, abs=0.005)  # what was seen with these weights
    assert masks.names == {1: "foreground"}
    assert masks.alpha.dtype == np.float32
    assert 0 <= masks.alpha.min() < masks.alpha.max() <= 1


def test_a_cropped_view_reports_source_pixels(selfie, picture, crop):
    masks = selfie.matte(crop(picture("obama.jpg"), 100, 50, 800, 1000))
    edges = View(np.zeros((*masks.labels.shape, 3), np.uint8), masks.matrix)
    height, width = masks.labels.shape
    assert edges.boxes_to_source(np.array([[0, 0, width, height]]))[0] == pytest.approx([100, 50, 900, 1050])


SCORE = np.array([8, 0, 0], np.float32).reshape(1, 3, 1, 1)


@pytest.mark.parametrize(
    ("kernel", "bias", "last"),
    [
        pytest.param(SCORE, [-4], "Sigmoid", id="one channel, behind a sigmoid"),
        pytest.param(SCORE, [-4], "Identity", id="one channel, before it"),
        pytest.param(np.concatenate([0 * SCORE, SCORE]), [0, -4], "Softmax", id="two channels, shares"),
        pytest.param(np.concatenate([-SCORE / 2, SCORE / 2]), [2, -2], "Identity", id="two channels, scores"),
    ],
)
def test_every_form_of_output_gives_the_same_alpha(tmp_path, kernel, bias, last):
    channels = len(kernel)
    options = {"axis": 1} if last == "Softmax" else {}
    nodes = [conv(["in", "kernel", "bias"], "score"), node(last, ["score"], "out", **options)]
    weights = {"kernel": kernel.astype(np.float32), "bias": np.float32(bias)}
    path = tmp_path / "matte.onnx"
    path.write_bytes(network(nodes, [1, 3, 16, 16], [1, channels, 16, 16], weights))
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:, :, 2] = np.arange(16) * 17
    alpha = MatteNetwork(MatteParams(model=str(path), pixels="0..1")).matte(View(pixels)).alpha
    expected = 1 / (1 + np.exp(-(8 * np.arange(16) / 15 - 4)))
    assert alpha[7] == pytest.approx(expected, abs=1e-5)


def test_what_is_no_matte_is_named(tmp_path, weights):
    path = tmp_path / "three.onnx"
    path.write_bytes(network([node("Identity", ["in"], "out")], [1, 3, 8, 8], [1, 3, 8, 8]))
    with pytest.raises(ModelError, match="expected 1 or 2 channels, got 3"):
        MatteNetwork(MatteParams(model=str(path))).matte(View(np.zeros((8, 8, 3), np.uint8)))
    with pytest.raises(ModelError, match=r"expected a matte \(1, 1, H, W\), the file gives \(1, 1000"):
        MatteNetwork(MatteParams(model=str(weights / "squeezenet1.0_imagenet.onnx")))


def test_alpha_is_as_large_as_the_labels():
    with pytest.raises(ShapeError, match=r"alpha: expected \(2, 2\), as labels has, got \(3, 2\)"):
        Masks(np.zeros((2, 2), np.uint8), alpha=np.zeros((3, 2), np.float32))
