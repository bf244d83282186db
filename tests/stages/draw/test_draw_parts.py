"""The overlay's parts: colours, text, templates, patches."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidstream.errors import ParamError
from vidstream.stages.draw.cards import clock
from vidstream.stages.draw.fonts import Typeface
from vidstream.stages.draw.labels import Floor
from vidstream.stages.draw.palette import luminance, name_colour, text_on, track_colour
from vidstream.stages.draw.patches import Patch, card, rounded
from vidstream.stages.draw.template import Template
from vidstream.stages.draw.tint import tint
from vidstream.types import Detections

FACE = Typeface(12)
COMMON = ("person", "car", "face", "bicycle", "truck", "bus", "motorcycle", "dog", "plate")


def contrast(a: Any, b: Any) -> float:
    """WCAG 2 contrast ratio."""
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def apart(a: Any, b: Any) -> float:
    """Distance in CIE Lab, by OpenCV."""
    lab = cv2.cvtColor(np.array([[a, b]], np.float32) / 255, cv2.COLOR_BGR2Lab)[0]
    return float(np.linalg.norm(lab[0] - lab[1]))


def test_text_on_every_colour_can_be_read() -> None:
    colours = [*map(track_colour, range(500)), *map(name_colour, COMMON), (0, 0, 0), (255, 255, 255)]
    assert min(contrast(c, text_on(c)) for c in colours) > 4.5  # WCAG AA


def test_any_six_tracks_in_a_row_differ_clearly_and_so_do_the_common_classes() -> None:
    for first in range(200):
        colours = [track_colour(first + i) for i in range(6)]
        assert min(apart(a, b) for a, b in combinations(colours, 2)) > 20
    assert min(apart(a, b) for a, b in combinations(map(name_colour, COMMON), 2)) > 20


def test_colours_are_vivid_and_neither_dark_nor_pale() -> None:
    for track_id in range(100):
        colour = np.array([[track_colour(track_id)]], np.float32) / 255
        light, a, b = cv2.cvtColor(colour, cv2.COLOR_BGR2Lab)[0, 0]
        assert 50 < light < 90
        assert np.hypot(a, b) > 30


def test_text_has_the_letters_it_is_asked_for() -> None:
    face = Typeface(20)
    assert face.line("person").any()
    assert not np.array_equal(face.line("a"), face.line("b"))
    assert face.line("Zürich, Łódź, Αθήνα, Москва").any()
    assert face.missing == set()
    umlaut, plain = face.line("ü"), face.line("u")
    assert umlaut.astype(int).sum() > plain.astype(int).sum()


@given(st.text(st.characters(codec=None), max_size=12))
def test_any_text_can_be_set(text: str) -> None:
    line = FACE.line(text)
    assert line.shape[0] == FACE.height
    assert line.dtype == np.uint8


def test_a_line_is_as_wide_as_its_words_and_the_spaces_between() -> None:
    face = Typeface(20)
    assert face.line("one two").shape == (face.height, face.width("one two"))
    assert face.width("one two") == face.width("one") + face.space + face.width("two")
    assert face.line("").shape == (face.height, 1)


TRACK = Detections.of(
    [[0, 0, 9, 9]],
    scores=0.8734,
    track_ids=4,
    names={0: "traffic light"},
    extra={
        "speed": np.array([3.456]),
        "plate": np.array(["SN61 BJV"], object),
        "unknown": np.array([np.nan]),
    },
)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        pytest.param("{name}", "traffic light", id="a name of two words"),
        pytest.param("{name} #{id}", "traffic light #4", id="text around a field"),
        pytest.param("{score}", "0.8734", id="a number as it is"),
        pytest.param("{score:.0%}", "87%", id="as per cent"),
        pytest.param("{score:.2f}", "0.87", id="with two digits"),
        pytest.param("{extra.speed:.1f}m/s", "3.5m/s", id="a measured column with its unit"),
        pytest.param("{extra.plate}", "SN61 BJV", id="a column of words"),
        pytest.param("a {extra.unknown:.1f}m/s b", "a b", id="not a number: the word goes"),
        pytest.param("a {extra.nothing} b", "a b", id="no such column: the word goes"),
        pytest.param("{ name } { score : .1% }", "traffic light 87.3%", id="spaces in braces"),
        pytest.param("plain words", "plain words", id="no field at all"),
    ],
)
def test_templates(template: str, text: str) -> None:
    assert Template.read(template).text(TRACK, 0) == text


def test_a_row_without_an_id_loses_the_word() -> None:
    assert Template.read("{name} #{id}").text(TRACK.replace(track_ids=np.array([-1])), 0) == "traffic light"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        pytest.param("{nam}", "unknown field 'nam'.*did you mean 'name'", id="misspelt"),
        pytest.param("{boxes}", "unknown field 'boxes'", id="an attribute that exists"),
        pytest.param("{name.__class__}", "unknown field", id="reaching into an object"),
        pytest.param("{extra.}", "unknown field", id="no column"),
        pytest.param("{}", "unknown field ''", id="empty"),
        pytest.param("{0}", "unknown field '0'", id="by position"),
        pytest.param("{score!r}", "unknown field", id="a conversion"),
        pytest.param("{score:>100000000}", "is no format", id="a huge width"),
        pytest.param("{name:.0%}", "is no format for 'name'", id="a name in per cent"),
        pytest.param("{name", "braces do not match", id="never closed"),
        pytest.param("name}", "braces do not match", id="never opened"),
        pytest.param("{{name}}", "braces do not match", id="doubled"),
    ],
)
def test_what_is_no_template_is_named(template: str, message: str) -> None:
    with pytest.raises(ParamError, match=message):
        Template.read(template)


@given(st.text(max_size=40))
def test_any_text_is_a_template_or_an_error(text: str) -> None:
    try:
        read = Template.read(text)
    except ParamError:
        return
    assert isinstance(read.text(TRACK, 0), str)


def test_a_patch_over_a_picture_is_a_weighted_mean() -> None:
    alpha = np.full((4, 6), 0.25, np.float32)
    patch = Patch.of([(alpha, (200, 100, 0))])
    pixels = np.full((10, 10, 3), 80, np.uint8)
    patch.over(pixels, 2, 3)
    assert np.abs(pixels[3:7, 2:8].astype(int) - [110, 85, 60]).max() <= 1
    untouched = np.ones((10, 10), bool)
    untouched[3:7, 2:8] = False
    assert (pixels[untouched] == 80).all()


@given(st.integers(-30, 30), st.integers(-30, 30))
def test_a_patch_across_the_edge_is_cut_where_the_edge_is(x: int, y: int) -> None:
    patch = card(9, 7, (0, 128, 255), [], radius=3)
    large = np.full((80, 80, 3), 60, np.uint8)
    patch.over(large, 30 + x, 30 + y)
    small = np.full((20, 20, 3), 60, np.uint8)
    patch.over(small, x, y)
    assert np.array_equal(small, large[30:50, 30:50])


def test_a_faded_patch_is_half_there_and_then_gone() -> None:
    patch = Patch.of([(np.ones((8, 8), np.float32), (0, 0, 200))])
    results = []
    for strength in (1.0, 0.5, 0.0):
        pixels = np.full((8, 8, 3), 100, np.uint8)
        patch.faded(strength).over(pixels, 0, 0)
        results.append(pixels[4, 4].tolist())
    assert results[0] == [0, 0, 200]
    assert np.abs(np.array(results[1]) - [50, 50, 150]).max() <= 1
    assert results[2] == [100, 100, 100]


def test_rounded_corners_take_away_what_a_circle_does() -> None:
    covered = float(rounded(60, 40, 10).sum())
    assert covered == pytest.approx(60 * 40 - (4 - np.pi) * 10**2, rel=0.002)


def test_a_tint_mixes_where_the_area_is() -> None:
    pixels = np.full((4, 4, 3), 100, np.uint8)
    area = np.zeros((4, 4), np.uint8)
    area[1:3, 1:3] = 7
    tint(pixels, area, (200, 0, 100), 0.5)
    assert pixels[1, 1].tolist() == [150, 50, 100]
    assert pixels[0, 0].tolist() == [100, 100, 100]


def test_a_floor_gives_each_place_away_once() -> None:
    floor = Floor(100, 50, 5)
    assert floor.settle([(10, 10)], 20, 10) == (10, 10, True)
    assert floor.settle([(10, 10), (60, 10)], 20, 10) == (60, 10, True)
    assert floor.settle([(10, 10)], 20, 10) == (10, 10, False)
    assert floor.settle([(95, -7)], 20, 10) == (80, 0, True)  # moved inside


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00.0"),
        (9.99, "0:09.9"),
        (59.96, "0:59.9"),
        (60, "1:00.0"),
        (3599.9, "59:59.9"),
        (36000, "10:00:00"),
    ],
)
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text
