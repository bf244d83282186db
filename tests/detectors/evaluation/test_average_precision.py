"""COCO's numbers, against pycocotools."""

from __future__ import annotations

import contextlib
import copy
import io
from typing import Any

import numpy as np
import pytest

from detectors.evaluation import MEASURES, Dataset, Evaluation, Found, Picture, Rules, Truth, evaluate
from vidstream.types import Detections


def one_class(truth: list[Any], found: list[Any], **rules: Any) -> Evaluation:
    """Boxes (x, y, w, h[, score]) of one class on one picture; a fifth value of the truth marks a crowd."""
    table = np.array([row[:4] for row in truth], float).reshape(-1, 4)
    known = Truth.of(
        np.zeros(len(truth)), table, np.ones(len(truth)), crowds=[len(r) > 4 for r in truth] or False
    )
    boxes = np.array(found, float).reshape(-1, 5)
    reported = Found.of(np.zeros(len(found)), boxes[:, :4], np.ones(len(found)), boxes[:, 4])
    dataset = Dataset("one", (Picture("a.jpg", 640, 480),), {1: "thing"}, known)
    return evaluate(dataset, reported, Rules(**rules))


# pycocotools 2.0.11 on the same boxes
GOLDEN = {
    "AP": 0.2243172198249647,
    "AP50": 0.349341865919434,
    "AP75": 0.23294557425844864,
    "APsmall": 0.1731353135313531,
    "APmedium": 0.26891812847707863,
    "APlarge": 0.2702742405349558,
    "AR1": 0.27545484539969833,
    "AR10": 0.5022294494720965,
    "AR100": 0.5022294494720965,
    "ARsmall": 0.21333333333333335,
    "ARmedium": 0.5016460561497326,
    "ARlarge": 0.6543055555555555,
}


def test_cocos_twelve_numbers(scene):
    made = scene(1)
    assert (len(made.annotations), len(made.results)) == (107, 156), "the scene is the one they were made on"
    assert evaluate(made.dataset, made.found).summary() == GOLDEN


def pycocotools(made: Any) -> Any:
    coco = pytest.importorskip("pycocotools.coco", reason="comes with requirements/eval.txt")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO()
        truth.dataset = {
            "images": [{"id": p.id, "width": p.width, "height": p.height} for p in made.dataset.pictures],
            "annotations": made.annotations,
            "categories": [{"id": number, "name": name} for number, name in made.dataset.names.items()],
        }
        truth.createIndex()
        run = cocoeval.COCOeval(truth, truth.loadRes(copy.deepcopy(made.results)), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return run


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="several classes, some crowds, scores that tie"),
        pytest.param({"digits": 1}, id="hardly any two scores differ"),
        pytest.param({"crowds": 0.6}, id="mostly crowds"),
        pytest.param({"classes": 1, "pictures": 12}, id="one class"),
        pytest.param({"classes": 30, "pictures": 25}, id="classes without objects, classes without boxes"),
    ],
)
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_every_cell_is_that_of_pycocotools(scene, options, seed):
    made = scene(seed, **options)
    theirs, ours = pycocotools(made), evaluate(made.dataset, made.found)
    np.testing.assert_array_equal(ours.precision, theirs.eval["precision"][..., -1])
    np.testing.assert_array_equal(ours.recall, theirs.eval["recall"])
    np.testing.assert_array_equal(np.nan_to_num(list(ours.summary().values()), nan=-1.0), theirs.stats)


def test_more_than_a_hundred_boxes_on_a_picture(scene):
    made = scene(5, pictures=2, classes=1)
    many = []
    for number in range(400):
        row = made.results[number % len(made.results)]
        x, y, width, height = row["bbox"]
        moved = [x + number / 7, y, width, height]
        many.append(row | {"bbox": moved, "score": round(number * 7 % 100 / 100, 2)})
    found = Found.of(
        [row["image_id"] - 1 for row in many],
        [row["bbox"] for row in many],
        [row["category_id"] for row in many],
        [row["score"] for row in many],
    )
    assert np.bincount(found.pictures).max() > 150
    theirs, ours = pycocotools(made._replace(results=many)), evaluate(made.dataset, found)
    np.testing.assert_array_equal(ours.precision, theirs.eval["precision"][..., -1])
    np.testing.assert_array_equal(ours.recall, theirs.eval["recall"])


