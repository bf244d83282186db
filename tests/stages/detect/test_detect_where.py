"""Where and when detectors look: the options that their stages share."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from detectors.gating import SINCE_SEEN, MovingParams
from detectors.tiling import TileParams
from tests.support.blobs import BatchBlobDetector, scene
from tests.support.one_stage import OneStage, problems
from tests.support.toys import entry, problems_of
from vidstream.errors import ParamError
from vidstream.graph.params import make_params
from vidstream.graph.stage import stage
from vidstream.stages.detect.where import DetectorStage, WhereOption
from vidstream.types import FrameInfo

STILL = (20, 20, 60, 80)


@dataclass(frozen=True)
class BlobParams:
    """A detector's own options."""

    least: float = 0.0  #: smallest score


@dataclass(frozen=True, slots=True)
class DetectBlobsParams(WhereOption, BlobParams):
    """Options of test.blobs."""


@stage("test.blobs", heavy=True, stateless=True, shared=True)
class DetectBlobs(DetectorStage):
    """Find bright areas."""

    Params = DetectBlobsParams
    params: DetectBlobsParams

    def _new_detector(self) -> BatchBlobDetector:
        self.blobs = BatchBlobDetector()
        return self.blobs


def frame(source: str, pts: float, segment: int = 0) -> FrameInfo:
    return FrameInfo(source, segment, round(pts * 10), pts, None, pts, 400, 300)


@pytest.mark.parametrize(
    ("options", "looks"),
    [
        pytest.param({}, 1, id="the picture alone"),
        pytest.param({"tiles": [2, 2]}, 5, id="columns and rows"),
        pytest.param({"tiles": 250}, 5, id="a tile's size"),
        pytest.param({"tiles": {"size": 250, "whole": False}}, 4, id="tiles alone"),
        pytest.param({"tiles": {"grid": [3, 2], "overlap": 0.3}}, 7, id="a grid with its overlap"),
        pytest.param(
            {"tiles": [2, 2], "regions": {"look": {"a": [0, 0, 0.3, 0.4]}, "margin": 0.05}},
            1,
            id="tiles of a small region",
        ),
    ],
)
def test_options_say_how_often_it_looks(options, looks):
    one = OneStage(DetectBlobs, (400, 300), **options)
    found = one(image=scene(STILL))
    assert found.boxes.tolist() == [list(STILL)]
    assert one.stage.blobs.batches == [looks]


@pytest.mark.parametrize(
    ("options", "tiling", "gating"),
    [
        pytest.param({}, None, None, id="nothing"),
        pytest.param({"tiles": 320, "moving": True}, TileParams(size=320), MovingParams(), id="short forms"),
        pytest.param({"tiles": [3, 2]}, TileParams(grid=(3, 2)), None, id="a grid"),
        pytest.param({"moving": {"refresh": "5s"}}, None, MovingParams(refresh=5.0), id="a mapping"),
        pytest.param({"moving": False}, None, None, id="no"),
    ],
)
def test_short_forms_stand_for_long_ones(options, tiling, gating):
    params = make_params(DetectBlobsParams, options, "blobs")
    assert (params.tiling, params.gating) == (tiling, gating)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        pytest.param({"tiles": 5}, "tiles", id="a tile of five pixels"),
        pytest.param({"tiles": [2, 0]}, "tiles", id="no rows"),
        pytest.param({"tiles": {"overlap": 1.0}}, "overlap", id="tiles on top of each other"),
        pytest.param({"regions": {"look": {"a": [0.5, 0, 0.5, 1]}}}, "a", id="an empty box"),
        pytest.param(
            {"regions": {"mask": "there_is_none.png"}}, "does not exist", id="a mask that is not there"
        ),
        pytest.param({"moving": {"refesh": 3}}, "did you mean 'refresh'", id="a misspelt option"),
    ],
)
def test_what_makes_no_sense_is_refused(options, problem):
    with pytest.raises(ParamError, match=problem):
        make_params(DetectBlobsParams, options, "blobs")


def test_a_mask_that_is_no_picture_is_said_before_anything_opens(tmp_path):
    mask = tmp_path / "mask.png"
    mask.write_text("white")
    (problem,) = problems(DetectBlobs, regions={"mask": str(mask)})
    assert problem == f"regions.mask: mask '{mask}' is no picture; give a PNG, white where to look"
    assert cv2.imwrite(str(mask), np.full((30, 40), 255, np.uint8))
    assert problems(DetectBlobs, regions={"mask": str(mask)}) == []


def test_what_stands_still_is_given_without_a_look():
    one = OneStage(DetectBlobs, (400, 300), moving={"refresh": 1.0})
    given = [one(image=scene(STILL)) for _ in range(12)]
    assert all(g.boxes.tolist() == [list(STILL)] for g in given)
    assert len(one.stage.blobs.views) == 3  # at 0 s and once more to be sure, and at 1 s
    assert [round(float(g.extra[SINCE_SEEN][0]), 1) for g in given[-4:]] == [0.7, 0.8, 0.0, 0.1]


def test_without_moving_there_is_no_column():
    assert SINCE_SEEN not in OneStage(DetectBlobs, (400, 300))(image=scene(STILL)).extra


def test_cameras_that_share_a_stage_have_memories_of_their_own():
    one = OneStage(DetectBlobs, (400, 300), moving=True).stage
    left, right = scene(STILL), scene((300, 200, 340, 280))
    for step in range(4):
        batch = [(left, frame("left", step * 0.1)), (right, frame("right", step * 0.1))]
        found = one.process_batch(batch)
        assert [f.boxes.tolist() for f in found] == [[[20, 20, 60, 80]], [[300, 200, 340, 280]]]
    assert one.blobs.batches == [2, 2]


def test_another_segment_is_looked_at_anew():
    one = OneStage(DetectBlobs, (400, 300), moving=True).stage
    for pts in (0.0, 0.1, 0.2):
        one.process(scene(STILL), frame("cam", pts))
    looks = len(one.blobs.views)
    assert len(one.process(scene(), frame("cam", 0.3, segment=1))) == 0
    assert len(one.blobs.views) == looks + 1


def test_motion_outside_the_regions_does_not_count():
    one = OneStage(
        DetectBlobs,
        (400, 300),
        moving={"refresh": 100, "margin": 0.02},
        regions={"ignore": {"tree": [0.5, 0, 1, 1]}, "margin": 0.0},
    )
    for step in range(10):
        found = one(image=scene(STILL, (250 + 10 * step, 50, 300 + 10 * step, 150)))
        assert found.boxes.tolist() == [list(STILL)]
    assert len(one.stage.blobs.views) == 2


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({"tiles": [2, 2]}, [], id="without a memory"),
        pytest.param(
            {"moving": True},
            [
                "graph.find.workers: test.blobs with 'moving' keeps state from frame to frame and cannot "
                "have several workers; take 'workers' away"
            ],
            id="with a memory",
        ),
    ],
)
def test_what_remembers_cannot_have_several_workers(options, expected):
    assert [str(p) for p in problems_of([entry("find", DetectBlobs, workers=2, **options)])] == expected
