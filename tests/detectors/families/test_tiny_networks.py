"""Families whose weights cannot be had, and bare files of all: networks whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.dnn.detector import DnnDetector, DnnParams
from tests.support.tiny_networks import TensorProto, answering_network, helper, numpy_helper, onnx
from vidstream.errors import ModelError
from vidstream.types import View

CELLS = 64 + 16 + 4  # of three grids over 64 x 64
NAMES = ("ant", "bee", "cat")
#: a bee, in input pixels, as most of the networks below say it
BOX = (16.0, 24.0, 40.0, 48.0)
CENTRE = (28.0, 36.0, 24.0, 24.0)


def zeros(*shape, **rows):
    """An output with one row filled; ``at={(0, 5): [...]}``."""
    output = np.zeros(shape, np.float32)
    for place, values in rows.get("at", {}).items():
        output[place] = values
    return output


def logit(p):
    return float(np.log(p / (1 - p)))


def yolov5_raw():
    grids = [np.full((1, 3, n, n, 8), -20, np.float32) for n in (8, 4, 2)]
    # offset and size 0.5: the middle anchor, 16 x 30, half a cell beyond the corner of cell (3, 4)
    grids[0][0, 1, 4, 3] = [0, 0, 0, 0, logit(0.95), -20, logit(0.9), -20]
    return {f"grid{i}": grid for i, grid in enumerate(grids)}


def nanodet_plus():
    row = np.zeros(3 + 32, np.float32)
    row[1] = 0.855
    for side, strides in enumerate((1, 2, 3, 4)):
        row[3 + 8 * side + strides] = 50  # all the chance in one bin
    return {"output": zeros(1, CELLS + 1, 35, at={(0, 4 * 8 + 3): row})}


def pyramid(anchor):
    scores = np.full((1, 774, 6), -20, np.float32)
    scores[0, (4 * 8 + 3) * 9 + anchor, 2] = logit(0.855)
    return {"boxes": zeros(1, 774, 4), "scores": scores}


def detr(values):
    logits = np.full((1, 10, len(values)), -20, np.float32)
    logits[..., -1] = 0 if len(values) == 4 else -20
    logits[0, 7] = values
    boxes = zeros(1, 10, 4, at={(0, 7): np.array(CENTRE) / 64})
    return {"logits": logits, "boxes": boxes}


V5 = {"output": zeros(1, 3 * CELLS, 8, at={(0, 9): [*CENTRE, 0.95, 0.1, 0.9, 0.1]})}
V8 = zeros(1, 7, CELLS)
V8[0, :, 9] = [*CENTRE, 0.1, 0.855, 0.1]
ENDED = {"output": zeros(1, 10, 6, at={(0, 4): [*BOX, 0.855, 1]})}

CASES = {
    # outputs, box in the input, family given
    "yolov5": (V5, BOX, "auto"),
    "yolov5 in shares of the input": (
        {"output": V5["output"] / np.array([64] * 4 + [1] * 4, np.float32)},
        BOX,
        "auto",
    ),
    "yolov5-raw": (yolov5_raw(), (20, 21, 36, 51), "auto"),
    "yolov8": ({"output": V8}, BOX, "auto"),
    "yolov8, the other way round": ({"output": V8.transpose(0, 2, 1).copy()}, BOX, "yolov8"),
    "end2end": (ENDED, BOX, "auto"),
    "nanodet-plus": (nanodet_plus(), (16, 16, 48, 64), "auto"),
    "detr": (detr([-20, logit(0.855), -20, 0]), BOX, "auto"),
    "rt-detr": (detr([-20, logit(0.855), -20]), BOX, "auto"),
    "rt-detr in one piece": (
        {"output": zeros(1, 10, 7, at={(0, 7): [*(np.array(CENTRE) / 64), 0.1, 0.855, 0.1]})},
        BOX,
        "rt-detr",
    ),
    "yolo-nas": (
        {"boxes": zeros(1, CELLS, 4, at={(0, 9): BOX}), "scores": zeros(1, CELLS, 3, at={(0, 9, 1): 0.855})},
        BOX,
        "yolo-nas",
    ),
    "pp-yoloe": (
        {"boxes": zeros(1, CELLS, 4, at={(0, 9): BOX}), "scores": zeros(1, 3, CELLS, at={(0, 1, 9): 0.855})},
        BOX,
        "yolo-nas",
    ),
    "ssd": ({"output": zeros(1, 1, 5, 7, at={(0, 0, 2): [0, 2, 0.855, *(np.array(BOX) / 64)]})}, BOX, "auto"),
    "ssd-boxes": (
        {
            "scores": zeros(1, 1500, 4, at={(0, 9): [0.1, 0, 0.855, 0]}),
            "boxes": zeros(1, 1500, 4, at={(0, 9): np.array(BOX) / 64}),
        },
        BOX,
        "auto",
    ),
    "retinanet": (pyramid(3), (8, 16, 40, 48), "retinanet"),
    "efficientdet": (
        {k: v[..., 1:] if k == "scores" else v for k, v in pyramid(0).items()},
        (12, 20, 44, 52),
        "efficientdet",
    ),
}
SCORES = {"detr": 0.855 / 0.145 / (1 + 0.855 / 0.145)}


@pytest.mark.parametrize("case", CASES)
def test_a_bare_file_finds_what_it_is_made_to_find(tmp_path, case):
    outputs, box, family = CASES[case]
    path = answering_network(tmp_path / "net.onnx", outputs)
    params = DnnParams(model=str(path), family=family, names=NAMES, engine="opencv", device="cpu")
    found = DnnDetector(params).detect(View(np.zeros((128, 128, 3), np.uint8)))
    assert [found.name_of(i) for i in range(len(found))] == ["bee"]
    np.testing.assert_allclose(found.boxes, [np.array(box) * 2], atol=1e-3)
    assert found.scores[0] == pytest.approx(0.855, abs=1e-3)


def test_masks_of_an_end_to_end_head(tmp_path):
    prototypes = np.full((1, 4, 16, 16), -1, np.float32)
    prototypes[0, 2, :, :8] = 1  # the left half
    rows = zeros(1, 10, 10, at={(0, 3): [*BOX, 0.9, 2, 0, 0, 5, 0]})
    path = answering_network(tmp_path / "net.onnx", {"rows": rows, "prototypes": prototypes})
    found = DnnDetector(DnnParams(model=str(path), names=NAMES)).detect(View(np.zeros((64, 64, 3), np.uint8)))
    assert found.name_of(0) == "cat"
    mask = found.masks[0]
    assert (mask.x, mask.y, mask.pixels.shape) == (16, 24, (24, 24))
    np.testing.assert_array_equal(mask.pixels.all(axis=0), np.arange(16, 40) < 32)


@pytest.mark.parametrize("ended", [True, False], ids=["end to end", "head"])
def test_key_points_as_noted_in_the_file(tmp_path, ended):
    points = [20, 30, 0.9, 25, 35, 0.1]
    notes = {"task": "pose", "names": "{0: 'hand'}", "kpt_shape": "[2, 3]"}
    output = zeros(1, 10, 12, at={(0, 3): [*BOX, 0.9, 0, *points]})
    if not ended:
        output = zeros(1, 11, CELLS)
        output[0, :, 20] = [*CENTRE, 0.9, *points]
    path = answering_network(tmp_path / "net.onnx", {"output": output}, notes=notes)
    detector = DnnDetector(DnnParams(model=str(path)))
    found = detector.detect(View(np.zeros((64, 64, 3), np.uint8)))
    assert detector.names == {0: "hand"}
    np.testing.assert_allclose(found.keypoints[0].ravel(), points, atol=1e-4)


def test_what_the_picture_shows_decides(tmp_path):
    output = zeros(1, 10, 6, at={(0, 4): [*BOX, 0.0, 1]})
    slope = zeros(1, 10, 6, at={(0, 4, 4): 1.0})
    path = answering_network(tmp_path / "net.onnx", {"output": output}, red={"output": slope})
    detector = DnnDetector(DnnParams(model=str(path), confidence=0.5))
    pixels = np.zeros((64, 64, 3), np.uint8)
    assert len(detector.detect(View(pixels))) == 0
    pixels[:, :, 2] = 153
    assert detector.detect(View(pixels)).scores.tolist() == pytest.approx([0.6], abs=1e-3)


@pytest.mark.parametrize(
    ("outputs", "notes", "words"),
    [
        pytest.param(
            {"output": zeros(1, CELLS, 7)},
            {},
            r"fit yolox \(2 classes\) and yolov8 \(3 classes\).*give family: yolox or family: yolov8; or",
            id="two families",
        ),
        pytest.param(
            {"boxes": zeros(1, 774, 4), "scores": zeros(1, 774, 5)},
            {},
            r"fit .*retinanet \(4 classes\).*efficientdet \(5 classes\)",
            id="the same anchors",
        ),
        pytest.param({"output": zeros(1, 33)}, {}, "of no known family; give family: yolox, ", id="none"),
        pytest.param(
            {"output": zeros(1, 7, CELLS)}, {"task": "obb"}, "is for another task.*obb", id="turned boxes"
        ),
    ],
)
def test_the_user_is_asked_where_a_file_is_not_clear(tmp_path, outputs, notes, words):
    path = answering_network(tmp_path / "net.onnx", outputs, notes=notes)
    with pytest.raises(ModelError, match=words):
        DnnDetector(DnnParams(model=str(path)))


def test_notes_decide_between_families(tmp_path):
    notes = {"task": "detect", "names": "{0: 'a', 1: 'b', 2: 'c'}"}
    path = answering_network(tmp_path / "net.onnx", {"output": zeros(1, CELLS, 7)}, notes=notes)
    assert DnnDetector(DnnParams(model=str(path))).card.family == "yolov8"


@pytest.fixture
def listing(tmp_path):
    """RT-DETR with its post-processing: labels, boxes and scores, boxes as shares of a size that is fed."""
    shares = zeros(1, 5, 4, at={(0, 2): np.array(BOX) / 64})
    constants = {
        "shares": shares,
        "labels.at": np.array([[0, 0, 1, 0, 0]], np.int64),
        "scores.at": np.array([[0, 0, 0.75, 0, 0]], np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["orig_target_sizes"], ["size"], to=TensorProto.FLOAT),
        helper.make_node("Concat", ["size", "size"], ["twice"], axis=1),
        helper.make_node("Mul", ["shares", "twice"], ["boxes"]),
        helper.make_node("Identity", ["labels.at"], ["labels"]),
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "mean"], ["square"]),
        helper.make_node("Sub", ["square", "square"], ["nothing"]),
        helper.make_node("Add", ["scores.at", "nothing"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "listing",
        [
            helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 64, 64]),
            helper.make_tensor_value_info("orig_target_sizes", TensorProto.INT64, [1, 2]),
        ],
        [
            helper.make_tensor_value_info("labels", TensorProto.INT64, [1, 5]),
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [1, 5, 4]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 5]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7)
    onnx.save(model, str(tmp_path / "listing.onnx"))
    return tmp_path / "listing.onnx"


def test_a_network_that_wants_the_size_is_told_it(listing):
    pytest.importorskip("onnxruntime")
    detector = DnnDetector(DnnParams(model=str(listing), names=NAMES, engine="onnxruntime"))
    found = detector.detect(View(np.zeros((128, 64, 3), np.uint8)))
    assert detector.card.family == "listed"
    assert found.name_of(0) == "bee"
    np.testing.assert_allclose(found.boxes, [[16, 48, 40, 96]], atol=1e-3)
