"""Stages that move pixels: what is found behind them comes back in source pixels."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.one_stage import OneStage
from vidstream.errors import ParamError, StageError
from vidstream.graph.params import make_params
from vidstream.graph.stage import Stage
from vidstream.stages.image.crop import Crop
from vidstream.stages.image.flip import Flip
from vidstream.stages.image.resize import Resize
from vidstream.stages.image.rotate import Rotate
from vidstream.stages.image.warp import Warp
from vidstream.types import View

SIZE = (320, 200)
#: x1 y1 x2 y2 of the only bright thing in the picture
BLOB = (200, 60, 248, 84)


def scene(gray: bool = False) -> View:
    pixels = np.full((SIZE[1], SIZE[0], 3), 40, np.uint8)
    pixels[BLOB[1] : BLOB[3], BLOB[0] : BLOB[2]] = 230
    return View(pixels[:, :, 0].copy() if gray else pixels)


def found(view: View) -> list[float]:
    """The bright thing's box in source pixels: a detector that knows nothing of views."""
    x, y, width, height = cv2.boundingRect((view.gray() > 135).astype(np.uint8))
    return view.boxes_to_source(np.array([[x, y, x + width, y + height]]))[0].tolist()


def through(view: View, *steps: tuple[type[Stage], dict[str, Any]]) -> View:
    for cls, options in steps:
        view = OneStage(cls, SIZE, **options)(image=view)
    return view


TRAPEZIUM = [[0.5, 0.1], [0.9, 0.2], [1.0, 0.9], [0.4, 0.8]]
CHAINS = [
    pytest.param([(Resize, {"width": 160})], 1.0, id="half the size"),
    pytest.param([(Resize, {"width": 480})], 0.5, id="enlarged"),
    pytest.param([(Resize, {"width": 100, "height": 133})], 2.0, id="stretched"),
    pytest.param([(Resize, {"scale": 0.3, "method": "nearest"})], 3.0, id="nearest pixels"),
    pytest.param([(Crop, {"box": [0.5, 0.2, 1.0, 0.7]})], 0.0, id="cropped"),
    pytest.param([(Crop, {"box": {"px": [120.5, 30.2, 300, 190]}})], 0.0, id="cropped between pixels"),
    pytest.param([(Flip, {"axis": "horizontal"})], 0.0, id="mirrored"),
    pytest.param([(Flip, {"axis": "vertical"})], 0.0, id="upside down"),
    pytest.param([(Flip, {"axis": "both"})], 0.0, id="mirrored both ways"),
    pytest.param([(Rotate, {"angle": 90})], 0.0, id="a quarter turn"),
    pytest.param([(Rotate, {"angle": 180})], 0.0, id="half a turn"),
    pytest.param([(Rotate, {"angle": -90})], 0.0, id="a quarter turn clockwise"),
    pytest.param([(Rotate, {"angle": 360})], 0.0, id="a whole turn"),
    pytest.param(
        [(Crop, {"box": [0.25, 0.0, 1.0, 1.0]}), (Crop, {"box": [0.5, 0.2, 1.0, 0.7]})],
        0.0,
        id="a crop of a crop is still a part of the source",
    ),
    pytest.param(
        [(Resize, {"width": 160}), (Crop, {"box": [0.5, 0.2, 1.0, 0.7]}), (Rotate, {"angle": 90})],
        1.0,
        id="resized, cropped, turned",
    ),
    pytest.param(
        [(Rotate, {"angle": 270}), (Flip, {}), (Resize, {"scale": 2})], 0.5, id="turned, mirrored, enlarged"
    ),
]


@pytest.mark.parametrize(("steps", "tolerance"), CHAINS)
@pytest.mark.parametrize("gray", [False, True], ids=["colour", "gray"])
def test_a_thing_is_found_where_it_is(
    steps: list[tuple[type[Stage], dict[str, Any]]], tolerance: float, gray: bool
) -> None:
    view = through(scene(gray), *steps)
    assert found(view) == pytest.approx(BLOB, abs=tolerance + 1e-3)
    assert view.is_gray == gray


@pytest.mark.parametrize("angle", [7, -33, 45, 100, 171])
def test_turned_by_any_angle_its_middle_stays_and_nothing_is_cut_off(angle: float) -> None:
    view = through(scene(), (Rotate, {"angle": angle}))
    x1, y1, x2, y2 = found(view)
    assert ((x1 + x2) / 2, (y1 + y2) / 2) == pytest.approx((224, 72), abs=1.0)
    corners = view.points_from_source(np.array([[0, 0], [320, 0], [320, 200], [0, 200]]))
    assert corners.min() >= -1e-3
    assert (corners <= np.array([view.width, view.height]) + 1e-3).all()
    # as much brightness as before: the whole thing is there
    assert int((view.gray() > 135).sum()) == pytest.approx(48 * 24, rel=0.02)


def test_counter_clockwise_is_as_seen() -> None:
    view = through(scene(), (Rotate, {"angle": 90}))
    assert view.pixels.shape == (320, 200, 3)
    # the thing on the right of the picture is at the top now
    assert cv2.boundingRect((view.gray() > 135).astype(np.uint8)) == (60, 320 - 248, 24, 48)


