"""Class maps: what others see with the same weights, and small networks whose answer is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from detectors.vision import SemanticParams, SemanticSegmenter, area_shares
from detectors.vision.semantic import check
from tests.support.tiny_networks import conv, network, node
from vidstream.errors import ModelError
from vidstream.geometry import scaling
from vidstream.types import View

# shares of the picture that the same weights gave elsewhere
SEEN = {
    "zidane.jpg": {"person": 0.44},
    "bus.jpg": {"bus": 0.30, "person": 0.13},
    "dog.jpg": {"bicycle": 0.07, "dog": 0.07},
    "horses.jpg": {"cow": 0.04, "horse": 0.03, "sheep": 0.07},
}


@pytest.fixture(scope="module")
def deeplab(weights):
    return SemanticSegmenter(SemanticParams(model="deeplabv3-voc"), models=weights)


@pytest.fixture(scope="module")
def coarse(weights):
    return SemanticSegmenter(SemanticParams(model="deeplabv3-voc", sharp=False), models=weights)


@pytest.mark.parametrize("name", SEEN)
def test_sees_what_was_seen_with_these_weights(deeplab, picture, name):
    shares = {k: v for k, v in area_shares(deeplab.segment(picture(name))).items() if v > 0.02}
    assert shares == pytest.approx(SEEN[name], abs=0.006)


@pytest.mark.parametrize("name", ["zidane.jpg", "bus.jpg", "dog.jpg"])
def test_labels_are_those_of_another_engine(deeplab, coarse, weights, picture, name):
    """ONNX Runtime on a picture prepared by the network's own recipe; at its resolution, then enlarged."""
    ort = pytest.importorskip("onnxruntime")
    session = ort.InferenceSession(str(weights / "deeplabv3_mnv2_voc_257.onnx"))
    view = picture(name)
    small = cv2.resize(view.pixels, (257, 257))[:, :, ::-1].astype(np.float32) / 127.5 - 1
    scores = session.run(None, {session.get_inputs()[0].name: small[None]})[0][0]
    assert (coarse.segment(view).labels == scores.argmax(axis=2)).mean() > 0.9995
    large = cv2.resize(scores, (view.width, view.height), interpolation=cv2.INTER_LINEAR)
    assert (deeplab.segment(view).labels == large.argmax(axis=2)).mean() > 0.999


def test_a_cropped_and_shrunk_view_reports_source_pixels(deeplab, picture, zoom, crop):
    view = zoom(crop(picture("zidane.jpg"), 100, 20, 1100, 700), 0.5)
    masks = deeplab.segment(view)
    assert masks.labels.shape == (350, 550)
    assert scaling(2, 2, 100, 20) == pytest.approx(masks.matrix)


# ---- a network that tells colours apart: its answer is the picture

#: scores of background, red, green and blue, of pixels 0 to 1
COLOURS = np.array([[0, 0, 0], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], np.float32)[:, :, None, None]
BIAS = np.array([0.3, 0, 0, 0], np.float32)


def colour_network(form: str, size: tuple[int, int] = (40, 30)) -> bytes:
    width, height = size
    weights = {"kernel": COLOURS, "bias": BIAS}
    scores = conv(["in", "kernel", "bias"], "scores")
    shapes = {
        "nchw": (node("Identity", ["scores"], "out"), [1, 4, height, width]),
        "nhwc": (node("Transpose", ["scores"], "out", perm=[0, 2, 3, 1]), [1, height, width, 4]),
        "argmax": (node("ArgMax", ["scores"], "out", axis=1, keepdims=0), [1, height, width]),
        "argmax4": (node("ArgMax", ["scores"], "out", axis=1, keepdims=1), [1, 1, height, width]),
    }
    last, given = shapes[form]
    whole = form.startswith("argmax")
    return network([scores, last], [1, 3, height, width], given, weights, whole=whole)