@pytest.mark.parametrize(
    ("truth", "found", "ap50"),
    [
        pytest.param([(0, 0, 10, 10)], [(0, 0, 10, 10, 0.5)], 1.0, id="found"),
        pytest.param([(0, 0, 10, 10)], [], 0.0, id="missed"),
        pytest.param(
            [(0, 0, 10, 10)], [(0, 0, 10, 5, 0.5)], 1.0, id="an overlap of exactly a half is enough"
        ),
        pytest.param([(0, 0, 10, 10)], [(0, 0, 10, 4.9, 0.5)], 0.0, id="less is not"),
        pytest.param(
            [(0, 0, 10, 10)], [(50, 0, 9, 9, 0.9), (0, 0, 10, 10, 0.5)], 0.5, id="a surer box on nothing"
        ),
        pytest.param(
            [(0, 0, 10, 10)],
            [(0, 0, 10, 10, 0.9), (50, 0, 9, 9, 0.5)],
            1.0,
            id="a less sure one harms nobody",
        ),
        pytest.param(
            [(0, 0, 10, 10), (40, 0, 10, 10)],
            [(0, 0, 10, 10, 0.9), (1, 0, 10, 10, 0.8)],
            51 / 101,
            id="two boxes, one object",
        ),
        pytest.param(
            [(0, 0, 10, 10), (100, 0, 99, 99, "crowd")],
            [(110, 9, 20, 20, 0.9), (140, 9, 20, 20, 0.8), (0, 0, 10, 10, 0.5)],
            1.0,
            id="any number of boxes in a crowd is neither right nor wrong",
        ),
    ],
)
def test_average_precision_by_hand(truth, found, ap50):
    assert one_class(truth, found).summary()["AP50"] == pytest.approx(ap50, abs=1e-12)


def test_where_there_is_nothing_to_find_there_is_no_number():
    assert all(np.isnan(value) for value in one_class([], [(0, 0, 9, 9, 0.5)]).summary().values())


def test_low_boxes_are_left_out_on_both_sides():
    truth, found = [(0, 0, 10, 30), (40, 0, 10, 12)], [(0, 0, 10, 30, 0.5), (80, 0, 10, 12, 0.9)]
    assert one_class(truth, found).summary()["AP50"] == pytest.approx(51 / 101 / 2)
    assert one_class(truth, found, min_height=20).summary()["AP50"] == pytest.approx(1.0)


def test_of_one_class(scene):
    made = scene(1)
    evaluation = evaluate(made.dataset, made.found)
    each = [evaluation.summary(class_id) for class_id in made.dataset.names]
    for name in MEASURES:
        assert np.nanmean([summary[name] for summary in each]) == pytest.approx(evaluation.summary()[name])


def test_it_does_not_matter_in_which_order_boxes_come(scene):
    made = scene(3, digits=9)
    order = np.argsort(made.found.xywh[:, 0])
    assert evaluate(made.dataset, made.found[order]).summary() == evaluate(made.dataset, made.found).summary()


def test_classes_are_matched_by_name():
    from detectors.evaluation import gather

    dataset = Dataset("d", (Picture("a", 9, 9), Picture("b", 9, 9)), {7: "person"}, Truth.of([], [], []))
    one = Detections.of([[0, 0, 4, 8], [1, 1, 2, 2]], [0.9, 0.8], [0, 1], names={0: "person", 1: "cat"})
    other = Detections.of([[0, 0, 2, 2]], 0.5, 0, names={0: "dog"})
    found, unknown = gather(dataset, {1: one, 0: other})
    assert unknown == ("dog", "cat")
    assert found.pictures.tolist() == [1]
    assert found.class_ids.tolist() == [7]
    assert found.xywh.tolist() == [[0, 0, 4, 8]]