def test_a_small_turn_looks_the_same_way_as_a_quarter_turn() -> None:
    # a counter-clockwise turn lifts what is on the right
    level = np.zeros((200, 320, 3), np.uint8)
    level[98:102, 300:310] = 255
    turned = through(View(level), (Rotate, {"angle": 20}))
    top = cv2.boundingRect(turned.gray())[1]
    assert top < turned.height / 2 - 40


def test_a_warp_spreads_its_corners_over_the_picture() -> None:
    view = through(scene(), (Warp, {"corners": TRAPEZIUM, "width": 300, "height": 200}))
    ends = view.points_to_source(np.array([[0, 0], [300, 0], [300, 200], [0, 200]]))
    assert ends == pytest.approx(np.array(TRAPEZIUM) * SIZE, abs=1e-3)
    x1, y1, x2, y2 = found(view)
    # the upright hull of a slanted shape is larger than the thing, around the same middle
    assert x1 <= BLOB[0] + 1 <= BLOB[2] - 1 <= x2
    assert y1 <= BLOB[1] + 1 <= BLOB[3] - 1 <= y2
    assert ((x1 + x2) / 2, (y1 + y2) / 2) == pytest.approx((224, 72), abs=3)


def test_a_warp_behind_a_resize_means_the_same_part() -> None:
    warp = (Warp, {"corners": TRAPEZIUM, "width": 90, "height": 60})
    direct, behind = through(scene(), warp), through(scene(), (Resize, {"width": 160}), warp)
    grid = np.array([[0, 0], [45, 30], [90, 60]])
    assert behind.points_to_source(grid) == pytest.approx(direct.points_to_source(grid), abs=1e-2)


@pytest.mark.parametrize(
    ("options", "size"),
    [
        pytest.param({"width": 160}, (160, 100), id="the height follows the width"),
        pytest.param({"height": 50}, (80, 50), id="the width follows the height"),
        pytest.param({"width": 64, "height": 64}, (64, 64), id="both as given"),
        pytest.param({"scale": 0.25}, (80, 50), id="by a factor"),
        pytest.param({"width": 1}, (1, 1), id="never less than a pixel"),
        pytest.param({"scale": 1}, (320, 200), id="its own size"),
    ],
)
def test_sizes(options: dict[str, Any], size: tuple[int, int]) -> None:
    view = through(scene(), (Resize, options))
    assert (view.width, view.height) == size


def test_a_resize_to_its_own_size_is_the_picture_itself_and_a_crop_copies_nothing() -> None:
    view = scene()
    assert through(view, (Resize, {"width": 320})) is view
    assert np.shares_memory(through(view, (Crop, {"box": [0, 0, 0.5, 0.5]})).pixels, view.pixels)


def test_shrinking_averages_instead_of_skipping() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 200
    assert (through(View(stripes), (Resize, {"width": 32})).pixels == 100).all()


points = st.lists(st.tuples(st.floats(0, 320), st.floats(0, 200)), min_size=1, max_size=8)


@given(
    points,
    st.integers(1, 90),
    st.integers(1, 90),
    st.floats(-360, 360),
    st.sampled_from(["horizontal", "vertical", "both"]),
)
def test_points_go_to_source_and_come_back(
    places: list[tuple[float, float]], width: int, height: int, angle: float, axis: str
) -> None:
    view = through(
        scene(),
        (Crop, {"box": [0.1, 0.1, 0.9, 0.8]}),
        (Flip, {"axis": axis}),
        (Resize, {"width": width, "height": height}),
        (Rotate, {"angle": angle}),
    )
    source = np.array(places)
    assert view.points_to_source(view.points_from_source(source)) == pytest.approx(source, abs=0.05)


@pytest.mark.parametrize(
    ("cls", "options", "message"),
    [
        pytest.param(Resize, {}, "no size is given", id="no size"),
        pytest.param(Resize, {"width": 9, "scale": 2}, "both a size and a scale", id="size and scale"),
        pytest.param(Resize, {"width": 0}, "width", id="nothing wide"),
        pytest.param(Resize, {"width": 99999}, "width", id="far too wide"),
        pytest.param(Resize, {"scale": 0}, "scale", id="scale of 0"),
        pytest.param(Crop, {"box": [0.5, 0, 0.5, 1]}, "the box is empty", id="empty box"),
        pytest.param(Flip, {"axis": "x"}, "horizontal", id="unknown axis"),
        pytest.param(Rotate, {}, "'angle' is missing", id="no angle"),
        pytest.param(
            Warp,
            {"corners": [[0, 0], [1, 0], [1, 1]], "width": 9, "height": 9},
            "expected four corners, got 3",
            id="three corners",
        ),
    ],
)
def test_wrong_options_are_named(cls: type[Stage], options: dict[str, Any], message: str) -> None:
    with pytest.raises(ParamError, match=message):
        make_params(cls.Params, options, "image")


def test_a_crop_outside_the_picture_says_so() -> None:
    with pytest.raises(StageError, match="outside the picture"):
        through(scene(), (Crop, {"box": {"px": [400, 0, 500, 100]}}))
