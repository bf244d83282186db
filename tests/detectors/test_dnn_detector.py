from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest

from detectors import catalogue
from detectors.dnn.describe import describe
from detectors.dnn.detector import DnnDetector, DnnParams, check
from vidstream import geometry
from vidstream.errors import ModelError
from vidstream.types import View

# what the same weights gave elsewhere: best score of each class, and how many
SEEN = {
    ("yolox-nano", "bus.jpg"): {"bus": (1, 0.91), "person": (3, 0.85)},
    ("yolox-nano", "dog.jpg"): {"dog": (1, 0.86), "bicycle": (1, 0.80), "car": (1, 0.80), "truck": (1, 0.31)},
    ("yolox-nano", "zidane.jpg"): {"person": (2, 0.85), "tie": (2, 0.47)},
    ("yolov8n", "bus.jpg"): {"bus": (1, 0.87), "person": (4, 0.87), "stop sign": (1, 0.26)},
    ("yolov8n", "dog.jpg"): {"dog": (1, 0.91), "bicycle": (1, 0.89), "car": (1, 0.53), "truck": (1, 0.51)},
    ("yolov8n", "zidane.jpg"): {"person": (2, 0.85), "tie": (1, 0.36)},
}
# boxes of bus.jpg, drawn on the picture and checked by eye
BUS = {
    "bus": [[8, 232, 803, 740]],
    "person": [[49, 399, 245, 903], [670, 380, 810, 876], [221, 406, 345, 857]],
}


@pytest.fixture(scope="module")
def seen_with(weights, tmp_path_factory):
    """Detectors fed as those that gave `SEEN`: padded right and below, smallest score 0.3 or 0.25."""
    folder = tmp_path_factory.mktemp("models")
    original = catalogue.card("yolov8n", weights)
    corner = dataclasses.replace(
        original,
        name="yolov8n-corner",
        files={"model": dataclasses.replace(original.main, file="yolov8n_corner.onnx")},
        input=dataclasses.replace(original.input, fit="corner"),
    )
    catalogue.add({"model": (weights / "yolov8n.onnx").read_bytes()}, corner, folder)
    return {
        "yolox-nano": DnnDetector(DnnParams(model="yolox-nano", confidence=0.3), models=weights),
        "yolov8n": DnnDetector(DnnParams(model="yolov8n-corner", confidence=0.25), models=folder),
    }


@pytest.fixture(scope="module")
def yolov8n(weights):
    return DnnDetector(DnnParams(model="yolov8n"), models=weights)


@pytest.mark.parametrize(("model", "name"), SEEN, ids=lambda x: x)
def test_sees_what_was_seen_with_these_weights(seen_with, picture, model, name):
    found = seen_with[model].detect(picture(name))
    labels = [found.name_of(i) for i in range(len(found))]
    best = {label: found.scores[labels.index(label)] for label in labels}
    assert Counter(labels) == {label: count for label, (count, _) in SEEN[model, name].items()}
    assert best == {label: pytest.approx(score, abs=0.011) for label, (_, score) in SEEN[model, name].items()}
    assert (np.diff(found.scores) <= 0).all()


@pytest.mark.parametrize("label", BUS)
def test_boxes_are_where_the_objects_are(yolov8n, picture, label):
    found = yolov8n.detect(picture("bus.jpg"))
    boxes = found.boxes[[found.name_of(i) == label for i in range(len(found))]]
    assert geometry.iou(np.array(BUS[label], np.float32), boxes).max(axis=1).min() > 0.85


def test_finds_the_objects_people_marked(weights, assets, picture, count_matches):
    detector = DnnDetector(DnnParams(model="yolov8n", confidence=0.02), models=weights)
    hits = wanted = 0
    for name in ("000000000042", "000000000049", "000000000061", "000000000036"):
        view = picture(f"coco8/images/val/{name}.jpg")
        table = np.loadtxt(assets(f"coco8/labels/val/{name}.txt"), ndmin=2)
        size = np.array([view.width, view.height] * 2)
        truth = geometry.from_cxcywh(table[:, 1:]) * size
        found = detector.detect(view)
        for class_id in np.unique(table[:, 0]):
            marked = truth[table[:, 0] == class_id]
            large = geometry.area(marked) > 0.01 * view.width * view.height
            hits += count_matches(found.boxes[found.class_ids == class_id], marked[large], 0.5)
            wanted += int(large.sum())
    assert wanted >= 8
    assert hits / wanted >= 0.75


@pytest.mark.parametrize("model", ["yolox-nano", "yolov8n"])
def test_boxes_come_back_from_a_crop_and_a_resize(weights, picture, crop, zoom, model):
    detector = DnnDetector(DnnParams(model=model, classes=("dog",)), models=weights)
    view = picture("dog.jpg")
    whole = detector.detect(view)
    others = (
        zoom(view, 0.8),
        zoom(view, 1.6),
        crop(view, 20, 30, 720, 540),
        crop(zoom(view, 1.5), 90, 150, 750, 714),
    )
    for other, found in zip(others, detector.detect_batch(others), strict=True):
        assert geometry.iou(found.boxes[:1], whole.boxes[:1])[0, 0] > 0.85, other.matrix


