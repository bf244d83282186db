"""Labels: SqueezeNet against another engine, networks whose answer is known, and bare files."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from detectors.vision import Classifier, ClassifyParams, crops, most_similar
from tests.support.tiny_networks import conv, network, node
from vidstream.errors import ModelError, ShapeError
from vidstream.types import Labels, View

# the best class that the same weights gave elsewhere, with the shorter side filling the input
SEEN = {
    "eagle.jpg": ("kite", 0.54),
    "dog.jpg": ("dogsled", 0.86),
    "horses.jpg": ("bighorn", 0.63),
    "bus.jpg": ("minibus", 0.69),
}


@pytest.fixture(scope="module")
def squeezenet(weights):
    return Classifier(models=weights)


@pytest.mark.parametrize("name", SEEN)
def test_sees_what_was_seen_with_these_weights(squeezenet, picture, name):
    labels = squeezenet.classify(picture(name))
    (best, score), *_ = labels.rows()
    assert best == SEEN[name][0]
    # where exactly the middle was cut out is not known: a pixel more or less moves scores that far
    assert score == pytest.approx(SEEN[name][1], abs=0.16)
    assert len(labels) == 5
    assert (np.diff(labels.scores) <= 0).all()


@pytest.mark.parametrize("name", SEEN)
def test_scores_are_those_of_another_engine(squeezenet, weights, picture, name):
    ort = pytest.importorskip("onnxruntime")
    session = ort.InferenceSession(str(weights / "squeezenet1.0_imagenet.onnx"))
    pixels = picture(name).pixels
    height, width = pixels.shape[:2]
    scale = 224 / min(height, width)
    large = cv2.resize(pixels, (round(width * scale), round(height * scale)))
    # the middle, half a pixel to the right and down where it lies between two
    y, x = -((224 - large.shape[0]) // 2), -((224 - large.shape[1]) // 2)
    blob = large[y : y + 224, x : x + 224].astype(np.float32) - [103.939, 116.779, 123.68]
    scores = session.run(None, {"data_0": blob.transpose(2, 0, 1)[None].astype(np.float32)})[0].ravel()
    labels = squeezenet.classify(picture(name))
    assert labels.class_ids.tolist() == np.argsort(-scores)[:5].tolist()
    assert labels.scores == pytest.approx(np.sort(scores)[:-6:-1], abs=1e-4)


# ---- networks that look at the mean colour

KERNEL = np.array([[9, 0, 0], [0, 9, 0], [0, 0, 9]], np.float32)[:, :, None, None]


def colour_of(tmp_path, last: str = "", given: tuple[int, ...] = (1, 3), **options) -> Classifier:
    steps = [conv(["in", "kernel"], "maps"), node("GlobalAveragePool", ["maps"], "mean")]
    steps.append(node("Flatten", ["mean"], "flat" if last else "out", axis=1))
    if last:
        steps.append(node(last, ["flat"], "out", **({"axis": 1} if last == "Softmax" else {})))
    path = tmp_path / "colour.onnx"
    path.write_bytes(network(steps, ["n", 3, "h", "w"], given, {"kernel": KERNEL}))
    wanted = {"names": ("red", "green", "blue"), "pixels": "0..1", "size": (8, 8)} | options
    return Classifier(ClassifyParams(model=str(path), **wanted))


def plain(bgr: tuple[int, int, int]) -> View:
    return View(np.full((20, 30, 3), bgr, np.uint8))


@pytest.mark.parametrize("last", ["", "Softmax"], ids=["softmax outside", "softmax inside"])
def test_softmax_is_applied_where_it_is_missing(tmp_path, last):
    labels = colour_of(tmp_path, last).classify(plain((0, 51, 204)))
    shares = np.exp([9 * 0.8, 9 * 0.2, 0.0])
    assert [name for name, _ in labels.rows()] == ["red", "green", "blue"]
    assert labels.scores == pytest.approx(shares / shares.sum(), abs=1e-4)


def test_classes_that_do_not_exclude_each_other(tmp_path):
    labels = colour_of(tmp_path, activation="sigmoid").classify(plain((0, 51, 204)))
    assert labels.scores == pytest.approx(1 / (1 + np.exp([-7.2, -1.8, 0])), abs=1e-4)


def test_only_as_many_as_asked_for_and_sure_enough(tmp_path):
    view = plain((0, 204, 204))
    assert len(colour_of(tmp_path, top=2).classify(view)) == 2
    assert len(colour_of(tmp_path, confidence=0.3).classify(view)) == 2
    assert len(colour_of(tmp_path, confidence=0.9).classify(view)) == 0


def test_blue_and_red_are_not_mixed_up(tmp_path):
    assert next(colour_of(tmp_path).classify(plain((255, 0, 0))).rows())[0] == "blue"
    assert next(colour_of(tmp_path, colour="bgr").classify(plain((255, 0, 0))).rows())[0] == "red"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"size": None}, r"leaves its input's size free; give it: size: \[width", id="no size"),
        pytest.param({"given": (1, 3, 8, 8)}, "expected one row of class scores", id="a class map"),
        pytest.param({"names": ("a", "b")}, "gives 3 scores for 2 class names", id="other names"),
    ],
)
def test_what_a_file_does_not_say_is_asked(tmp_path, options, words):
    with pytest.raises(ModelError, match=words):
        colour_of(tmp_path, **options).classify(plain((0, 0, 0)))


def test_a_list_of_1000_is_imagenets_and_notes_come_first(tmp_path, weights):
    bare = Classifier(ClassifyParams(model=str(weights / "squeezenet1.0_imagenet.onnx")))
    assert bare.names[21] == "kite"
    path = tmp_path / "noted.onnx"
    nodes = [node("GlobalAveragePool", ["in"], "out")]
    noted = {"names": "{0: 'a', 1: 'b', 2: 'c'}"}
    path.write_bytes(network(nodes, [1, 3, 8, 8], [1, 3, 1, 1], notes=noted))
    assert Classifier(ClassifyParams(model=str(path))).names == {0: "a", 1: "b", 2: "c"}


def test_other_formats_need_a_card(weights):
    with pytest.raises(ModelError, match=r"only ONNX files do; export it to ONNX, or write it a card"):
        Classifier(ClassifyParams(model=str(weights / "selfie_segmentation.tflite")))


def test_crops_are_views_of_their_own(picture, zoom):
    view = zoom(picture("bus.jpg"), 0.5)
    boxes = np.array([[100, 200, 300, 600], [-50, -50, -10, -10]], np.float32)
    first, outside = crops(view, boxes, 0.1)
    assert (first.width, first.height) == (120, 240)
    assert first.boxes_to_source(np.array([[0, 0, 120, 240]]))[0] == pytest.approx([80, 160, 320, 640])
    assert (outside.width, outside.height) == (1, 1)
    assert np.shares_memory(first.pixels, view.pixels)


def test_labels_of_uneven_lengths_are_refused():
    with pytest.raises(ShapeError, match=r"Labels .*: expected \(K,\) and \(K,\), got \(2,\) and \(1,\)"):
        Labels(np.array([1, 2]), np.array([0.5], np.float32))


def test_the_most_similar_come_first_and_equal_ones_in_order():
    gallery = np.array([[1, 0], [0, 1], [0, 1], [0.6, 0.8]], np.float32)
    rows, alike = most_similar(np.array([[0, 1.0]]), gallery, 9)
    assert rows.tolist() == [[1, 2, 3, 0]]
    assert alike[0] == pytest.approx([1, 1, 0.8, 0])


class WholeNumbers:
    """An engine whose network gives whole numbers, as those made for small devices do."""

    name, device = "openvino", "cpu"

    def run(self, blob):
        shares = np.zeros((1, 1000), np.uint8)
        shares[0, [21, 22]] = 192, 64
        return [shares]


def test_whole_numbers_are_parts_of_256(weights):
    labels = Classifier(models=weights, engine=WholeNumbers()).classify(plain((0, 0, 0)))
    assert list(labels.rows())[:2] == [("kite", 0.75), ("bald eagle", 0.25)]
