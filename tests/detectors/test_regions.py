"""Regions of interest: which places and boxes they hold, and how much of the picture is looked at."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from detectors.focus import FocusedDetector
from detectors.regions import RegionParams, Regions
from detectors.tiling import TileParams
from tests.support.blobs import BlobDetector, scene
from vidstream import geometry
from vidstream.errors import UsageError
from vidstream.types import Detections, View
from vidstream.types.values import Box, Point, Polygon

#: left half, right upper quarter, and a triangle in the middle, of a picture 400 x 300
LEFT = Box(Point(0, 0), Point(0.5, 1))
CORNER = Box(Point(200, 0, px=True), Point(400, 150, px=True))
TRIANGLE = Polygon((Point(0.5, 0.2), Point(0.8, 0.8), Point(0.2, 0.8)))
SIZE = (400, 300)
BOXES = Detections.of([[20, 100, 60, 200], [180, 250, 240, 300], [300, 20, 340, 120], [380, 280, 410, 320]])


def painted(folder: Path, size: tuple[int, int], *white: tuple[int, int, int, int]) -> Path:
    mask = np.zeros((size[1], size[0]), np.uint8)
    for x1, y1, x2, y2 in white:
        mask[y1:y2, x1:x2] = 255
    cv2.imwrite(str(folder / "mask.png"), mask)
    return folder / "mask.png"


@pytest.mark.parametrize(
    ("params", "kept"),
    [
        pytest.param(RegionParams(), [0, 1, 2, 3], id="no region, everything"),
        pytest.param(RegionParams(look={"left": LEFT}), [0], id="feet in a half"),
        pytest.param(RegionParams(look={"left": LEFT, "corner": CORNER}), [0, 2], id="either of two"),
        pytest.param(RegionParams(ignore={"left": LEFT}), [1, 2, 3], id="all but one"),
        pytest.param(
            RegionParams(look={"all": Box(Point(0, 0), Point(1, 1))}), [0, 1, 2, 3], id="to the edge"
        ),
        pytest.param(RegionParams(look={"corner": CORNER}, anchor="centre"), [2], id="centres"),
        pytest.param(
            RegionParams(look={"left": LEFT}, anchor="box", share=0.3), [0, 1], id="a third of the box"
        ),
        pytest.param(RegionParams(look={"left": LEFT}, anchor="box", share=0.5), [0], id="half of the box"),
        pytest.param(RegionParams(look={"t": TRIANGLE}, ignore={"left": LEFT}), [], id="a part of a part"),
    ],
)
def test_a_region_keeps_what_lies_in_it(params, kept):
    assert Regions(params).keep(BOXES, SIZE).boxes.tolist() == BOXES[kept].boxes.tolist()


def test_a_mask_of_any_size_keeps_what_lies_where_it_is_white(tmp_path):
    for size in ((40, 30), (800, 600)):
        left = painted(tmp_path, size, (0, 0, size[0] // 2, size[1]))
        assert Regions(RegionParams(mask=left)).keep(BOXES, SIZE).boxes.tolist() == BOXES[[0]].boxes.tolist()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(b"white", "is no picture", id="a text"),
        pytest.param(None, "is black all over", id="black"),
    ],
)
def test_a_mask_that_is_none_is_refused(tmp_path, content, problem):
    mask = painted(tmp_path, (40, 30))
    if content is not None:
        mask.write_bytes(content)
    with pytest.raises(UsageError, match=problem):
        Regions(RegionParams(mask=mask))


def test_only_the_region_and_its_margin_are_looked_at():
    detector = BlobDetector()
    region = RegionParams(look={"box": Box(Point(0.5, 0.5), Point(0.75, 0.75))}, margin=0.1, anchor="centre")
    view = scene((210, 160, 250, 200), (20, 20, 60, 60))
    found = FocusedDetector(detector, regions=region).detect(view)
    assert found.boxes.tolist() == [[210, 160, 250, 200]]
    (shown,) = detector.views
    x1, y1, x2, y2 = shown.boxes_to_source(np.array([[0, 0, shown.width, shown.height]]))[0]
    # 0.1 of 400 pixels around 200..300, 150..225, within a cell of the grid
    assert np.abs(np.array([x1, y1, x2, y2]) - [160, 110, 340, 265]).max() <= 400 / 160


def test_regions_are_those_of_the_source_behind_a_view_that_shows_a_part():
    view = scene((210, 160, 250, 200), (320, 220, 360, 260))
    part = view.derive(view.pixels[100:, 200:], geometry.scaling(1, 1, 200, 100))
    region = RegionParams(look={"right": Box(Point(0.75, 0), Point(1, 1))})
    assert FocusedDetector(BlobDetector(), regions=region).detect(part).boxes.tolist() == [
        [320, 220, 360, 260]
    ]


def test_tiles_outside_the_regions_are_left_out():
    detector = BlobDetector()
    region = RegionParams(
        look={"a": Box(Point(0, 0), Point(0.2, 0.2)), "b": Box(Point(0.8, 0.8), Point(1, 1))}
    )
    tiles = TileParams(grid=(4, 3), overlap=0.0, whole=False)
    view = scene((10, 10, 40, 40), (350, 250, 390, 290), (200, 100, 240, 140))
    found = FocusedDetector(detector, tiles=tiles, regions=region).detect(view)
    assert sorted(found.boxes.tolist()) == [[10, 10, 40, 40], [350, 250, 390, 290]]
    assert len(detector.views) < 12


def test_where_nothing_is_to_be_seen_nothing_is_looked_at():
    detector = BlobDetector()
    region = RegionParams(ignore={"all": Box(Point(0, 0), Point(1, 1))})
    found = FocusedDetector(detector, regions=region).detect(scene((10, 10, 40, 40)))
    assert len(found) == 0
    assert found.names == detector.names
    assert detector.views == []


def test_a_view_that_moves_does_not_fill_the_memory():
    regions = Regions(RegionParams(look={"left": LEFT}))
    for x in range(50):
        view = View(np.zeros((100, 100, 3), np.uint8), geometry.scaling(1, 1, x, 0))
        assert regions.grid(view, SIZE).all()  # it shows no more than the left half and its margin
    assert len(regions._grids) <= 8
