"""filter.objects and filter.tracks: what is kept, and that columns stay aligned."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.one_stage import OneStage
from vidstream.errors import ParamError
from vidstream.stages.filter.objects import FilterObjects, FilterTracks
from vidstream.types import Detections, Tracks

#: in a picture of 200 x 100: person left above, person right below, car right below
BOXES = [[10, 10, 30, 40], [150, 50, 170, 100], [120, 60, 200, 90]]
OBJECTS = Detections.of(BOXES, [0.9, 0.3, 0.6], [0, 0, 2], names={0: "person", 2: "car"})
LOWER_HALF = [[0, 0.5], [1, 0.5], [1, 1], [0, 1]]


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        pytest.param({}, [0, 1, 2], id="nothing asked, everything kept"),
        pytest.param({"classes": "person"}, [0, 1], id="one class"),
        pytest.param({"classes": ["car", "person"]}, [0, 1, 2], id="several classes"),
        pytest.param({"min_score": 0.6}, [0, 2], id="the least score is enough"),
        pytest.param({"min_width": 0.2}, [2], id="width as a share of the picture"),
        pytest.param({"max_width": 0.1}, [0, 1], id="the largest width is allowed"),
        pytest.param({"min_height": 0.4}, [1], id="height as a share of the picture"),
        pytest.param({"max_height": 0.3}, [0, 2], id="low ones"),
        pytest.param({"min_width": {"px": 21}}, [2], id="width in pixels"),
        pytest.param({"max_height": {"px": 30}, "min_height": 0.1}, [0, 2], id="pixels and shares together"),
        pytest.param({"min_area": 0.05}, [1, 2], id="area as a share of the picture"),
        pytest.param({"max_area": 0.06}, [0, 1], id="small ones"),
        pytest.param({"max_aspect": 0.5}, [1], id="slender ones"),
        pytest.param({"min_aspect": 0.6}, [0, 2], id="stout ones"),
        pytest.param(
            {"keep": {"floor": LOWER_HALF}}, [1, 2], id="feet in a zone, also on the picture's edge"
        ),
        pytest.param({"drop": {"floor": LOWER_HALF}}, [0], id="feet outside a zone"),
        pytest.param(
            {
                "keep": {
                    "a": [[0, 0], [0.2, 0], [0.2, 1], [0, 1]],
                    "b": {"px": [[150, 95], [170, 95], [160, 500]]},
                }
            },
            [0, 1],
            id="any of two zones, one in pixels",
        ),
        pytest.param(
            {"drop": {"low": [[0, 0.9], [1, 0.9], [1, 1], [0, 1]]}, "anchor": "centre"},
            [0, 1, 2],
            id="centres instead of feet",
        ),
        pytest.param({"classes": "person", "min_score": 0.5}, [0], id="all conditions at once"),
    ],
)
def test_keeps_what_fits(options, kept):
    given = OneStage(FilterObjects, (200, 100), **options)(objects=OBJECTS)
    assert given.boxes.tolist() == [BOXES[i] for i in kept]
    assert given.class_ids.tolist() == OBJECTS.class_ids[kept].tolist()


def test_a_box_larger_than_the_picture_is_as_wide_as_the_picture():
    huge = Detections.of([[-50, -50, 300, 150]])
    assert len(OneStage(FilterObjects, (200, 100), max_width=1.0)(objects=huge)) == 1


def test_tracks_stay_tracks_with_all_columns():
    tracks = Tracks.of(BOXES, track_ids=[7, 8, 9], class_ids=[0, 0, 2], names=OBJECTS.names)
    tracks = tracks.with_extra(since_update=np.array([0, 0.5, 0], np.float32))
    for cls, port in ((FilterObjects, "objects"), (FilterTracks, "tracks")):
        given = OneStage(cls, (200, 100), keep={"floor": LOWER_HALF})(**{port: tracks})
        assert type(given) is Tracks
        assert given.track_ids.tolist() == [8, 9]
        assert given.extra["since_update"].tolist() == [0.5, 0.0]


def test_nothing_in_nothing_out():
    assert (
        len(OneStage(FilterObjects, classes="person", keep={"a": LOWER_HALF})(objects=Detections.empty()))
        == 0
    )


def test_a_class_that_nobody_finds_is_reported_once():
    stage = OneStage(FilterObjects, classes=["persn", "car"])
    assert len(stage(objects=Detections.empty(OBJECTS.names))) == 0
    assert [len(stage(objects=OBJECTS)) for _ in range(3)] == [1, 1, 1]
    assert stage.notices == [("unknown-class", "nothing here finds 'persn'; did you mean 'person'?")]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        pytest.param({"min_height": 0.5, "max_height": 0.4}, "min_height: is above max_height", id="shares"),
        pytest.param(
            {"min_width": {"px": 50}, "max_width": {"px": 40}}, "min_width: is above max_width", id="pixels"
        ),
        pytest.param({"min_aspect": 2.0, "max_aspect": 1.0}, "min_aspect: is above max_aspect", id="aspect"),
    ],
)
def test_sizes_that_exclude_each_other_are_refused(options, problem):
    with pytest.raises(ParamError, match=problem):
        OneStage(FilterObjects, **options)
