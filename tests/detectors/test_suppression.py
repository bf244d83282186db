from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.suppression import Suppression, logistic, nms, suppress, without_nested
from vidstream import geometry
from vidstream.errors import ShapeError

corner = st.integers(-60, 60)
side = st.integers(1, 60)
rows = st.lists(st.tuples(corner, corner, side, side, st.integers(0, 100), st.integers(0, 3)), max_size=30)


@given(rows)
def test_keeps_the_rows_of_plain_greedy_suppression(given_rows):
    table = np.array(given_rows, np.float32).reshape(-1, 6)
    boxes, scores, ids = geometry.from_xywh(table[:, :4]), table[:, 4] / 100, table[:, 5].astype(np.int64)
    # a threshold that no ratio of areas this small equals
    assert nms(boxes, scores, 0.37173, ids).tolist() == geometry.nms(boxes, scores, 0.37173, ids).tolist()
    assert nms(boxes, scores, 0.37173).tolist() == geometry.nms(boxes, scores, 0.37173).tolist()


def test_classes_stay_apart_left_of_the_picture():
    boxes = np.array([[-90, -90, -10, -10], [-90, -90, -10, -10], [-89, -90, -10, -10]], np.float32)
    scores = np.array([0.5, 0.6, 0.4], np.float32)
    assert nms(boxes, scores, 0.5, np.array([0, 1, 0])).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("boxes", "kept"),
    [
        pytest.param([[0, 0, 10, 10], [2, 2, 6, 6]], [0], id="a box inside a better one goes"),
        pytest.param([[2, 2, 6, 6], [0, 0, 10, 10]], [0], id="a box around a better one goes"),
        pytest.param([[0, 0, 10, 10], [5, 0, 15, 10]], [0, 1], id="half shared stays"),
        pytest.param([[0, 0, 10, 10], [4, 0, 12, 10], [6, 0, 14, 10]], [0, 2], id="a dropped box drops none"),
        pytest.param([[3, 3, 3, 3], [0, 0, 10, 10]], [0, 1], id="an empty box shares nothing"),
    ],
)
def test_nested_boxes(boxes, kept):
    assert without_nested(np.array(boxes, np.float32), 0.7).tolist() == kept


def test_no_boxes():
    none = np.zeros((0, 4), np.float32)
    assert nms(none, np.zeros(0, np.float32), 0.5).shape == (0,)
    assert without_nested(none, 0.5).shape == (0,)


def test_logistic_is_a_half_at_zero_and_takes_any_number():
    scores = logistic(np.array([-np.inf, -1.0, 0.0, 1.0, np.inf]))
    assert scores.dtype == np.float32
    assert scores[2] == 0.5
    assert (np.diff(scores) > 0).all()
    assert scores[0] >= 0
    assert scores[-1] <= 1


#: two detectors, three objects, one box of another class on the second object
BOXES = np.array(
    [
        [10.0, 11.8, 58.4, 104.7],
        [4.1, 10.4, 68.0, 107.0],
        [82.9, 22.1, 140.6, 84.4],
        [84.2, 11.9, 137.3, 78.6],
        [138.9, 38.6, 182.4, 161.6],
        [148.9, 24.9, 186.8, 159.7],
        [0.8, 7.1, 54.1, 105.1],
        [5.2, 9.8, 65.3, 106.5],
        [80.7, 20.4, 132.6, 90.5],
        [70.7, 25.2, 140.7, 86.2],
        [154.6, 32.8, 190.4, 163.5],
        [154.1, 39.6, 194.0, 168.6],
    ],
    np.float32,
)
SCORES = np.array([0.43, 0.55, 0.58, 0.94, 0.23, 0.59, 0.35, 0.4, 0.76, 0.47, 0.31, 0.65], np.float32)
CLASSES = np.array([0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 1])
ORIGINS = np.array([0] * 6 + [1] * 6)


def by_row(kept) -> list[float]:
    """Scores in the order of the rows given."""
    assert (np.diff(kept.scores) <= 0).all(), "best first"
    return kept.scores[np.argsort(kept.rows)].tolist()


@pytest.mark.parametrize(
    ("how", "rows"),
    [  # torchvision.ops 0.29: batched_nms, nms
        pytest.param(Suppression(iou=0.5), [3, 11, 1, 9, 4], id="per class"),
        pytest.param(Suppression(iou=0.5, agnostic=True), [3, 11, 1, 4], id="over classes"),
        pytest.param(Suppression(iou=0.7, agnostic=True), [3, 8, 11, 5, 1, 9, 4], id="higher threshold"),
        pytest.param(Suppression(iou=0.5, min_score=0.5), [3, 11, 1], id="weak ones left out"),
    ],
)
def test_greedy_is_torchvisions(how, rows):
    kept = suppress(BOXES, SCORES, CLASSES, how)
    assert kept.rows.tolist() == rows
    assert kept.boxes.tolist() == BOXES[rows].tolist()
    assert kept.scores.tolist() == SCORES[rows].tolist()


