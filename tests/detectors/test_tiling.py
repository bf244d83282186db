"""Tiles: where they lie, and that what they find is what the whole picture holds."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.focus import FocusedDetector
from detectors.hog import HogDetector, HogParams
from detectors.parts import crop, tiled, whole
from detectors.tiling import TileParams, merge
from tests.support.blobs import BatchBlobDetector, BlobDetector, scene
from tests.support.one_stage import clip
from tests.support.truth import matched, mot_truth
from vidstream import geometry
from vidstream.types import Detections, View

PICTURE = View(np.zeros((300, 400, 3), np.uint8))
HALVES = np.array([[0, 0, 220, 300], [180, 0, 400, 300]])


@pytest.mark.parametrize(
    ("width", "height", "side", "overlap", "count"),
    [  # as many as sahi 0.12.8, get_slice_bboxes, cuts
        pytest.param(1280, 720, 640, 0.2, 6, id="720p"),
        pytest.param(1920, 1080, 512, 0.2, 15, id="1080p"),
        pytest.param(768, 576, 416, 0.25, 6, id="a small picture"),
        pytest.param(1280, 720, 320, 0.1, 15, id="small tiles"),
        pytest.param(3840, 2160, 640, 0.2, 32, id="4K"),
        pytest.param(600, 400, 640, 0.2, 1, id="smaller than a tile"),
    ],
)
def test_as_many_tiles_as_others_cut(width, height, side, overlap, count):
    assert len(tiled(np.array([0, 0, width, height]), (side, side), overlap)) == count


@given(
    part=st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(1, 400), st.integers(1, 300)),
    size=st.tuples(st.integers(20, 200), st.integers(20, 200)),
    overlap=st.floats(0, 0.8),
)
@settings(max_examples=60, deadline=None)
def test_tiles_cover_everything_and_overlap_enough(part, size, overlap):
    x, y, width, height = part
    tiles = tiled(np.array([x, y, x + width, y + height]), size, overlap)
    covered = np.zeros((height, width), bool)
    for x1, y1, x2, y2 in tiles - [x, y, x, y]:
        assert 0 <= x1 < x2 <= width
        assert 0 <= y1 < y2 <= height
        assert (x2 - x1, y2 - y1) == (min(size[0], width), min(size[1], height))
        covered[y1:y2, x1:x2] = True
    assert covered.all()
    for axis in (0, 1):
        starts = np.unique(tiles[:, axis])
        step = max(size[axis] * (1 - overlap), 1)
        assert (np.diff(starts) <= step + 1).all()


@pytest.mark.parametrize(
    ("params", "size", "count"),
    [
        pytest.param(TileParams(grid=(3, 2)), (3840, 2160), 7, id="3 columns, 2 rows, and the whole"),
        pytest.param(TileParams(grid=(3, 2), whole=False), (640, 480), 6, id="tiles alone"),
        pytest.param(TileParams(grid=(1, 1)), (640, 480), 1, id="one tile is the whole"),
        pytest.param(TileParams(grid=(2, 1), overlap=0.0), (101, 99), 3, id="odd sizes, no overlap"),
        pytest.param(TileParams(size=640), (1280, 720), 7, id="by size"),
        pytest.param(TileParams(size=640), (640, 480), 1, id="nothing to cut"),
    ],
)
def test_so_many_looks_are_taken(params, size, count):
    view = View(np.zeros((size[1], size[0], 3), np.uint8))
    assert len(params.looks(whole(view)[0], params.size_in(view))) == count


def test_a_tiles_size_is_in_source_pixels():
    """A picture shrunk to a half is cut into the same tiles of the source."""
    small = View(np.zeros((360, 640, 3), np.uint8), geometry.scaling(2, 2))
    params = TileParams(size=640, whole=False)
    assert params.size_in(small) == (320, 320)
    found = [crop(small, part) for part in params.looks(whole(small)[0], params.size_in(small))]
    assert [v.boxes_to_source(whole(v)).tolist()[0] for v in found][-1] == [640, 80, 1280, 720]


def test_a_tile_is_no_copy():
    view = scene((10, 10, 20, 20))
    part = crop(view, np.array([100, 50, 300, 200]))
    assert np.shares_memory(part.pixels, view.pixels)
    assert crop(view, whole(view)[0]) is view


@st.composite
def scenes(draw):
    """Up to five bright boxes that do not touch, of any size."""
    boxes: list[tuple[int, int, int, int]] = []
    for _ in range(draw(st.integers(0, 5))):
        x, y = draw(st.integers(0, 390)), draw(st.integers(0, 290))
        box = (x, y, min(x + draw(st.integers(4, 250)), 400), min(y + draw(st.integers(4, 250)), 300))
        apart = all(
            box[0] > b[2] + 3 or b[0] > box[2] + 3 or box[1] > b[3] + 3 or b[1] > box[3] + 3 for b in boxes
        )
        if apart:
            boxes.append(box)
    return boxes


@given(boxes=scenes(), grid=st.tuples(st.integers(1, 4), st.integers(1, 3)), also_whole=st.booleans())
@settings(max_examples=60, deadline=None)
def test_tiles_find_what_the_whole_picture_holds(boxes, grid, also_whole):
    """Whatever is cut, by however many tiles, is put together again: box, mask and corners."""
    view = scene(*boxes)
    plain = BlobDetector().detect(view)
    detector = FocusedDetector(BlobDetector(), tiles=TileParams(grid=grid, whole=also_whole))
    found = detector.detect(view)
    assert sorted(found.boxes.tolist()) == sorted(plain.boxes.tolist())
    assert found.masks is not None
    assert found.keypoints is not None
    for box, mask, corners in zip(found.boxes, found.masks, found.keypoints, strict=True):
        assert mask.pixels.all()
        assert (mask.x, mask.y) == tuple(box[:2])
        assert mask.pixels.shape == (box[3] - box[1], box[2] - box[0])
        if (box[:2] > 0).all() and (box[2:] < (400, 300)).all():  # at the picture's edge, no look is sure
            assert corners[:, :2].tolist() == box[[0, 1, 2, 1, 2, 3, 0, 3]].reshape(4, 2).tolist()


@pytest.mark.parametrize(
    ("left", "right", "kept"),
    [
        pytest.param([[60, 50, 100, 150]], [[300, 50, 340, 150]], 2, id="one in each tile"),
        pytest.param([[185, 50, 215, 150]], [[186, 51, 215, 149]], 1, id="one that both see whole"),
        pytest.param([[150, 50, 220, 150]], [[180, 52, 260, 148]], 1, id="two halves of one"),
        pytest.param([[190, 50, 210, 150]], [[205, 50, 230, 150]], 2, id="two neighbours in the overlap"),
        pytest.param([[150, 50, 210, 150]], [[180, 50, 211, 150]], 1, id="a whole one and its cut half"),
        pytest.param([[150, 50, 220, 150]], [[180, 200, 260, 290]], 2, id="halves of two"),
    ],
)
def test_each_object_is_given_once(left, right, kept):
    found = [Detections.of(left, 0.6), Detections.of(right, 0.9)]
    merged = merge(PICTURE, HALVES, found, 0.5)
    assert len(merged) == kept
    assert (np.diff(merged.scores) <= 0).all()


def test_a_cut_box_loses_to_a_whole_one_of_a_lower_score():
    found = [Detections.of([[150, 50, 210, 150]], 0.5), Detections.of([[180, 50, 211, 150]], 0.9)]
    merged = merge(PICTURE, HALVES, found, 0.5)
    assert merged.boxes.tolist() == [[150, 50, 210, 150]]


def test_halves_become_one_box():
    found = [Detections.of([[150, 50, 220, 150]], 0.5), Detections.of([[180, 52, 260, 148]], 0.9)]
    merged = merge(PICTURE, HALVES, found, 0.5)
    assert merged.boxes.tolist() == [[150, 50, 260, 150]]
    assert merged.scores.tolist() == [pytest.approx(0.9)]


def test_classes_do_not_touch_each_other():
    found = [Detections.of([[190, 50, 210, 150]], 0.5, 1), Detections.of([[190, 50, 210, 150]], 0.9, 2)]
    assert len(merge(PICTURE, HALVES, found, 0.5)) == 2


def test_small_things_are_left_to_the_tiles():
    """What the whole picture alone shows is kept where it is large, and doubted where a tile saw better."""
    parts = np.concatenate([whole(PICTURE), HALVES])
    nothing = Detections.empty()
    large, small = Detections.of([[20, 20, 350, 280]]), Detections.of([[20, 20, 60, 60]])
    assert len(merge(PICTURE, parts, [large, nothing, nothing], 0.5)) == 1
    assert len(merge(PICTURE, parts, [small, nothing, nothing], 0.5)) == 0


def test_all_tiles_of_all_pictures_go_in_one_batch():
    detector = BatchBlobDetector()
    focused = FocusedDetector(detector, tiles=TileParams(grid=(2, 2)))
    views = [scene((10, 10, 50, 50)), scene(), scene((100, 100, 300, 200), value=120)]
    found = focused.detect_batch(views)
    assert detector.batches == [15]
    assert [len(f) for f in found] == [1, 0, 1]
    assert found[2].name_of(0) == "gray"
    assert focused.names is detector.names


def test_hog_finds_people_in_tiles_of_an_enlarged_picture(assets):
    """People too small for the detector at the picture's own scale, found in tiles, where they are."""
    truth = mot_truth(assets("mot/PETS09-S2L1/gt/gt.txt"))
    hits = persons = boxes = 0
    detector = FocusedDetector(
        HogDetector(HogParams(scale=1.0, pyramid=1.2)), tiles=TileParams(grid=(2, 2), whole=False)
    )
    for number, (_, view) in zip((0, 100, 200), clip(assets("video/vtest.avi"), 3, every=100), strict=True):
        large = np.asarray(cv2.resize(view.pixels, None, fx=1.25, fy=1.25), np.uint8)
        found = detector.detect(view.derive(large, geometry.scaling(0.8, 0.8)))
        hits += matched(found.boxes, truth[number].boxes)
        persons, boxes = persons + len(truth[number]), boxes + len(found)
    assert hits / persons > 0.6
    assert hits / boxes > 0.8