def test_boxes_stay_inside_the_picture(yolov8n, picture):
    view = picture("zidane.jpg")
    boxes = yolov8n.detect(view).boxes
    assert (boxes >= 0).all()
    assert (boxes[:, 2:] <= [view.width, view.height]).all()


def test_keeps_the_classes_asked_for(weights, picture):
    every = DnnDetector(DnnParams(), models=weights).detect(picture("dog.jpg"))
    some = DnnDetector(DnnParams(classes=("bicycle", "dog")), models=weights).detect(picture("dog.jpg"))
    wanted = [i for i in range(len(every)) if every.name_of(i) in ("bicycle", "dog")]
    assert 0 < len(wanted) < len(every)
    assert some.boxes.tolist() == every.boxes[wanted].tolist()
    assert some.class_ids.tolist() == every.class_ids[wanted].tolist()


@pytest.mark.parametrize(
    ("file", "family"), [("yolox_nano.onnx", "yolox"), ("yolov8n.onnx", "yolov8")], ids=["yolox", "yolov8"]
)
def test_a_file_tells_its_family_and_size(weights, picture, file, family):
    named = {"yolox": "yolox-nano", "yolov8": "yolov8n"}[family]
    by_file = DnnDetector(DnnParams(model=str(weights / file)))
    by_name = DnnDetector(DnnParams(model=named), models=weights)
    assert by_file.card.family == family
    assert by_file.card.input == by_name.card.input
    assert by_file.names == by_name.names
    view = picture("dog.jpg")
    assert by_file.detect(view).boxes.tolist() == by_name.detect(view).boxes.tolist()


def test_names_of_ones_own(weights):
    names = tuple(f"thing {i}" for i in range(80))
    detector = DnnDetector(
        DnnParams(model=str(weights / "yolox_nano.onnx"), names=names, classes=("thing 3",))
    )
    assert detector.names[79] == "thing 79"


def test_an_added_file_is_a_model_like_the_others(weights, tmp_path, picture):
    card, files = describe(weights / "yolox_nano.onnx", name="mine")
    catalogue.add(files, card, tmp_path / "models")
    detector = DnnDetector(DnnParams(model="mine"), models=tmp_path / "models")
    assert len(detector.detect(picture("dog.jpg"))) >= 3


def test_takes_a_shared_network(weights, picture):
    class Recorder:
        device = "elsewhere"

        def run(self, blob):
            self.blob = blob.copy()
            output = np.zeros((1, 3549, 85), np.float32)
            output[0, 0, [2, 3, 4, 5]] = [np.log(10), np.log(10), 1.0, 0.9]
            return [output]

    engine = Recorder()
    detector = DnnDetector(DnnParams(), models=weights, engine=engine)
    found = detector.detect(View(np.zeros((416, 416, 3), np.uint8)))
    assert detector.device == "elsewhere"
    assert engine.blob.shape == (1, 3, 416, 416)
    np.testing.assert_allclose(found.boxes, [[0, 0, 40, 40]], rtol=1e-6)
    assert found.name_of(0) == "person"


@pytest.mark.parametrize(
    ("params", "words"),
    [
        pytest.param({"model": "yolox-nono"}, "did you mean 'yolox-nano'", id="a slip in the name"),
        pytest.param({"model": "./none.onnx"}, "no such file", id="no file"),
        pytest.param({"model": "osnet-x0.25"}, "is for another task: embed, not detect", id="not a detector"),
        pytest.param(
            {"classes": ("persn",)}, "has no class 'persn'; did you mean 'person'", id="no such class"
        ),
        pytest.param(
            {"model": "{weights}/coco.names"}, "is no network's file, by its name", id="not a network"
        ),
        pytest.param(
            {"model": "{weights}/squeezenet1.0_imagenet.onnx"},
            "of no known family; give family",
            id="new family",
        ),
        pytest.param(
            {"model": "{weights}/PP-OCRv6_det_tiny.onnx"},
            "one input of fixed size.*export it",
            id="free size",
        ),
    ],
)
def test_both_check_and_the_detector_tell_what_is_wrong(weights, params, words):
    params = {k: v.format(weights=weights) if isinstance(v, str) else v for k, v in params.items()}
    for make in (check, DnnDetector):
        with pytest.raises(ModelError, match=words):
            make(DnnParams(**params), models=weights)


def test_a_family_given_wrongly_is_told_with_the_first_picture(weights):
    detector = DnnDetector(DnnParams(model=str(weights / "yolox_nano.onnx"), family="yolov8-seg"))
    with pytest.raises(ModelError, match="family yolov8-seg: expected rows"):
        detector.detect(View(np.zeros((10, 10, 3), np.uint8)))


def test_check_loads_no_weights(weights, tmp_path):
    (tmp_path / "yolox_nano.onnx").write_bytes(b"not the file at all")
    assert check(DnnParams(), tmp_path).name == "yolox-nano"
    with pytest.raises(ModelError, match="has 19 bytes, not 3713911"):
        DnnDetector(DnnParams(), models=tmp_path)
