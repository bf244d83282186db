"""filter.suppress: several detectors' boxes become one set, classes matched by name."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.one_stage import OneStage
from vidstream import Pipeline
from vidstream.errors import ParamError
from vidstream.stages.filter.suppress import FilterSuppress
from vidstream.types import Detections, Tracks

NEAR = Detections.of([[0, 0, 10, 20], [50, 0, 60, 20]], [0.9, 0.6], [0, 2], names={0: "person", 2: "car"})
#: another network, with its own numbers: 0 is a car here
FAR = Detections.of([[0, 0, 10, 18], [52, 0, 62, 20]], [0.5, 0.8], [1, 0], names={0: "car", 1: "person"})


def named(found: Detections) -> list[tuple[str, float]]:
    return [(name, round(score, 3)) for _, score, name, _ in found.rows()]


def test_classes_are_the_same_where_their_names_are():
    found = OneStage(FilterSuppress)(objects=(NEAR, FAR))
    assert named(found) == [("person", 0.9), ("car", 0.8)]
    assert dict(found.names) == {0: "person", 2: "car"}
    assert found.boxes.tolist() == [[0, 0, 10, 20], [52, 0, 62, 20]]


def test_a_number_that_is_taken_gives_way():
    other = Detections.of([[100, 0, 110, 9]], 0.7, 0, names={0: "dog"})
    assert named(OneStage(FilterSuppress)(objects=(NEAR, other))) == [
        ("person", 0.9),
        ("dog", 0.7),
        ("car", 0.6),
    ]


def test_fusion_averages_what_both_saw_and_doubts_what_one_saw():
    alone = Detections.of([[200, 0, 210, 20]], 0.8, names={0: "person"})
    found = OneStage(FilterSuppress, method="wbf", iou=0.55)(
        objects=(NEAR[:1], Detections.concat([FAR[:1], alone]))
    )
    assert named(found) == [("person", 0.7), ("person", 0.4)]
    height = (0.9 * 20 + 0.5 * 18) / 1.4
    np.testing.assert_allclose(found.boxes[0], [0, 0, 10, height], atol=1e-4)


def test_weights_are_those_of_the_detectors_in_order():
    stage = OneStage(FilterSuppress, method="wbf", weights=[3, 1])
    found = stage(objects=(NEAR[:1], FAR[:1]))
    assert found.scores[0] == pytest.approx((3 * 0.9 + 0.5) / 4, abs=1e-6)
    with pytest.raises(ParamError, match="2 are given, but 1 detectors ran"):
        stage(objects=(NEAR,))


def test_columns_stay_with_the_best_box():
    marked = NEAR.replace(keypoints=np.ones((2, 1, 3), np.float32)).with_extra(mark=np.array([7, 8]))
    twin = marked.replace(scores=np.array([0.95, 0.1], np.float32)).with_extra(mark=np.array([17, 18]))
    found = OneStage(FilterSuppress)(objects=(marked, twin))
    assert found.extra["mark"].tolist() == [17, 8]
    assert found.keypoints is not None


def test_tracks_come_out_as_boxes_that_may_be_followed_anew():
    assert type(OneStage(FilterSuppress)(objects=(Tracks.of([[0, 0, 9, 9]], track_ids=4),))) is Detections


def test_nothing_where_no_detector_ran_and_no_objects_where_all_found_none():
    stage = OneStage(FilterSuppress)
    assert stage(objects=()) is None
    empty = stage(objects=(Detections.empty({0: "person"}), Detections.empty({0: "car"})))
    assert len(empty) == 0
    assert dict(empty.names) == {0: "person", 1: "car"}


def test_only_fusion_weighs():
    with pytest.raises(ParamError, match="only wbf weighs detectors"):
        OneStage(FilterSuppress, weights=[1, 2])


def test_in_a_graph_it_takes_all_detectors_and_the_tracker_takes_it():
    graph = {
        "near": {"use": "detect.motion"},
        "far": {"use": "detect.motion", "min_area": 0.0005},
        "both": {"use": "filter.suppress", "method": "merge", "iou": 0.3},
        "track": "track.sort",
    }
    pipeline = Pipeline.build(source="synthetic:people", graph=graph, run={"frames": 40})
    seen = [[len(packet[key]) for key in ("near", "far", "both", "track")] for packet in pipeline][-1]
    near, far, both, tracks = seen
    assert 0 < both < near + far, "both found the same things, which are there once"
    assert 0 < tracks <= both + 3