def coloured(width: int, height: int) -> View:
    """Black, with a red, a green and a blue rectangle."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 4] = (0, 0, 255)
    pixels[height // 2 :, width // 4 : width // 2] = (0, 255, 0)
    pixels[: height // 2, width // 2 :] = (255, 0, 0)
    return View(pixels)


def truth(width: int, height: int) -> np.ndarray:
    labels = np.zeros((height, width), np.uint8)
    labels[: height // 2, : width // 4] = 1
    labels[height // 2 :, width // 4 : width // 2] = 2
    labels[: height // 2, width // 2 :] = 3
    return labels


NAMES = ("background", "red", "green", "blue")


def own(tmp_path, data: bytes, **options) -> SemanticSegmenter:
    path = tmp_path / "own.onnx"
    path.write_bytes(data)
    return SemanticSegmenter(SemanticParams(model=str(path), pixels="0..1", **options))


@pytest.mark.parametrize("sharp", [True, False], ids=["sharp", "coarse"])
@pytest.mark.parametrize("form", ["nchw", "nhwc", "argmax", "argmax4"])
def test_every_form_of_output_gives_the_same_map(tmp_path, form, sharp):
    segmenter = own(tmp_path, colour_network(form), names=NAMES, sharp=sharp)
    masks = segmenter.segment(coloured(40, 30))
    assert (masks.labels == truth(40, 30)).all()
    assert masks.names == {1: "red", 2: "green", 3: "blue"}
    assert masks.labels.dtype == np.uint8


def test_only_the_classes_asked_for(tmp_path):
    masks = own(tmp_path, colour_network("nchw"), names=NAMES, classes=("blue",)).segment(coloured(40, 30))
    assert (masks.labels == np.where(truth(40, 30) == 3, 3, 0)).all()
    assert masks.names == {3: "blue"}


def test_where_all_classes_are_things_each_has_a_label_above_0(tmp_path):
    masks = own(tmp_path, colour_network("nchw"), names=("floor", "red", "green", "blue")).segment(
        coloured(40, 30)
    )
    assert (masks.labels == truth(40, 30) + 1).all()
    assert masks.names[1] == "floor"


@pytest.mark.parametrize("sharp", [True, False], ids=["sharp", "coarse"])
@pytest.mark.parametrize("fit", ["centre", "corner", "crop", "stretch"])
def test_padding_is_cut_off_and_places_are_exact(tmp_path, fit, sharp):
    """A wide picture in a square network, whose grey padding must not show; edges fall on whole pixels."""
    segmenter = own(tmp_path, colour_network("nchw", (64, 64)), names=NAMES, sharp=sharp)
    segmenter.card = _fitted(segmenter, fit)
    view = View(cv2.resize(coloured(64, 32).pixels, (256, 128), interpolation=cv2.INTER_NEAREST))
    masks = segmenter.segment(view)
    height, width = masks.labels.shape
    corners = np.array([[0, 0, width, height]], np.float64)
    placed = View(np.zeros((height, width, 3), np.uint8), masks.matrix).boxes_to_source(corners)[0]
    seen = [64, 0, 192, 128] if fit == "crop" else [0, 0, 256, 128]
    assert placed == pytest.approx(seen, abs=1e-3)
    expected = truth(256, 128)[seen[1] : seen[3], seen[0] : seen[2]]
    expected = cv2.resize(expected, (width, height), interpolation=cv2.INTER_NEAREST)
    # the network's own resizing mixes colours along edges
    assert (masks.labels == expected).mean() >= (0.98 if sharp else 1)


def _fitted(segmenter: SemanticSegmenter, fit: str):
    import dataclasses

    from detectors.dnn.preprocess import Preprocessor

    spec = dataclasses.replace(segmenter.card.input, fit=fit)
    segmenter._network._prepare = Preprocessor(spec)
    return dataclasses.replace(segmenter.card, input=spec)


@pytest.mark.parametrize("last", ["Identity", "Sigmoid"], ids=["before the sigmoid", "behind it"])
def test_a_network_of_one_class_is_cut_at_the_threshold(tmp_path, last):
    nodes = [conv(["in", "kernel", "bias"], "score"), node(last, ["score"], "out")]
    weights = {"kernel": np.array([8, 0, 0], np.float32).reshape(1, 3, 1, 1), "bias": np.float32([-4])}
    data = network(nodes, [1, 3, 16, 16], [1, 1, 16, 16], weights)
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:, :, 2] = np.linspace(0, 255, 16).round()  # the score crosses 0 in the middle
    for threshold, there in ((0.5, 8), (0.9, 4)):
        masks = own(tmp_path, data, threshold=threshold).segment(View(pixels))
        assert masks.labels.sum(axis=1).tolist() == [there] * 16
        assert masks.names == {1: "foreground"}


def test_more_than_255_classes_fit(tmp_path):
    kernel = np.zeros((300, 3, 1, 1), np.float32)
    kernel[299, 0] = 1
    data = network([conv(["in", "kernel"], "out")], [1, 3, 8, 8], [1, 300, 8, 8], {"kernel": kernel})
    segmenter = own(tmp_path, data, names=tuple(f"c{i}" for i in range(300)))
    masks = segmenter.segment(View(np.full((8, 8, 3), 255, np.uint8)))
    assert set(masks.labels.ravel().tolist()) == {300}
    assert masks.names[300] == "c299"


def test_sharp_labels_are_those_of_all_scores_interpolated(tmp_path):
    """A class that wins at no point of the map may win between two."""
    grid = np.zeros((1, 3, 1, 2), np.float32)
    grid[0, :, 0] = [[1, 0], [0, 1], [0.7, 0.7]]  # the third is second everywhere
    data = network([node("Add", ["in", "grid"], "out")], [1, 3, 1, 2], [1, 3, 1, 2], {"grid": grid})
    masks = own(tmp_path, data, names=("floor", "b", "c")).segment(View(np.zeros((1, 40, 3), np.uint8)))
    assert masks.labels[0].tolist() == sorted(masks.labels[0].tolist(), key=[1, 3, 2].index)
    assert set(masks.labels[0].tolist()) == {1, 2, 3}


def test_shares_count_pixels():
    from vidstream.types import Masks

    masks = Masks(np.array([[0, 1, 1, 7]], np.uint8), {1: "road"})
    assert area_shares(masks) == {"road": 0.5, "7": 0.25}


def test_what_is_wrong_is_named(weights):
    with pytest.raises(ModelError, match="has no class 'persn'; did you mean 'person'"):
        check(SemanticParams(model="deeplabv3-voc", classes=("persn",)), weights)
    with pytest.raises(ModelError, match="is for another task: classify, not semantic"):
        SemanticSegmenter(SemanticParams(model="squeezenet"), models=weights)


def test_the_view_stays_as_it_was(coarse, picture):
    view = picture("dog.jpg")
    before = view.pixels.copy()
    coarse.segment(view)
    assert (view.pixels == before).all()