# ensemble-boxes 1.0.9 (cpu_soft_nms_float, one class at a time, threshold 0.3, sigma 0.5)
SOFT_LINEAR = [0.11678, 0.55, 0.04007, 0.94, 0.04297, 0.22388, 0.02747, 0.0017, 0.26933, 0.47, 0.00751, 0.65]
SOFT_GAUSS = [0.1488, 0.55, 0.06604, 0.94, 0.06373, 0.27314, 0.04406, 0.00735, 0.33019, 0.47, 0.01678, 0.65]
# the listing in SOLOv2's appendix, run in torch on torchvision's box_iou (its sigma 2 is 1 / 0.5)
MATRIX_GAUSS = [0.1488, 0.55, 0.20252, 0.94, 0.14227, 0.27314, 0.1274, 0.07087, 0.33019, 0.47, 0.08003, 0.65]
MATRIX_LINEAR = [
    0.11678,
    0.55,
    0.15932,
    0.94,
    0.11728,
    0.22388,
    0.10121,
    0.02791,
    0.26933,
    0.47,
    0.05492,
    0.65,
]


@pytest.mark.parametrize(
    ("how", "scores"),
    [
        pytest.param(Suppression("soft", iou=0.3, decay="linear"), SOFT_LINEAR, id="soft, linear"),
        pytest.param(Suppression("soft", decay="gaussian", sigma=0.5), SOFT_GAUSS, id="soft, gaussian"),
        pytest.param(Suppression("matrix", decay="gaussian", sigma=0.5), MATRIX_GAUSS, id="matrix, gaussian"),
        pytest.param(Suppression("matrix", decay="linear"), MATRIX_LINEAR, id="matrix, linear"),
    ],
)
def test_scores_sink_as_published(how, scores):
    kept = suppress(BOXES, SCORES, CLASSES, how)
    assert by_row(kept) == pytest.approx(scores, abs=1e-5)
    assert kept.boxes.tolist() == BOXES[kept.rows].tolist()


FUSED_EVEN = (
    [
        [82.703, 17.328, 136.573, 84.042],
        [150.499, 33.414, 189.488, 163.857],
        [5.153, 9.942, 62.177, 105.928],
        [70.7, 25.2, 140.7, 86.2],
    ],
    [0.76, 0.445, 0.4325, 0.235],
    [0, 1, 0, 1],
)
FUSED_WEIGHTED = (
    [
        [83.103, 16.714, 137.367, 82.751],
        [5.708, 10.33, 62.76, 105.951],
        [149.11, 31.941, 188.251, 162.714],
        [70.7, 25.2, 140.7, 86.2],
    ],
    [0.84444, 0.45167, 0.43333, 0.15667],
    [0, 0, 1, 1],
)
FUSED_ALONE = (
    [FUSED_EVEN[0][0], FUSED_EVEN[0][3], FUSED_EVEN[0][1], FUSED_EVEN[0][2]],
    [0.76, 0.47, 0.445, 0.4325],
    [0, 1, 1, 0],
)


@pytest.mark.parametrize(
    ("origins", "weights", "expected"),
    [  # ensemble-boxes 1.0.9, weighted_boxes_fusion at 0.55
        pytest.param(ORIGINS, (1, 1), FUSED_EVEN, id="two detectors alike"),
        pytest.param(ORIGINS, (2, 1), FUSED_WEIGHTED, id="the first counts twice"),
        pytest.param(ORIGINS, (4, 2), FUSED_WEIGHTED, id="only the ratio of weights counts"),
        pytest.param(None, (1,), FUSED_ALONE, id="one detector"),
    ],
)
def test_fusion_is_that_of_its_authors(origins, weights, expected):
    how = Suppression("wbf", iou=0.55)
    kept = suppress(BOXES, SCORES, CLASSES, how, origins=origins, weights=weights)
    boxes, scores, classes = expected
    np.testing.assert_allclose(kept.boxes, boxes, atol=2e-3)
    np.testing.assert_allclose(kept.scores, scores, atol=1e-5)
    assert CLASSES[kept.rows].tolist() == classes


def around(*rows: int) -> list[float]:
    chosen = BOXES[list(rows)]
    return [*chosen[:, :2].min(axis=0), *chosen[:, 2:].max(axis=0)]


@pytest.mark.parametrize(
    ("how", "groups"),
    [  # supervision 0.31, box_non_max_merge
        pytest.param(
            Suppression("merge", iou=0.5), [[3, 8, 2], [11, 5, 10], [1, 0, 7, 6], [9], [4]], id="per class"
        ),
        pytest.param(
            Suppression("merge", iou=0.7, overlap="ios", agnostic=True),
            [[3, 8, 2, 9], [11, 5, 10], [1, 0, 7, 6], [4]],
            id="by the smaller box, over classes",
        ),
    ],
)
def test_merging_groups_are_supervisions(how, groups):
    kept = suppress(BOXES, SCORES, CLASSES, how)
    assert kept.rows.tolist() == [group[0] for group in groups]
    assert kept.boxes.tolist() == [around(*group) for group in groups]
    assert kept.scores.tolist() == SCORES[[group[0] for group in groups]].tolist()


