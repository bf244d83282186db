"""track.colour: blobs of a colour, one or several."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.support.one_stage import OneStage
from vidstream.geometry import iou, scaling
from vidstream.stages.track.colour import TrackColour
from vidstream.types import View

RED = {"lower": [170, 120, 70], "upper": [10, 255, 255]}
GREEN = {"lower": [50, 120, 70], "upper": [70, 255, 255]}


def street(*balls):
    """Noise of little colour with balls (x, y, radius, BGR), and specks of red."""
    rng = np.random.default_rng(0)
    image = rng.integers(90, 140, (240, 320, 3), np.uint8)
    for x, y in rng.integers(0, 240, (60, 2)):
        image[y, x] = (0, 0, 255)
    for x, y, radius, colour in balls:
        cv2.circle(image, (x, y), radius, colour, -1)
    return View(image)


def around(x, y, radius):
    return np.array([[x - radius, y - radius, x + radius + 1, y + radius + 1]], np.float32)


@pytest.mark.parametrize(
    ("colour", "options"),
    [
        pytest.param((0, 0, 220), RED, id="red of hue 0"),
        pytest.param((30, 0, 220), RED, id="red of hue 176"),
        pytest.param((0, 200, 0), GREEN, id="green"),
    ],
)
def test_the_largest_blob_is_followed_under_one_id(colour, options):
    stage = OneStage(TrackColour, (320, 240), **options, name="ball")
    for k in range(8):
        x, y = 40 + 25 * k, 60 + 10 * k
        tracks = stage(image=street((x, y, 15, colour), (280, 40, 8, colour), (160, 200, 30, (200, 0, 0))))
        assert tracks.track_ids.tolist() == [1]
        assert iou(tracks.boxes, around(x, y, 15))[0, 0] > 0.85
        assert tracks.scores[0] == pytest.approx(np.pi / 4, abs=0.1), "a disc in its box"
        assert tracks.name_of(0) == "ball"


def test_no_blob_is_no_row():
    stage = OneStage(TrackColour, (320, 240), **RED)
    assert len(stage(image=street())) == 0
    assert len(stage(image=View(street((90, 90, 30, (0, 0, 220))).gray()))) == 0


def test_several_blobs_keep_their_ids():
    stage = OneStage(TrackColour, (320, 240), **RED, most=3)
    for k in range(10):
        tracks = stage(image=street((60 + 8 * k, 60, 15, (0, 0, 220)), (260 - 8 * k, 160, 25, (0, 0, 220))))
        assert tracks.track_ids.tolist() == [1, 2]
        large = tracks.boxes[tracks.boxes[:, 3] > 150]
        assert iou(large, around(260 - 8 * k, 160, 25))[0, 0] > 0.6
    stage.gap()
    assert stage(image=street((60, 60, 15, (0, 0, 220)))).track_ids.tolist() == [3]


def test_gaps_in_a_blob_are_closed_and_parts_of_the_picture_report_source_pixels():
    image = street((160, 120, 40, (0, 0, 220))).pixels.copy()
    image[:, 159:161] = 100
    part = cv2.resize(image[40:200, 80:240], None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    stage = OneStage(TrackColour, (320, 240), **RED, close=0.05)
    tracks = stage(image=View(np.asarray(part, np.uint8), scaling(0.5, 0.5, 80, 40)))
    assert iou(tracks.boxes, around(160, 120, 40))[0, 0] > 0.9