@pytest.mark.parametrize(
    ("overlap", "expected"),
    [  # torchvision.ops 0.29, first three boxes against boxes 4 to 7
        (geometry.aligned_giou, [-0.618716, -0.632667, 0.724727, 0.773678]),
        (geometry.aligned_diou, [-0.340115, -0.358004, 0.724728, 0.773592]),
        (geometry.aligned_ciou, [-0.340179, -0.358296, 0.724728, 0.773568]),
    ],
)
def test_relatives_of_iou_are_torchvisions(overlap, expected):
    table = overlap(BOXES[:3, None].astype(np.float64), BOXES[None, 4:8].astype(np.float64))
    np.testing.assert_allclose(table[0], expected, atol=2e-6)


def test_distance_keeps_two_that_stand_one_behind_the_other():
    # IoU 0.5 exactly, centres 10/3 apart of a diagonal of sqrt(10^2 + (40/3)^2): DIoU is 0.5 - 0.04
    boxes = np.array([[0, 0, 10, 10], [0, 10 / 3, 10, 40 / 3]], np.float32)
    scores, classes = np.array([0.9, 0.8], np.float32), np.zeros(2, np.int64)
    assert suppress(boxes, scores, classes, Suppression(iou=0.48)).rows.tolist() == [0]
    assert suppress(boxes, scores, classes, Suppression(iou=0.48, overlap="diou")).rows.tolist() == [0, 1]
    assert suppress(boxes, scores, classes, Suppression(iou=0.45, overlap="diou")).rows.tolist() == [0]


METHODS = ("nms", "soft", "matrix", "wbf", "merge")


@given(rows, st.sampled_from(METHODS), st.sampled_from(("iou", "ios", "giou", "diou", "ciou")), st.booleans())
def test_what_all_methods_promise(given_rows, method, overlap, agnostic):
    table = np.array(given_rows, np.float32).reshape(-1, 6)
    boxes, scores, ids = geometry.from_xywh(table[:, :4]), table[:, 4] / 100, table[:, 5].astype(np.int64)
    how = Suppression(method, overlap=overlap, agnostic=agnostic, min_score=0.0)
    kept = suppress(boxes, scores, ids, how)
    assert (kept.boxes.dtype, kept.scores.dtype, kept.rows.dtype) == (np.float32, np.float32, np.int64)
    assert len(set(kept.rows.tolist())) == len(kept.rows) == len(kept.boxes) == len(kept.scores)
    assert (np.diff(kept.scores) <= 0).all(), "best first"
    assert (kept.scores >= 0).all()
    assert (kept.scores <= scores[kept.rows] + 1e-6).all(), "nobody gains"
    if len(boxes):
        assert scores[kept.rows].max() == scores.max(), "the best one stays"
    if not agnostic:
        assert set(ids[kept.rows].tolist()) == set(ids.tolist()), "no class disappears"
    if method in ("soft", "matrix"):
        assert sorted(kept.rows.tolist()) == list(range(len(boxes))), "nothing goes, scores sink"


@given(rows, st.sampled_from(METHODS))
def test_boxes_that_never_touch_stay_as_they_are(given_rows, method):
    table = np.array(given_rows, np.float32).reshape(-1, 6)
    apart = table[:, :4] + np.arange(len(table), dtype=np.float32)[:, None] * np.array(
        [500, 0, 0, 0], np.float32
    )
    boxes, scores = geometry.from_xywh(apart), table[:, 4] / 100
    kept = suppress(boxes, scores, np.zeros(len(boxes), np.int64), Suppression(method, min_score=0.0))
    assert kept.rows.tolist() == np.argsort(-scores, kind="stable").tolist()
    np.testing.assert_allclose(kept.scores, scores[kept.rows], atol=1e-6)
    np.testing.assert_allclose(kept.boxes, boxes[kept.rows], atol=1e-3)


@pytest.mark.parametrize("method", ["soft", "matrix", "merge"])
def test_many_boxes_are_treated_as_few(method, monkeypatch):
    how = Suppression(method, overlap="diou")
    few = suppress(BOXES, SCORES, CLASSES, how)
    monkeypatch.setattr("detectors.suppression.neighbours._FEW", 0)
    for ours, theirs in zip(suppress(BOXES, SCORES, CLASSES, how), few, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_an_origin_without_a_weight_is_refused():
    with pytest.raises(ShapeError, match="one weight for each detector"):
        suppress(BOXES, SCORES, CLASSES, Suppression("wbf"), origins=ORIGINS, weights=(1,))
